//! The lines of a step in the timeline. Events of one commitment become one sentence, and debtors with the same events
//! share it.
//!
//! A step may have the events of a million debtors, most of whom do the same. So what a debtor does is a chain of
//! predicates that all debtors with the same events share: a line is the debtor and the end of its chain.

use std::collections::BTreeMap;

use crate::model::{CommitmentId, InstanceId, Model, Setup, ShockId};

use super::sentence::{self, Sentence, Verb, VerbAmount};
use super::wording::{count, listed, named};

/// An item that becomes one line.
#[derive(Clone, Copy)]
enum Line {
    /// A text or a shock, by its position in [`Lines::others`].
    Other(usize),
    /// An instance and the last link of its chain.
    Sentence(InstanceId, u32),
}

/// A line that is not about a commitment.
enum Other {
    Text(String),
    Shock(Struck),
}

/// A shock, and how many numbers it has changed.
pub(super) struct Struck {
    shock: ShockId,
    pub(super) stances: usize,
    pub(super) anchors: usize,
    pub(super) trust: usize,
}

/// A predicate of a chain.
struct Link {
    commitment: CommitmentId,
    /// The link of the predicate before.
    before: Option<u32>,
    verb: Verb,
    /// Where its amounts stand in [`Lines::amounts`].
    amounts: (u32, u32),
    /// For a suspension, the part of `while` that is false.
    untrue: Option<Box<str>>,
    /// The latest link after this one.
    after: Option<u32>,
    /// The number of lines that end here.
    lines: u32,
}

/// The lines of a step; reused for the next one.
#[derive(Default)]
pub(super) struct Lines {
    all: Vec<Line>,
    others: Vec<Other>,
    /// By instance, one more than the number of the line to which its next event is appended; 0 without one.
    open: Vec<u32>,
    links: Vec<Link>,
    amounts: Vec<VerbAmount>,
    /// The amounts of the event that is being added.
    parts: Vec<VerbAmount>,
    /// The latest first link of each commitment.
    first: BTreeMap<CommitmentId, u32>,
}

/// A number of something in memory, of which there are far less than 2^32.
fn number(at: usize) -> u32 {
    u32::try_from(at).expect("the number of events is limited")
}

impl Lines {
    pub(super) fn push_text(&mut self, text: String) {
        self.push(Other::Text(text));
    }

    pub(super) fn push_shock(&mut self, shock: ShockId) {
        self.push(Other::Shock(Struck { shock, stances: 0, anchors: 0, trust: 0 }));
    }

    fn push(&mut self, other: Other) {
        self.all.push(Line::Other(self.others.len()));
        self.others.push(other);
    }

    /// The shock, if the last line is one.
    pub(super) fn last_shock(&mut self) -> Option<&mut Struck> {
        match (self.all.last(), self.others.last_mut()) {
            (Some(Line::Other(_)), Some(Other::Shock(struck))) => Some(struck),
            _ => None,
        }
    }

    /// Adds an event of an instance, for a suspension with the false part of `while`.
    pub(super) fn add(
        &mut self,
        model: &Model,
        instance: InstanceId,
        (verb, untrue): (Verb, Option<String>),
        add_parts: impl FnOnce(&mut Vec<VerbAmount>),
    ) {
        let mut parts = std::mem::take(&mut self.parts);
        parts.clear();
        add_parts(&mut parts);
        self.add_predicate(model, instance, (verb, untrue.as_deref()), &parts);
        self.parts = parts;
    }

    fn add_predicate(
        &mut self,
        model: &Model,
        instance: InstanceId,
        (verb, untrue): (Verb, Option<&str>),
        parts: &[VerbAmount],
    ) {
        if self.open.is_empty() {
            self.open.resize(model.instances.len(), 0);
        }
        let open = self.open[instance.index()] as usize;
        if let Some(&Line::Sentence(_, last)) = open.checked_sub(1).and_then(|at| self.all.get(at))
            && let Some(next) = self.appended(last, verb, parts, untrue)
        {
            self.links[last as usize].lines -= 1;
            self.links[next as usize].lines += 1;
            self.all[open - 1] = Line::Sentence(instance, next);
            return;
        }
        let commitment = model.instances[instance.index()].commitment;
        let link = self.link(None, commitment, verb, parts, untrue);
        self.links[link as usize].lines += 1;
        self.all.push(Line::Sentence(instance, link));
        self.open[instance.index()] = number(self.all.len());
    }

    /// The end of a chain after its next event; none if the event needs a sentence of its own.
    fn appended(&mut self, last: u32, verb: Verb, parts: &[VerbAmount], untrue: Option<&str>) -> Option<u32> {
        let Link { commitment, before, verb: before_verb, amounts, .. } = self.links[last as usize];
        if before_verb != verb {
            let alone = verb.stands_alone() || before_verb.stands_alone();
            return (!alone).then(|| self.link(Some(last), commitment, verb, parts, untrue));
        }
        // A further event with the same verb: the predicate is that of both.
        let mut merged = self.amounts_at(amounts).to_vec();
        sentence::append(verb, &mut merged, parts);
        let own = self.links[last as usize].untrue.clone();
        let untrue = untrue.or(own.as_deref());
        let shared = before.map(|before| self.links[before as usize].amounts);
        let link = &mut self.links[last as usize];
        // Amounts that settle rise thousands of times.
        if link.lines == 1 && link.after.is_none() && shared != Some(amounts) && merged.len() == amounts.1 as usize {
            link.untrue = untrue.map(Into::into);
            self.amounts[amounts.0 as usize..][..merged.len()].copy_from_slice(&merged);
            return Some(last);
        }
        Some(self.link(before, commitment, verb, &merged, untrue))
    }

    fn amounts_at(&self, (start, length): (u32, u32)) -> &[VerbAmount] {
        &self.amounts[start as usize..][..length as usize]
    }

    /// The link of a predicate: the latest one that was put there if it is equal, otherwise a new one.
    fn link(
        &mut self,
        before: Option<u32>,
        commitment: CommitmentId,
        verb: Verb,
        parts: &[VerbAmount],
        untrue: Option<&str>,
    ) -> u32 {
        let known = match before {
            Some(before) => self.links[before as usize].after,
            None => self.first.get(&commitment).copied(),
        };
        if let Some(known) = known {
            let link = &self.links[known as usize];
            if link.verb == verb && link.untrue.as_deref() == untrue && self.amounts_at(link.amounts) == parts {
                return known;
            }
        }
        let new = number(self.links.len());
        let last = before.map(|before| self.links[before as usize].amounts);
        // What was offered is most often what is promised and what is given.
        let amounts = last.filter(|&last| self.amounts_at(last) == parts).unwrap_or_else(|| {
            let start = number(self.amounts.len());
            self.amounts.extend_from_slice(parts);
            (start, number(parts.len()))
        });
        let untrue = untrue.map(Into::into);
        self.links.push(Link { commitment, before, verb, amounts, untrue, after: None, lines: 0 });
        match before {
            Some(before) => self.links[before as usize].after = Some(new),
            None => {
                self.first.insert(commitment, new);
            }
        }
        new
    }

    /// The sentence of all lines that end at a link, so far without their instances.
    fn sentence(&self, last: u32) -> Sentence {
        let end = &self.links[last as usize];
        let chain = std::iter::successors(Some(end), |link| Some(&self.links[link.before? as usize]));
        let untrue = chain.clone().find_map(|link| link.untrue.as_deref()).map(str::to_owned);
        let mut predicates: Vec<(Verb, &[VerbAmount])> =
            chain.map(|link| (link.verb, self.amounts_at(link.amounts))).collect();
        predicates.reverse();
        Sentence::new(end.commitment, &predicates, end.lines, untrue)
    }

    /// The texts of the lines, which are removed. Instances with equal sentences share one, at the position of the first
    /// of them.
    pub(super) fn take(&mut self, model: &Model, setup: &Setup) -> Vec<String> {
        let mut texts: Vec<Result<usize, Sentence>> = Vec::new();
        let mut known = BTreeMap::new();
        // By link, the place of its sentence.
        let mut places: Vec<Option<usize>> = vec![None; self.links.len()];
        for &line in &self.all {
            let (instance, link) = match line {
                Line::Other(at) => {
                    texts.push(Ok(at));
                    continue;
                }
                Line::Sentence(instance, link) => (instance, link),
            };
            let place = places[link as usize].unwrap_or_else(|| {
                let mut sentence = self.sentence(link);
                let place = *known.entry(sentence.key()).or_insert(texts.len());
                match texts.get_mut(place) {
                    Some(Ok(_)) => {}
                    Some(Err(first)) => first.join(&sentence),
                    None => texts.push(Err(sentence)),
                }
                places[link as usize] = Some(place);
                place
            });
            if let Err(sentence) = &mut texts[place] {
                sentence.push(instance);
            }
            self.open[instance.index()] = 0;
        }
        let text = |line: &Result<usize, Sentence>| match line {
            Ok(other) => self.others[*other].text(model),
            Err(sentence) => sentence::render(model, setup, sentence),
        };
        let texts = texts.iter().map(text).collect();
        self.all.clear();
        self.others.clear();
        self.links.clear();
        self.amounts.clear();
        self.first.clear();
        texts
    }
}

impl Other {
    fn text(&self, model: &Model) -> String {
        let struck = match self {
            Self::Text(text) => return text.clone(),
            Self::Shock(struck) => struck,
        };
        let mut parts = Vec::new();
        for (number, noun) in [(struck.stances, "stance"), (struck.anchors, "anchor"), (struck.trust, "trust")] {
            if number > 0 {
                let plural = if noun == "trust" { "pair's trust" } else { noun };
                parts.push(if noun == "trust" && number > 1 {
                    format!("the trust of {number} pairs")
                } else {
                    count(number, plural)
                });
            }
        }
        let shock = &model.shocks[struck.shock.index()];
        let shock = named(&shock.id, shock.name.as_deref());
        let moves = if parts.is_empty() { String::new() } else { format!(": it moves {}", listed(&parts)) };
        format!("shock {shock}{moves}")
    }
}
