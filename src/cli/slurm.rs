//! `sweep --slurm`: the shards of a sweep as one job array of Slurm, watched, submitted again where they fail, merged.
//!
//! Everything that the tasks need lies in a folder beside the output folder: the scenario as it is now, the
//! script, the shards, what the tasks said. The state of the array is kept there too, so that the program can
//! be left and picked up again. It goes when the sweep has been merged.

mod script;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use backstop::report::wording::escaped;
use backstop::store::limits::MANIFEST_BYTES;
use backstop::store::{
    MANIFEST, Manifest, Staging, is_partial, read_file, remove_folder, remove_left_beside, write_file,
};
use backstop::sweep::{Outline, Progress, Shard, Sweep, differences, done_in, is_begun, limits, merge};
use serde::{Deserialize, Serialize};

use super::console::{Failed, emit, emit_bytes, fail, say};
use super::folders::refuse_sweep;
use super::progress::{bar, show};
use super::progress::{is_stopped, stop_on_signals};
use super::sweep::{self, Args, Origin, conclusion, written};

/// Where the state of the array is kept.
const STATE: &str = "array.json";
/// How often the cluster is asked.
const POLL: Duration = Duration::from_secs(1);
/// Times in a row that the cluster may give no answer.
const SILENT: u32 = 60;
/// Times in a row that a submission is tried while the cluster is busy.
const SUBMISSIONS: u32 = 10;
/// The script, in the folder of the array.
const SCRIPT: &str = "job.sh";
/// How often a task that is gone is looked at before it counts as failed: a shared disk may lag behind.
const PATIENCE: u32 = 3;

/// The state of the array, kept so that it can be picked up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Array {
    /// Number of tasks.
    tasks: u64,
    /// The jobs submitted so far, the latest last.
    jobs: Vec<Job>,
}

/// A submitted job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    id: String,
    /// The cluster it was submitted to, where `sbatch` names one.
    #[serde(default)]
    cluster: Option<String>,
    tasks: Vec<u64>,
}

/// The folder beside the output folder.
struct Place {
    folder: PathBuf,
}

impl Place {
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

    fn said(&self, number: u64) -> PathBuf {
        self.folder.join("said").join(format!("{number}.txt"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Refuses a folder that holds anything that the folder of an array does not.
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
            &format!("`--slurm {tasks}` is no number of tasks for {runs} runs"),
            Some(&format!("give 1 to {most}")),
        ));
    }
    let place = Place::of(out)?;
    let script = script::script(args, sweep.experiment.document(), &place.folder, tasks)?;
    if args.cluster.print_slurm {
        // As it is: a path with an invisible character in it would not lead anywhere once that is escaped.
        return emit_bytes(script.as_bytes());
    }
    if is_complete(out) && args.resume {
        sweep::conduct(args, &sweep, sweep::jobs(args))?;
        // The merge was done, and the end of the command cut short.
        if place.file(STATE).exists() && place.check_own().is_ok() && pick_up(&sweep, &place, tasks).is_ok() {
            place.remove()?;
        }
        return remove_left_beside(&place.folder).map_err(|error| fail(&error.to_string(), error.help()));
    }
    // A merge that was cut short has left a folder that is not complete; it may be replaced.
    let may_replace = args.force || args.resume && is_begun(out);
    // Looked at before the cluster works for it; the merge locks it.
    drop(super::folders::claim(out, may_replace)?);
    let mut array = if args.resume && place.file(STATE).exists() {
        pick_up(&sweep, &place, tasks)?
    } else {
        begin(args, &sweep, &place, &script, tasks)?
    };
    let watched = watch(args, &sweep, &place, &mut array);
    if watched.is_err() && array.jobs.is_empty() {
        // Nothing was submitted, so that there is nothing to pick up.
        place.remove()?;
    }
    watched?;
    put_together(args, out, &place, tasks)
}

fn is_complete(out: &Path) -> bool {
    read(&out.join(MANIFEST)).is_ok_and(|text| Manifest::from_json(&text).is_ok_and(|m| m.complete))
}

/// A new folder for the array: the scenario, the design, the script.
fn begin(args: &Args, sweep: &Sweep, place: &Place, script: &str, tasks: u64) -> Result<Array, Failed> {
    if place.folder.exists() && !args.force {
        let message = format!("`{}` is there already", escaped(&place.folder.display().to_string()));
        return Err(fail(&message, Some("`--resume` picks the sweep up again; `--force` begins it anew")));
    }
    if place.folder.exists() {
        place.check_own()?;
        place.remove()?;
    }
    let staging = Staging::beside(&place.folder).map_err(|error| fail(&error.to_string(), error.help()))?;
    let array = fill(args, sweep, &Place { folder: staging.path().to_owned() }, script, tasks)?;
    let (_lock, synced) = staging.appear().map_err(|error| fail(&error.to_string(), error.help()))?;
    synced.map_err(|error| cannot("sync", &place.folder, &error))?;
    Ok(array)
}

/// Puts into the folder of the array what its tasks need.
fn fill(args: &Args, sweep: &Sweep, place: &Place, script: &str, tasks: u64) -> Result<Array, Failed> {
    let said = place.file("said");
    fs::create_dir_all(&said).map_err(|error| cannot("create", &said, &error))?;
    let document = sweep.experiment.document();
    let copied = place.folder.join(script::scenario(args, document));
    put(&copied, document.text())?;
    for (attachment, bytes) in document.attachments() {
        put_bytes(&copied.with_file_name("").join(&attachment.location), bytes)?;
    }
    if let Some(design) = &args.design.design {
        let to = place.folder.join(script::design(design));
        put(&to, "")?;
        fs::copy(design, &to).map_err(|error| cannot("copy", design, &error))?;
    }
    put(&place.file(SCRIPT), script)?;
    put(&place.file(MANIFEST), &sweep.manifest().to_json())?;
    let array = Array { tasks, jobs: Vec::new() };
    array.keep(place)?;
    Ok(array)
}

/// The array that an earlier sitting left.
fn pick_up(sweep: &Sweep, place: &Place, tasks: u64) -> Result<Array, Failed> {
    let folder = escaped(&place.folder.display().to_string());
    let path = place.file(MANIFEST);
    let text = read(&path).map_err(|error| cannot("read", &path, &error))?;
    let broken =
        || fail(&format!("`{folder}` is not the folder of a sweep on a cluster"), Some("`--force` begins it anew"));
    let old = Manifest::from_json(&text)
        .map_err(|_| fail(&format!("`{folder}` was written by another version"), Some("`--force` begins it anew")))?;
    let outline = Outline::of(&old, &folder).map_err(|error| refuse_sweep(&error, None))?;
    let mut differing = differences((&old, &outline), (&sweep.manifest(), &sweep.outline()));
    if outline.replicates != sweep.schedule.replicates {
        let (before, now) = (outline.replicates, sweep.schedule.replicates);
        differing.push(format!("there were {before} replicates, and {now} are asked for"));
    }
    let path = place.file(STATE);
    let text = read(&path).map_err(|error| cannot("read", &path, &error))?;
    let array: Array = serde_json::from_str(&text).map_err(|_| broken())?;
    if array.tasks != tasks {
        differing.push(format!("there were {} tasks, and {tasks} are asked for", array.tasks));
    }
    if differing.is_empty() {
        return Ok(array);
    }
    let message = format!("`{folder}` holds another sweep: {}", differing.join("; "));
    Err(fail(&message, Some("give the same arguments as before, or `--force` to begin anew")))
}

impl Array {
    fn keep(&self, place: &Place) -> Result<(), Failed> {
        put(&place.file(STATE), &(serde_json::to_string_pretty(self).expect("an array has string keys only") + "\n"))
    }

    /// Submits some tasks as one job. A cluster that is busy is asked again.
    fn submit(&mut self, place: &Place, tasks: Vec<u64>) -> Result<(), Failed> {
        let mut tries = 0;
        let output = loop {
            let mut sbatch = Command::new("sbatch");
            sbatch.arg("--parsable").arg(format!("--array={}", script::ranges(&tasks))).arg(place.file(SCRIPT));
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
            let help = "change `--sbatch-arg`; `--resume` tries again with what is there";
            return Err(fail(&format!("sbatch refuses: {}", escaped(said.trim())), Some(help)));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        let Some((id, cluster)) = script::job_id(&said) else {
            let help = "`squeue` lists what was submitted, and `scancel` ends it";
            return Err(fail(&format!("sbatch gives no job id, but says: {}", escaped(said.trim())), Some(help)));
        };
        self.jobs.push(Job { id, cluster, tasks });
        self.keep(place)
    }

    /// The tasks that the cluster still has before it; none if it gives no answer.
    fn alive(&self) -> Option<Vec<u64>> {
        let mut by_cluster: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        for job in &self.jobs {
            by_cluster.entry(job.cluster.as_deref()).or_default().push(&job.id);
        }
        let mut alive = Vec::new();
        for (cluster, ids) in by_cluster {
            let mut squeue = Command::new("squeue");
            squeue.args(cluster.map(|cluster| format!("--clusters={cluster}")));
            squeue.args(["--noheader", "--array", "--states=all", "--format=%i %T", "--jobs"]).arg(ids.join(","));
            let output = squeue.output().ok()?;
            if output.status.success() {
                alive.extend(script::alive(&String::from_utf8_lossy(&output.stdout)));
            } else if !String::from_utf8_lossy(&output.stderr).contains("Invalid job id") {
                return None;
            }
            // Else the jobs ended so long ago that they are forgotten.
        }
        Some(alive)
    }

    /// That the tasks go on, and how to end them or pick them up.
    fn goes_on(&self) -> String {
        let cancel = |job: &Job| {
            let cluster = job.cluster.as_ref().map(|cluster| format!(" --clusters={cluster}")).unwrap_or_default();
            format!("`scancel{cluster} {}`", job.id)
        };
        let cancel = self.jobs.last().map(|job| format!("; {} ends the latest of them", cancel(job)));
        let cancel = cancel.unwrap_or_default();
        format!("the tasks go on; `--resume` with the same arguments picks them up{cancel}")
    }
}

/// Watches the array until every shard is there, and submits again what is gone and not complete.
fn watch(args: &Args, sweep: &Sweep, place: &Place, array: &mut Array) -> Result<(), Failed> {
    stop_on_signals();
    let bar = bar(args.quiet);
    let total = sweep.range().end;
    let mut watched = Watched::default();
    let result = loop {
        let Some(alive) = array.alive() else {
            watched.silent += 1;
            if watched.silent == 1 {
                bar.suspend(|| say("warning: the cluster gives no answer; asking again"));
            }
            if watched.silent > SILENT {
                break Err(fail("the cluster gives no answer", Some(&array.goes_on())));
            }
            pause();
            continue;
        };
        watched.silent = 0;
        let done: u64 = (1..=array.tasks).map(|number| runs_done(sweep, place, number, array.tasks)).sum();
        show(&bar, Progress { done, total, before: 0 });
        let missing: Vec<u64> = (1..=array.tasks).filter(|&number| !is_complete(&place.shard(number))).collect();
        if missing.is_empty() {
            break Ok(());
        }
        if is_stopped() {
            break Err(fail("left before the sweep was done", Some(&array.goes_on())));
        }
        match watched.gone(&missing, &alive, args.cluster.slurm_retries) {
            Ok(tasks) if tasks.is_empty() => pause(),
            Ok(tasks) => {
                for task in tasks.iter().filter(|task| watched.retries.contains_key(task)) {
                    bar.suspend(|| say(&format!("warning: task {task} failed or timed out; it is submitted again")));
                }
                if let Err(failed) = array.submit(place, tasks) {
                    break Err(failed);
                }
            }
            Err(task) => {
                let said = last_words(&place.said(task));
                let message = format!("task {task} failed {} times{said}", args.cluster.slurm_retries + 1);
                let help = "the other tasks go on; `--resume` with the same arguments tries again";
                break Err(fail(&message, Some(help)));
            }
        }
    };
    bar.finish_and_clear();
    result
}

/// What has been seen of the tasks.
#[derive(Debug, Default)]
struct Watched {
    /// Times in a row that the cluster gave no answer.
    silent: u32,
    /// How often each task has been found gone in a row.
    gone: BTreeMap<u64, u32>,
    /// How often each task has been submitted again.
    retries: BTreeMap<u64, u32>,
    /// Whether the tasks have been submitted in this sitting or found.
    begun: bool,
}

impl Watched {
    /// The tasks to submit now: all that are missing at first, later those that are gone and not complete. `Err` is
    /// one that has been tried too often.
    fn gone(&mut self, missing: &[u64], alive: &[u64], most: u32) -> Result<Vec<u64>, u64> {
        let gone: Vec<u64> = missing.iter().copied().filter(|task| !alive.contains(task)).collect();
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
    // Short naps, so that an interrupt is answered at once.
    for _ in 0..10 {
        if is_stopped() {
            return;
        }
        std::thread::sleep(POLL / 10);
    }
}

fn runs_done(sweep: &Sweep, place: &Place, number: u64, of: u64) -> u64 {
    let range = Shard { number, of }.range(sweep.range().end);
    done_in(&place.shard(number), range)
}

/// The end of what a task said.
fn last_words(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(5)..].iter().map(|line| escaped(line)).collect::<Vec<_>>();
    if last.is_empty() { String::new() } else { format!("; it last said:\n  {}", last.join("\n  ")) }
}

/// Merges the shards and clears up.
fn put_together(args: &Args, out: &Path, place: &Place, tasks: u64) -> Result<(), Failed> {
    let folders: Vec<PathBuf> = (1..=tasks).map(|number| place.shard(number)).collect();
    let bar = bar(args.quiet);
    let result = merge(&folders, out, true, &mut |progress| {
        show(&bar, progress);
        true
    });
    bar.finish_and_clear();
    let (sweep, done) = result.map_err(|error| refuse_sweep(&error, None))?;
    place.remove()?;
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
    fn what_is_gone_is_submitted_again_up_to_a_limit() {
        let mut watched = Watched::default();
        assert_eq!(watched.gone(&[1, 2, 3], &[], 1), Ok(vec![1, 2, 3]));
        assert_eq!(watched.gone(&[1, 2, 3], &[1, 2, 3], 1), Ok(vec![]));
        // Task 2 is gone; it is given some time to show up.
        assert_eq!(watched.gone(&[1, 2], &[1], 1), Ok(vec![]));
        assert_eq!(watched.gone(&[1, 2], &[1], 1), Ok(vec![]));
        assert_eq!(watched.gone(&[1, 2], &[1], 1), Ok(vec![2]));
        assert_eq!(watched.gone(&[1, 2], &[1, 2], 1), Ok(vec![]));
        for _ in 1..PATIENCE {
            assert_eq!(watched.gone(&[1, 2], &[1], 1), Ok(vec![]));
        }
        assert_eq!(watched.gone(&[1, 2], &[1], 1), Err(2));
    }

    #[test]
    fn what_is_still_there_is_not_submitted_when_picked_up() {
        let mut watched = Watched::default();
        assert_eq!(watched.gone(&[1, 3], &[3], 1), Ok(vec![1]));
    }
}
