//! Signals that ask the program to end: the runs under way finish, and what is done is kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

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
