//! Quantities with arguments: `bound(troops, europe)` and its kin.

use std::ops::Range;

use super::diagnostic::{Diagnostic, listed, quoted};
use super::names::{Happening, Ids, Party};
use super::reserved::usage;
use super::resolve::{Context, Own, Resolver};
use super::sets::Set;
use crate::model::{
    ActorId, AttributeId, CommitmentId, DataId, GroupId, IssueId, MeanId, MeetingId, MoveId, OutcomeId, Promises,
    Quantity, ResourceId, ShockId, SlotId,
};

type Word = (String, Range<usize>);

/// The names that there are.
fn known<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.take(20).collect();
    if names.is_empty() { "the file declares none".into() } else { format!("write {}", listed(names)) }
}

impl Resolver<'_, '_> {
    /// The quantity of a call whose arguments are names; none where it is wrong (and reported).
    pub(super) fn quantity(&mut self, name: &str, words: &[Word], span: &Range<usize>) -> Option<Quantity> {
        let (least, most) = match name {
            "offered" | "bound" | "delivered" | "parties" | "stance" => (1, 2),
            "assured" => (1, 3),
            "trust" => (2, 2),
            _ => (1, 1),
        };
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

    fn find(&mut self, ids: fn(&super::names::Names) -> &Ids, word: &Word, what: &str, whose: &str) -> Option<usize> {
        let names = &self.compiler.names;
        if let Some(at) = ids(names).find(&word.0) {
            return Some(at);
        }
        let message = match names.what_is(&word.0) {
            Some(other) => format!("`{whose}` takes {what} here, but {} is {other}", quoted(&word.0)),
            None => format!("{} is no {}", quoted(&word.0), what.trim_start_matches("an ").trim_start_matches("a ")),
        };
        let help = self.compiler.near(&word.0, ids(names).names()).unwrap_or_else(|| known(ids(names).names()));
        self.report_own(&word.1, Diagnostic::error("names/unknown", message, None).help(help));
        None
    }

    /// The set of an actor, cohort or group.
    fn set(&mut self, word: &Word, whose: &str) -> Option<Set> {
        match self.compiler.names.parties.get(&word.0).copied() {
            Some(Party::Actor(actor)) => Some(Set::Actor(actor)),
            Some(Party::Group(group)) => {
                self.compiler.names.groups[group].used = true;
                Some(Set::Named(group))
            }
            Some(Party::Broken) => None,
            None => {
                let error = self.compiler.unknown_party(&word.0, &word.1, whose, "actor, cohort or group");
                self.report_own(&word.1, error);
                None
            }
        }
    }

    /// One actor, no group.
    fn actor(&mut self, word: &Word, whose: &str) -> Option<ActorId> {
        match self.compiler.names.parties.get(&word.0).copied() {
            Some(Party::Actor(actor)) => Some(actor),
            Some(Party::Broken) => None,
            Some(Party::Group(_)) => {
                let message = format!("`{whose}` takes one actor here, but {} is a group", quoted(&word.0));
                let help = "name one of its members";
                self.report_own(&word.1, Diagnostic::error("types/group", message, None).help(help));
                None
            }
            None => {
                let error = self.compiler.unknown_party(&word.0, &word.1, whose, "actor");
                self.report_own(&word.1, error);
                None
            }
        }
    }

    fn group(&mut self, set: &Set, span: &Range<usize>) -> GroupId {
        // By itself a definition needs nothing to be kept up; its users do.
        if self.context == Context::Definition { GroupId(0) } else { self.compiler.group(set, span) }
    }

    fn slot(&mut self, name: &str, resource: &Word, group: Option<&Word>) -> Option<SlotId> {
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
        Some(self.compiler.slot(resource_id, group))
    }

    fn assured(&mut self, words: &[Word], span: &Range<usize>) -> Option<Quantity> {
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

    fn own(&mut self, word: &Word, span: &Range<usize>) -> Option<Quantity> {
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

    fn stance(&mut self, words: &[Word], span: &Range<usize>) -> Option<Quantity> {
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
        Some(Quantity::MeanStance(self.compiler.mean(group, issue)))
    }

    fn happening(&mut self, name: &str, word: &Word, span: &Range<usize>) -> Option<Quantity> {
        let names = &self.compiler.names;
        let Some(found) = names.happening(&word.0) else {
            let message = match names.what_is(&word.0) {
                Some(what) => format!("`{name}` takes a meeting, a shock or a move, but {} is {what}", quoted(&word.0)),
                None => format!("{} is no meeting, shock or move", quoted(&word.0)),
            };
            let all = || names.meetings.names().chain(names.shocks.names()).chain(names.moves.names());
            let help = self.compiler.near(&word.0, all()).unwrap_or_else(|| known(all()));
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

    fn of_commitment(&mut self, name: &str, word: &Word, span: &Range<usize>) -> Option<Quantity> {
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
    fn promises(&mut self, name: &str, word: &Word) -> Option<Promises> {
        let (commitment, actor) = match word.0.split_once('/') {
            Some((commitment, actor)) => (commitment, Some(actor)),
            None => (word.0.as_str(), None),
        };
        let commitment_word = (commitment.to_owned(), word.1.clone());
        let commitment = self.find(|names| &names.commitments, &commitment_word, "a commitment", name)?;
        let Some(actor) = actor else { return Some(Promises::all(CommitmentId::at(commitment))) };
        let debtor = self.actor(&(actor.to_owned(), word.1.clone()), name)?;
        let instance = self.compiler.instance_of(commitment, debtor);
        if instance.is_none() {
            let message = format!("{} makes no promise {}", quoted(actor), quoted(&commitment_word.0));
            let help = "name one of its debtors";
            self.report_own(&word.1, Diagnostic::error("names/instance", message, None).help(help));
        }
        Some(Promises { commitment: CommitmentId::at(commitment), instance: Some(instance?) })
    }

    fn reached(&mut self, word: &Word, span: &Range<usize>) -> Option<Quantity> {
        let found = self.find(|names| &names.outcomes, word, "an outcome", "reached");
        if !self.allows_state("reached", span) {
            return None;
        }
        Some(Quantity::Reached(OutcomeId::at(found?)))
    }

    /// The number of actors in a group, which is known before any run.
    pub(super) fn members(&mut self, words: &[Word], span: &Range<usize>) -> Option<f64> {
        let [word] = words else {
            let message = format!("`members` takes 1 argument, but has {}", words.len());
            self.report_own(span, Diagnostic::error("expr/arguments", message, None).help(usage("members")));
            return None;
        };
        let set = self.set(word, "members")?;
        #[expect(clippy::cast_precision_loss, reason = "the number of actors is limited")]
        Some(self.compiler.count(&set) as f64)
    }
}
