//! The command lines that write files, and a folder for them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use super::program::{PROGRAM, succeeds};

/// A command line that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Writer {
    pub(crate) line: &'static str,
    /// The kind of its output.
    pub(crate) place: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A complete folder.
    Folder,
    /// A folder that can be continued with `--resume`.
    Sweep,
    /// A file; with `--force`, replacing another.
    File,
    /// A file that never replaces another.
    New,
}

impl Writer {
    /// Whether its output is in its final place before it is complete, with a manifest that says so.
    pub(crate) fn grows(&self) -> bool {
        self.kind == Kind::Sweep || self.line.starts_with("merge")
    }
}

const fn writer(line: &'static str, kind: Kind) -> Writer {
    Writer { line, place: "OUT", kind }
}

/// The command lines of all commands and flags that write, for one scenario `s.toml`.
pub(crate) const WRITERS: [(&str, &str, &[Writer]); 8] = [
    (
        "run",
        "--out",
        &[
            writer("run s.toml -q --out OUT", Kind::Folder),
            writer("run SWEEP --run 1 -q --format parquet --out OUT", Kind::Folder),
        ],
    ),
    ("run", "--events", &[writer("run s.toml -q --events OUT", Kind::File)]),
    (
        "sweep",
        "--out",
        &[
            writer("sweep s.toml --vary q=1,2 -q -j 1 --events --series --out OUT", Kind::Sweep),
            writer("sweep s.toml --vary q=1,2 -q -j 1 --sort point --format parquet --out OUT", Kind::Sweep),
            writer("sweep s.toml --vary q=1,2 -q -j 1 --sort point --shard 1/2 --out OUT", Kind::Sweep),
        ],
    ),
    (
        "sweep",
        "--slurm",
        &[writer("sweep s.toml --vary q=1,2 -q -j 1 --format parquet --slurm 2 --out OUT", Kind::Sweep)],
    ),
    ("merge", "--out", &[writer("merge SHARD1 SHARD2 -q --out OUT", Kind::Folder)]),
    ("fork", "--out", &[writer("fork RUN --at 1 --set q=3 -q --out OUT", Kind::Folder)]),
    ("page", "--out", &[writer("page RUN --out OUT", Kind::File), writer("page SWEEP --out OUT", Kind::File)]),
    ("new", "NAME", &[Writer { line: "new OUT", place: "OUT.toml", kind: Kind::New }]),
];

/// Flags whose value is a file that is read.
pub(crate) const READ: [(&str, &str); 1] = [("sweep", "--design")];

/// Commands that write only to standard output.
pub(crate) const READERS: [&str; 11] =
    ["check", "replay", "explain", "why", "diff", "tip", "storylines", "against", "show", "schema", "completions"];

pub(crate) fn writers() -> impl Iterator<Item = Writer> {
    WRITERS.iter().flat_map(|(_, _, lines)| lines.iter().copied())
}

/// The command lines that write a folder.
pub(crate) fn folder_writers() -> impl Iterator<Item = Writer> {
    // The folder of the array beside the output folder has tests of its own.
    writers().filter(|writer| matches!(writer.kind, Kind::Folder | Kind::Sweep) && !writer.line.contains("--slurm"))
}

const SCENARIO: &str = "format = 1\n[time]\nsteps = 5\n[actors.us]\n[resources]\nr = {}\n[parameters]\np = 0.5\nq = 1\n\
                        drawn = { uniform = [0, 1] }\n[data.d]\ntable = \"d.csv\"\ndate = \"t\"\nvalue = \"v\"\n\
                        [commitments.c]\ndebtor = \"us\"\ngives = { r = 2 }\nover = 2\n\
                        [metrics]\nm = \"p + q + step + drawn + data(d)\"\n";

/// Runs the tasks of an array at once, one after the other.
const SBATCH: &str = "#!/bin/bash\nfor last; do :; done\nfor task in 1 2; do SLURM_ARRAY_TASK_ID=$task bash \"$last\" > /dev/null; done\necho 7\n";

/// The folder with commands of a simulated cluster that runs its tasks at once.
fn cluster() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cluster-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        for (name, script) in [("sbatch", SBATCH), ("squeue", "#!/bin/bash\n")] {
            let path = folder.join(name);
            fs::write(&path, script).expect("it can be written");
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        folder
    })
}

/// A folder with a scenario and the inputs of the commands; in memory if possible, since everything is synced many
/// times.
pub(crate) fn workplace() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    let folder = in_memory.or_else(|_| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))).expect("a folder");
    let here = folder.path();
    fs::write(here.join("s.toml"), SCENARIO).expect("it can be written");
    fs::write(here.join("d.csv"), "t,v\n0,1.5\n3,2.5\n").expect("it can be written");
    for line in [
        "run s.toml -q --format parquet --out RUN",
        "sweep s.toml --vary q=1,2 -q --out SWEEP",
        "sweep s.toml --vary q=1,2 -q --format parquet --shard 1/2 --out SHARD1",
        "sweep s.toml --vary q=1,2 -q --format parquet --shard 2/2 --out SHARD2",
    ] {
        succeeds(here, line);
    }
    folder
}

/// Runs a command line through another program, in a folder with its cluster.
pub(crate) fn through(here: &Path, program: &str, before: &[&str], line: &str) -> Output {
    let path = format!("{}:{}", cluster().display(), std::env::var("PATH").expect("a path"));
    let mut command = Command::new(program);
    command.current_dir(here).env("PATH", path).args(before);
    command.args((program != PROGRAM).then_some(PROGRAM)).args(line.split(' ')).output().expect("it starts")
}

pub(crate) fn plainly(here: &Path, line: &str) -> Output {
    through(here, PROGRAM, &[], line)
}

#[track_caller]
pub(crate) fn done(here: &Path, line: &str, what: &str) {
    let output = plainly(here, line);
    assert!(output.status.success(), "{what}: {line}: {}", errors(&output));
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every file under a folder with its bytes; links with their targets, folders without contents.
pub(crate) fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            found.insert(entry.path(), b"folder".to_vec());
            found.extend(tree(&entry.path()));
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path()).expect("a link");
            found.insert(entry.path(), format!("-> {}", target.display()).into_bytes());
        } else if kind.is_file() {
            found.insert(entry.path(), fs::read(entry.path()).expect("a file"));
        } else {
            found.insert(entry.path(), b"special".to_vec());
        }
    }
    found
}

/// The names of files that differ between two trees.
pub(crate) fn differing(
    here: &Path,
    one: &BTreeMap<PathBuf, Vec<u8>>,
    other: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<String> {
    let all = one.keys().chain(other.keys()).filter(|path| one.get(*path) != other.get(*path));
    let mut names: Vec<String> =
        all.map(|path| path.strip_prefix(here).expect("it is in it").display().to_string()).collect();
    names.sort();
    names.dedup();
    names
}

/// Removes everything that a command line has written or begun to write.
pub(crate) fn reset(here: &Path) {
    for entry in fs::read_dir(here).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("OUT") || name.starts_with(".backstop") {
            let is_folder = entry.file_type().expect("a kind").is_dir();
            let removed = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
            removed.expect("it is ours");
        }
    }
}
