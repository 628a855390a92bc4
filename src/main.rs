//! The `backstop` command: arguments in, results on standard output, everything else on standard error.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
