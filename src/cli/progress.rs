//! Long work: how far it has come, on standard error, and the signals that end it early; the runs under way finish, and what
//! is done is kept.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use backstop::report::wording;
use backstop::sweep::{Progress, limits};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::console::print_error_line;

/// The number of cores, which is the default number of threads.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(limits::JOBS)
}

/// A progress bar, if standard error is a terminal.
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

/// Whether to print progress lines, because no progress bar is visible.
static SIGNS: AtomicBool = AtomicBool::new(false);
/// The shortest time between two progress lines.
const SILENCE: std::time::Duration = std::time::Duration::from_mins(1);

/// Prints a progress line if the last one is long enough ago.
fn sign(progress: Progress) {
    #[expect(clippy::disallowed_types, reason = "when a line is said, never what is written")]
    type Instant = std::time::Instant;
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let began = *last.get_or_insert_with(Instant::now);
    if began.elapsed() >= SILENCE {
        *last = Some(Instant::now());
        print_error_line(&format!(
            "{} of {} runs are done",
            wording::whole(progress.done),
            wording::whole(progress.total)
        ));
    }
}

/// Set by the first signal.
static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Whether the program has been asked to stop.
pub(crate) fn is_stopped() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Installs handlers for Ctrl-C and the other termination signals. The first signal lets active runs finish; the second
/// ends the program at once. A signal that was ignored at the start, as `nohup` arranges, stays ignored.
#[cfg(unix)]
pub(crate) fn stop_on_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    for signal in [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|&signal| !is_ignored(signal)) {
        // Handlers run in the order of registration, so the first signal finds the flag unset. If a handler cannot be
        // registered, the default action remains.
        let _ = flag::register_conditional_shutdown(signal, 1, Arc::clone(&STOP));
        let _ = flag::register(signal, Arc::clone(&STOP));
    }
}

/// Installs handlers for Ctrl-C and for the end of the console or session. The first signal lets active runs finish;
/// the second ends the program at once.
#[cfg(not(unix))]
pub(crate) fn stop_on_signals() {
    // Without a handler, the default action remains.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            #[expect(clippy::exit, reason = "asked twice; a sweep's folder survives it")]
            std::process::exit(1);
        }
    });
}

/// Whether a signal was ignored when the program was started. The line `SigIgn: 0000000000000001` of
/// `/proc/self/status` has a bit for each signal, from 1. `false` on systems without `/proc`.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    // Read the file only once: a registered handler changes it.
    static IGNORED: LazyLock<u64> = LazyLock::new(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    });
    *IGNORED >> (signal - 1) & 1 == 1
}
