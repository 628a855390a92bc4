//! Runs the program, and knows what commands and flags it has. Tests that need something else of the machine: where a tool
//! is missing they fail if `CI` is set, and are ignored otherwise.

use std::path::Path;
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};

/// The program that is tested.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_backstop");

/// The program with these arguments, in a folder.
pub(crate) fn backstop(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).current_dir(folder).args(arguments).output().expect("the program starts")
}

/// The standard output of a command that must succeed.
#[track_caller]
pub(crate) fn stdout_of(folder: &Path, arguments: &[&str]) -> String {
    let output = backstop(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The standard error of a command that must fail with exit code 1.
#[track_caller]
pub(crate) fn error_of(folder: &Path, arguments: &[&str]) -> String {
    let output = backstop(folder, arguments);
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
    assert!(errors.lines().any(|line| line.starts_with("error: ")), "{arguments:?}: {errors}");
    errors
}

/// As [`stdout_of`], of a command line whose arguments have no spaces in them.
#[track_caller]
pub(crate) fn succeeds(folder: &Path, line: &str) -> String {
    stdout_of(folder, &line.split_whitespace().collect::<Vec<_>>())
}

/// Runs a command line that must fail with exit code 1, within a minute, with this message.
#[cfg(unix)]
#[track_caller]
pub(crate) fn fails(folder: &Path, line: &str, words: &str) {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "60", PROGRAM]).current_dir(folder).args(line.split_whitespace());
    let output = command.output().expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{line}: {errors}");
    assert!(errors.starts_with("error: ") && errors.contains(words), "{line}: expected `{words}`: {errors}");
}

/// A flag of a command.
#[derive(Debug)]
pub(crate) struct Flag {
    /// With its two dashes.
    pub(crate) name: String,
    pub(crate) takes_value: bool,
    /// Whether its value is the name of a file or a folder.
    pub(crate) takes_path: bool,
}

/// A command of the program.
#[derive(Debug)]
pub(crate) struct Subcommand {
    pub(crate) name: String,
    pub(crate) flags: Vec<Flag>,
}

impl Subcommand {
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own.name == flag)
    }
}

/// All commands with all of their flags except `--help`, as the program exports them for a shell.
pub(crate) fn subcommands() -> Vec<Subcommand> {
    let script = stdout_of(Path::new("."), &["completions", "fish"]);
    let mut found: Vec<Subcommand> = Vec::new();
    for line in script.lines() {
        let Some(rest) = line.strip_prefix("complete -c backstop -n \"") else { continue };
        let (condition, words) = rest.split_once("\" ").expect("a condition in quotes");
        // Descriptions are in single quotes; they contain no flags.
        let (words, behind) = match (words.split_once(" -d '"), words.rsplit_once('\'')) {
            (Some((before, _)), Some((_, after))) => (before, after),
            _ => (words, words),
        };
        if condition == "__fish_backstop_needs_command" {
            let name = words.strip_prefix("-f -a \"").and_then(|name| name.strip_suffix('"'));
            found.extend(name.map(|name| Subcommand { name: name.to_owned(), flags: Vec::new() }));
        } else if let Some(name) = condition.strip_prefix("__fish_backstop_using_subcommand ") {
            let Some(command) = found.iter_mut().find(|command| command.name == name) else { continue };
            let long = words.split_once("-l ").map(|(_, rest)| rest.split(' ').next().expect("a word"));
            // The values of a flag are on lines of their own.
            let takes_value = behind.split(' ').any(|word| word == "-r") || line.contains("' -r -f -a \"");
            let takes_path = behind.contains(" -F") || line.contains("__fish_complete_directories");
            let long = long.filter(|long| *long != "help");
            command.flags.extend(long.map(|long| Flag { name: format!("--{long}"), takes_value, takes_path }));
        }
    }
    found.retain(|command| command.name != "help");
    assert!(found.len() >= 15 && found.iter().map(|command| command.flags.len()).sum::<usize>() >= 60, "{found:?}");
    assert!(found.iter().any(|command| command.name == "sweep" && command.has("--design")), "{found:?}");
    found
}

/// Whether the requirements of a test are met.
#[derive(Clone, Debug)]
pub(crate) enum Need {
    Met,
    /// A tool is missing, for this reason.
    Missing(String),
    /// The environment does not allow the test, whatever is installed.
    Forbidden(String),
}

/// A test.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) run: fn(),
    pub(crate) need: fn() -> Need,
}

impl Test {
    pub(crate) fn needs(self, need: fn() -> Need) -> Self {
        Self { need, ..self }
    }
}

/// A test that needs nothing.
pub(crate) fn test(name: &'static str, run: fn()) -> Test {
    Test { name, run, need: || Need::Met }
}

/// Runs the tests that the command line selects.
pub(crate) fn run(tests: Vec<Test>) -> ExitCode {
    let is_ci = std::env::var_os("CI").is_some();
    let trial = |test: Test| {
        let run = test.run;
        let own = move || {
            run();
            Ok(())
        };
        match (test.need)() {
            Need::Met => Trial::test(test.name, own),
            Need::Missing(why) if is_ci => Trial::test(test.name, move || Err(Failed::from(why))),
            Need::Missing(why) | Need::Forbidden(why) => {
                Trial::test(test.name, own).with_kind(why).with_ignored_flag(true)
            }
        }
    };
    libtest_mimic::run(&Arguments::from_args(), tests.into_iter().map(trial).collect()).exit_code()
}
