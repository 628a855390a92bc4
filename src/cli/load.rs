//! From a path to a compiled scenario.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use backstop::engine::Failure;
use backstop::model::{Clock, Date, limits};
use backstop::report::wording::escaped;
use backstop::scenario::{
    AddedMove, Compiled, Diagnostic, Document, MoveAmounts, Options, Override, SetValue, SourceText, compile,
};
use backstop::store::Beside;

use super::console::{Failed, fail, report};

/// A scenario file that was read and compiled.
pub(crate) struct Loaded {
    pub(crate) document: Document,
    pub(crate) compiled: Compiled,
}

/// Why a scenario file cannot be read, and the remedy if there is one.
pub(crate) struct Unreadable {
    pub(crate) message: String,
    pub(crate) help: Option<&'static str>,
}

/// The bytes of a scenario file.
fn bytes_of(path: &Path) -> Result<Vec<u8>, Unreadable> {
    // One byte more than is allowed, so that the check of the size sees a file that is too large.
    read_up_to(path, limits::FILE_BYTES + 1).map_err(|error| Unreadable {
        message: format!("cannot read `{}`: {error}", escaped(&path.display().to_string())),
        help: (error.kind() == std::io::ErrorKind::NotFound)
            .then_some("give the path of a scenario file; `backstop new NAME` writes one to start from"),
    })
}

/// The bytes of a scenario file; `Err` has been reported.
fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    bytes_of(path).map_err(|unreadable| fail(&unreadable.message, unreadable.help))
}

/// The bytes of a scenario file, or for `-` what comes on standard input.
fn bytes_or_input(path: &Path) -> Result<Vec<u8>, Unreadable> {
    if path != Path::new("-") {
        return bytes_of(path);
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(limits::FILE_BYTES + 1).read_to_end(&mut bytes);
    let unreadable = |error| Unreadable { message: format!("cannot read standard input: {error}"), help: None };
    read.map_err(unreadable).map(|_| bytes)
}

/// The first bytes of a file, at most so many.
pub(crate) fn read_up_to(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Parses and compiles the scenario file at a path, `-` being standard input; gives the errors with the text they are
/// about.
pub(crate) fn parse(
    path: &Path,
    options: &Options,
) -> Result<Result<Loaded, (Vec<Diagnostic>, SourceText)>, Unreadable> {
    let bytes = bytes_or_input(path)?;
    let name = path.display().to_string();
    Ok(match Document::open(&name, &bytes, &mut Beside::of(path)) {
        Ok(document) => compiled(document, options),
        Err(unreadable) => Err((unreadable.diagnostics, unreadable.source)),
    })
}

fn compiled(document: Document, options: &Options) -> Result<Loaded, (Vec<Diagnostic>, SourceText)> {
    match compile(&document, options) {
        Ok(compiled) => Ok(Loaded { document, compiled }),
        Err(errors) => Err((errors, document.source().clone())),
    }
}

/// Compiles; errors and warnings are reported on standard error.
pub(crate) fn load(document: Document, options: &Options) -> Result<Loaded, Failed> {
    match compiled(document, options) {
        Ok(loaded) => {
            report(&loaded.compiled.warnings, loaded.document.source());
            Ok(loaded)
        }
        Err((errors, source)) => {
            report(&errors, &source);
            Err(Failed::Input)
        }
    }
}

/// Reads a scenario file, and the files that it refers to; errors are reported on standard error.
pub(crate) fn document(path: &Path) -> Result<Document, Failed> {
    let bytes = read(path)?;
    Document::open(&path.display().to_string(), &bytes, &mut Beside::of(path)).map_err(|unreadable| {
        report(&unreadable.diagnostics, &unreadable.source);
        Failed::Input
    })
}

/// Reports why a run of a scenario failed, with the place in its file.
pub(crate) fn failed(document: &Document, failure: &Failure) -> Failed {
    let span = failure.path().and_then(|path| document.place(path));
    let error = Diagnostic::error(failure.status(), failure.to_string(), span).help(failure.remedy());
    report(&[error], document.source());
    Failed::Input
}

/// A whole number from 0, such as a seed.
pub(crate) fn parse_whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("it must be a whole number from 0 to {}", u64::MAX))
}

/// One `NAME=VALUE` of `--set`.
pub(crate) fn parse_set(text: &str) -> Result<Override, String> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    let value = SetValue::parse(value.trim()).map_err(|what| format!("`{}` {what}", escaped(value)))?;
    Ok(Override { name: name.trim().to_owned(), value })
}

/// One `C@STEP` or `C=AMOUNT@STEP` of `--move`.
pub(crate) fn parse_move(text: &str) -> Result<AddedMove, String> {
    let (bound, on) = text.rsplit_once('@').ok_or("it must be C@STEP or C=AMOUNT@STEP, such as `us_backstop@3`")?;
    let wrong = || format!("`{}` must be the number of a step, or a date such as `2025-03-10`", escaped(on));
    match SetValue::parse(on.trim()).map_err(|_| wrong())? {
        SetValue::Boolean(_) => Err(wrong()),
        on @ (SetValue::Number(_) | SetValue::Day(_) | SetValue::Minute(_) | SetValue::Second(_)) => {
            parse_bound(bound).map(|(bind, amounts)| AddedMove { bind, amounts, on })
        }
    }
}

/// What a move of `--move` binds: `C`, `C=AMOUNT`, or `C=RESOURCE:AMOUNT,…`.
pub(crate) fn parse_bound(text: &str) -> Result<(String, MoveAmounts), String> {
    let Some((bind, amounts)) = text.split_once('=') else {
        return Ok((text.trim().to_owned(), MoveAmounts::Upto));
    };
    let number = |text: &str| match SetValue::parse(text.trim()) {
        Ok(SetValue::Number(number)) => Ok(number),
        _ => Err(format!("`{}` is no amount; write C=10, or C=money:10,troops:5 for several", escaped(text))),
    };
    if !amounts.contains(':') {
        return Ok((bind.trim().to_owned(), MoveAmounts::One(number(amounts)?)));
    }
    let mut each = BTreeMap::new();
    for part in amounts.split(',') {
        let (resource, amount) = part.split_once(':').unwrap_or(("", part));
        let resource = resource.trim().to_owned();
        if resource.is_empty() {
            return Err(format!("`{}` names no resource; write C=money:10,troops:5", escaped(part)));
        }
        let amount = number(amount)?;
        if each.insert(resource.clone(), amount).is_some() {
            return Err(format!("`{}` is there twice", escaped(&resource)));
        }
    }
    Ok((bind.trim().to_owned(), MoveAmounts::Each(each)))
}

/// One `NAME=EXPR` of `--metric`.
pub(crate) fn parse_metric(text: &str) -> Result<(String, String), String> {
    let (name, expression) = text.split_once('=').ok_or("it must be NAME=EXPR")?;
    Ok((name.trim().to_owned(), expression.trim().to_owned()))
}

/// A step, by its number or by a date in it.
#[derive(Clone, Debug)]
pub(crate) enum At {
    Step(u32),
    Date(Date),
}

impl At {
    /// One `--at`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(step) = text.parse() {
            return Ok(Self::Step(step));
        }
        let date = text.parse().map(Self::Date);
        date.map_err(|_| "it must be the number of a step, or a date such as `2025-03-10`".to_owned())
    }

    /// The number of the step.
    pub(crate) fn step(&self, clock: &Clock) -> Result<u32, Failed> {
        let date = match *self {
            Self::Step(step) => return Ok(step),
            Self::Date(date) => date,
        };
        let help = "give the number of a step";
        let Some(step) = clock.step_of(date) else {
            return Err(fail("the scenario has no dates", Some(help)));
        };
        if step >= i64::from(clock.steps) {
            let last = clock.date(clock.steps.saturating_sub(1));
            return Err(fail(&format!("{date} is after the last step of the run, {last}"), Some(help)));
        }
        u32::try_from(step).map_err(|_| fail(&format!("{date} is before the run"), Some(help)))
    }
}
