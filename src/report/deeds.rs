//! Describes the events of one commitment in one step by one sentence: `Norway is bound to give 0.14 % of emissions,
//! hands it over and has kept the promise`.

use crate::model::{ActorId, Amount, CommitmentId, InstanceId, Model, ResourceId, Setup};

use super::wording::{actor, actors, amount, condition, group, listed, plain_number};

/// An action of a debtor, or a change of the state of its commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
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

impl Deed {
    /// Whether the sentence gives the upper limit of a graded amount rather than its current value.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Offers | Self::TakesBack | Self::Lapses | Self::IsBound)
    }

    /// Whether it gets a sentence of its own.
    fn is_alone(self) -> bool {
        matches!(self, Self::TakesBack | Self::Lapses)
    }
}

/// An amount of a deed, with the previous value and the upper limit of an amount that rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeedAmount {
    pub(super) resource: ResourceId,
    pub(super) amount: Amount,
    pub(super) from: Amount,
    pub(super) upto: Amount,
}

impl DeedAmount {
    pub(super) fn of(resource: ResourceId, amount: Amount) -> Self {
        Self { resource, amount, from: Amount::ZERO, upto: Amount::ZERO }
    }
}

/// A deed with its amounts.
#[derive(Clone, Debug)]
struct Act {
    deed: Deed,
    parts: Vec<DeedAmount>,
}

impl Act {
    fn is_nothing(&self) -> bool {
        self.parts.iter().all(|part| part.amount == Amount::ZERO)
    }

    /// Adds the amounts of another instance.
    fn add(&mut self, parts: &[DeedAmount]) {
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

    /// Merges a further event of the same deed: another resource, or a further rise.
    fn go_on(&mut self, parts: &[DeedAmount]) {
        for part in parts {
            match self.parts.iter_mut().find(|known| known.resource == part.resource) {
                Some(known) if self.deed == Deed::Raises => known.amount = part.amount,
                Some(known) => known.amount.0 += part.amount.0,
                None => self.parts.push(*part),
            }
        }
    }
}

/// The deeds of one debtor, or of several debtors alike, in one step.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    commitment: CommitmentId,
    instances: Vec<InstanceId>,
    acts: Vec<Act>,
    /// For a suspension, the part of its `while` that is false.
    pub(super) untrue: Option<String>,
}

impl Chain {
    pub(super) fn new(model: &Model, instance: InstanceId, deed: Deed, parts: Vec<DeedAmount>) -> Self {
        let commitment = model.instances[instance.index()].commitment;
        Self { commitment, instances: vec![instance], acts: vec![Act { deed, parts }], untrue: None }
    }

    /// Appends the next deed; returns `false` if it needs a sentence of its own.
    pub(super) fn go_on(&mut self, deed: Deed, parts: &[DeedAmount]) -> bool {
        let Some(last) = self.acts.last_mut() else { return false };
        if last.deed == deed {
            last.go_on(parts);
        } else if deed.is_alone() || last.deed.is_alone() {
            return false;
        } else {
            self.acts.push(Act { deed, parts: parts.to_vec() });
        }
        true
    }

    /// The key by which chains are grouped into one sentence. A delivery of nothing counts as a delivery.
    pub(super) fn kind(&mut self) -> (CommitmentId, Vec<Deed>, Option<String>) {
        if let [.., bound, kept] = self.acts.as_slice()
            && (bound.deed, kept.deed) == (Deed::IsBound, Deed::Keeps)
        {
            let nothing = Act { deed: Deed::HandsOver, parts: Vec::new() };
            self.acts.insert(self.acts.len() - 1, nothing);
        }
        (self.commitment, self.acts.iter().map(|act| act.deed).collect(), self.untrue.clone())
    }

    /// Adds the amounts of a chain of the same kind.
    pub(super) fn join(&mut self, other: &Self) {
        self.instances.extend_from_slice(&other.instances);
        for (act, own) in other.acts.iter().zip(&mut self.acts) {
            own.add(&act.parts);
        }
    }
}

/// The sentence that describes a chain.
pub(super) fn written(model: &Model, setup: &Setup, chain: &Chain) -> String {
    let debtors: Vec<ActorId> = chain.instances.iter().map(|at| model.instances[at.index()].debtor).collect();
    let (many, who) = match debtors.as_slice() {
        [one] => (false, actor(model, *one)),
        all => (true, actors(model, all)),
    };
    let mut writer = Writer {
        model,
        setup,
        chain,
        many,
        last_named: None,
        clauses: Vec::new(),
        is_suspended: false,
        tail: String::new(),
    };
    for (at, act) in chain.acts.iter().enumerate() {
        let next = chain.acts.get(at + 1).map(|act| act.deed);
        if act.deed == Deed::Lapses {
            let of = writer.what(act).map(|what| format!(" of {what}")).unwrap_or_default();
            return format!("the offer{of} by {who} lapses [{}]", writer.declared().id);
        }
        writer.clause(act, next);
    }
    format!("{who} {}{} [{}]", listed(&writer.clauses), writer.tail, writer.declared().id)
}

/// The object of a verb.
enum What {
    Amounts(String),
    /// A pronoun for the amounts named just before.
    It(&'static str),
}

impl What {
    /// `hands over 5 million`, `hands it over`.
    fn after(&self, verb: &str, particle: &str) -> String {
        match self {
            Self::Amounts(amounts) => format!("{verb} {particle} {amounts}"),
            Self::It(it) => format!("{verb} {it} {particle}"),
        }
    }
}

impl std::fmt::Display for What {
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
    chain: &'a Chain,
    many: bool,
    /// The amounts named last, for which a pronoun can stand.
    last_named: Option<Vec<(ResourceId, Amount)>>,
    clauses: Vec<String>,
    /// Whether the last act was a suspension.
    is_suspended: bool,
    /// A condition, which goes to the end of the sentence.
    tail: String,
}

impl Writer<'_> {
    fn declared(&self) -> &crate::model::Commitment {
        &self.model.commitments[self.chain.commitment.index()]
    }

    /// The amounts in words, without those that are zero; `None` if all are.
    fn what(&self, act: &Act) -> Option<String> {
        let some = act.parts.iter().filter(|part| part.amount != Amount::ZERO);
        let some: Vec<String> = some.map(|part| amount(self.model, part.resource, part.amount)).collect();
        if some.is_empty() {
            return None;
        }
        let up_to = if self.declared().is_graded() && act.deed.is_open() { "up to " } else { "" };
        let in_all = if self.many { " in all" } else { "" };
        Some(format!("{up_to}{}{in_all}", listed(&some)))
    }

    /// The amounts, or a pronoun if they were named last; `None` if they are zero.
    fn what_or_it(&mut self, act: &Act) -> Option<What> {
        let amounts: Vec<(ResourceId, Amount)> = act.parts.iter().map(|part| (part.resource, part.amount)).collect();
        let what = self.what(act)?;
        if self.last_named.as_ref() == Some(&amounts) {
            let several = act.parts.iter().filter(|part| part.amount != Amount::ZERO).count() > 1;
            return Some(What::It(if several { "them" } else { "it" }));
        }
        self.last_named = Some(amounts);
        Some(What::Amounts(what))
    }

    fn to_whom(&self) -> String {
        let to = self.declared().creditor.map(|creditor| group(self.model, creditor));
        to.map(|to| format!(" to {to}")).unwrap_or_default()
    }

    fn verb<'t>(&self, one: &'t str, more: &'t str) -> &'t str {
        if self.many { more } else { one }
    }

    fn clause(&mut self, act: &Act, next: Option<Deed>) {
        let is_first = self.clauses.is_empty();
        let is_suspended = std::mem::replace(&mut self.is_suspended, act.deed == Deed::Suspends);
        let clause = match act.deed {
            Deed::Offers if next == Some(Deed::IsBound) && is_first => {
                self.clauses.push(self.verb("offers", "offer").into());
                return;
            }
            Deed::Offers if next == Some(Deed::IsBound) => return,
            Deed::Offers => self.offers(act),
            Deed::TakesBack => {
                let of = self.what(act).map(|what| format!(" of {what}")).unwrap_or_default();
                format!("{} back the offer{of}", self.verb("takes", "take"))
            }
            Deed::Lapses => return,
            Deed::IsBound => {
                let what = self.what_or_it(act).map(|what| format!(" to give {what}{}", self.to_whom()));
                format!("{} bound{}", self.verb("is", "are"), what.unwrap_or_default())
            }
            Deed::Raises => self.raises(act),
            Deed::Suspends => self.suspends(act),
            Deed::TakesUp => {
                let what = self.what_or_it(act).unwrap_or_else(|| What::Amounts("the promise".into()));
                format!("{} again", what.after(self.verb("takes", "take"), "up"))
            }
            Deed::Begins | Deed::Completes | Deed::HandsOver => match self.hands_over(act, is_first) {
                Some(clause) => clause,
                None => return,
            },
            Deed::Withdraws => {
                let Some(what) = self.what_or_it(act) else { return };
                if is_suspended && matches!(what, What::It(_)) {
                    return;
                }
                format!("no longer {}", what.after(self.verb("keeps", "keep"), "up"))
            }
            Deed::Keeps => {
                let of = self.of(act, is_first);
                format!("{} kept the promise{of}", self.verb("has", "have"))
            }
            Deed::Ends => {
                let with = self.what_or_it(act).map(|what| format!(" with {what}")).unwrap_or_default();
                format!("{} done{with} as agreed", self.verb("is", "are"))
            }
            Deed::Breaks => {
                let of = self.of(act, true);
                format!("{} the promise{of}", self.verb("breaks", "break"))
            }
            Deed::IsReleased => {
                let from = self.what_or_it(act).map(|what| format!(" from {what}")).unwrap_or_default();
                let by = self.declared().creditor.map(|creditor| format!(" by {}", group(self.model, creditor)));
                format!("{} released{from}{}", self.verb("is", "are"), by.unwrap_or_default())
            }
            Deed::Renews => {
                let of = if next == Some(Deed::Offers) { String::new() } else { self.of(act, true) };
                format!("{} a new round{of}", self.verb("begins", "begin"))
            }
        };
        self.clauses.push(clause);
    }

    /// ` of 5 million`, or nothing if the amounts are not to be named.
    fn of(&mut self, act: &Act, is_named: bool) -> String {
        if is_named {
            self.what_or_it(act).map(|what| format!(" of {what}")).unwrap_or_default()
        } else {
            String::new()
        }
    }

    fn offers(&mut self, act: &Act) -> String {
        let when = self.declared().when.as_ref().map(|when| format!(", if {}", condition(&when.text)));
        self.tail += &when.unwrap_or_default();
        let what = self.what_or_it(act);
        let what = what.unwrap_or_else(|| What::Amounts(self.verb("a promise", "promises").into()));
        format!("{} {what}{}", self.verb("offers", "offer"), self.to_whom())
    }

    fn suspends(&mut self, act: &Act) -> String {
        let stay = self.chain.untrue.clone();
        let stay = stay.or_else(|| self.declared().stay.as_ref().map(|stay| condition(&stay.text)));
        let stay = stay.map(|untrue| format!(", no longer true: {untrue}"));
        self.tail += &stay.unwrap_or_default();
        let what = self.what_or_it(act).unwrap_or_else(|| What::Amounts("the promise".into()));
        format!("{} {what}", self.verb("suspends", "suspend"))
    }

    /// `raises its promise from 35 to 51 of 100 million`; the limit is not repeated.
    fn raises(&mut self, act: &Act) -> String {
        let is_limit = |part: &DeedAmount| {
            let last_named = self
                .last_named
                .as_ref()
                .and_then(|last_named| last_named.iter().find(|(resource, _)| *resource == part.resource));
            last_named.is_some_and(|(_, amount)| *amount == part.upto)
        };
        let one = |part: &DeedAmount| {
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
        let parts: Vec<String> = act.parts.iter().map(one).collect();
        self.last_named = Some(act.parts.iter().map(|part| (part.resource, part.amount)).collect());
        let in_all = if self.many { " in all" } else { "" };
        format!("{} {}{in_all}", self.verb("raises its promise", "raise their promises"), listed(&parts))
    }

    /// What is delivered, once or from now on; `None` if it is zero.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other deeds that hand something over are described alike")]
    fn hands_over(&mut self, act: &Act, is_first: bool) -> Option<String> {
        if act.is_nothing() {
            return None;
        }
        let what = self.what_or_it(act)?;
        let parts = self.chain.instances.iter().map(|at| self.setup.over[at.index()]).max().unwrap_or(1);
        let (hands, keeps) = (self.verb("hands", "hand"), self.verb("keeps", "keep"));
        Some(match act.deed {
            Deed::Begins => {
                let hand = what.after("hand", "over");
                format!("{} to {hand}, in {parts} parts", self.verb("begins", "begin"))
            }
            _ if self.declared().maintain && is_first => {
                format!("now {}, all that was promised", what.after(keeps, "up"))
            }
            _ if self.declared().maintain => format!("{} from now on", what.after(keeps, "up")),
            Deed::Completes => format!("{hands} over the last of {what}"),
            _ if is_first => format!("{}{}", what.after(hands, "over"), self.to_whom()),
            _ => what.after(hands, "over"),
        })
    }
}
