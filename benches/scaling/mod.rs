//! The sections of `docs/performance.md`.

mod ensemble;
mod growth;
mod instructions;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use crate::{ENSEMBLE, FLAGSHIP, cascade, cores, read, run, run_by_hand, sweep};

/// A section: its name for `--only`, and the function that measures and writes it.
const SECTIONS: [(&str, fn(&mut String)); 9] = [
    ("speed", ensemble::speed),
    ("timings", ensemble::timings),
    ("instructions", instructions::section),
    ("doubling", ensemble::doubling),
    ("crowds", growth::crowds),
    ("gaps", growth::gaps),
    ("settling", growth::settling),
    ("sweeps", growth::sweeps),
    ("million", growth::million),
];

/// The names of the sections, one a line.
pub(crate) fn names() -> String {
    SECTIONS.iter().map(|(name, _)| format!("{name}\n")).collect()
}

/// The text of some sections.
pub(crate) fn some(wanted: &[&str]) -> String {
    if let Some(unknown) = wanted.iter().find(|wanted| SECTIONS.iter().all(|(name, _)| name != *wanted)) {
        return format!("there is no section `{unknown}`; the sections are:\n{}", names());
    }
    let mut text = String::new();
    for (name, section) in SECTIONS.iter().filter(|(name, _)| wanted.contains(name)) {
        told(name, || section(&mut text));
    }
    text
}

/// Measures everything and writes the page.
pub(crate) fn write(path: &Path) {
    let mut page = String::from(
        "# Performance\n\n\
         This page is written by `cargo bench --bench sweep`; do not edit it by hand. The rows of a table were\n\
         measured in turns, and each ratio is the median of the ratios of the turns. Times include starting the program or\n\
         the sweep and writing all files. The [instructions](#instructions) do not depend on the load of the machine.\n\n",
    );
    let _ = writeln!(page, "Measured on {} with {} cores.\n", machine(), cores());
    let all = seconds(|| {
        for (name, section) in SECTIONS {
            told(name, || section(&mut page));
        }
    });
    std::fs::write(path, page.trim_end().to_owned() + "\n").expect("the page can be written");
    say(&format!("the page took {all:.0} s\n"));
}

/// Prints to standard error which section is being measured, and how long it took.
fn told(name: &str, section: impl FnOnce()) {
    say(&format!("{name} …"));
    let took = seconds(section);
    say(&format!(" {took:.1} s\n"));
}

fn say(text: &str) {
    // An error in writing to standard error cannot be reported.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The seconds that a function takes.
fn seconds(thing: impl FnOnce()) -> f64 {
    #[expect(clippy::disallowed_types, reason = "a bench reads the clock")]
    let began = std::time::Instant::now();
    thing();
    began.elapsed().as_secs_f64()
}

/// The shortest time of several calls, in seconds.
fn best_of(times: usize, mut thing: impl FnMut()) -> f64 {
    std::iter::repeat_with(|| seconds(&mut thing)).take(times).fold(f64::INFINITY, f64::min)
}

/// The seconds that several functions took, in rounds in which each was called once.
struct Turns<const N: usize>(Vec<[f64; N]>);

impl<const N: usize> Turns<N> {
    /// Calls the functions in turns; which one comes first in a round changes.
    fn take(rounds: usize, mut things: [&mut dyn FnMut(); N]) -> Self {
        let round = |first: usize| {
            let mut times = [0.0; N];
            for at in 0..N {
                let at = (first + at) % N;
                times[at] = seconds(&mut *things[at]);
            }
            times
        };
        Self((0..rounds).map(round).collect())
    }

    /// The shortest time of each.
    fn best(&self) -> [f64; N] {
        std::array::from_fn(|at| self.0.iter().map(|round| round[at]).fold(f64::INFINITY, f64::min))
    }

    /// The median time of each.
    fn median(&self) -> [f64; N] {
        std::array::from_fn(|at| median(self.0.iter().map(|round| round[at])))
    }

    /// The ratio of the times of two functions: the median over the rounds.
    fn ratio(&self, one: usize, other: usize) -> f64 {
        median(self.0.iter().map(|round| round[one] / round[other]))
    }
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = numbers.collect();
    all.sort_by(f64::total_cmp);
    f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2])
}

/// The exponent of the growth of a cost between two sizes.
fn exponent(sizes: [f64; 2], costs: [f64; 2]) -> f64 {
    libm::log(costs[1] / costs[0]) / libm::log(sizes[1] / sizes[0])
}

/// A ratio as text.
fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

/// The name of the processor, if the system reports it.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "an unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}
