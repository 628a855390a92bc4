//! Fuzzes the reader of logs: any bytes as `events.csv` of a scenario with every kind of event. A log that is accepted
//! is written again as the same bytes.
#![no_main]

use std::sync::OnceLock;

use backstop::engine::{Failure, Plan, RunSeed};
use backstop::store::events_csv;
use backstop::trace::{Namer, Recorded};
use backstop::model::Model;
use backstop::scenario::{Document, Options, compile};
use libfuzzer_sys::fuzz_target;

/// A small scenario with draws, shocks, trust, a meeting and a maintained commitment.
const SCENARIO: &str = r#"format = 1
title  = "A little of everything"

[time]
start = 2025-03-10
steps = 8

[resources]
troops   = {}
backstop = {}

[actors.us]
stance     = { uniform = [0.4, 0.6] }
volatility = 0.1

[actors.uk]
stance = 0.7

[groups]
all = ["us", "uk"]

[trust]
default = 0.8

[commitments.guarantee]
debtor   = "us"
creditor = "uk"
gives    = { backstop = 1, troops = 2 }
offer    = "stance > 0.3"
when     = "bound(troops, uk) >= 1"
while    = "stance > 0.45"
maintain = true
until    = "step > 6"
over     = 2

[commitments.force]
debtor   = "uk"
creditor = "us"
gives    = { troops = 3 }
when     = "bonds(guarantee) >= 1"
release  = "step > 5"
over     = 3
due      = 4

[commitments.aid]
debtor  = "uk"
gives   = { troops = 1 }
when    = "delivered(backstop) > 100"
expires = 4

[meetings.summit]
on      = [1, 3]
attend  = ["all"]
package = true
success = 0.5

[shocks.raid]
rate   = 0.4
stance = { us = 0.05 }
anchor = { us = 0.05 }
trust  = [{ of = "uk", in = "us", by = -0.1 }]

[outcomes.together]
when = "bound(troops) >= 3"
"#;

fn model() -> &'static (Model, Plan) {
    static MODEL: OnceLock<(Model, Plan)> = OnceLock::new();
    MODEL.get_or_init(|| {
        let document = Document::parse("fuzz.toml", SCENARIO.as_bytes()).expect("a scenario");
        let options = Options { track_trust: true, ..Options::default() };
        let model = compile(&document, &options).expect("a scenario").model;
        let plan = Plan::new(&model);
        (model, plan)
    })
}

fuzz_target!(|bytes: &[u8]| {
    let (model, plan) = model();
    let namer = Namer::new(model);
    // The first byte selects the options that the manifest would contain.
    let Some((&first, events)) = bytes.split_first() else { return };
    let recorded = Recorded {
        steps: u32::from(first / 2) % 12,
        failure: (first % 2 == 1).then_some(Failure::TooManyEvents),
        in_sampling: first >= 128,
        run_seed: RunSeed { seed: 0, replicate: 0 },
    };
    if let Ok(fold) = backstop::trace::replay(&namer, plan, &[], events, &recorded, &mut |_, _, _| {}) {
        let written = events_csv(model, &fold.log);
        // Quotes around a cell and other line ends are read in the same way.
        let plain = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(['"', '\r', '\n', '\u{feff}'], "");
        assert_eq!(plain(&written), plain(events));
    }
});
