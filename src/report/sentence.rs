//! Describes the events of one commitment in one step by one sentence: `Norway is bound to give 0.14 % of emissions,
//! hands it over and has kept the promise`.

use crate::model::{ActorId, Amount, CommitmentId, InstanceId, Model, ResourceId, Setup};

use super::wording::{actor, actors, amount, condition, group, listed, plain_number};

/// The verb of a predicate: an action of a debtor, or a change of the state of its commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Offers,
    TakesBack,
    Lapses,
    IsBound,
    Raises,
    Suspends,
    TakesUp,
    Begins,
    Completes,
    HandsOver,
    Withdraws,
    Keeps,
    Ends,
    Breaks,
    IsReleased,
    Renews,
}

impl Verb {
    /// Whether the sentence gives the upper limit of a graded amount rather than its current value.
    pub(super) fn names_limit(self) -> bool {
        matches!(self, Self::Offers | Self::TakesBack | Self::Lapses | Self::IsBound)
    }

    /// Whether it gets a sentence of its own.
    pub(super) fn stands_alone(self) -> bool {
        matches!(self, Self::TakesBack | Self::Lapses)
    }
}

/// An amount in a predicate, with the previous value and the upper limit of an amount that rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VerbAmount {
    pub(super) resource: ResourceId,
    pub(super) amount: Amount,
    pub(super) from: Amount,
    pub(super) upto: Amount,
}

impl VerbAmount {
    pub(super) fn of(resource: ResourceId, amount: Amount) -> Self {
        Self { resource, amount, from: Amount::ZERO, upto: Amount::ZERO }
    }
}

/// A part of a sentence: a verb with its amounts.
#[derive(Clone, Debug)]
struct Predicate {
    verb: Verb,
    parts: Vec<VerbAmount>,
}

impl Predicate {
    fn is_zero(&self) -> bool {
        self.parts.iter().all(|part| part.amount == Amount::ZERO)
    }

    /// Adds the amounts of other instances.
    fn add(&mut self, parts: &[VerbAmount]) {
        for part in parts {
            match self.parts.iter_mut().find(|known| known.resource == part.resource) {
                Some(known) => {
                    known.amount.0 += part.amount.0;
                    known.from.0 += part.from.0;
                    known.upto.0 += part.upto.0;
                }
                None => self.parts.push(*part),
            }
        }
    }
}

/// Merges the amounts of a further event with the same verb: another resource, or a further rise.
pub(super) fn append(verb: Verb, parts: &mut Vec<VerbAmount>, further: &[VerbAmount]) {
    for part in further {
        match parts.iter_mut().find(|known| known.resource == part.resource) {
            Some(known) if verb == Verb::Raises => known.amount = part.amount,
            Some(known) => known.amount.0 += part.amount.0,
            None => parts.push(*part),
        }
    }
}

/// The events of a commitment in one step, for one debtor or for several with the same events.
#[derive(Clone, Debug)]
pub(super) struct Sentence {
    commitment: CommitmentId,
    instances: Vec<InstanceId>,
    predicates: Vec<Predicate>,
    /// For a suspension, the part of its `while` that is false.
    untrue: Option<String>,
}

impl Sentence {
    /// The sentence of so many instances that each do the same, before these are added.
    pub(super) fn new(
        commitment: CommitmentId,
        predicates: &[(Verb, &[VerbAmount])],
        instances: u32,
        untrue: Option<String>,
    ) -> Self {
        let times = i64::from(instances);
        let all = |part: &VerbAmount| VerbAmount {
            resource: part.resource,
            amount: Amount(part.amount.0 * times),
            from: Amount(part.from.0 * times),
            upto: Amount(part.upto.0 * times),
        };
        let predicate =
            |&(verb, parts): &(Verb, &[VerbAmount])| Predicate { verb, parts: parts.iter().map(all).collect() };
        Self { commitment, instances: Vec::new(), predicates: predicates.iter().map(predicate).collect(), untrue }
    }

    /// Adds an instance.
    pub(super) fn push(&mut self, instance: InstanceId) {
        self.instances.push(instance);
    }

    /// The key of sentences that are merged into one. A delivery of nothing counts as a delivery.
    pub(super) fn key(&mut self) -> (CommitmentId, Vec<Verb>, Option<String>) {
        if let [.., bound, kept] = self.predicates.as_slice()
            && (bound.verb, kept.verb) == (Verb::IsBound, Verb::Keeps)
        {
            let nothing = Predicate { verb: Verb::HandsOver, parts: Vec::new() };
            self.predicates.insert(self.predicates.len() - 1, nothing);
        }
        (self.commitment, self.predicates.iter().map(|predicate| predicate.verb).collect(), self.untrue.clone())
    }

    /// Adds the amounts of a sentence with the same key.
    pub(super) fn join(&mut self, other: &Self) {
        for (predicate, own) in other.predicates.iter().zip(&mut self.predicates) {
            own.add(&predicate.parts);
        }
    }
}

/// The text of a sentence.
pub(super) fn render(model: &Model, setup: &Setup, sentence: &Sentence) -> String {
    let debtors: Vec<ActorId> = sentence.instances.iter().map(|at| model.instances[at.index()].debtor).collect();
    let (many, who) = match debtors.as_slice() {
        [one] => (false, actor(model, *one)),
        all => (true, actors(model, all)),
    };
    let mut writer = Writer {
        model,
        setup,
        sentence,
        many,
        last_named: None,
        phrases: Vec::new(),
        is_suspended: false,
        tail: String::new(),
    };
    for (at, predicate) in sentence.predicates.iter().enumerate() {
        let next = sentence.predicates.get(at + 1).map(|predicate| predicate.verb);
        if predicate.verb == Verb::Lapses {
            let of = writer.amounts_text(predicate).map(|what| format!(" of {what}")).unwrap_or_default();
            return format!("the offer{of} by {who} lapses [{}]", writer.declared().id);
        }
        writer.add(predicate, next);
    }
    format!("{who} {}{} [{}]", listed(&writer.phrases), writer.tail, writer.declared().id)
}

/// The object of a verb.
enum Object {
    Amounts(String),
    /// A pronoun for the amounts named just before.
    It(&'static str),
}

impl Object {
    /// `hands over 5 million`, `hands it over`.
    fn after(&self, verb: &str, particle: &str) -> String {
        match self {
            Self::Amounts(amounts) => format!("{verb} {particle} {amounts}"),
            Self::It(it) => format!("{verb} {it} {particle}"),
        }
    }
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Amounts(amounts) => f.write_str(amounts),
            Self::It(it) => f.write_str(it),
        }
    }
}

struct Writer<'a> {
    model: &'a Model,
    setup: &'a Setup,
    sentence: &'a Sentence,
    many: bool,
    /// The amounts named last, for which a pronoun can stand.
    last_named: Option<Vec<(ResourceId, Amount)>>,
    phrases: Vec<String>,
    /// Whether the last predicate was a suspension.
    is_suspended: bool,
    /// A condition, which goes to the end of the sentence.
    tail: String,
}

impl Writer<'_> {
    fn declared(&self) -> &crate::model::Commitment {
        &self.model.commitments[self.sentence.commitment.index()]
    }

    /// The amounts in words, without those that are zero; `None` if all are.
    fn amounts_text(&self, predicate: &Predicate) -> Option<String> {
        let some = predicate.parts.iter().filter(|part| part.amount != Amount::ZERO);
        let some: Vec<String> = some.map(|part| amount(self.model, part.resource, part.amount)).collect();
        if some.is_empty() {
            return None;
        }
        let up_to = if self.declared().is_graded() && predicate.verb.names_limit() { "up to " } else { "" };
        let in_all = if self.many { " in all" } else { "" };
        Some(format!("{up_to}{}{in_all}", listed(&some)))
    }

    /// The amounts, or a pronoun if they were named last; `None` if they are zero.
    fn amounts_or_pronoun(&mut self, predicate: &Predicate) -> Option<Object> {
        let amounts: Vec<(ResourceId, Amount)> =
            predicate.parts.iter().map(|part| (part.resource, part.amount)).collect();
        let what = self.amounts_text(predicate)?;
        if self.last_named.as_ref() == Some(&amounts) {
            let several = predicate.parts.iter().filter(|part| part.amount != Amount::ZERO).count() > 1;
            return Some(Object::It(if several { "them" } else { "it" }));
        }
        self.last_named = Some(amounts);
        Some(Object::Amounts(what))
    }

    fn to_whom(&self) -> String {
        let to = self.declared().creditor.map(|creditor| group(self.model, creditor));
        to.map(|to| format!(" to {to}")).unwrap_or_default()
    }

    fn inflect<'t>(&self, one: &'t str, more: &'t str) -> &'t str {
        if self.many { more } else { one }
    }

    fn add(&mut self, predicate: &Predicate, next: Option<Verb>) {
        let is_first = self.phrases.is_empty();
        let is_suspended = std::mem::replace(&mut self.is_suspended, predicate.verb == Verb::Suspends);
        let phrase = match predicate.verb {
            Verb::Offers if next == Some(Verb::IsBound) && is_first => {
                self.phrases.push(self.inflect("offers", "offer").into());
                return;
            }
            Verb::Offers if next == Some(Verb::IsBound) => return,
            Verb::Offers => self.offers(predicate),
            Verb::TakesBack => {
                let of = self.amounts_text(predicate).map(|what| format!(" of {what}")).unwrap_or_default();
                format!("{} back the offer{of}", self.inflect("takes", "take"))
            }
            Verb::Lapses => return,
            Verb::IsBound => {
                let what = self.amounts_or_pronoun(predicate).map(|what| format!(" to give {what}{}", self.to_whom()));
                format!("{} bound{}", self.inflect("is", "are"), what.unwrap_or_default())
            }
            Verb::Raises => self.raises(predicate),
            Verb::Suspends => self.suspends(predicate),
            Verb::TakesUp => {
                let what = self.amounts_or_pronoun(predicate).unwrap_or_else(|| Object::Amounts("the promise".into()));
                format!("{} again", what.after(self.inflect("takes", "take"), "up"))
            }
            Verb::Begins | Verb::Completes | Verb::HandsOver => match self.hands_over(predicate, is_first) {
                Some(phrase) => phrase,
                None => return,
            },
            Verb::Withdraws => {
                let Some(what) = self.amounts_or_pronoun(predicate) else { return };
                if is_suspended && matches!(what, Object::It(_)) {
                    return;
                }
                format!("no longer {}", what.after(self.inflect("keeps", "keep"), "up"))
            }
            Verb::Keeps => {
                let of = self.of(predicate, is_first);
                format!("{} kept the promise{of}", self.inflect("has", "have"))
            }
            Verb::Ends => {
                let with = self.amounts_or_pronoun(predicate).map(|what| format!(" with {what}")).unwrap_or_default();
                format!("{} done{with} as agreed", self.inflect("is", "are"))
            }
            Verb::Breaks => {
                let of = self.of(predicate, true);
                format!("{} the promise{of}", self.inflect("breaks", "break"))
            }
            Verb::IsReleased => {
                let from = self.amounts_or_pronoun(predicate).map(|what| format!(" from {what}")).unwrap_or_default();
                let by = self.declared().creditor.map(|creditor| format!(" by {}", group(self.model, creditor)));
                format!("{} released{from}{}", self.inflect("is", "are"), by.unwrap_or_default())
            }
            Verb::Renews => {
                let of = if next == Some(Verb::Offers) { String::new() } else { self.of(predicate, true) };
                format!("{} a new round{of}", self.inflect("begins", "begin"))
            }
        };
        self.phrases.push(phrase);
    }

    /// ` of 5 million`, or nothing if the amounts are not to be named.
    fn of(&mut self, predicate: &Predicate, is_named: bool) -> String {
        if is_named {
            self.amounts_or_pronoun(predicate).map(|what| format!(" of {what}")).unwrap_or_default()
        } else {
            String::new()
        }
    }

    fn offers(&mut self, predicate: &Predicate) -> String {
        let when = self.declared().when.as_ref().map(|when| format!(", if {}", condition(&when.text)));
        self.tail += &when.unwrap_or_default();
        let what = self.amounts_or_pronoun(predicate);
        let what = what.unwrap_or_else(|| Object::Amounts(self.inflect("a promise", "promises").into()));
        format!("{} {what}{}", self.inflect("offers", "offer"), self.to_whom())
    }

    fn suspends(&mut self, predicate: &Predicate) -> String {
        let stay = self.sentence.untrue.clone();
        let stay = stay.or_else(|| self.declared().stay.as_ref().map(|stay| condition(&stay.text)));
        let stay = stay.map(|untrue| format!(", no longer true: {untrue}"));
        self.tail += &stay.unwrap_or_default();
        let what = self.amounts_or_pronoun(predicate).unwrap_or_else(|| Object::Amounts("the promise".into()));
        format!("{} {what}", self.inflect("suspends", "suspend"))
    }

    /// `raises its promise from 35 to 51 of 100 million`; the limit is not repeated.
    fn raises(&mut self, predicate: &Predicate) -> String {
        let is_limit = |part: &VerbAmount| {
            let last_named = self
                .last_named
                .as_ref()
                .and_then(|last_named| last_named.iter().find(|(resource, _)| *resource == part.resource));
            last_named.is_some_and(|(_, amount)| *amount == part.upto)
        };
        let one = |part: &VerbAmount| {
            let from = if part.from == Amount::ZERO {
                String::new()
            } else {
                format!("from {} ", plain_number(part.from.to_units()))
            };
            if is_limit(part) {
                return format!("{from}to {}", amount(self.model, part.resource, part.amount));
            }
            let upto = amount(self.model, part.resource, part.upto);
            format!("{from}to {} of {upto}", plain_number(part.amount.to_units()))
        };
        let parts: Vec<String> = predicate.parts.iter().map(one).collect();
        self.last_named = Some(predicate.parts.iter().map(|part| (part.resource, part.amount)).collect());
        let in_all = if self.many { " in all" } else { "" };
        format!("{} {}{in_all}", self.inflect("raises its promise", "raise their promises"), listed(&parts))
    }

    /// Object is delivered, once or from now on; `None` if it is zero.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other verbs that hand something over are described alike")]
    fn hands_over(&mut self, predicate: &Predicate, is_first: bool) -> Option<String> {
        if predicate.is_zero() {
            return None;
        }
        let what = self.amounts_or_pronoun(predicate)?;
        let parts = self.sentence.instances.iter().map(|at| self.setup.over[at.index()]).max().unwrap_or(1);
        let (hands, keeps) = (self.inflect("hands", "hand"), self.inflect("keeps", "keep"));
        Some(match predicate.verb {
            Verb::Begins => {
                let hand = what.after("hand", "over");
                format!("{} to {hand}, in {parts} parts", self.inflect("begins", "begin"))
            }
            _ if self.declared().maintain && is_first => {
                format!("now {}, all that was promised", what.after(keeps, "up"))
            }
            _ if self.declared().maintain => format!("{} from now on", what.after(keeps, "up")),
            Verb::Completes => format!("{hands} over the last of {what}"),
            _ if is_first => format!("{}{}", what.after(hands, "over"), self.to_whom()),
            _ => what.after(hands, "over"),
        })
    }
}
