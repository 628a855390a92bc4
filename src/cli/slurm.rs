//! `sweep --slurm`: runs the shards of a sweep as one Slurm job array, watches them, resubmits those that fail, and
//! merges the results.
//!
//! Everything that the tasks need is in a folder beside the output folder: a copy of the scenario, the script, the
//! shards, and the output of the tasks. The state of the array is kept there too, so the program can be stopped and
//! resumed. The folder is removed when the sweep has been merged.

mod script;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use backstop::report::wording::escaped;
use backstop::store::limits::MANIFEST_BYTES;
use backstop::store::{
    Lock, MANIFEST, Manifest, Staging, is_partial, read_file, remove_folder, remove_left_beside, write_file,
};
use backstop::sweep::{Outline, Progress, Shard, Sweep, differences, done_in, is_begun, limits, merge};
use serde::{Deserialize, Serialize};

use super::console::{Failed, emit, emit_bytes, fail, print_error_line};
use super::files::refuse_sweep;
use super::progress::{bar, show};
use super::progress::{is_stopped, stop_on_signals};
use super::sweep::{self, Args, Origin, conclusion, written};

/// The file with the state of the array.
const STATE: &str = "array.json";
/// The interval between queries to the cluster.
const POLL: Duration = Duration::from_secs(1);
/// The number of queries in a row that may fail.
const SILENT: u32 = 60;
/// The number of attempts to submit a job while the cluster is busy.
const SUBMISSIONS: u32 = 10;
/// The script, in the folder of the array.
const SCRIPT: &str = "job.sh";
/// The number of queries after which a missing task counts as failed, since a shared disk may lag behind.
const PATIENCE: u32 = 3;

/// The state of the array, saved so that it can be resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Array {
    /// The number of tasks.
    tasks: u64,
    /// The jobs submitted so far, the latest last.
    jobs: Vec<Job>,
}

/// A submitted job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    id: String,
    /// The cluster that it was submitted to, if `sbatch` names one.
    #[serde(default)]
    cluster: Option<String>,
    tasks: Vec<u64>,
}

/// The folder beside the output folder.
struct ArrayFolder {
    folder: PathBuf,
}

impl ArrayFolder {
    fn of(out: &Path) -> Result<Self, Failed> {
        let name = out.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(name) = name else {
            return Err(fail("`--out` has no name", Some("give a folder such as `out/sweep`")));
        };
        if out.to_string_lossy().contains(|c: char| c.is_control() || matches!(c, '"' | '\'' | '\\')) {
            let message = "`--out` has a quote, a backslash or a control character in it, which the script cannot hold";
            return Err(fail(message, Some("choose another name")));
        }
        let absolute = std::path::absolute(out).map_err(|error| cannot("find", out, &error))?;
        Ok(Self { folder: absolute.with_file_name(format!("{name}.slurm")) })
    }

    fn shard(&self, number: u64) -> PathBuf {
        self.folder.join(format!("shard-{number}"))
    }

    fn task_output(&self, number: u64) -> PathBuf {
        self.folder.join("said").join(format!("{number}.txt"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Refuses a folder that contains anything else than an array's files.
    fn check_own(&self) -> Result<(), Failed> {
        let refused = |why: &str| {
            let message = format!("`{}` {why}", escaped(&self.folder.display().to_string()));
            fail(&message, Some("move it away, or choose another `--out`"))
        };
        let is_ours = read(&self.file(MANIFEST)).is_ok_and(|text| Manifest::from_json(&text).is_ok());
        if !is_ours {
            return Err(refused("was not written by this program"));
        }
        let entries = fs::read_dir(&self.folder).map_err(|error| cannot("read", &self.folder, &error))?;
        for entry in entries {
            let name = entry.map_err(|error| cannot("read", &self.folder, &error))?.file_name();
            let name = name.to_string_lossy();
            let is_shard = name.strip_prefix("shard-").is_some_and(|number| number.parse::<u64>().is_ok());
            let own = [script::SCENARIO, script::DESIGN, "said", SCRIPT, MANIFEST, STATE];
            if !is_shard && !is_partial(&name) && !own.contains(&&*name) {
                return Err(refused(&format!("holds `{}`, which this program did not write", escaped(&name))));
            }
        }
        Ok(())
    }

    fn remove(&self) -> Result<(), Failed> {
        remove_folder(&self.folder).map_err(|error| fail(&error.to_string(), error.help()))
    }
}

/// Runs a sweep on the cluster.
pub(crate) fn slurm(args: &Args, tasks: u64, out: &Path) -> Result<(), Failed> {
    let sweep = sweep::prepare(args, sweep::jobs(args))?;
    let runs = sweep.range().end;
    if tasks == 0 || tasks > limits::SHARDS.min(runs) {
        let most = limits::SHARDS.min(runs);
        return Err(fail(
            &format!("`--slurm {tasks}` cannot divide {runs} runs into that many tasks"),
            Some(&format!("give 1 to {most}")),
        ));
    }
    let array_folder = ArrayFolder::of(out)?;
    let script = script::script(args, sweep.experiment.document(), &array_folder.folder, tasks)?;
    if args.cluster.print_slurm {
        // Print the raw bytes: escaping an unusual character in a path would break the script.
        return emit_bytes(script.as_bytes());
    }
    if is_complete(out) && args.resume {
        sweep::run_here(args, &sweep, sweep::jobs(args))?;
        // The merge was done, but the command ended before it removed the folder.
        if array_folder.file(STATE).exists()
            && array_folder.check_own().is_ok()
            && resume_array(&sweep, &array_folder, tasks).is_ok()
        {
            array_folder.remove()?;
        }
        return remove_left_beside(&array_folder.folder).map_err(|error| fail(&error.to_string(), error.help()));
    }
    // An interrupted merge leaves an incomplete folder, which may be replaced.
    let may_replace = args.force || args.resume && is_begun(out);
    // Fail before the cluster does any work. The merge locks the folder later.
    drop(super::files::claim(out, may_replace)?);
    let mut array = if args.resume && array_folder.file(STATE).exists() {
        resume_array(&sweep, &array_folder, tasks)?
    } else {
        begin(args, &sweep, &array_folder, &script, tasks)?
    };
    let watched = watch(args, &sweep, &array_folder, &mut array);
    if watched.is_err() && array.jobs.is_empty() {
        // Nothing was submitted, so there is nothing to resume.
        array_folder.remove()?;
    }
    watched?;
    merge_shards(args, out, &array_folder, tasks)
}

fn is_complete(out: &Path) -> bool {
    read(&out.join(MANIFEST)).is_ok_and(|text| Manifest::from_json(&text).is_ok_and(|m| m.complete))
}

/// Whether a shard is complete and its task has released it. A task holds the lock for a moment after its last file
/// appears, and the merge refuses a folder that is locked for writing.
fn is_mergeable(shard: &Path) -> bool {
    is_complete(shard) && Lock::to_read(shard).is_ok()
}

/// Creates the folder of the array with the scenario, the design and the script.
fn begin(args: &Args, sweep: &Sweep, array_folder: &ArrayFolder, script: &str, tasks: u64) -> Result<Array, Failed> {
    if array_folder.folder.exists() && !args.force {
        let message = format!("`{}` already exists", escaped(&array_folder.folder.display().to_string()));
        return Err(fail(&message, Some("`--resume` continues the sweep; `--force` starts it again")));
    }
    if array_folder.folder.exists() {
        array_folder.check_own()?;
        array_folder.remove()?;
    }
    let staging = Staging::beside(&array_folder.folder).map_err(|error| fail(&error.to_string(), error.help()))?;
    let array = fill(args, sweep, &ArrayFolder { folder: staging.path().to_owned() }, script, tasks)?;
    let (_lock, synced) = staging.appear().map_err(|error| fail(&error.to_string(), error.help()))?;
    synced.map_err(|error| cannot("sync", &array_folder.folder, &error))?;
    Ok(array)
}

/// Writes the files that the tasks need into the folder of the array.
fn fill(args: &Args, sweep: &Sweep, array_folder: &ArrayFolder, script: &str, tasks: u64) -> Result<Array, Failed> {
    let said = array_folder.file("said");
    fs::create_dir_all(&said).map_err(|error| cannot("create", &said, &error))?;
    let document = sweep.experiment.document();
    let copied = array_folder.folder.join(script::scenario(args, document));
    put(&copied, document.text())?;
    for (attachment, bytes) in document.attachments() {
        put_bytes(&copied.with_file_name("").join(&attachment.location), bytes)?;
    }
    if let Some(design) = &args.design.design {
        let to = array_folder.folder.join(script::design(design));
        put(&to, "")?;
        fs::copy(design, &to).map_err(|error| cannot("copy", design, &error))?;
    }
    put(&array_folder.file(SCRIPT), script)?;
    put(&array_folder.file(MANIFEST), &sweep.manifest().to_json())?;
    let array = Array { tasks, jobs: Vec::new() };
    array.keep(array_folder)?;
    Ok(array)
}

/// Reads the array that an earlier session left.
fn resume_array(sweep: &Sweep, array_folder: &ArrayFolder, tasks: u64) -> Result<Array, Failed> {
    let folder = escaped(&array_folder.folder.display().to_string());
    let path = array_folder.file(MANIFEST);
    let text = read(&path).map_err(|error| cannot("read", &path, &error))?;
    let broken =
        || fail(&format!("`{folder}` is not the folder of a sweep on a cluster"), Some("`--force` starts it again"));
    let old = Manifest::from_json(&text)
        .map_err(|_| fail(&format!("`{folder}` was written by another version"), Some("`--force` starts it again")))?;
    let outline = Outline::of(&old, &folder).map_err(|error| refuse_sweep(&error, None))?;
    let mut differing = differences((&old, &outline), (&sweep.manifest(), &sweep.outline()));
    if outline.replicates != sweep.schedule.replicates {
        let (before, now) = (outline.replicates, sweep.schedule.replicates);
        differing.push(format!("there were {before} replicates, and {now} are asked for"));
    }
    let path = array_folder.file(STATE);
    let text = read(&path).map_err(|error| cannot("read", &path, &error))?;
    let array: Array = serde_json::from_str(&text).map_err(|_| broken())?;
    if array.tasks != tasks {
        differing.push(format!("there were {} tasks, and {tasks} are asked for", array.tasks));
    }
    if differing.is_empty() {
        return Ok(array);
    }
    let message = format!("`{folder}` holds another sweep: {}", differing.join("; "));
    Err(fail(&message, Some("give the same arguments as before, or `--force` to start again")))
}

impl Array {
    fn keep(&self, array_folder: &ArrayFolder) -> Result<(), Failed> {
        put(
            &array_folder.file(STATE),
            &(serde_json::to_string_pretty(self).expect("an array has string keys only") + "\n"),
        )
    }

    /// Submits some tasks as one job, with retries while the cluster is busy.
    fn submit(&mut self, array_folder: &ArrayFolder, tasks: Vec<u64>) -> Result<(), Failed> {
        let mut tries = 0;
        let output = loop {
            let mut sbatch = Command::new("sbatch");
            sbatch.arg("--parsable").arg(format!("--array={}", script::ranges(&tasks))).arg(array_folder.file(SCRIPT));
            let output = sbatch.output().map_err(|error| {
                let help =
                    "the program needs `sbatch` and `squeue`; `--print-slurm` prints the script to submit elsewhere";
                fail(&format!("cannot run `sbatch`: {error}"), Some(help))
            })?;
            tries += 1;
            let is_busy = !output.status.success() && script::is_busy(&String::from_utf8_lossy(&output.stderr));
            if !is_busy || tries >= SUBMISSIONS || is_stopped() {
                break output;
            }
            pause();
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let help = "change `--sbatch-arg`; `--resume` then continues";
            return Err(fail(&format!("sbatch refuses: {}", escaped(said.trim())), Some(help)));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let Some((id, cluster)) = script::job_id(&said) else {
            let help = "`squeue` lists what was submitted, and `scancel` ends it";
            return Err(fail(&format!("sbatch gives no job id, but says: {}", escaped(said.trim())), Some(help)));
        };
        self.jobs.push(Job { id, cluster, tasks });
        self.keep(array_folder)
    }

    /// The tasks that the cluster has not finished; `None` if the query failed.
    fn unfinished(&self) -> Option<Vec<u64>> {
        let mut by_cluster: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        for job in &self.jobs {
            by_cluster.entry(job.cluster.as_deref()).or_default().push(&job.id);
        }
        let mut unfinished = Vec::new();
        for (cluster, ids) in by_cluster {
            let mut squeue = Command::new("squeue");
            squeue.args(cluster.map(|cluster| format!("--clusters={cluster}")));
            squeue.args(["--noheader", "--array", "--states=all", "--format=%i %T", "--jobs"]).arg(ids.join(","));
            let output = squeue.output().ok()?;
            if output.status.success() {
                unfinished.extend(script::unfinished(&String::from_utf8_lossy(&output.stdout)));
            } else if !String::from_utf8_lossy(&output.stderr).contains("Invalid job id") {
                return None;
            }
            // An invalid job id means that the jobs ended so long ago that Slurm has forgotten them.
        }
        Some(unfinished)
    }

    /// Says that the tasks continue, and how to cancel or resume them.
    fn continuation_help(&self) -> String {
        let cancel = |job: &Job| {
            let cluster = job.cluster.as_ref().map(|cluster| format!(" --clusters={cluster}")).unwrap_or_default();
            format!("`scancel{cluster} {}`", job.id)
        };
        let cancel = self.jobs.last().map(|job| format!("; {} ends the latest of them", cancel(job)));
        let cancel = cancel.unwrap_or_default();
        format!("the tasks continue; `--resume` with the same arguments watches them again{cancel}")
    }
}

/// Watches the array until every shard is complete, and resubmits tasks that ended without completing theirs.
fn watch(args: &Args, sweep: &Sweep, array_folder: &ArrayFolder, array: &mut Array) -> Result<(), Failed> {
    stop_on_signals();
    let bar = bar(args.quiet);
    let total = sweep.range().end;
    let mut watched = Watched::default();
    let result = loop {
        let Some(mut unfinished) = array.unfinished() else {
            watched.silent += 1;
            if watched.silent == 1 {
                bar.suspend(|| print_error_line("warning: the cluster gives no answer; asking again"));
            }
            if watched.silent > SILENT {
                break Err(fail("the cluster gives no answer", Some(&array.continuation_help())));
            }
            pause();
            continue;
        };
        watched.silent = 0;
        let done: u64 = (1..=array.tasks).map(|number| runs_done(sweep, array_folder, number, array.tasks)).sum();
        show(&bar, Progress { done, total, before: 0 });
        let missing: Vec<u64> =
            (1..=array.tasks).filter(|&number| !is_mergeable(&array_folder.shard(number))).collect();
        if missing.is_empty() {
            break Ok(());
        }
        // A task that has completed its shard but still holds the folder is about to end.
        unfinished.extend(missing.iter().filter(|&&number| is_complete(&array_folder.shard(number))));
        if is_stopped() {
            break Err(fail("interrupted before the sweep was done", Some(&array.continuation_help())));
        }
        match watched.tasks_to_resubmit(&missing, &unfinished, args.cluster.slurm_retries) {
            Ok(tasks) if tasks.is_empty() => pause(),
            Ok(tasks) => {
                for task in tasks.iter().filter(|task| watched.retries.contains_key(task)) {
                    bar.suspend(|| {
                        print_error_line(&format!("warning: task {task} failed or timed out; it is submitted again"));
                    });
                }
                if let Err(failed) = array.submit(array_folder, tasks) {
                    break Err(failed);
                }
            }
            Err(task) => {
                let said = output_tail(&array_folder.task_output(task));
                let message = format!("task {task} failed {} times{said}", args.cluster.slurm_retries + 1);
                let help = "the other tasks continue; `--resume` with the same arguments tries again";
                break Err(fail(&message, Some(help)));
            }
        }
    };
    bar.finish_and_clear();
    result
}

/// The state of the watch.
#[derive(Debug, Default)]
struct Watched {
    /// The number of queries in a row that failed.
    silent: u32,
    /// For each task, the number of queries in a row in which it was missing.
    gone: BTreeMap<u64, u32>,
    /// The number of times each task has been resubmitted.
    retries: BTreeMap<u64, u32>,
    /// Whether the tasks have been submitted or found in this session.
    begun: bool,
}

impl Watched {
    /// The tasks to submit now: at first all incomplete ones, later those that are missing and incomplete. `Err` gives
    /// a task that has been tried too often.
    fn tasks_to_resubmit(&mut self, missing: &[u64], unfinished: &[u64], most: u32) -> Result<Vec<u64>, u64> {
        let gone: Vec<u64> = missing.iter().copied().filter(|task| !unfinished.contains(task)).collect();
        if !self.begun {
            self.begun = true;
            return Ok(gone);
        }
        self.gone.retain(|task, _| gone.contains(task));
        let mut again = Vec::new();
        for task in gone {
            let times = self.gone.entry(task).or_default();
            *times += 1;
            if *times >= PATIENCE {
                let retries = self.retries.entry(task).or_default();
                *retries += 1;
                if *retries > most {
                    return Err(task);
                }
                again.push(task);
            }
        }
        for task in &again {
            self.gone.remove(task);
        }
        Ok(again)
    }
}

fn pause() {
    // Sleep in short intervals, so that an interrupt takes effect at once.
    for _ in 0..10 {
        if is_stopped() {
            return;
        }
        std::thread::sleep(POLL / 10);
    }
}

fn runs_done(sweep: &Sweep, array_folder: &ArrayFolder, number: u64, of: u64) -> u64 {
    let range = Shard { number, of }.range(sweep.range().end);
    done_in(&array_folder.shard(number), range)
}

/// The end of the output of a task.
fn output_tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(5)..].iter().map(|line| escaped(line)).collect::<Vec<_>>();
    if last.is_empty() { String::new() } else { format!("; it last said:\n  {}", last.join("\n  ")) }
}

/// Merges the shards and removes the folder of the array.
fn merge_shards(args: &Args, out: &Path, array_folder: &ArrayFolder, tasks: u64) -> Result<(), Failed> {
    let folders: Vec<PathBuf> = (1..=tasks).map(|number| array_folder.shard(number)).collect();
    let bar = bar(args.quiet);
    let result = merge(&folders, out, true, &mut |progress| {
        show(&bar, progress);
        true
    });
    bar.finish_and_clear();
    let (sweep, done) = result.map_err(|error| refuse_sweep(&error, None))?;
    array_folder.remove()?;
    if args.quiet {
        return Ok(());
    }
    let text = conclusion(&sweep, &done.summary, Origin::Folder(out))?;
    emit(&(text + &written(out, sweep.tables)))
}

fn read(path: &Path) -> std::io::Result<String> {
    read_file(path, MANIFEST_BYTES).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn put(path: &Path, text: &str) -> Result<(), Failed> {
    put_bytes(path, text.as_bytes())
}

fn put_bytes(path: &Path, bytes: &[u8]) -> Result<(), Failed> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
    }
    write_file(path, bytes).map_err(|error| fail(&error.to_string(), None))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failed {
    fail(&format!("cannot {what} `{}`: {error}", escaped(&path.display().to_string())), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_that_are_gone_are_resubmitted_up_to_a_limit() {
        let mut watched = Watched::default();
        assert_eq!(watched.tasks_to_resubmit(&[1, 2, 3], &[], 1), Ok(vec![1, 2, 3]));
        assert_eq!(watched.tasks_to_resubmit(&[1, 2, 3], &[1, 2, 3], 1), Ok(vec![]));
        // Task 2 is missing, but may still appear.
        assert_eq!(watched.tasks_to_resubmit(&[1, 2], &[1], 1), Ok(vec![]));
        assert_eq!(watched.tasks_to_resubmit(&[1, 2], &[1], 1), Ok(vec![]));
        assert_eq!(watched.tasks_to_resubmit(&[1, 2], &[1], 1), Ok(vec![2]));
        assert_eq!(watched.tasks_to_resubmit(&[1, 2], &[1, 2], 1), Ok(vec![]));
        for _ in 1..PATIENCE {
            assert_eq!(watched.tasks_to_resubmit(&[1, 2], &[1], 1), Ok(vec![]));
        }
        assert_eq!(watched.tasks_to_resubmit(&[1, 2], &[1], 1), Err(2));
    }

    #[test]
    fn tasks_that_still_exist_are_not_submitted_on_resume() {
        let mut watched = Watched::default();
        assert_eq!(watched.tasks_to_resubmit(&[1, 3], &[3], 1), Ok(vec![1]));
    }
}
