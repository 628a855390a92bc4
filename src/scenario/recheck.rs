//! Whether a compiled model stays valid when its parameters take other values, without reading the document again.
//!
//! The answer is on the safe side: where it is yes, compiling the document with these values would succeed; where it
//! is no, compiling says what is wrong, if anything is.

use std::ops::ControlFlow;

use super::rules::{Breach, Examiner, Known, check_parameters, check_signs, check_values};
use crate::model::{Model, Setup};

/// A model to be checked for many values of its parameters.
#[derive(Clone, Debug)]
pub struct Recheck<'a> {
    model: &'a Model,
    known: Known,
    setup: Setup,
}

impl<'a> Recheck<'a> {
    /// Prepares a model.
    #[must_use]
    pub fn new(model: &'a Model) -> Self {
        Self { model, known: Known::of(model), setup: model.setup.clone() }
    }

    /// Whether compiling with these values would certainly succeed, everything else being the same.
    #[must_use]
    pub fn holds(&mut self, parameters: &[f64]) -> bool {
        let Self { model, known, setup } = self;
        setup.restore(&model.setup);
        setup.parameters.clone_from_slice(parameters);
        let mut first = FirstBreach;
        check_parameters(model, known, parameters, &mut first).is_continue()
            && check_values(model, known, setup, &mut first).is_continue()
            && check_signs(model, known, parameters, &mut first).is_continue()
    }
}

/// Stops at the first rule that is broken.
struct FirstBreach;

impl Examiner for FirstBreach {
    fn is_settled(&self, _: usize) -> bool {
        false
    }

    fn take(&mut self, _: Breach) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}
