//! Any bytes as `events.csv` of a scenario with something of everything. What is accepted is written again as the
//! same bytes.
#![no_main]

use std::sync::OnceLock;

use backstop::engine::{Failure, Plan, RunSeed};
use backstop::store::events_csv;
use backstop::trace::{Namer, Recorded};
use backstop::model::Model;
use backstop::scenario::{Document, Options, compile};
use libfuzzer_sys::fuzz_target;

/// Small, with draws, shocks, trust, a meeting and a maintained commitment.
const SCENARIO: &str = include_str!("log.toml");

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
    // The first byte chooses what the manifest would say.
    let Some((&first, events)) = bytes.split_first() else { return };
    let recorded = Recorded {
        steps: u32::from(first / 2) % 12,
        failure: (first % 2 == 1).then_some(Failure::TooManyEvents),
        in_sampling: first >= 128,
        run_seed: RunSeed { seed: 0, replicate: 0 },
    };
    if let Ok(fold) = backstop::trace::replay(&namer, plan, &[], events, &recorded, &mut |_, _, _| {}) {
        let written = events_csv(model, &fold.log);
        // Quotes around a cell and other line ends read the same.
        let plain = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(['"', '\r', '\n', '\u{feff}'], "");
        assert_eq!(plain(&written), plain(events));
    }
});
