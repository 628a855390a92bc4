//! The script of the job array, and parsers for the output of the Slurm commands.

use std::fmt::Write as _;
use std::path::Path;

use backstop::report::wording::shell_word;
use backstop::scenario::Document;
use backstop::table::Format;

use super::super::console::{Failed, fail};
use super::super::sweep::{Args, SortBy};

/// The folders of the copied inputs. Each input has a folder of its own, so that file names cannot collide.
pub(super) const SCENARIO: &str = "scenario";
pub(super) const DESIGN: &str = "design";

/// The name of a copied file.
fn copied(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The path of the copied scenario. It is nested so deep that files to which it refers by `..` are also inside the
/// folder of the array.
pub(super) fn scenario(args: &Args, document: &Document) -> String {
    let climbs = document.attachments().map(|(attachment, _)| attachment.location.matches("../").count());
    format!("{}{}", format!("{SCENARIO}/").repeat(climbs.max().unwrap_or(0) + 1), copied(&args.file))
}

/// The path of the copied design.
pub(super) fn design(path: &Path) -> String {
    format!("{DESIGN}/{}", copied(path))
}

/// The script. Each task runs its shard, and continues an earlier attempt.
pub(super) fn script(args: &Args, document: &Document, folder: &Path, tasks: u64) -> Result<String, Failed> {
    let program =
        super::super::program().map_err(|error| fail(&format!("cannot find the program itself: {error}"), None))?;
    let folder = folder.display().to_string();
    let mut text = String::from("#!/bin/bash\n");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "#SBATCH --job-name=backstop");
    let _ = writeln!(text, "#SBATCH --array=1-{tasks}");
    let _ = writeln!(text, "#SBATCH --output={}", option(&format!("{}/said/%a.txt", folder.replace('%', "%%"))));
    let _ = writeln!(text, "#SBATCH --open-mode=append");
    for argument in &args.cluster.sbatch_arg {
        if argument.contains('\n') {
            return Err(fail("`--sbatch-arg` must be one line", None));
        }
        let _ = writeln!(text, "#SBATCH {argument}");
    }
    let _ = writeln!(text, "cd {} || exit 1", shell_word(&folder));
    let _ = write!(
        text,
        "exec {} sweep {}",
        shell_word(&program.display().to_string()),
        shell_word(&scenario(args, document))
    );
    for (name, value) in arguments(args) {
        let _ = write!(text, " \\\n    {name}");
        if let Some(value) = value {
            let _ = write!(text, " {}", shell_word(&value));
        }
    }
    let _ = writeln!(text, " \\\n    --out \"shard-$SLURM_ARRAY_TASK_ID\" --shard \"$SLURM_ARRAY_TASK_ID/{tasks}\" \\");
    let _ = writeln!(text, "    --resume --quiet --jobs \"${{SLURM_CPUS_PER_TASK:-1}}\"");
    Ok(text)
}

/// The arguments that determine the sweep.
fn arguments(args: &Args) -> Vec<(&'static str, Option<String>)> {
    let mut all = Vec::new();
    all.extend(args.design.vary.iter().map(|vary| ("--vary", Some(vary.clone()))));
    all.extend(args.design.zip.then_some(("--zip", None)));
    all.extend(args.design.sample.iter().map(|sample| ("--sample", Some(sample.text()))));
    if !args.design.over.is_empty() {
        all.push(("--over", Some(args.design.over.join(","))));
    }
    all.extend(args.design.design.iter().map(|path| ("--design", Some(design(path)))));
    let value = backstop::trace::plain_set_value;
    all.extend(args.sets.iter().map(|set| ("--set", Some(format!("{}={}", set.name, value(set.value))))));
    all.extend(args.replicates.map(|replicates| ("--replicates", Some(replicates.to_string()))));
    all.extend(args.seed.map(|seed| ("--seed", Some(seed.to_string()))));
    all.extend(args.independent.then_some(("--independent", None)));
    all.extend(args.events.then_some(("--events", None)));
    all.extend(args.series.then_some(("--series", None)));
    all.extend((args.format != Format::Csv).then(|| ("--format", Some(args.format.name().into()))));
    all.extend((args.sort == SortBy::Point).then_some(("--sort", Some("point".into()))));
    all
}

/// Quotes a value of an option in a script line that sbatch itself parses.
///
/// Quotes keep spaces together, but a `#` must be escaped even inside quotes.
fn option(text: &str) -> String {
    let text = text.replace('#', "\\#");
    if text.contains(' ') { format!("\"{text}\"") } else { text }
}

/// Task numbers in the syntax of sbatch: `1-3,7`.
pub(super) fn ranges(tasks: &[u64]) -> String {
    let runs = tasks.chunk_by(|a, b| a + 1 == *b);
    let texts: Vec<String> = runs
        .map(|run| match run {
            [one] => one.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        })
        .collect();
    texts.join(",")
}

/// The id of the job that `sbatch --parsable` submitted, and its cluster if named: the last line of the form `ID` or
/// `ID;CLUSTER`, since other lines may be greetings.
pub(super) fn job_id(said: &str) -> Option<(String, Option<String>)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    said.lines().rev().find_map(|line| {
        let (id, cluster) = match line.trim().split_once(';') {
            Some((id, cluster)) => (id, Some(cluster)),
            None => (line.trim(), None),
        };
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let is_cluster = cluster.is_none_or(|name| name.starts_with(|c: char| c != '-') && name.chars().all(is_name));
        (is_id && is_cluster).then(|| (id.to_owned(), cluster.map(str::to_owned)))
    })
}

/// Whether an error of `sbatch` means that the cluster could not answer, rather than that it refuses the job.
pub(super) fn is_busy(said: &str) -> bool {
    let signs = [
        "Socket timed out",
        "Unable to contact slurm controller",
        "Resource temporarily unavailable",
        "Connection refused",
        "Zero Bytes were transmitted",
        "slurmctld is busy",
    ];
    signs.iter().any(|sign| said.contains(sign))
}

/// The states of a task that has ended.
const ENDED: [&str; 10] = [
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
];

/// The tasks that wait or run, from lines of `squeue --array --format="%i %T"`: `12_3 RUNNING`.
pub(super) fn unfinished(text: &str) -> Vec<u64> {
    let task = |line: &str| {
        let (id, state) = line.trim().split_once(' ')?;
        let number = id.split_once('_')?.1.parse().ok()?;
        (!ENDED.contains(&state.trim())).then_some(number)
    };
    let mut found: Vec<u64> = text.lines().filter_map(task).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_given_as_ranges() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1-3,7,9-10");
        assert_eq!(ranges(&[4]), "4");
    }

    #[test]
    fn queued_and_running_tasks_are_unfinished() {
        let text =
            "12_3 RUNNING\n12_4 PENDING\n12_1 COMPLETED\n12_2 TIMEOUT\n15_2 CONFIGURING\n12_5 COMPLETING\nnonsense\n";
        assert_eq!(unfinished(text), [2, 3, 4, 5]);
    }

    #[test]
    fn the_job_id_is_the_last_line_that_is_one() {
        let job = |id: &str, cluster: Option<&str>| Some((id.to_owned(), cluster.map(str::to_owned)));
        assert_eq!(job_id("101\n"), job("101", None));
        assert_eq!(job_id("Welcome; you have\n12 hours left\n101;serial\n"), job("101", Some("serial")));
        assert_eq!(job_id("101\nSee you soon\n"), job("101", None));
        for said in ["", "Submitted batch job 101", "101;--help", "-1", "101;a b", "101;"] {
            assert_eq!(job_id(said), None, "{said}");
        }
    }

    #[test]
    fn arguments_are_quoted_for_the_shell() {
        assert_eq!(shell_word("floor=0:60000:7"), "floor=0:60000:7");
        assert_eq!(shell_word("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(option("/a #1/b"), "\"/a \\#1/b\"");
        assert_eq!(option("/a/b"), "/a/b");
    }
}
