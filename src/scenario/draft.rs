//! The model while the sections of a scenario are read into it, with the positions that later checks report; and its
//! numeric fields, with their domains, the actors or instances for which they are evaluated, and their positions.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use super::csv::CsvTable;
use super::lookup::Lookup;
use super::reader::Reader;
use super::script::{Context, Script};
use super::toml_tree::Value;
use crate::model::{
    ActorId, Actors, Clock, Domain, Expression, Field, GiftSlots, Model, Node, Numbers, Quantity, Setup, Shape,
    StepLength, Target, Targets, Texts,
};

/// A model that is being read.
pub(super) struct Draft<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) lookup: Lookup,
    pub(super) model: Model,
    /// Fields in the order of the file.
    pub(super) fields: Vec<Pending>,
    /// By attribute, then actor: whether the actor has the attribute.
    pub(super) has_attribute: Vec<bool>,
    /// The scripts that must be monotone in the evidence.
    pub(super) monotone: Vec<Script>,
    /// By commitment: the positions of its `gives`.
    pub(super) gives_spans: Vec<Vec<Range<usize>>>,
    /// By shock: its rate, if that is an expression.
    pub(super) rates: Vec<Option<&'a Value>>,
    /// Instances that the moves read so far bind.
    pub(super) bound_instances: usize,
    /// Actors that have their own credit for an offer, and for a bond.
    pub(super) own_credit: [BTreeSet<usize>; 2],
    /// The positions of credits, by actor.
    pub(super) credit_spans: Vec<(usize, Range<usize>)>,
    /// Parameters and attributes with invalid values; expressions that read them are not checked.
    pub(super) invalid: InvalidValues,
}

impl<'a> Draft<'a> {
    /// An empty model, sized by the declared names.
    pub(super) fn new(reader: Reader<'a>, lookup: Lookup) -> Self {
        let names = &lookup.names;
        let (actors, issues, attributes) = (names.actors.len(), names.issues.len(), names.attributes.len());
        let mut model = empty_model();
        model.clock = lookup.calendar.clock;
        model.actors = Actors::from(Arc::clone(&names.actors.ids));
        model.issues = names.issues.names().map(str::to_owned).collect();
        model.attributes = names.attributes.names().map(str::to_owned).collect();
        let setup = model.setup_mut();
        setup.stances = vec![0.5; actors * issues];
        setup.anchors = Numbers::new(f64::NAN, actors * issues);
        setup.susceptibility = vec![1.0; actors];
        setup.volatility = vec![0.0; actors];
        setup.credit_offer = Numbers::new(0.0, actors);
        setup.credit_bond = Numbers::new(1.0, actors);
        setup.attributes = vec![f64::NAN; actors * attributes];
        Self {
            reader,
            lookup,
            model,
            fields: Vec::new(),
            has_attribute: vec![false; actors * attributes],
            monotone: Vec::new(),
            gives_spans: Vec::new(),
            rates: Vec::new(),
            bound_instances: 0,
            own_credit: [BTreeSet::new(), BTreeSet::new()],
            credit_spans: Vec::new(),
            invalid: InvalidValues::default(),
        }
    }
}

fn empty_model() -> Model {
    Model {
        title: String::new(),
        about: String::new(),
        clock: Clock { start: None, plain: false, step: StepLength::DAY, steps: 1 },
        parameters: Vec::new(),
        issues: Vec::new(),
        resources: Vec::new(),
        attributes: Vec::new(),
        actors: Actors::default(),
        groups: Vec::new(),
        influence: Vec::new(),
        data: Vec::new(),
        trust_pairs: Vec::new(),
        commitments: Vec::new(),
        instances: Vec::new(),
        instance_names: Texts::default(),
        meetings: Vec::new(),
        shocks: Vec::new(),
        moves: Vec::new(),
        outcomes: Vec::new(),
        metrics: Vec::new(),
        slots: Vec::new(),
        means: Vec::new(),
        gift_slots: GiftSlots::default(),
        setup: Arc::new(empty_setup()),
        fields: Vec::new(),
        draws: Vec::new(),
        reads_trust: false,
        reads_gap: false,
    }
}

/// The default numbers that every scenario has.
pub(super) fn empty_setup() -> Setup {
    let none: Vec<f64> = Vec::new();
    let no_numbers: Numbers<f64> = Numbers::default();
    Setup {
        parameters: none.clone(),
        stances: none.clone(),
        anchors: no_numbers.clone(),
        susceptibility: none.clone(),
        volatility: none.clone(),
        credit_offer: no_numbers.clone(),
        credit_bond: no_numbers.clone(),
        attributes: none.clone(),
        pace: 1.0,
        trust_default: 1.0,
        trust_strength: 4.0,
        trust_kept: 1.0,
        trust_broken: 1.0,
        trust_suspended: 0.5,
        trust_witness: 0.0,
        trust_pairs: none.clone(),
        influence: none.clone(),
        gives: Numbers::default(),
        by: Numbers::default(),
        lead: Numbers::default(),
        over: Numbers::default(),
        grace: Numbers::default(),
        due: Numbers::default(),
        expires: no_numbers.clone(),
        cost: no_numbers.clone(),
        success: none.clone(),
        meeting_influence: none.clone(),
        effects: none,
        moved: Vec::new(),
    }
}

/// The specification of a numeric field.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// Its dotted path.
    pub(super) path: String,
    /// Its domain.
    pub(super) domain: Domain,
    /// When it is evaluated.
    pub(super) order: Order,
    /// The context of its expressions.
    pub(super) context: Context,
    /// The table whose columns it may read, a row for each user.
    pub(super) table: Option<Arc<CsvTable>>,
}

impl Spec {
    /// Whether a date may stand for its step: a parameter, an attribute or a moment.
    pub(super) fn takes_dates(&self) -> bool {
        self.order != Order::Rest || self.domain == Domain::Moment
    }

    /// Whether it has no upper end and may be infinite where a value is missing: an attribute.
    pub(super) fn is_endless(&self) -> bool {
        self.domain == Domain::Any && self.order == Order::Attribute
    }
}

/// The order of evaluation: fields that others read come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Parameter,
    Attribute,
    Rest,
}

/// An actor or instance for which a field is evaluated: an actor, a cohort's member, or a commitment's instance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct User {
    /// The actor whose id is appended to the path.
    pub(super) suffix: Option<ActorId>,
    /// The debtor.
    pub(super) owner: Option<ActorId>,
    /// `index` and `size`.
    pub(super) member: Option<(u32, u32)>,
}

/// The users of a field, in order. There may be millions, so each is made when it is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Users<'u> {
    /// These.
    Listed(&'u [User]),
    /// The members of a cohort: the first of them and their number.
    Members(usize, u32),
    /// The debtors of a commitment, and whether they are a group.
    Debtors(&'u [ActorId], bool),
}

impl Users<'_> {
    /// How many there are.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Listed(users) => users.len(),
            Self::Members(_, size) => size as usize,
            Self::Debtors(debtors, _) => debtors.len(),
        }
    }

    /// The user at a position.
    pub(super) fn at(self, at: usize) -> User {
        match self {
            Self::Listed(users) => users[at],
            Self::Members(first, size) => {
                let own = Some(ActorId::at(first + at));
                User { suffix: own, owner: own, member: Some((u32::try_from(at + 1).unwrap_or(size), size)) }
            }
            Self::Debtors(debtors, group) => {
                User { suffix: group.then_some(debtors[at]), owner: Some(debtors[at]), member: None }
            }
        }
    }

    /// The users in order.
    pub(super) fn iter(self) -> impl Iterator<Item = User> {
        (0..self.len()).map(move |at| self.at(at))
    }
}

/// The places of a field in the setup, by user.
#[derive(Clone, Copy)]
pub(super) enum UserTargets<'p> {
    /// Each user has one: that at `first`, and those that follow it at this distance.
    Each { of: TargetOf, first: usize, step: usize },
    /// Any others.
    Some(&'p dyn Fn(usize) -> Targets),
}

impl UserTargets<'_> {
    /// Those of a user.
    pub(super) fn of(&self, user: usize) -> Targets {
        match *self {
            Self::Each { of, first, step } => Targets::One([of(first + user * step)]),
            Self::Some(of) => of(user),
        }
    }

    /// Stores one number for `count` users.
    pub(super) fn fill(&self, setup: &mut Setup, count: usize, number: f64) {
        match *self {
            Self::Each { of, first, step } if count > 0 => setup.fill(of(first), step, count, number),
            Self::Each { .. } => {}
            Self::Some(of) => {
                (0..count).for_each(|user| of(user).iter().for_each(|&target| setup.set(target, number)));
            }
        }
    }

    /// Stores a number for each user.
    pub(super) fn set_each(&self, setup: &mut Setup, numbers: impl Iterator<Item = f64>) {
        match *self {
            Self::Each { of, first, step } => setup.set_each(of(first), step, numbers),
            Self::Some(of) => {
                for (user, number) in numbers.enumerate() {
                    of(user).iter().for_each(|&target| setup.set(target, number));
                }
            }
        }
    }
}

impl User {
    /// The row of a cohort's member in its table, from 0.
    pub(super) fn row(&self) -> usize {
        self.member.map_or(0, |(index, _)| index as usize - 1)
    }
}

/// A field that is evaluated in every run, with the information that is needed to report an error in it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) field: Field,
    pub(super) order: Order,
    pub(super) info: Rc<FieldInfo>,
}

/// The source of a field.
#[derive(Debug)]
pub(super) struct FieldInfo {
    pub(super) span: Range<usize>,
    /// The dotted path, without the member.
    pub(super) path: Arc<str>,
    /// The expression, or those among the distribution's arguments.
    pub(super) scripts: Vec<Script>,
    /// Positions of a distribution's arguments.
    pub(super) arguments: Vec<Range<usize>>,
    /// Whether the attributes that it reads have been checked.
    pub(super) checked: Cell<bool>,
    /// Whether an error of one of its users has been reported.
    pub(super) reported: Cell<bool>,
}

impl FieldInfo {
    pub(super) fn new(value: &Value, spec: &Spec, scripts: Vec<Script>, arguments: Vec<Range<usize>>) -> Rc<Self> {
        let (span, path) = (value.span.clone(), spec.path.as_str().into());
        Rc::new(Self { span, path, scripts, arguments, checked: Cell::new(false), reported: Cell::new(false) })
    }
}

/// Parameters and attributes whose values are invalid and have been reported. Expressions that read them are not
/// checked with these values, so that no follow-on errors are reported.
#[derive(Debug, Default)]
pub(super) struct InvalidValues {
    parameters: BTreeSet<usize>,
    attributes: BTreeSet<usize>,
    /// Whether anything else is invalid, so that signs are unknown.
    others: bool,
}

impl InvalidValues {
    /// Records that the value of a target is invalid; `actors` is the number of all actors.
    pub(super) fn note(&mut self, target: Option<Target>, actors: usize) {
        match target {
            Some(Target::Parameter(id)) => drop(self.parameters.insert(id.index())),
            Some(Target::Attribute(at)) => drop(self.attributes.insert(at / actors.max(1))),
            _ => self.others = true,
        }
    }

    /// Whether the value of a parameter is invalid.
    pub(super) fn has_parameter(&self, at: usize) -> bool {
        self.parameters.contains(&at)
    }

    /// Whether any value is invalid.
    pub(super) fn any(&self) -> bool {
        self.others || !self.parameters.is_empty() || !self.attributes.is_empty()
    }

    /// Whether an expression reads an invalid value.
    pub(super) fn are_read_by(&self, expression: &Expression) -> bool {
        self.any()
            && expression.nodes.iter().any(|node| match node {
                Node::Parameter(id) => self.parameters.contains(&id.index()),
                Node::Read(Quantity::Own(attribute)) => self.attributes.contains(&attribute.index()),
                _ => false,
            })
    }
}

/// A field's place in the setup, by the position of its actor or instance.
pub(super) type TargetOf = fn(usize) -> Target;

/// A shape's name in files.
pub(super) fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Uniform => "uniform",
        Shape::Triangular => "triangular",
        Shape::Normal => "normal",
        Shape::Choice => "choice",
    }
}

/// The fields that take whole numbers only, by the last parts of their paths.
pub(super) const WHOLE: [&str; 5] = [".due", ".grace", ".lead", ".over", ".expires"];

/// A remedy for a number outside of a domain.
pub(super) fn domain_help(domain: Domain) -> String {
    match domain {
        Domain::Unit => "write a share: `0.6` for 60 %".into(),
        Domain::Amount => "amounts count units of the resource and are never negative".into(),
        Domain::Whole(_) => "write a whole number of steps or parts, at most 4294967294".into(),
        Domain::Moment => "write a date, a step number, or `inf` for never".into(),
        Domain::Any => "write an ordinary number".into(),
        Domain::Pace | Domain::Positive | Domain::NonNegative | Domain::Step => {
            format!("write a number that is {}", domain.description())
        }
    }
}
