//! The `backstop` command: arguments in, results on standard output, everything else on standard error.
// A new event, quantity or state makes the compiler name the places that must know it.
#![deny(clippy::wildcard_enum_match_arm)]

pub(crate) mod cli;

fn main() -> std::process::ExitCode {
    cli::main(std::env::args_os(), None).into()
}
