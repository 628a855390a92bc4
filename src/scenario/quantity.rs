//! Quantities with arguments, such as `bound(troops, europe)`.

use std::ops::Range;

use super::diagnostic::{Diagnostic, listed, quoted};
use super::lookup::Lookup;
use super::lookup::Set;
use super::names::{EventSource, Ids, Party};
use super::reader::Reader;
use super::script::{Context, OwnAttributes};
use super::vocabulary::{self, ArgumentKind, usage};
use crate::model::{
    ActorId, Arguments, AttributeId, CommitmentId, DataId, GroupId, IssueId, MeanId, MeetingId, MoveId, OutcomeId,
    Promises, Quantity, ResourceId, ShockId, Signature, SlotId,
};

/// A name as an argument of a quantity, with its position.
pub(super) type Argument = (String, Range<usize>);

/// Whether an error is one of an expression or of the place where it is used.
#[derive(Clone, Copy, Debug)]
pub(super) enum ErrorScope {
    /// The expression is invalid wherever it is used.
    Expression,
    /// The expression is not allowed where it is used.
    Context,
}

/// Resolves names and calls to quantities.
pub(super) struct QuantityFinder<'c, 'a> {
    reader: &'c mut Reader<'a>,
    lookup: &'c mut Lookup,
    context: Context,
    /// The errors with their places.
    pub(super) errors: Vec<(Range<usize>, Diagnostic, ErrorScope)>,
}

/// Lists the known names for a suggestion.
fn known<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.take(20).collect();
    if names.is_empty() { "the file declares none".into() } else { format!("write {}", listed(names)) }
}

impl<'c, 'a> QuantityFinder<'c, 'a> {
    pub(super) fn new(reader: &'c mut Reader<'a>, lookup: &'c mut Lookup, context: Context) -> Self {
        Self { reader, lookup, context, errors: Vec::new() }
    }

    fn report_own(&mut self, span: &Range<usize>, error: Diagnostic) {
        self.errors.push((span.clone(), error, ErrorScope::Expression));
    }

    fn report_met(&mut self, span: &Range<usize>, error: Diagnostic) {
        self.errors.push((span.clone(), error, ErrorScope::Context));
    }

    /// The quantity of a call whose arguments are names; `None` if it is invalid.
    pub(super) fn call(&mut self, name: &str, words: &[Argument], span: &Range<usize>) -> Option<Quantity> {
        let kind = vocabulary::argument_kind(name)?;
        let (least, most) = kind.count();
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
        let arguments = match kind {
            ArgumentKind::Resource => self.slot(name, &words[0], words.get(1)).map(Arguments::Slot),
            ArgumentKind::Observed => return self.assured(name, words, span),
            ArgumentKind::Commitment => self.promises(name, &words[0]).map(Arguments::Promises),
            ArgumentKind::Stance => self.stance(name, words),
            ArgumentKind::Pair => {
                let (a, b) = (self.actor(&words[0], name), self.actor(&words[1], name));
                a.zip(b).map(|(a, b)| Arguments::Pair(a, b))
            }
            ArgumentKind::Attribute => return self.own(name, &words[0], span),
            ArgumentKind::Occurrence => Some(self.event_source(name, &words[0])?),
            ArgumentKind::Outcome => {
                let found = self.find(|names| &names.outcomes, &words[0], "an outcome", name);
                found.map(|at| Arguments::Outcome(OutcomeId::at(at)))
            }
            ArgumentKind::Data => {
                let found = self.find(|names| &names.data, &words[0], "a series of data", name);
                found.map(|at| Arguments::Data(DataId::at(at)))
            }
            // `members` is a number and is handled separately.
            ArgumentKind::Group => None,
        };
        if !self.allows_state(name, span) {
            return None;
        }
        Quantity::of(name, arguments?)
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
        match self.lookup.names.party_named(&word.0) {
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

    /// One actor, not a group.
    fn actor(&mut self, word: &Argument, whose: &str) -> Option<ActorId> {
        match self.lookup.names.party_named(&word.0) {
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
        // A definition by itself needs no slot; the expressions that use it do.
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

    fn assured(&mut self, name: &str, words: &[Argument], span: &Range<usize>) -> Option<Quantity> {
        let slot = self.slot(name, &words[0], words.get(1));
        let observer = match words.get(2) {
            None => Some(None),
            Some(word) => self.actor(word, name).map(Some),
        };
        match (self.context, words.get(2)) {
            (Context::Condition { .. }, Some(word)) => {
                let message = format!(
                    "the observer of `{name}` in a commitment's condition is the debtor, and cannot be written"
                );
                let help = "leave out the third argument";
                self.report_met(&word.1, Diagnostic::error("types/context", message, None).help(help));
                return None;
            }
            (Context::World(what), None) => {
                let message = format!("`{name}` needs an observer in {what}, the actor that expects the amount");
                let help = format!("write `{name}(resource, group, observer)`");
                self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
                return None;
            }
            _ => {}
        }
        if !self.allows_state(name, span) {
            return None;
        }
        Quantity::of(name, Arguments::Observed { slot: slot?, observer: observer? })
    }

    fn own(&mut self, name: &str, word: &Argument, span: &Range<usize>) -> Option<Quantity> {
        let found = self.find(|names| &names.attributes, word, "an attribute", name);
        let (message, help) = match self.context {
            Context::Definition | Context::Condition { .. } | Context::Numeric { own: OwnAttributes::Yes, .. } => {
                return Quantity::of(name, Arguments::Attribute(AttributeId::at(found?)));
            }
            Context::World(what) => (
                format!("`own` is the debtor's attribute, and {what} has no debtor"),
                "write the number, or declare it in `[parameters]`",
            ),
            Context::Numeric { own: OwnAttributes::Attribute, .. } => (
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

    fn stance(&mut self, name: &str, words: &[Argument]) -> Option<Arguments> {
        let set = self.set(&words[0], name);
        let issue = match words.get(1) {
            // In a commitment the default issue is that of the commitment.
            None => Some(if let Context::Condition { issue } = self.context { issue.index() } else { 0 }),
            Some(word) => self.find(|names| &names.issues, word, "an issue", name),
        };
        let (set, issue) = (set?, IssueId::at(issue?));
        if let Set::Actor(actor) = set {
            return Some(Arguments::Stance(actor, issue));
        }
        // Numeric fields read no state, and a definition by itself needs no mean; the expressions that use it do.
        if matches!(self.context, Context::Definition | Context::Numeric { .. }) {
            return Some(Arguments::Mean(MeanId(0)));
        }
        let group = self.group(&set, &words[0].1);
        Some(Arguments::Mean(self.lookup.sets.mean(group, issue)))
    }

    fn event_source(&mut self, name: &str, word: &Argument) -> Option<Arguments> {
        let names = &self.lookup.names;
        let Some(found) = names.event_source(&word.0) else {
            let message = match names.what_is(&word.0) {
                Some(what) => format!("`{name}` takes a meeting, a shock or a move, but {} is {what}", quoted(&word.0)),
                None => format!("{} is no meeting, shock or move", quoted(&word.0)),
            };
            let all = || names.meetings.names().chain(names.shocks.names()).chain(names.moves.names());
            let help = self.reader.near(&word.0, all()).unwrap_or_else(|| known(all()));
            self.report_own(&word.1, Diagnostic::error("names/unknown", message, None).help(help));
            return None;
        };
        Some(match found {
            EventSource::Meeting(at) => Arguments::Meeting(MeetingId::at(at)),
            EventSource::Shock(at) => Arguments::Shock(ShockId::at(at)),
            EventSource::Move(at) => Arguments::Move(MoveId::at(at)),
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

    /// The number of actors in a group, which is known before any run.
    pub(super) fn members(&mut self, words: &[Argument], span: &Range<usize>) -> Option<f64> {
        let [word] = words else {
            let message = format!("`members` takes 1 argument, but has {}", words.len());
            self.report_own(span, Diagnostic::error("expr/arguments", message, None).help(usage(vocabulary::MEMBERS)));
            return None;
        };
        let set = self.set(word, vocabulary::MEMBERS)?;
        #[expect(clippy::cast_precision_loss, reason = "the number of actors is limited")]
        Some(set.count(&self.lookup.names) as f64)
    }

    /// Whether a quantity of the state may be read in this context; reports an error if not.
    fn allows_state(&mut self, name: &str, span: &Range<usize>) -> bool {
        let Context::Numeric { cohort, own } = self.context else { return true };
        let message = format!("{} cannot be read by a number that is worked out before the run", quoted(name));
        let mut may = vec!["parameters"];
        if cohort {
            may.push("`index` and `size`");
        }
        if own == OwnAttributes::Yes {
            may.push("`own(…)`");
        }
        let help = format!("it may read {}", may.join(" and "));
        self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
        false
    }

    /// A word of the language without arguments, as a number.
    pub(super) fn word(&mut self, name: &str, span: &Range<usize>) -> Option<Quantity> {
        let arguments = match vocabulary::alone(name) {
            Some(Signature::OwnStance) => self.own_stance(name, span)?,
            Some(Signature::Member) => self.place_in_cohort(name, span)?,
            Some(_) => self.allows_state(name, span).then_some(Arguments::Nothing)?,
            None => {
                let message = format!("{} takes arguments", quoted(name));
                self.report_own(span, Diagnostic::error("expr/arguments", message, None).help(usage(name)));
                return None;
            }
        };
        Quantity::of(name, arguments)
    }

    fn own_stance(&mut self, name: &str, span: &Range<usize>) -> Option<Arguments> {
        match self.context {
            Context::Condition { issue } => Some(Arguments::OwnStance(issue)),
            Context::Definition => Some(Arguments::OwnStance(IssueId(0))),
            Context::Numeric { .. } => {
                self.allows_state(name, span);
                None
            }
            Context::World(what) => {
                let message = format!("`{name}` alone is the debtor's own, and {what} has no debtor");
                let help = format!("name the actor: `{name}(ACTOR)`");
                self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
                None
            }
        }
    }

    fn place_in_cohort(&mut self, name: &str, span: &Range<usize>) -> Option<Arguments> {
        match self.context {
            Context::Definition | Context::Numeric { cohort: true, .. } => Some(Arguments::Member),
            Context::Condition { .. } | Context::World(_) | Context::Numeric { .. } => {
                let message = format!("`{name}` can be read by the numbers of a cohort only");
                let help = "use it in the fields of `[cohorts.NAME]`";
                self.report_met(span, Diagnostic::error("types/context", message, None).help(help));
                None
            }
        }
    }
}
