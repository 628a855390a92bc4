//! `--set`: replaces numbers, durations, moments and booleans of the document before it is compiled, or adds those
//! that it leaves to their defaults.

use std::cell::Cell;
use std::ops::Range;

use super::diagnostic::{Diagnostic, Origin, nearest, quoted};
use super::document::Document;
use super::set_value::SetValue;
use super::toml_tree::{Entry, Kind, Table, Value, is_column};
use crate::model::Shape;

/// A value that replaces one in the file, or a default.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// A parameter, or the dotted path of a value (`actors.us.stance`, `influence.0.weight`, `meetings.summit.on`),
    /// followed by `/ID` for one member of a cohort or one debtor of a commitment (`cohorts.party.stance/usa`).
    pub name: String,
    /// The new value.
    pub value: SetValue,
}

impl Override {
    /// Its text on the command line.
    #[must_use]
    pub fn argument(&self) -> String {
        format!("{}={}", self.name, self.value)
    }
}

/// A value that was set for one member of a cohort, or for one debtor of a commitment.
#[derive(Debug)]
pub(super) struct MemberValue {
    /// The dotted path of the field.
    pub(super) path: String,
    /// The id of the member.
    pub(super) member: String,
    /// The value, at the place of that of the whole field.
    pub(super) value: Value,
    /// Whether a member of that id had the field.
    pub(super) used: Cell<bool>,
}

/// The canonical name of a number. That of a parameter is its bare name: `floor` for `parameters.floor` and
/// `parameters.floor.value`.
#[must_use]
pub fn canonical(name: &str) -> &str {
    let bare = name.strip_prefix("parameters.").map(|rest| rest.strip_suffix(".value").unwrap_or(rest));
    match bare {
        Some(bare) if !bare.contains('.') => bare,
        _ => name,
    }
}

/// Paths of fields that are numbers even if the file has an expression or a distribution; `*` is any one key.
const FIELDS: [&str; 40] = [
    "pace",
    "parameters.*",
    "parameters.*.value",
    "actors.*.stance",
    "actors.*.stance.*",
    "actors.*.anchor",
    "actors.*.anchor.*",
    "actors.*.susceptibility",
    "actors.*.volatility",
    "actors.*.credit.offer",
    "actors.*.credit.bond",
    "actors.*.attributes.*",
    "credit.offer",
    "credit.bond",
    "trust.default",
    "trust.strength",
    "trust.kept",
    "trust.broken",
    "trust.suspended",
    "trust.witness",
    "trust.pairs.*.value",
    "influence.*.weight",
    "commitments.*.gives.*",
    "commitments.*.gives.*.upto",
    "commitments.*.gives.*.by",
    "commitments.*.lead",
    "commitments.*.over",
    "commitments.*.grace",
    "commitments.*.due",
    "commitments.*.cost",
    "commitments.*.expires",
    "meetings.*.success",
    "meetings.*.influence",
    "meetings.*.from",
    "meetings.*.to",
    "shocks.*.rate",
    "shocks.*.stance.*",
    "shocks.*.anchor.*",
    "shocks.*.trust.*.by",
    "moves.*.bind.*.amount",
];

/// Deeper fields, by issue or resource.
const DEEP_FIELDS: [&str; 3] = ["shocks.*.stance.*.*", "shocks.*.anchor.*.*", "moves.*.bind.*.amount.*"];

/// Paths of fields that are a moment, or a list of moments.
const MOMENTS: [&str; 3] = ["meetings.*.on", "shocks.*.on", "moves.*.on"];

/// Paths of fields that are the length of a step.
const LENGTHS: [&str; 1] = ["time.step"];

/// Paths of fields that are true or false.
const BOOLEANS: [&str; 7] = [
    "parameters.*.whole",
    "commitments.*.maintain",
    "commitments.*.resumable",
    "meetings.*.package",
    "shocks.*.once",
    "moves.*.any",
    "outcomes.*.stop",
];

/// The fields that a scenario may leave to their defaults, in all lists of paths.
fn fields() -> impl Iterator<Item = &'static str> {
    let numbers = FIELDS.into_iter().chain(["time.steps", "time.end"]);
    numbers.chain(MOMENTS).chain(LENGTHS).chain(BOOLEANS)
}

/// A document with its overrides.
#[derive(Debug)]
pub(super) struct Applied {
    /// A copy of the document with the overrides of whole fields.
    pub(super) root: Table,
    /// The overrides for single members.
    pub(super) members: Vec<MemberValue>,
}

/// Applies overrides to a copy of a document.
pub(super) fn apply(root: &Table, overrides: &[Override]) -> Result<Applied, Vec<Diagnostic>> {
    let mut applied = Applied { root: root.clone(), members: Vec::new() };
    let mut diagnostics = Vec::new();
    for (number, setting) in overrides.iter().enumerate() {
        let result = match setting.name.split_once('/') {
            Some((path, member)) => applied.set_member(number, setting, (path, member)),
            None => apply_one(&mut applied.root, number, setting),
        };
        if let Err(error) = result {
            diagnostics.push(*error);
        }
    }
    if diagnostics.is_empty() { Ok(applied) } else { Err(diagnostics) }
}

impl Applied {
    fn set_member(
        &mut self,
        number: usize,
        setting: &Override,
        (path, member): (&str, &str),
    ) -> Result<(), Box<Diagnostic>> {
        let parts: Vec<&str> = path.split('.').collect();
        let value = find(&self.root, &parts).filter(|value| Settable::of(value, &parts) == Some(Settable::Number));
        let Some(value) = value else { return Err(Box::new(unknown(&self.root, setting))) };
        check_kind(&self.root, value, &parts, setting)?;
        let value = Value { kind: setting.value.kind(), span: value.span.clone(), set_by: Some(number) };
        self.members.retain(|known| (known.path.as_str(), known.member.as_str()) != (path, member));
        self.members.push(MemberValue { path: path.into(), member: member.into(), value, used: Cell::new(false) });
        Ok(())
    }
}

/// The errors about members that have no such field.
pub(super) fn unused_members(members: &[MemberValue], overrides: &[Override]) -> Vec<Diagnostic> {
    let unused = members.iter().filter(|value| !value.used.get());
    let settings = unused.filter_map(|value| Some((value, overrides.get(value.value.set_by?)?)));
    let error = |(value, setting): (&MemberValue, &Override)| {
        let message = format!("{} has no number for a member {}", quoted(&value.path), quoted(&value.member));
        whole_argument(setting, message, "set/member").help("give the id of a member of the cohort, or of a debtor")
    };
    settings.map(error).collect()
}

fn apply_one(root: &mut Table, number: usize, setting: &Override) -> Result<(), Box<Diagnostic>> {
    let path = full_path(root, &setting.name);
    if find(root, &path).is_none() && !add(root, &path, setting.value) {
        return Err(Box::new(unknown(root, setting)));
    }
    if let Some(value) = find(root, &path) {
        check_kind(root, value, &path, setting)?;
    }
    if let Some(value) = find_mut(root, &path) {
        put(value, number, setting.value);
    }
    Ok(())
}

/// Checks that a value may be set to one of this kind.
fn check_kind(root: &Table, value: &Value, path: &[&str], setting: &Override) -> Result<(), Box<Diagnostic>> {
    let settable = Settable::of(value, path);
    let help = match (settable, setting.value) {
        (Some(Settable::Boolean), SetValue::Boolean(_))
        | (
            Some(Settable::Number | Settable::Moment),
            SetValue::Number(_) | SetValue::Day(_) | SetValue::Minute(_) | SetValue::Second(_),
        )
        | (Some(Settable::Number | Settable::Length), SetValue::Duration(..)) => return Ok(()),
        (Some(Settable::Boolean), _) => "give `true` or `false`".into(),
        (Some(Settable::Number), _) => "give a number".into(),
        (Some(Settable::Length), _) => "give the length of a step, such as `6 hours`".into(),
        (Some(Settable::Moment), _) => "give a date such as `2025-03-10`, or a step".into(),
        (None, _) => {
            let prefix = format!("{}.", path.join("."));
            let inner: Vec<String> = all_settable(root).into_iter().filter(|name| name.starts_with(&prefix)).collect();
            match inner.first() {
                Some(first) => format!("set something in it, such as {}", quoted(first)),
                None => "numbers, durations, moments and booleans can be set".into(),
            }
        }
    };
    let (name, given) = (quoted(&setting.name), setting.value.description());
    let message = match settable {
        None => format!("{name} is {}, which cannot be set", value.kind.description()),
        Some(Settable::Length) => format!("{name} is a duration, not {given}"),
        Some(_) => format!("{name} is {}, not {given}", value.kind.description()),
    };
    let error = whole_argument(setting, message, "set/kind").note("it stands here", Some(value.span.clone()));
    Err(Box::new(error.help(help)))
}

/// Adds to the diagnostics about durations that were set which `--set` they come from. Such a duration is compiled as an
/// expression, whose positions are those of the value that it replaces.
pub(super) fn name_durations(
    root: &Table,
    overrides: &[Override],
    mut diagnostics: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    for setting in overrides.iter().filter(|setting| matches!(setting.value, SetValue::Duration(..))) {
        let field = setting.name.split('/').next().unwrap_or_default();
        let Some(value) = find(root, &full_path(root, field)) else { continue };
        let note = provenance(setting);
        for diagnostic in &mut diagnostics {
            let is_inside = matches!(diagnostic.origin, Origin::File)
                && diagnostic
                    .span
                    .as_ref()
                    .is_some_and(|span| value.span.start <= span.start && span.end <= value.span.end);
            if is_inside && diagnostic.notes.iter().all(|(known, _)| *known != note) {
                diagnostic.notes.push((note.clone(), None));
            }
        }
    }
    diagnostics
}

/// The note to a value that was set.
pub(super) fn provenance(setting: &Override) -> String {
    format!("its value comes from {}", quoted(&format!("--set {}", setting.argument())))
}

/// A name without a dot is first looked up among the parameters.
fn full_path<'n>(root: &Table, name: &'n str) -> Vec<&'n str> {
    let parameter = !name.contains('.')
        && matches!(root.get("parameters").map(|entry| &entry.value.kind), Some(Kind::Table(table)) if table.has(name));
    if parameter { vec!["parameters", name] } else { name.split('.').collect() }
}

impl Document {
    /// The position of the value at a dotted path, or of the innermost enclosing value that the file has. A `/actor`
    /// after the path is ignored.
    #[must_use]
    pub fn place(&self, path: &str) -> Option<Range<usize>> {
        let path: Vec<&str> = path.split('/').next()?.split('.').collect();
        innermost(self.root(), &path).map(|(_, value)| value.span.clone())
    }
}

/// The longest beginning of a path that the document has, as the number of its parts, and the value there.
fn innermost<'t>(root: &'t Table, path: &[&str]) -> Option<(usize, &'t Value)> {
    (1..=path.len()).rev().find_map(|length| Some((length, find(root, &path[..length])?)))
}

fn find<'t>(root: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    let mut value = &root.get(first)?.value;
    for part in rest {
        value = match &value.kind {
            Kind::Table(table) => &table.get(part)?.value,
            Kind::Array(array) => array.get(index(part)?)?,
            _ => return None,
        };
    }
    Some(value)
}

fn find_mut<'t>(root: &'t mut Table, path: &[&str]) -> Option<&'t mut Value> {
    let (first, rest) = path.split_first()?;
    let mut value = &mut root.entries.iter_mut().find(|entry| entry.key == *first)?.value;
    for part in rest {
        value = match &mut value.kind {
            Kind::Table(table) => &mut table.entries.iter_mut().find(|entry| entry.key == *part)?.value,
            Kind::Array(array) => array.get_mut(index(part)?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// An index in canonical form, so that a number has only one path.
fn index(part: &str) -> Option<usize> {
    let number: usize = part.parse().ok()?;
    (number.to_string() == part).then_some(number)
}

/// Adds a field that the document leaves to its default, with the tables around it that are not there. Returns whether
/// there can be such a field.
fn add(root: &mut Table, path: &[&str], new: SetValue) -> bool {
    let Some(pattern) = fields().find(|pattern| matches_pattern(pattern, path)) else { return false };
    let depth = innermost(root, path).map_or(0, |(depth, _)| depth);
    // An actor or a resource cannot come into being by this.
    if pattern.split('.').skip(depth).any(|part| part == "*") {
        return false;
    }
    let (table, span) = match find_mut(root, &path[..depth]) {
        Some(Value { kind: Kind::Table(table), span, .. }) => (table, span.clone()),
        None if depth == 0 => (root, 0..0),
        _ => return false,
    };
    let mut kind = new.kind();
    for key in path[depth + 1..].iter().rev() {
        let value = Value { kind, span: span.clone(), set_by: None };
        kind = Kind::Table(Table { entries: vec![Entry { key: (*key).to_owned(), key_span: span.clone(), value }] });
    }
    let value = Value { kind, span: span.clone(), set_by: None };
    table.entries.push(Entry { key: path[depth].to_owned(), key_span: span, value });
    true
}

fn put(value: &mut Value, number: usize, new: SetValue) {
    // A parameter's long form keeps its range and unit; the value inside is what is set.
    if let Kind::Table(table) = &mut value.kind
        && let Some(entry) = table.entries.iter_mut().find(|entry| entry.key == "value")
    {
        entry.value.set_by = Some(number);
        entry.value.kind = new.kind();
        return;
    }
    value.set_by = Some(number);
    value.kind = new.kind();
}

/// The kinds of values that may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settable {
    Number,
    Length,
    Moment,
    Boolean,
}

impl Settable {
    /// The kind as which a value may be set; `None` if it cannot be set.
    fn of(value: &Value, path: &[&str]) -> Option<Self> {
        match value.kind {
            Kind::Boolean(_) => Some(Self::Boolean),
            Kind::Datetime(_) => Some(Self::Moment),
            _ if MOMENTS.iter().any(|pattern| matches_pattern(pattern, path)) => Some(Self::Moment),
            _ if LENGTHS.iter().any(|pattern| matches_pattern(pattern, path)) => Some(Self::Length),
            _ => is_number(value, path).then_some(Self::Number),
        }
    }
}

fn is_number(value: &Value, path: &[&str]) -> bool {
    let field = || FIELDS.iter().chain(&DEEP_FIELDS).any(|pattern| matches_pattern(pattern, path)) || is_argument(path);
    match &value.kind {
        Kind::Integer(_) | Kind::Float(_) => true,
        Kind::String(_) => field(),
        Kind::Table(table) if is_distribution(table) || is_column(table) => field(),
        Kind::Table(table) => path.len() == 2 && path[0] == "parameters" && table.has("value"),
        _ => false,
    }
}

/// Whether a table is a distribution; `stance = { normal = 0.5 }` may be a stance on an issue of that name.
fn is_distribution(table: &Table) -> bool {
    matches!(table.entries.as_slice(), [only] if Shape::named(&only.key).is_some() && matches!(only.value.kind, Kind::Array(_)))
}

/// Whether a path is that of a distribution's argument.
fn is_argument(path: &[&str]) -> bool {
    matches!(path, [.., shape, position] if Shape::named(shape).is_some() && index(position).is_some())
}

fn matches_pattern(pattern: &str, path: &[&str]) -> bool {
    // A cohort's fields are those of an actor.
    let path: Vec<&str> =
        path.iter().enumerate().map(|(at, &part)| if at == 0 && part == "cohorts" { "actors" } else { part }).collect();
    let mut parts = pattern.split('.');
    path.iter().all(|part| parts.next().is_some_and(|wanted| wanted == "*" || wanted == *part))
        && parts.next().is_none()
}

/// The largest number of paths that are listed for suggestions.
const LISTED: usize = 20_000;

/// The paths of all values of a document that can be set.
fn all_settable(root: &Table) -> Vec<String> {
    let mut found = Vec::new();
    settable(root, &mut Vec::new(), &mut found);
    found
}

/// Adds the paths of all that can be set under a table.
fn settable(table: &Table, path: &mut Vec<String>, found: &mut Vec<String>) {
    for entry in &table.entries {
        path.push(entry.key.clone());
        settable_in(&entry.value, path, found);
        path.pop();
    }
}

fn settable_in(value: &Value, path: &mut Vec<String>, found: &mut Vec<String>) {
    if found.len() >= LISTED {
        return;
    }
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    if Settable::of(value, &parts).is_some() {
        if let ["parameters", name] = parts.as_slice() {
            found.push((*name).to_owned());
        }
        found.push(parts.join("."));
    }
    match &value.kind {
        Kind::Table(table) => settable(table, path, found),
        Kind::Array(array) => {
            for (at, element) in array.iter().enumerate() {
                path.push(at.to_string());
                settable_in(element, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// An error about a name that nothing has, with the nearest name of a value or of a default.
fn unknown(root: &Table, setting: &Override) -> Diagnostic {
    let mut known = all_settable(root);
    if let Some((above, _)) = setting.name.rsplit_once('.') {
        let table =
            find(root, &above.split('.').collect::<Vec<_>>()).is_some_and(|value| matches!(value.kind, Kind::Table(_)));
        for pattern in fields().filter(|_| table) {
            let (_, key) = pattern.rsplit_once('.').unwrap_or(("", pattern));
            let name = format!("{above}.{key}");
            if matches_pattern(pattern, &name.split('.').collect::<Vec<_>>()) && !known.contains(&name) && key != "*" {
                known.push(name);
            }
        }
    }
    let message = format!("the file has nothing called {} that can be set", quoted(&setting.name));
    let near = nearest(&setting.name, known.iter().map(String::as_str));
    let help = match near {
        Some(near) => format!("did you mean {}?", quoted(near)),
        None => match known.iter().find(|name| name.contains('.')) {
            Some(path) => format!("give a parameter's name, or the dotted path of a value such as {}", quoted(path)),
            None => "the file has no number that can be set".into(),
        },
    };
    whole_argument(setting, message, "set/unknown").help(help)
}

fn whole_argument(setting: &Override, message: String, code: &'static str) -> Diagnostic {
    let span: Range<usize> = 0..setting.name.len();
    Diagnostic::error(code, message, Some(span)).in_text(Origin::Argument(setting.argument()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::Document;

    const TEXT: &str = "pace = 0.5\n[parameters]\nfloor = { value = { uniform = [1, 2] }, range = [0, 9] }\nshare = 1\n\
        [actors.us]\nstance = { triangular = [0, 0.5, 1] }\nname = \"floor\"\n[[influence]]\nweight = \"share\"\n\
        [time]\nstart = 2025-03-10\nsteps = 3\n[meetings.summit]\non = [2025-03-11, 2025-03-12]\npackage = true\n";

    fn set(name: &str, value: &str) -> Result<Table, Vec<Diagnostic>> {
        let document = Document::parse("test", TEXT.as_bytes()).unwrap();
        let setting = Override { name: name.into(), value: SetValue::parse(value).unwrap() };
        apply(document.root(), &[setting]).map(|applied| applied.root)
    }

    fn check(name: &str, at: &str) {
        let root = set(name, "7").unwrap();
        let path: Vec<&str> = at.split('.').collect();
        assert_eq!(find(&root, &path).and_then(Value::number), Some(7.0), "{name}");
    }

    #[test]
    fn any_number_can_be_set() {
        check("floor", "parameters.floor.value");
        check("parameters.floor", "parameters.floor.value");
        check("parameters.floor.range.1", "parameters.floor.range.1");
        check("parameters.floor.value.uniform.0", "parameters.floor.value.uniform.0");
        check("share", "parameters.share");
        check("pace", "pace");
        check("actors.us.stance", "actors.us.stance");
        check("actors.us.stance.triangular.1", "actors.us.stance.triangular.1");
        check("influence.0.weight", "influence.0.weight");
        check("time.steps", "time.steps");
    }

    #[test]
    fn moments_and_booleans_can_be_set() {
        let kept = |name: &str, value: &str| {
            let root = set(name, value).unwrap();
            let path: Vec<&str> = name.split('.').collect();
            assert_eq!(find(&root, &path).and_then(|found| SetValue::of(&found.kind)).unwrap().to_string(), value);
        };
        kept("time.start", "2025-03-01");
        kept("meetings.summit.on", "2025-03-20T06:30:00");
        kept("meetings.summit.on", "3");
        kept("meetings.summit.on.1", "2025-03-20");
        kept("meetings.summit.package", "false");
        kept("parameters.share", "2025-03-20");
        set("share", "true").unwrap_err();
        set("time.start", "true").unwrap_err();
    }

    fn refused(name: &str, message: &str, help: &str) {
        let error = &set(name, "7").unwrap_err()[0];
        assert_eq!((error.message.as_str(), error.help.as_deref().unwrap()), (message, help));
    }

    #[test]
    fn what_the_file_leaves_to_its_default_can_be_set() {
        let added = |name: &str, value: &str| {
            let root = set(name, value).unwrap();
            let path: Vec<&str> = name.split('.').collect();
            let found = find(&root, &path).unwrap();
            assert_eq!((SetValue::of(&found.kind).unwrap().to_string(), found.set_by), (value.to_owned(), Some(0)));
        };
        added("actors.us.volatility", "0.1");
        added("actors.us.credit.bond", "1");
        added("trust.kept", "0.2");
        added("meetings.summit.success", "0.5");
        added("meetings.summit.to", "2025-03-20");
        added("time.step", "6 hours");
        added("parameters.floor.whole", "true");
        // But no actor, parameter or resource comes into being by this.
        for name in
            ["actors.uk.stance", "parameters.ceiling", "actors.us.stance.main", "actors.us.attributes.x", "tim.steps"]
        {
            set(name, "0.5").unwrap_err();
        }
    }

    #[test]
    fn durations_are_set_where_an_expression_may_stand() {
        let root = set("actors.us.stance", "2 days").unwrap();
        let path = ["actors", "us", "stance"];
        assert!(matches!(&find(&root, &path).unwrap().kind, Kind::String(text) if text == "2 days"));
        for (name, message) in [
            ("meetings.summit.on", "`meetings.summit.on` is a list, not a duration"),
            ("meetings.summit.package", "`meetings.summit.package` is a boolean, not a duration"),
        ] {
            assert_eq!(set(name, "2 days").unwrap_err()[0].message, message);
        }
        assert_eq!(set("time.step", "6").unwrap_err()[0].message, "`time.step` is a duration, not a number");
    }

    #[test]
    fn invalid_numbers_are_refused() {
        refused("flor", "the file has nothing called `flor` that can be set", "did you mean `floor`?");
        refused(
            "actors.uss.stance",
            "the file has nothing called `actors.uss.stance` that can be set",
            "did you mean `actors.us.stance`?",
        );
        refused(
            "actors.us.volatilty",
            "the file has nothing called `actors.us.volatilty` that can be set",
            "did you mean `actors.us.volatility`?",
        );
        refused(
            "actors.us.name",
            "`actors.us.name` is a text, which cannot be set",
            "numbers, durations, moments and booleans can be set",
        );
        refused("time", "`time` is a table, which cannot be set", "set something in it, such as `time.start`");
        refused(
            "meetings.summit.package",
            "`meetings.summit.package` is a boolean, not a number",
            "give `true` or `false`",
        );
        refused(
            "influence.00.weight",
            "the file has nothing called `influence.00.weight` that can be set",
            "did you mean `influence.0.weight`?",
        );
    }
}
