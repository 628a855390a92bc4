//! Tests that need something of the machine: where a tool is missing they fail if `CI` is set, and are ignored
//! otherwise, with what they lack beside their name.
//!
//! A file whose tests need something has `harness = false` in `Cargo.toml`, and a `main` that gives all of its tests to
//! [`run`]; one that is not given is dead code, which the lints refuse.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// Whether what a test needs is there.
#[derive(Clone, Debug)]
pub(crate) enum Need {
    Met,
    /// A tool is not there, for this reason.
    Missing(String),
    /// It may not be done here, whatever is installed.
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

/// Runs those tests that the command line asks for.
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
