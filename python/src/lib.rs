//! The compiled module of the Python package: the functions of the library as Python calls them. The public API, with
//! its types and documentation, is written in Python, in `../backstop`; texts and JSON go between the two, and tables
//! go out as Arrow.

mod arguments;
mod error;
mod run;
mod scenario;
mod sweep;
mod table;

/// The program, whose command the package installs too.
#[path = "../../src/main.rs"]
#[expect(dead_code, reason = "its own beginning")]
mod program;

use pyo3::prelude::*;

/// The functions and classes.
#[pymodule]
mod _core {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use pyo3::prelude::*;

    #[pymodule_export]
    use super::run::{Run, page};
    #[pymodule_export]
    use super::scenario::Scenario;
    #[pymodule_export]
    use super::sweep::{merge, open_sweep, sweep};
    #[pymodule_export]
    use super::table::Table;

    /// The version of the package and of the program.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    /// Does a command of the program; the first argument is the path of the program.
    #[pyfunction]
    fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
        let program = arguments.first().map(PathBuf::from);
        py.detach(|| super::program::cli::main(arguments, program))
    }
}
