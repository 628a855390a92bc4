//! Arguments as Python gives them.

use std::collections::BTreeMap;

use backstop::table::Format;
use backstop::text::escaped;

use super::error::Raised;

/// Files that a scenario refers to, by location.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// How many threads there are to work with.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(backstop::sweep::limits::JOBS)
}

/// A format of tables by its name.
pub(crate) fn format(name: &str) -> Result<Format, Raised> {
    let known = Format::ALL.iter().copied().find(|format| format.name() == name);
    let format = known.ok_or_else(|| Raised::argument(format!("there is no format `{}`", escaped(name))))?;
    match format.missing() {
        Some(help) => Err(Raised::new("ArgumentError", format!("this build has no support for `{name}`"), Some(help))),
        None => Ok(format),
    }
}

/// Arguments as the command line takes them.
pub(crate) fn arguments<T>(texts: &[String], parse: fn(&str) -> Result<T, String>) -> Result<Vec<T>, Raised> {
    let one = |text: &String| parse(text).map_err(|what| Raised::argument(format!("`{}`: {what}", escaped(text))));
    texts.iter().map(one).collect()
}
