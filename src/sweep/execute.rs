//! Executes runs in parallel, with results in order and bounded memory.
//!
//! Threads claim batches of consecutive runs; the calling thread takes the finished batches in the order of their
//! runs. Which thread does which batch, and how long the batches are, depends on the clock, but no output does: the
//! bytes of the batches are concatenated in order.
//!
//! Finished batches wait for earlier ones up to [`limits::WAITING_BYTES`]; beyond that, their threads wait.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::limits;

/// The time that a thread works before it hands over its results.
const BATCH_TIME: Duration = Duration::from_millis(25);
/// The time after which a thread returns runs that it has claimed and not begun.
const CLAIM_TIME: Duration = Duration::from_millis(250);
/// The largest number of runs in a batch.
const BATCH_RUNS: u64 = 4_096;
/// Towards the end batches are not shorter than the usual length divided by this, since handing over costs too.
const SHORTEST_PART: u64 = 16;
/// The approximate largest number of bytes in a batch.
const BATCH_BYTES: usize = 512 << 10;
/// The interval at which the calling thread checks for interruption while no result comes.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The results of a batch of consecutive runs.
pub(super) trait Batch: Default + Send {
    /// The approximate size in bytes.
    fn size(&self) -> usize;
}

/// The answer of the calling thread after each batch, or after a while without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Continue.
    Continue,
    /// Begin no more runs; those under way are finished.
    Stop,
}

struct State<S> {
    /// The first unclaimed run.
    next: u64,
    end: u64,
    /// Stretches that were claimed and returned.
    returned: Vec<Range<u64>>,
    /// The first run whose results the calling thread has not taken.
    taken: u64,
    ready: BTreeMap<u64, (u64, S)>,
    ready_bytes: usize,
    /// Length of the next batch, adapted to the duration of the runs so far.
    length: u64,
    stop: bool,
    /// The number of active threads.
    working: usize,
}

struct Shared<S> {
    state: Mutex<State<S>>,
    /// As `stop` of the state, to be looked at before every run.
    stop: AtomicBool,
    /// Signals that a result is ready, or that a thread has ended.
    ready: Condvar,
    /// Signals that there is room for results, or that it is time to stop.
    room: Condvar,
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets threads begin no more runs.
    fn stop(&self, state: &mut State<S>) {
        state.stop = true;
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Registers the end of a thread, even if it panics, so that the others do not wait for it.
struct EndGuard<'a, S>(&'a Shared<S>);

impl<S> Drop for EndGuard<'_, S> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.working -= 1;
        if std::thread::panicking() {
            self.0.stop(&mut state);
        }
        drop(state);
        self.0.ready.notify_all();
        self.0.room.notify_all();
    }
}

/// Executes `runs` on `jobs` threads. `worker` creates the state of a thread, a function that adds the results of a run
/// to a batch. `take` receives the batches in order (or none, after a while without any) and returns whether to
/// continue.
///
/// Returns the end of the runs that were taken.
///
/// # Errors
/// The first error of `take`, after which no more runs begin.
pub(super) fn execute<S, W, E>(
    runs: Range<u64>,
    jobs: usize,
    worker: impl Fn() -> W + Sync,
    mut take: impl FnMut(Option<(Range<u64>, S)>) -> Result<Next, E>,
) -> Result<u64, E>
where
    S: Batch,
    W: FnMut(u64, &mut S),
{
    let jobs = jobs.clamp(1, limits::JOBS);
    let shared = Shared {
        state: Mutex::new(State {
            next: runs.start,
            end: runs.end,
            returned: Vec::new(),
            taken: runs.start,
            ready: BTreeMap::new(),
            ready_bytes: 0,
            length: 1,
            stop: false,
            working: jobs,
        }),
        stop: AtomicBool::new(false),
        ready: Condvar::new(),
        room: Condvar::new(),
    };
    std::thread::scope(|scope| {
        let one = || {
            let _guard = EndGuard(&shared);
            work(&shared, jobs as u64, worker());
        };
        // If the system refuses further threads, the existing ones do the work.
        let started = (0..jobs).take_while(|_| std::thread::Builder::new().spawn_scoped(scope, one).is_ok()).count();
        if started == 0 {
            return alone(runs, worker(), &mut take);
        }
        shared.lock().working -= jobs - started;
        let result = collect(&shared, &mut take);
        shared.stop(&mut shared.lock());
        shared.room.notify_all();
        result
    })
}

/// Executes the runs on the calling thread.
fn alone<S: Batch, E>(
    runs: Range<u64>,
    mut run: impl FnMut(u64, &mut S),
    take: &mut impl FnMut(Option<(Range<u64>, S)>) -> Result<Next, E>,
) -> Result<u64, E> {
    for number in runs.clone() {
        let mut batch = S::default();
        run(number, &mut batch);
        if take(Some((number..number + 1, batch)))? == Next::Stop {
            return Ok(number + 1);
        }
    }
    Ok(runs.end)
}

fn collect<S: Batch, E>(
    shared: &Shared<S>,
    take: &mut impl FnMut(Option<(Range<u64>, S)>) -> Result<Next, E>,
) -> Result<u64, E> {
    let mut state = shared.lock();
    loop {
        let first = state.taken;
        if let Some((end, batch)) = state.ready.remove(&first) {
            drop(state);
            let size = batch.size();
            let go = take(Some((first..end, batch)))?;
            state = shared.lock();
            state.taken = end;
            state.ready_bytes -= size;
            if go == Next::Stop {
                shared.stop(&mut state);
            }
            shared.room.notify_all();
        } else if state.taken == state.end || state.working == 0 {
            return Ok(state.taken);
        } else {
            let (woken, timeout) =
                shared.ready.wait_timeout(state, POLL_INTERVAL).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() {
                drop(state);
                let go = take(None)?;
                state = shared.lock();
                if go == Next::Stop {
                    shared.stop(&mut state);
                    shared.room.notify_all();
                }
            }
        }
    }
}

/// Claims the next batch of runs.
fn claim<S>(shared: &Shared<S>, jobs: u64) -> Option<Range<u64>> {
    let mut state = shared.lock();
    if state.stop {
        return None;
    }
    if let Some(at) = (0..state.returned.len()).min_by_key(|&at| state.returned[at].start) {
        return Some(state.returned.swap_remove(at));
    }
    // Stretches get shorter towards the end, so that all threads finish together.
    let share = (state.end - state.next) / (2 * jobs);
    let length =
        if jobs == 1 { state.length } else { state.length.min(share.max(state.length / SHORTEST_PART)).max(1) };
    let first = state.next;
    state.next = state.end.min(first + length);
    (first < state.end).then(|| first..state.next)
}

/// Hands over results when there is room for them. The earliest results are always accepted.
fn hand_over<S: Batch>(shared: &Shared<S>, runs: Range<u64>, batch: S) {
    let size = batch.size();
    let mut state = shared.lock();
    while state.taken != runs.start && state.ready_bytes + size > limits::WAITING_BYTES && !state.stop {
        state = shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.ready_bytes += size;
    state.ready.insert(runs.start, (runs.end, batch));
    drop(state);
    shared.ready.notify_all();
}

fn work<S: Batch, W: FnMut(u64, &mut S)>(shared: &Shared<S>, jobs: u64, mut run: W) {
    while let Some(claimed) = claim(shared, jobs) {
        #[expect(clippy::disallowed_types, reason = "how much work is claimed at once, never what comes of it")]
        let began = std::time::Instant::now();
        let mut first = claimed.start;
        let mut batch = S::default();
        for at in claimed.clone() {
            if shared.stop.load(Ordering::Relaxed) {
                if at > first {
                    hand_over(shared, first..at, batch);
                }
                return;
            }
            run(at, &mut batch);
            let end = at + 1;
            // The clock is read only if runs are long.
            let is_long =
                end == claimed.end || (end - claimed.start).is_multiple_of(16) || claimed.end - claimed.start < 64;
            let waited = if is_long { began.elapsed() } else { Duration::ZERO };
            if waited > CLAIM_TIME && end < claimed.end {
                hand_over(shared, first..end, std::mem::take(&mut batch));
                shared.lock().returned.push(end..claimed.end);
                first = claimed.end;
                break;
            }
            if batch.size() > BATCH_BYTES && end < claimed.end {
                hand_over(shared, first..end, std::mem::take(&mut batch));
                first = end;
            }
        }
        adapt(shared, &claimed, began.elapsed());
        if first < claimed.end {
            hand_over(shared, first..claimed.end, batch);
        }
    }
}

/// Adapts the length of the next batches to the target duration.
fn adapt<S>(shared: &Shared<S>, claimed: &Range<u64>, took: Duration) {
    let length = claimed.end - claimed.start;
    let mut state = shared.lock();
    if took > BATCH_TIME {
        state.length = (length / 2).max(1);
    } else if took < BATCH_TIME / 2 && length >= state.length {
        state.length = (state.length * 2).min(BATCH_RUNS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Numbers(Vec<u64>);

    impl Batch for Numbers {
        fn size(&self) -> usize {
            self.0.len() * 1024
        }
    }

    fn all(runs: Range<u64>, jobs: usize, cost: impl Fn(u64) -> Duration + Sync) -> Vec<u64> {
        let mut found = Vec::new();
        let end = execute::<Numbers, _, ()>(
            runs.clone(),
            jobs,
            || {
                |run, out: &mut Numbers| {
                    std::thread::sleep(cost(run));
                    out.0.push(run);
                }
            },
            |batch| {
                if let Some((range, Numbers(numbers))) = batch {
                    assert_eq!(range.end - range.start, numbers.len() as u64);
                    found.extend(numbers);
                }
                Ok(Next::Continue)
            },
        );
        assert_eq!(end, Ok(runs.end));
        found
    }

    #[test]
    fn results_come_in_order_on_any_number_of_threads() {
        for jobs in [1, 2, 8] {
            assert_eq!(all(5..20_000, jobs, |_| Duration::ZERO), (5..20_000).collect::<Vec<_>>());
        }
        assert_eq!(all(3..3, 4, |_| Duration::ZERO), Vec::<u64>::new());
    }

    #[test]
    fn one_thread_gives_the_same_results_as_several() {
        let mut found = Vec::new();
        let mut take = |batch: Option<(Range<u64>, Numbers)>| {
            found.extend(batch.map(|(_, Numbers(numbers))| numbers).unwrap_or_default());
            Ok::<Next, ()>(if found.len() == 7 { Next::Stop } else { Next::Continue })
        };
        assert_eq!(alone(3..20, |run, out: &mut Numbers| out.0.push(run), &mut take), Ok(10));
        assert_eq!(found, (3..10).collect::<Vec<_>>());
    }

    #[test]
    fn results_do_not_depend_on_the_duration_of_runs() {
        let cost = |run: u64| Duration::from_millis(if run.is_multiple_of(37) { 30 } else { 0 });
        assert_eq!(all(0..300, 3, cost), (0..300).collect::<Vec<_>>());
    }

    #[test]
    fn a_stop_keeps_a_contiguous_prefix_of_the_runs() {
        let mut found = Vec::new();
        let end = execute::<Numbers, _, ()>(
            0..1_000_000,
            4,
            || |run, out: &mut Numbers| out.0.push(run),
            |batch| {
                found.extend(batch.map(|(_, Numbers(numbers))| numbers).unwrap_or_default());
                Ok(if found.len() > 1_000 { Next::Stop } else { Next::Continue })
            },
        )
        .unwrap();
        assert!(end < 1_000_000);
        assert_eq!(found, (0..end).collect::<Vec<_>>());
    }

    /// A stop does not wait for the runs that were claimed and not begun.
    #[test]
    fn a_stop_waits_only_for_active_runs() {
        let begun = AtomicBool::new(false);
        let later = std::sync::atomic::AtomicU64::new(0);
        let mut stopped = false;
        let end = execute::<Numbers, _, ()>(
            0..1_000_000,
            2,
            || {
                |run, out: &mut Numbers| {
                    if begun.load(Ordering::SeqCst) {
                        // Two threads have a run under way, and may begin another; a batch would take 13 of them each.
                        later.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    out.0.push(run);
                }
            },
            |batch| {
                stopped |= batch.is_some_and(|(range, _)| range.end > 10_000);
                begun.store(stopped, Ordering::SeqCst);
                Ok(if stopped { Next::Stop } else { Next::Continue })
            },
        );
        assert!(end.unwrap() > 10_000);
        assert!(later.load(Ordering::SeqCst) <= 12, "{later:?}");
    }

    #[test]
    fn an_error_ends_the_work() {
        let failed = execute::<Numbers, _, &str>(
            0..1_000_000_000,
            4,
            || |run, out: &mut Numbers| out.0.push(run),
            |_| Err("full"),
        );
        assert_eq!(failed, Err("full"));
    }
}
