//! The command line: one file a command, and what they share.

mod check;
mod console;
mod diff;
mod explain;
mod fork;
mod forward;
mod load;
mod merge;
mod new;
mod page;
mod progress;
mod recorded;
mod replay;
mod run;
mod show;
mod signals;
mod slurm;
mod sweep;
mod tip;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use console::{Failed, emit};

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
    Check(check::Args),
    Run(run::Args),
    Sweep(sweep::Args),
    Merge(merge::Args),
    Replay(replay::Args),
    Explain(explain::Args),
    Why(why::Args),
    Fork(fork::Args),
    Diff(diff::Args),
    Page(page::Args),
    Tip(tip::Args),
    New(new::Args),
    Show(show::Args),
    /// Prints the JSON Schema of scenario files, for editors
    Schema,
    /// Prints a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// The program: exit code 0 if done, 1 if the run or check failed, 2 for wrong usage.
pub(crate) fn main() -> ExitCode {
    // Wrong usage exits with 2 here, help and version with 0.
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Check(args) => check::check(&args),
        Command::Run(args) => run::run(&args),
        Command::Sweep(args) => match (args.cluster.slurm, &args.out) {
            (Some(tasks), Some(out)) => slurm::slurm(&args, tasks, out),
            _ => sweep::sweep(&args),
        },
        Command::Merge(args) => merge::merge(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Why(args) => why::why(&args),
        Command::Fork(args) => fork::fork(&args),
        Command::Diff(args) => diff::diff(&args),
        Command::Page(args) => page::page(&args),
        Command::Tip(args) => tip::tip(&args),
        Command::New(args) => new::new(&args),
        Command::Show(args) => show::show(&args),
        Command::Schema => emit(include_str!("../schema.json")),
        Command::Completions { shell } => completions(shell),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Input) => ExitCode::from(1),
        Err(Failed::Usage) => ExitCode::from(2),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failed> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "backstop", &mut script);
    console::emit_bytes(&script)
}
