//! Quantities with arguments: `bound(troops, europe)` and its kin.

use std::ops::Range;

use super::context::{Context, Own};
use super::diagnostic::{Diagnostic, listed, quoted};
use super::lookup::Lookup;
use super::names::{Happening, Ids, Party};
use super::reader::Reader;
use super::reserved::{self, usage};
use super::sets::Set;
use crate::model::{
    ActorId, AttributeId, CommitmentId, DataId, GroupId, IssueId, MeanId, MeetingId, MoveId, OutcomeId, Promises,
    Quantity, ResourceId, ShockId, SlotId,
};

/// A name as an argument of a quantity, and where it stands.
pub(super) type Argument = (String, Range<usize>);

/// Whom an error concerns.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blame {
    /// The expression is wrong by itself, wherever it is used.
    Expression,
    /// It may not stand where it is used.
    Context,
}

/// Finds the quantities that names and calls stand for.
pub(super) struct QuantityFinder<'c, 'a> {
    reader: &'c mut Reader<'a>,
    lookup: &'c mut Lookup,
    context: Context,
    /// What is wrong, and where.
    pub(super) faults: Vec<(Range<usize>, Diagnostic, Blame)>,
}

/// The names that there are.
fn known<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.take(20).collect();
    if names.is_empty() { "the file declares none".into() } else { format!("write {}", listed(names)) }
}

impl<'c, 'a> QuantityFinder<'c, 'a> {
    pub(super) fn new(reader: &'c mut Reader<'a>, lookup: &'c mut Lookup, context: Context) -> Self {
        Self { reader, lookup, context, faults: Vec::new() }
    }

    fn report_own(&mut self, span: &Range<usize>, error: Diagnostic) {
        self.faults.push((span.clone(), error, Blame::Expression));
    }

    fn report_met(&mut self, span: &Range<usize>, error: Diagnostic) {
        self.faults.push((span.clone(), error, Blame::Context));
    }

    /// The quantity of a call whose arguments are names; none where it is wrong.
    pub(super) fn call(&mut self, name: &str, words: &[Argument], span: &Range<usize>) -> Option<Quantity> {
        let takes = reserved::takes(name)?;
        let (least, most) = takes.count();
        if words.len() < least || words.len() > most {
            let message = if least == most {
                format!("`{name}` takes {least} argument{}, but has {}", if least == 1 { "" } else { "s" }, words.len())
            } else {
                let to = if most - least == 1 { "or" } else { "to" };
                format!("`{name}` takes {least} {to} {most} arguments, but has {}", words.len())
            };
            self.report_own(span, Diagnostic::error("expr/arguments", message, None).help(usage(name)));
            return None;
        }
        match name {
            "own" => self.own(&words[0], span),
            "assured" => self.assured(words, span),
            "offered" | "bound" | "delivered" | "parties" => {
                let slot = self.slot(name, &words[0], words.get(1));
                if !self.allows_state(name, span) {
                    return None;
                }
                let slot = slot?;
                Some(match name {
                    "offered" => Quantity::Offered(slot),
                    "bound" => Quantity::Bound(slot),
                    "delivered" => Quantity::Delivered(slot),
                    _ => Quantity::Parties(slot),
                })
            }
            "stance" => self.stance(words, span),
            "data" => {
                let found = self.find(|names| &names.data, &words[0], "a series of data", name);
                if !self.allows_state(name, span) {
                    return None;
                }
                Some(Quantity::Data(DataId::at(found?)))
            }
            "trust" => {
                let (a, b) = (self.actor(&words[0], name), self.actor(&words[1], name));
                if !self.allows_state(name, span) {
                    return None;
                }
                Some(Quantity::Trust(a?, b?))
            }
            "count" | "since" => self.happening(name, &words[0], span),
            "reached" => self.reached(&words[0], span),
            _ => self.of_commitment(name, &words[0], span),
        }
    }

    fn find(
        &mut self,
        ids: fn(&super::names::Names) -> &Ids,
        word: &Argument,
        what: &str,
        whose: &str,
    ) -> Option<usize> {
        let names = &self.lookup.names;
        if let Some(at) = ids(names).find(&word.0) {
            return Some(at);
        }
        let message = match names.what_is(&word.0) {
            Some(other) => format!("`{whose}` takes {what} here, but {} is {other}", quoted(&word.0)),
            None => format!("{} is no {}", quoted(&word.0), what.trim_start_matches("an ").trim_start_matches("a ")),
        };
        let help = self.reader.near(&word.0, ids(names).names()).unwrap_or_else(|| known(ids(names).names()));
        self.report_own(&word.1, Diagnostic::error("names/unknown", message, None).help(help));
        None
    }

    /// The set of an actor, cohort or group.
    fn set(&mut self, word: &Argument, whose: &str) -> Option<Set> {
        match self.lookup.names.parties.get(&word.0).copied() {
            Some(Party::Actor(actor)) => Some(Set::Actor(actor)),
            Some(Party::Group(group)) => {
                self.lookup.names.groups[group].used = true;
                Some(Set::Named(group))
            }
            Some(Party::Broken) => None,
            None => {
                let error =
                    self.lookup.names.unknown_party(self.reader, &word.0, &word.1, whose, "actor, cohort or group");
                self.report_own(&word.1, error);
                None
            }
        }
    }

    /// One actor, no group.
    fn actor(&mut self, word: &Argument, whose: &str) -> Option<ActorId> {
        match self.lookup.names.parties.get(&word.0).copied() {
            Some(Party::Actor(actor)) => Some(actor),
            Some(Party::Broken) => None,
            Some(Party::Group(_)) => {
                let message = format!("`{whose}` takes one actor here, but {} is a group", quoted(&word.0));
                let help = "name one of its members";
                self.report_own(&word.1, Diagnostic::error("types/group", message, None).help(help));
                None
            }
            None => {
                let error = self.lookup.names.unknown_party(self.reader, &word.0, &word.1, whose, "actor");
                self.report_own(&word.1, error);
                None
            }
        }
    }

    fn group(&mut self, set: &Set, span: &Range<usize>) -> GroupId {
        // By itself a definition needs nothing to be kept up; its users do.
        if self.context == Context::Definition { GroupId(0) } else { self.lookup.group(self.reader, set, span) }
    }

    fn slot(&mut self, name: &str, resource: &Argument, group: Option<&Argument>) -> Option<SlotId> {
        let found = self.find(|names| &names.resources, resource, "a resource", name);
        let set = match group {
            None => Some(Set::Everyone),
            Some(word) => self.set(word, name),
        };
        let (resource_id, set) = (ResourceId::at(found?), set?);
        if self.context == Context::Definition {
            return Some(SlotId(0));
        }
        let group = self.group(&set, &resource.1);
        Some(self.lookup.sets.slot(resource_id, group))
    }

    fn assured(&mut self, words: &[Argument], span: &Range<usize>) -> Option<Quantity> {
        let slot = self.slot("assured", &words[0], words.get(1));
        let observer = match words.get(2) {
            None => Some(None),
            Some(word) => self.actor(word, "assured").map(Some),
        };
        match (self.context, words.get(2)) {
            (Context::Condition { .. }, Some(word)) => {
                let message =
                    "the observer of `assured` in a commitment's condition is the debtor, and cannot be written";
                let help = "leave out the third argument";
                self.report_met(&word.1, Diagnostic::error("types/context", message, None).help(help));
                return None;
            }
            (Context::World(what), None) => {
                let message = format!("`assured` needs an observer in {what}: who is it that expects the amount?");
                let help = "write `assured(resource, group, observer)`";
                self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
                return None;
            }
            _ => {}
        }
        if !self.allows_state("assured", span) {
            return None;
        }
        Some(Quantity::Assured { slot: slot?, observer: observer? })
    }

    fn own(&mut self, word: &Argument, span: &Range<usize>) -> Option<Quantity> {
        let found = self.find(|names| &names.attributes, word, "an attribute", "own");
        let (message, help) = match self.context {
            Context::Definition | Context::Condition { .. } | Context::Numeric { own: Own::Yes, .. } => {
                return Some(Quantity::Own(AttributeId::at(found?)));
            }
            Context::World(what) => (
                format!("`own` is the debtor's attribute, and {what} has no debtor"),
                "write the number, or declare it in `[parameters]`",
            ),
            Context::Numeric { own: Own::Attribute, .. } => (
                "`own` cannot be read by an attribute: attributes are worked out first".to_owned(),
                "read parameters, or let another field read both attributes",
            ),
            Context::Numeric { .. } => (
                "`own` is an attribute of an actor, and this number belongs to none".to_owned(),
                "write the number, or declare it in `[parameters]`",
            ),
        };
        self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
        None
    }

    fn stance(&mut self, words: &[Argument], span: &Range<usize>) -> Option<Quantity> {
        let set = self.set(&words[0], "stance");
        let issue = match words.get(1) {
            // Inside a commitment everything is about the commitment's issue unless another is named.
            None => Some(if let Context::Condition { issue } = self.context { issue.index() } else { 0 }),
            Some(word) => self.find(|names| &names.issues, word, "an issue", "stance"),
        };
        if !self.allows_state("stance", span) {
            return None;
        }
        let (set, issue) = (set?, IssueId::at(issue?));
        if let Set::Actor(actor) = set {
            return Some(Quantity::Stance(actor, issue));
        }
        if self.context == Context::Definition {
            return Some(Quantity::MeanStance(MeanId(0)));
        }
        let group = self.group(&set, &words[0].1);
        Some(Quantity::MeanStance(self.lookup.sets.mean(group, issue)))
    }

    fn happening(&mut self, name: &str, word: &Argument, span: &Range<usize>) -> Option<Quantity> {
        let names = &self.lookup.names;
        let Some(found) = names.happening(&word.0) else {
            let message = match names.what_is(&word.0) {
                Some(what) => format!("`{name}` takes a meeting, a shock or a move, but {} is {what}", quoted(&word.0)),
                None => format!("{} is no meeting, shock or move", quoted(&word.0)),
            };
            let all = || names.meetings.names().chain(names.shocks.names()).chain(names.moves.names());
            let help = self.reader.near(&word.0, all()).unwrap_or_else(|| known(all()));
            self.report_own(&word.1, Diagnostic::error("names/unknown", message, None).help(help));
            return None;
        };
        if !self.allows_state(name, span) {
            return None;
        }
        Some(match (name, found) {
            ("count", Happening::Meeting(at)) => Quantity::MeetingCount(MeetingId::at(at)),
            ("count", Happening::Shock(at)) => Quantity::ShockCount(ShockId::at(at)),
            ("count", Happening::Move(at)) => Quantity::MoveCount(MoveId::at(at)),
            (_, Happening::Move(at)) => Quantity::SinceMove(MoveId::at(at)),
            (_, Happening::Meeting(at)) => Quantity::SinceMeeting(MeetingId::at(at)),
            (_, Happening::Shock(at)) => Quantity::SinceShock(ShockId::at(at)),
        })
    }

    fn of_commitment(&mut self, name: &str, word: &Argument, span: &Range<usize>) -> Option<Quantity> {
        let found = self.promises(name, word);
        if !self.allows_state(name, span) {
            return None;
        }
        let of = found?;
        Some(match name {
            "offers" => Quantity::Offers(of),
            "bonds" => Quantity::Bonds(of),
            "kept" => Quantity::Kept(of),
            "pending" => Quantity::Pending(of),
            "violated" => Quantity::Violated(of),
            "expired" => Quantity::Expired(of),
            "terminated" => Quantity::Terminated(of),
            "rounds" => Quantity::Rounds(of),
            _ => Quantity::BoundAt(of),
        })
    }

    /// A commitment, or the instance of one actor: `c/a`.
    fn promises(&mut self, name: &str, word: &Argument) -> Option<Promises> {
        let (commitment, actor) = match word.0.split_once('/') {
            Some((commitment, actor)) => (commitment, Some(actor)),
            None => (word.0.as_str(), None),
        };
        let commitment_word = (commitment.to_owned(), word.1.clone());
        let commitment = self.find(|names| &names.commitments, &commitment_word, "a commitment", name)?;
        let Some(actor) = actor else { return Some(Promises::all(CommitmentId::at(commitment))) };
        let debtor = self.actor(&(actor.to_owned(), word.1.clone()), name)?;
        let instance = self.lookup.instance_of(self.reader, commitment, debtor);
        if instance.is_none() {
            let message = format!("{} makes no promise {}", quoted(actor), quoted(&commitment_word.0));
            let help = "name one of its debtors";
            self.report_own(&word.1, Diagnostic::error("names/instance", message, None).help(help));
        }
        Some(Promises { commitment: CommitmentId::at(commitment), instance: Some(instance?) })
    }

    fn reached(&mut self, word: &Argument, span: &Range<usize>) -> Option<Quantity> {
        let found = self.find(|names| &names.outcomes, word, "an outcome", "reached");
        if !self.allows_state("reached", span) {
            return None;
        }
        Some(Quantity::Reached(OutcomeId::at(found?)))
    }

    /// The number of actors in a group, which is known before any run.
    pub(super) fn members(&mut self, words: &[Argument], span: &Range<usize>) -> Option<f64> {
        let [word] = words else {
            let message = format!("`members` takes 1 argument, but has {}", words.len());
            self.report_own(span, Diagnostic::error("expr/arguments", message, None).help(usage("members")));
            return None;
        };
        let set = self.set(word, "members")?;
        #[expect(clippy::cast_precision_loss, reason = "the number of actors is limited")]
        Some(set.count(&self.lookup.names) as f64)
    }

    /// Whether a quantity that belongs to the state may be read here; reports it if not.
    fn allows_state(&mut self, name: &str, span: &Range<usize>) -> bool {
        let Context::Numeric { cohort, own } = self.context else { return true };
        let message = format!("{} cannot be read by a number that is worked out before the run", quoted(name));
        let mut may = vec!["parameters"];
        if cohort {
            may.push("`index` and `size`");
        }
        if own == Own::Yes {
            may.push("`own(…)`");
        }
        let help = format!("it may read {}", may.join(" and "));
        self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
        false
    }

    /// A word of the language that stands alone as a number.
    pub(super) fn word(&mut self, name: &str, span: &Range<usize>) -> Option<Quantity> {
        let quantity = match name {
            "step" => Quantity::Step,
            "steps" => Quantity::Steps,
            "deadlocked" => Quantity::Deadlocked,
            "stance" => return self.own_stance(span),
            "index" | "size" => return self.place_in_cohort(name, span),
            _ => {
                let message = format!("{} takes arguments", quoted(name));
                self.report_own(span, Diagnostic::error("expr/arguments", message, None).help(usage(name)));
                return None;
            }
        };
        self.allows_state(name, span).then_some(quantity)
    }

    fn own_stance(&mut self, span: &Range<usize>) -> Option<Quantity> {
        match self.context {
            Context::Condition { issue } => Some(Quantity::OwnStance(issue)),
            Context::Definition => Some(Quantity::OwnStance(IssueId(0))),
            Context::Numeric { .. } => {
                self.allows_state("stance", span);
                None
            }
            Context::World(what) => {
                let message = format!("`stance` alone is the debtor's own, and {what} has no debtor");
                self.report_met(
                    span,
                    Diagnostic::error("types/context", message, None).help("name the actor: `stance(ACTOR)`"),
                );
                None
            }
        }
    }

    fn place_in_cohort(&mut self, name: &str, span: &Range<usize>) -> Option<Quantity> {
        match self.context {
            Context::Definition | Context::Numeric { cohort: true, .. } => {
                Some(if name == "index" { Quantity::Index } else { Quantity::Size })
            }
            Context::Condition { .. } | Context::World(_) | Context::Numeric { .. } => {
                let message = format!("`{name}` can be read by the numbers of a cohort only");
                let help = "use it in the fields of `[cohorts.NAME]`";
                self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
                None
            }
        }
    }
}
