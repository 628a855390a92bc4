//! Backstop: a deterministic, event-sourced simulator of actors with stances who exchange conditional commitments.
//!
//! ```
//! use backstop::engine::{self, RunSeed, Plan, RunOptions};
//! use backstop::model::Ending;
//! use backstop::scenario::{Document, Options, compile};
//!
//! let text = r#"
//! format = 1
//! title = "Two actors who wait for each other"
//! time = { steps = 3 }
//! resources = { word = {} }
//! actors = { a = {}, b = {} }
//! [commitments]
//! of_a = { debtor = "a", gives = { word = 1 }, when = "bonds(of_b) >= 1" }
//! of_b = { debtor = "b", gives = { word = 1 }, when = "bonds(of_a) >= 1" }
//! "#;
//! let document = Document::parse("two.toml", text.as_bytes()).expect("it is TOML");
//! let model = compile(&document, &Options::default()).expect("it is valid").model;
//! let run = engine::run(&model, &Plan::new(&model), RunSeed { seed: 0, replicate: 0 }, RunOptions::default());
//! assert_eq!(run.result, Ok(Ending::Deadlock));
//! assert_eq!(run.gap, Some(2));
//! ```
//!
//! # Layers
//! Each layer imports only those before it in this list: [`table`], columns, cells and row sinks; [`text`], escaping
//! and quoting of foreign text; [`model`], the state and its types; [`scenario`], from a file to a validated model;
//! [`engine`], the run; [`trace`], events as rows and their replay; [`analysis`], explanations of deadlocks; [`store`],
//! folders, tables and their verification; [`sweep`], many runs; [`page`], an HTML file that shows a folder;
//! [`report`], texts for people. The library prints nothing, and reads and writes files only in `store` and `sweep`.
//!
//! # Order
//! What a reader of a trace may rely on; `docs/guarantees.md` lists all guarantees, each with its test.
//!
//! 1. `seq` counts from 0 without holes, `step` never falls, and the cause of an event is an earlier event.
//! 2. Within a step the phases come in their order: calendar, stances, review, exchange, meetings, delivery, outcomes.
//! 3. Within a phase events happen in declaration order; a simultaneous phase decides everything on the state at its
//!    start.
//! 4. The set that an Exchange binds does not depend on the order in which offers are evaluated.
//! 5. Runs of a sweep are numbered replicate by replicate over all points, and their rows come in that order, whatever
//!    the number of threads.
// Without wildcard arms, the compiler points to every place that must handle a new event, quantity or state.
#![deny(clippy::wildcard_enum_match_arm)]

/// Defines named limits, and the list of all of them in a module.
macro_rules! limits {
    ($($(#[$doc:meta])* pub const $name:ident: $type:ty = $value:expr;)*) => {
        $(
            $(#[$doc])*
            pub const $name: $type = $value;
        )*

        /// All of these limits, by name.
        pub const ALL: [(&str, u64); [$(stringify!($name)),*].len()] = [$((stringify!($name), $name as u64)),*];
    };
}

pub mod analysis;
pub mod engine;
pub mod model;
pub mod page;
pub mod report;
pub mod scenario;
pub mod store;
pub mod sweep;
pub mod table;
pub mod text;
pub mod trace;
