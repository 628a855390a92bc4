//! How far long work has come, shown on standard error.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use backstop::report::wording;
use backstop::sweep::{Progress, limits};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::console::say;

/// The cores of the machine, as many as there may be threads.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(limits::JOBS)
}

/// A bar on standard error, where that is a terminal.
pub(crate) fn bar(quiet: bool) -> ProgressBar {
    SIGNS.store(!quiet && !std::io::stderr().is_terminal(), Ordering::Relaxed);
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(None, target);
    let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} runs  {rate}  {eta} left");
    let rate = |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        // Writing to the bar's own buffer cannot fail.
        let _ = write!(text, "{:.0} a second", state.per_sec());
    };
    bar.set_style(
        style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("rate", rate).progress_chars("█▉▊▋▌▍▎▏ "),
    );
    bar
}

pub(crate) fn show(bar: &ProgressBar, progress: Progress) {
    if bar.length() != Some(progress.total) {
        bar.set_length(progress.total);
        bar.set_position(progress.before);
        bar.reset_eta();
    }
    bar.set_position(progress.done);
    if SIGNS.load(Ordering::Relaxed) {
        sign(progress);
    }
}

/// Whether a sign of life is wanted now and then, where there is no bar to be seen.
static SIGNS: AtomicBool = AtomicBool::new(false);
/// How long nothing is said, at least.
const SILENCE: std::time::Duration = std::time::Duration::from_mins(1);

/// A line now and then that says how far the work is.
fn sign(progress: Progress) {
    #[expect(clippy::disallowed_types, reason = "when a line is said, never what is written")]
    type Instant = std::time::Instant;
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let began = *last.get_or_insert_with(Instant::now);
    if began.elapsed() >= SILENCE {
        *last = Some(Instant::now());
        say(&format!("{} of {} runs are done", wording::whole(progress.done), wording::whole(progress.total)));
    }
}
