//! The model while the sections of a scenario are read into it, with the places that later checks report.

use std::collections::BTreeSet;
use std::ops::Range;

use super::fields::{Doubts, Pending};
use super::lookup::Lookup;
use super::reader::Reader;
use super::script::Script;
use super::toml_tree::Value;
use crate::model::{Amount, Clock, Model, Setup, StepLength};

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
    /// By commitment: where each of its `gives` stands.
    pub(super) gives_spans: Vec<Vec<Range<usize>>>,
    /// By shock: its rate, where that is an expression.
    pub(super) rates: Vec<Option<&'a Value>>,
    /// Instances that the moves read so far bind.
    pub(super) bound_instances: usize,
    /// Actors that have their own credit for an offer, and for a bond.
    pub(super) own_credit: [BTreeSet<usize>; 2],
    /// Where credits stand, by actor.
    pub(super) credit_spans: Vec<(usize, Range<usize>)>,
    /// Parameters and attributes with invalid values; whatever reads them is not checked.
    pub(super) doubts: Doubts,
}

impl<'a> Draft<'a> {
    /// An empty model, sized by the declared names.
    pub(super) fn new(reader: Reader<'a>, lookup: Lookup) -> Self {
        let names = &lookup.names;
        let (actors, issues, attributes) = (names.actors.len(), names.issues.len(), names.attributes.len());
        let mut model = empty_model();
        model.clock = lookup.calendar.clock;
        model.issues = names.issues.names().map(str::to_owned).collect();
        model.attributes = names.attributes.names().map(str::to_owned).collect();
        let setup = &mut model.setup;
        setup.stances = vec![0.5; actors * issues];
        setup.anchors = vec![f64::NAN; actors * issues];
        setup.susceptibility = vec![1.0; actors];
        setup.volatility = vec![0.0; actors];
        setup.credit_offer = vec![0.0; actors];
        setup.credit_bond = vec![1.0; actors];
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
            doubts: Doubts::default(),
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
        actors: Vec::new(),
        groups: Vec::new(),
        influence: Vec::new(),
        data: Vec::new(),
        trust_pairs: Vec::new(),
        commitments: Vec::new(),
        instances: Vec::new(),
        meetings: Vec::new(),
        shocks: Vec::new(),
        moves: Vec::new(),
        outcomes: Vec::new(),
        metrics: Vec::new(),
        slots: Vec::new(),
        means: Vec::new(),
        gift_slot_starts: vec![0],
        gift_slots: Vec::new(),
        setup: empty_setup(),
        fields: Vec::new(),
        draws: Vec::new(),
        reads_trust: false,
        reads_gap: false,
    }
}

/// The default numbers that every scenario has.
pub(super) fn empty_setup() -> Setup {
    let none: Vec<f64> = Vec::new();
    Setup {
        parameters: none.clone(),
        stances: none.clone(),
        anchors: none.clone(),
        susceptibility: none.clone(),
        volatility: none.clone(),
        credit_offer: none.clone(),
        credit_bond: none.clone(),
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
        gives: Vec::<Amount>::new(),
        by: Vec::<Amount>::new(),
        lead: Vec::new(),
        over: Vec::new(),
        grace: Vec::new(),
        due: Vec::new(),
        expires: none.clone(),
        cost: none.clone(),
        success: none.clone(),
        meeting_influence: none.clone(),
        effects: none,
        moved: Vec::new(),
    }
}
