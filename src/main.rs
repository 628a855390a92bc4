//! The `backstop` command: results go to standard output, everything else to standard error.
// Without wildcard arms, the compiler points to every place that must handle a new event, quantity or state.
#![deny(clippy::wildcard_enum_match_arm)]

pub(crate) mod cli;

fn main() -> std::process::ExitCode {
    cli::main(std::env::args_os(), None).into()
}
