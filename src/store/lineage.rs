//! The lineage of a recorded run: the sequence of models with which it ran.

use std::fmt;
use std::io::Read;

use super::limits;
use super::manifest::{Manifest, OverrideRecord};
use crate::engine::{self, HistoryHash, Observer, Plan, Run, RunOptions, RunSeed, Stage};
use crate::model::limits::TRUST_PAIRS;
use crate::model::{Entry, Model, Trigger};
use crate::scenario::{Attachments, Diagnostic, Document, Options, Override, SourceText, compile};
use crate::trace::Namer;
use crate::trace::{Recorded, ReplayError, fold, read_log};

/// The models that a run went through, each with the first step that it was in force.
///
/// The first is in force from step 0; all have the same actors, commitments and other things, with other numbers.
#[derive(Debug)]
pub struct Lineage {
    /// The scenario; `None` if a model was given directly.
    document: Option<Document>,
    legs: Vec<Segment>,
}

/// One model of a run.
#[derive(Debug)]
struct Segment {
    /// The first step at which it applies.
    from: u32,
    model: Model,
    plan: Plan,
    /// The seed and replicate from then on; `None` keeps those of the run.
    run_seed: Option<RunSeed>,
}

/// The reason why the run of a manifest cannot be repeated.
#[derive(Debug)]
pub enum LineageError {
    /// The scenario cannot be compiled with the overrides.
    Scenario {
        /// The errors.
        diagnostics: Vec<Diagnostic>,
        /// The text to which they refer.
        source: Box<SourceText>,
    },
    /// An override of a fork changes which actors or commitments there are.
    OtherThings,
    /// With the overrides, the run would end at or before the step at which one of them begins to apply.
    Over(u32),
    /// A fork at this step comes after a later one.
    Order(u32),
    /// The run has this many forks, more than [`limits::FORKS`].
    Forks(usize),
    /// The models of the run, one for each fork, have this many actors and instances of commitments in total, more than
    /// [`limits::LINEAGE_PARTS`].
    Size(usize),
    /// The run has this many overrides, more than [`limits::OVERRIDES`].
    Overrides(usize),
}

impl LineageError {
    /// A suggestion for the user, if the diagnostics do not give one.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Scenario { .. } => None,
            Self::OtherThings => Some("run the scenario again with the override instead"),
            Self::Over(_) => Some("give the run more steps, or fork it at an earlier one"),
            Self::Order(_) => Some("the manifest was edited; run the scenario again"),
            Self::Forks(_) | Self::Size(_) => Some("run the scenario again with the overrides of the forks"),
            Self::Overrides(_) => Some("write the numbers into the scenario"),
        }
    }
}

impl fmt::Display for LineageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario { .. } => f.write_str("the scenario in the manifest cannot be compiled"),
            Self::OtherThings => {
                f.write_str("an override changes which actors or commitments there are, which a fork cannot do")
            }
            Self::Over(at) => {
                write!(f, "with the overrides the run ends before step {at}, at which it is forked")
            }
            Self::Order(at) => write!(f, "the fork at step {at} comes after a later one"),
            Self::Forks(number) => {
                write!(f, "a run can have at most {} forks, and this one has {number}", limits::FORKS)
            }
            Self::Size(parts) => {
                write!(
                    f,
                    "the models of the forks have {parts} actors and instances, more than {}",
                    limits::LINEAGE_PARTS
                )
            }
            Self::Overrides(number) => {
                write!(f, "a run can have at most {} overrides, and this one has {number}", limits::OVERRIDES)
            }
        }
    }
}

impl std::error::Error for LineageError {}

impl Lineage {
    /// Compiles the models of a manifest; `inputs` are the files to which the scenario refers.
    ///
    /// # Errors
    /// A [`LineageError`] if the scenario does not compile with the overrides, if a fork is not possible, or if a limit
    /// is exceeded.
    pub fn new(manifest: &Manifest, inputs: &mut dyn Attachments) -> Result<Self, LineageError> {
        Self::compile(manifest, inputs, &[])
    }

    /// As [`Lineage::new`], with the given metrics (names and expressions) instead of those of the scenario.
    ///
    /// # Errors
    /// As [`Lineage::new`], and if a metric does not compile.
    pub fn measuring(
        manifest: &Manifest,
        inputs: &mut dyn Attachments,
        metrics: &[(String, String)],
    ) -> Result<Self, LineageError> {
        let mut course = Self::compile(manifest, inputs, metrics)?;
        for Segment { model, .. } in &mut course.legs {
            // They were added after those of the scenario.
            model.metrics.drain(..model.metrics.len() - metrics.len());
        }
        Ok(course)
    }

    fn compile(
        manifest: &Manifest,
        inputs: &mut dyn Attachments,
        metrics: &[(String, String)],
    ) -> Result<Self, LineageError> {
        let sets = manifest.all_overrides().len() + manifest.all_moves().len();
        if sets > limits::OVERRIDES {
            return Err(LineageError::Overrides(sets));
        }
        if manifest.forks.len() > limits::FORKS {
            return Err(LineageError::Forks(manifest.forks.len()));
        }
        let (name, text) = (&manifest.scenario, manifest.scenario_text.as_bytes());
        let document = Document::open(name, text, inputs).map_err(|unreadable| {
            let source = Box::new(unreadable.source);
            LineageError::Scenario { diagnostics: unreadable.diagnostics, source }
        })?;
        // Every model contains the moves of all forks, so that all have the same items; in earlier models the moves of
        // later forks are never made.
        let mut later = manifest.forks.iter().map(|fork| fork.moves.len()).sum();
        let mut options = Options {
            overrides: overrides(&manifest.overrides),
            moves: manifest.all_moves(),
            metrics: metrics.to_vec(),
            track_trust: true,
        };
        let mut course = Self { document: None, legs: Vec::new() };
        course.add(&document, (0, later), &options, manifest.trust)?;
        let first = course.first();
        let parts = (first.actors.len() + first.instances.len()).saturating_mul(1 + manifest.forks.len());
        if !manifest.forks.is_empty() && parts > limits::LINEAGE_PARTS {
            return Err(LineageError::Size(parts));
        }
        for fork in &manifest.forks {
            options.overrides.extend(overrides(&fork.overrides));
            later -= fork.moves.len();
            course.add(&document, (fork.at, later), &options, manifest.trust)?;
            if let Some(leg) = course.legs.last_mut() {
                leg.run_seed = fork.replicate.map(|replicate| RunSeed { seed: manifest.seed, replicate });
            }
        }
        course.document = Some(document);
        Ok(course)
    }

    /// Adds a model that applies from a step on; `later` of its moves belong to later forks.
    fn add(
        &mut self,
        document: &Document,
        (from, later): (u32, usize),
        options: &Options,
        recorded: bool,
    ) -> Result<(), LineageError> {
        let wrong = |diagnostics| {
            let source = Box::new(document.source().clone());
            LineageError::Scenario { diagnostics, source }
        };
        let mut model = compile(document, options).map_err(wrong)?.model;
        // Trust is tracked for observers of the state, unless that alone might exceed a limit.
        if !recorded && model.actors.len().saturating_pow(2) > TRUST_PAIRS {
            model = compile(document, &Options { track_trust: false, ..options.clone() }).map_err(wrong)?.model;
        }
        if self.legs.first().is_some_and(|first| !engine::may_follow(&first.model, &model)) {
            return Err(LineageError::OtherThings);
        }
        if from >= model.clock.steps && !self.legs.is_empty() {
            return Err(LineageError::Over(from));
        }
        if self.legs.last().is_some_and(|before| from < before.from) {
            return Err(LineageError::Order(from));
        }
        let known = model.moves.len().saturating_sub(later);
        for unmade in &mut model.moves[known..] {
            unmade.trigger = Trigger::On(Vec::new());
        }
        let plan = Plan::new(&model);
        self.legs.push(Segment { from, model, plan, run_seed: None });
        Ok(())
    }

    /// The lineage of a run without forks.
    #[must_use]
    pub fn single(model: Model) -> Self {
        let plan = Plan::new(&model);
        Self { document: None, legs: vec![Segment { from: 0, model, plan, run_seed: None }] }
    }

    /// The compiled scenario.
    #[must_use]
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// The model at a step, and its plan.
    #[must_use]
    pub fn leg(&self, step: u32) -> (&Model, &Plan) {
        let leg = self.legs.iter().rev().find(|leg| leg.from <= step).unwrap_or(&self.legs[0]);
        (&leg.model, &leg.plan)
    }

    /// The model that the run began with.
    #[must_use]
    pub fn first(&self) -> &Model {
        &self.legs[0].model
    }

    /// The model that the run ended with, and its plan.
    #[must_use]
    pub fn last(&self) -> (&Model, &Plan) {
        let leg = &self.legs[self.legs.len() - 1];
        (&leg.model, &leg.plan)
    }

    /// The models that the run went through, each with the first step that it was in force.
    #[must_use]
    pub fn legs(&self) -> Vec<(u32, &Model)> {
        self.legs.iter().map(|leg| (leg.from, &leg.model)).collect()
    }

    /// The models of the run, each with its plan, its first step and its seed.
    #[must_use]
    pub fn stages(&self) -> Vec<Stage<'_>> {
        let legs = self.legs.iter();
        legs.map(|leg| Stage { model: &leg.model, plan: &leg.plan, from: leg.from, run_seed: leg.run_seed }).collect()
    }

    /// Runs it from the start; `watch` observes the states.
    #[must_use]
    pub fn run(&self, run_seed: RunSeed, want: RunOptions, watch: &mut Observer<'_>) -> Run {
        let stages = self.stages();
        engine::run_staged(&stages[0], &stages[1..], run_seed, want, watch)
    }

    /// The history hash of the run with only this many of its forks.
    #[must_use]
    pub fn history(&self, forks: usize, run_seed: RunSeed) -> HistoryHash {
        let stages = self.stages();
        engine::run_staged(&stages[0], &stages[1..=forks], run_seed, RunOptions::default(), &mut |_, _, _| {}).history
    }

    /// Reads its log.
    ///
    /// # Errors
    /// A [`ReplayError`] with the first row that is not that of an event, and why.
    pub fn read_log(&self, events: impl Read, recorded: &Recorded) -> Result<Vec<Entry>, ReplayError> {
        read_log(&Namer::new(self.first()), events, &self.stages()[1..], recorded)
    }

    /// Replays its log; `watch` observes the states.
    ///
    /// # Errors
    /// A [`ReplayError`] with the first row that cannot be, and why.
    pub fn fold(&self, log: Vec<Entry>, recorded: &Recorded, watch: &mut Observer<'_>) -> Result<Run, ReplayError> {
        let stages = self.stages();
        fold((self.first(), stages[0].plan), &stages[1..], log, recorded, watch)
    }
}

fn overrides(records: &[OverrideRecord]) -> Vec<Override> {
    records.iter().map(Override::from).collect()
}
