//! The command line: a file for each command or few that belong together, and what they share.

mod console;
mod explain;
mod files;
mod forward;
mod progress;
mod recorded;
mod run;
mod scenario;
mod slurm;
mod sweep;
mod swept;
mod tip;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::{CommandFactory as _, Parser, Subcommand};

use backstop::report::wording::safe;
use backstop::text::is_hidden;
use console::{Failed, emit, print_error_line};

/// Simulates actors with stances who exchange conditional commitments
///
/// Write a scenario, run it, and see who waits for whom. Same input, same bytes: every run can be
/// replayed and every event has a cause.
#[derive(Debug, Parser)]
#[command(name = "backstop", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(scenario::CheckArgs),
    Run(run::Args),
    Sweep(sweep::Args),
    Merge(sweep::MergeArgs),
    Storylines(swept::StorylinesArgs),
    Against(swept::AgainstArgs),
    Replay(recorded::ReplayArgs),
    Explain(explain::Args),
    Why(recorded::WhyArgs),
    Fork(recorded::ForkArgs),
    Diff(recorded::DiffArgs),
    Page(recorded::PageArgs),
    Tip(tip::Args),
    New(scenario::NewArgs),
    Show(scenario::ShowArgs),
    /// Prints the JSON Schema of scenario files, for editors
    Schema,
    /// Prints a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The path of the program to call in a job array. Set only if that is not the running executable, which may be Python.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// The path of the program.
fn program() -> io::Result<PathBuf> {
    PROGRAM.get().map_or_else(std::env::current_exe, |path| Ok(path.clone()))
}

/// Leaves something to the end of the process, which takes less time than to free much memory piece by piece. It is freed
/// where the process goes on after the command, which it does if it is not that of the program.
fn leave<T>(done: T) {
    if PROGRAM.get().is_none() {
        std::mem::forget(done);
    }
}

/// Runs the command line. `arguments` start with the name of the program; `program` is its path if it differs from that
/// of the process. Returns the exit code: 0 if done, 1 if the run or check failed, 2 for wrong usage.
pub(crate) fn main(arguments: impl IntoIterator<Item = OsString>, program: Option<PathBuf>) -> u8 {
    if let Some(program) = program {
        let _ = PROGRAM.set(program);
    }
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error, &arguments),
    };
    let result = match cli.command {
        Command::Check(args) => scenario::check(&args),
        Command::Run(args) => run::run(&args),
        Command::Sweep(args) => match (args.cluster.slurm, &args.out) {
            (Some(tasks), Some(out)) => slurm::slurm(&args, tasks, out),
            _ => sweep::sweep(&args),
        },
        Command::Merge(args) => sweep::merge(&args),
        Command::Storylines(args) => swept::storylines(&args),
        Command::Against(args) => swept::against(&args),
        Command::Replay(args) => recorded::replay(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Why(args) => recorded::why(&args),
        Command::Fork(args) => recorded::fork(&args),
        Command::Diff(args) => recorded::diff(&args),
        Command::Page(args) => recorded::page(&args),
        Command::Tip(args) => tip::tip(&args),
        Command::New(args) => scenario::new(&args),
        Command::Show(args) => scenario::show(&args),
        Command::Schema => emit(include_str!("../schema.json")),
        Command::Completions { shell } => completions(shell),
    };
    match result {
        Ok(()) => 0,
        Err(Failed::Input) => 1,
        Err(Failed::Usage) => 2,
    }
}

/// Reports an error in the arguments (exit code 2) or prints help (exit code 0). Arguments repeated in a message are
/// escaped.
fn wrong_usage(error: &clap::Error, arguments: &[OsString]) -> u8 {
    if arguments.iter().any(|argument| argument.to_string_lossy().contains(is_hidden)) {
        print_error_line(safe(&error.render().to_string()).trim_end());
    } else {
        // If printing fails, the exit code still reports the error.
        let _ = error.print();
    }
    u8::try_from(error.exit_code()).unwrap_or(2)
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failed> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "backstop", &mut script);
    console::emit_bytes(&script)
}
