//! Long work: how far it has come, on standard error, and the signals that end it early; the runs under way finish, and what
//! is done is kept.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

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

/// Set by the first signal.
static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Whether the program has been asked to end.
pub(crate) fn is_stopped() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Ctrl-C, and whoever else asks the program to end, lets the runs under way finish; a second time ends it at once. A
/// signal that was ignored when the program was started, as `nohup` does, stays ignored.
#[cfg(unix)]
pub(crate) fn stop_on_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    for signal in [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|&signal| !is_ignored(signal)) {
        // Handlers run in the order in which they were registered: the first signal finds the flag unset. Where one
        // cannot be registered, the default action remains.
        let _ = flag::register_conditional_shutdown(signal, 1, Arc::clone(&STOP));
        let _ = flag::register(signal, Arc::clone(&STOP));
    }
}

/// Ctrl-C, and the end of the console or the session, let the runs under way finish; a second time ends the program at
/// once.
#[cfg(not(unix))]
pub(crate) fn stop_on_signals() {
    // Where there are no such signals the default is what remains.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            #[expect(clippy::exit, reason = "asked twice; a sweep's folder survives it")]
            std::process::exit(1);
        }
    });
}

/// Whether a signal was ignored when the program was started. The line `SigIgn: 0000000000000001` of a process has a bit
/// for each signal, from 1. Systems without `/proc` do not say.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    // What is handled already was not ignored, so that the file need not be read anew once handlers are registered.
    static IGNORED: LazyLock<u64> = LazyLock::new(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    });
    *IGNORED >> (signal - 1) & 1 == 1
}
