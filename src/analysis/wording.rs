//! Numbers, quantities and comparisons as text for people.

use crate::model::{
    ActorId, Arguments, Comparison, Expression, GroupId, IssueId, Model, Node, NodeId, Promises, Quantity, Range,
    Resource, ResourceId, Scope, SlotId,
};
use crate::text::escaped;

/// Units that are unclear without the name of the resource.
const BARE_UNITS: [&str; 7] = ["share", "shares", "fraction", "percent", "%", "points", "units"];

/// Formats a number with only the decimal places that matter, and digits in groups of three.
#[must_use]
pub fn number(value: f64) -> String {
    if value != 0.0 && !(1e-6..1e15).contains(&value.abs()) && value.is_finite() {
        let text = format!("{value:.5e}");
        return match text.split_once('e') {
            Some((digits, exponent)) => format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.')),
            None => text,
        };
    }
    let text = format!("{value}");
    let places = match value.abs() {
        large if large >= 1_000.0 => 1,
        middle if middle >= 10.0 => 3,
        _ => 6,
    };
    let is_long = text.split_once('.').is_some_and(|(_, fraction)| fraction.len() > places);
    let rounded = format!("{value:.places$}");
    let text = if is_long { rounded.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text };
    let (sign, rest) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(whole, fraction)| (whole, Some(fraction)));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return if value.is_infinite() { format!("{sign}infinity") } else { text };
    }
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// An amount of a resource: `30 000 soldiers`, `0.5 of backstop`, `3 tanks`.
#[must_use]
pub fn amount(model: &Model, resource: ResourceId, value: f64) -> String {
    let resource = &model.resources[resource.index()];
    let value = number(value);
    let name = resource_name(resource);
    match resource.unit.as_deref().map(escaped) {
        None => format!("{value} {name}"),
        // The unit already names the resource.
        Some(unit) if unit == name => format!("{value} {unit}"),
        Some(unit) if BARE_UNITS.contains(&unit.as_str()) => {
            if unit.starts_with("share") || unit == "fraction" {
                format!("{value} of {name}")
            } else {
                format!("{value} {unit} of {name}")
            }
        }
        Some(unit) => {
            let is_shared = model.resources.iter().filter(|other| other.unit == resource.unit).count() > 1;
            if is_shared { format!("{value} {unit} of {name}") } else { format!("{value} {unit}") }
        }
    }
}

/// The name of a resource for people, or its id.
#[must_use]
pub fn resource_name(resource: &Resource) -> String {
    let name = resource.name.as_deref().filter(|name| !name.trim().is_empty());
    name.map_or_else(|| resource.id.clone(), escaped)
}

/// One quantity compared with a fixed number.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The quantity.
    pub quantity: Quantity,
    /// The wanted comparison of the quantity with `wanted`.
    pub comparison: Comparison,
    /// The number it is compared with.
    pub wanted: f64,
    /// The current value of the quantity.
    pub has: f64,
    /// The resource, where the quantity is about one.
    pub resource: Option<ResourceId>,
    /// Its unit, where the quantity is an amount of it.
    pub unit: Option<String>,
    /// The group, where the quantity is about one.
    pub group: Option<GroupId>,
}

impl Threshold {
    /// The absolute difference between the wanted and the current value.
    #[must_use]
    pub fn lacks(&self) -> f64 {
        (self.wanted - self.has).abs()
    }
}

/// A threshold that is not met: `wants at least 30 000 soldiers bound by europe, sees 0`.
pub(super) fn threshold(model: &Model, scope: &Scope<'_>, threshold: &Threshold) -> String {
    let Threshold { quantity, comparison, wanted, has, .. } = threshold;
    let (bound, sees) = (at_least(*comparison), number(*has));
    let of_slot = |slot: SlotId, how: &str| {
        let slot = &model.slots[slot.index()];
        format!(
            "wants {bound} {} {how} by {}, sees {sees}",
            amount(model, slot.resource, *wanted),
            whom(model, slot.group)
        )
    };
    let of_commitment = |c: Promises, how: &str| {
        let id = promises(model, c);
        let instances = c.instances(model).len();
        if instances <= 1 && comparison.holds(1.0, *wanted) {
            format!("wants {id} {how}, which it is not")
        } else {
            format!("wants {bound} {} of {id} {how}, sees {sees}", number(*wanted))
        }
    };
    let wanted_text = number(*wanted);
    let stance = |of: &str, issue: IssueId, sees: String| {
        format!("wants a stance of {of}{} {bound} {wanted_text}, {sees}", on_issue(model, issue))
    };
    match (quantity.arguments(), quantity.range()) {
        (Arguments::Slot(slot), Range::Amount(_)) => of_slot(slot, quantity.name()),
        (Arguments::Slot(slot), Range::Actors(_)) => parties(model, threshold, slot),
        (Arguments::Observed { slot, .. }, _) => {
            let slot = &model.slots[slot.index()];
            let what = amount(model, slot.resource, *wanted);
            format!("wants to be assured of {bound} {what} by {}, expects {sees}", whom(model, slot.group))
        }
        (Arguments::Promises(c), Range::Instances(_)) if quantity.is_evidence() => {
            let is_offer = matches!(quantity, Quantity::Offers(_));
            let is_bond = matches!(quantity, Quantity::Bonds(_));
            of_commitment(
                c,
                if is_offer {
                    "on the table"
                } else if is_bond {
                    "bound"
                } else {
                    quantity.name()
                },
            )
        }
        (Arguments::OwnStance(issue), _) => {
            let actor = scope.reader.map_or("its debtor", |me| actor(model, me.actor));
            stance(actor, issue, format!("has {sees}"))
        }
        (Arguments::Stance(of, issue), _) => stance(actor(model, of), issue, format!("sees {sees}")),
        _ => format!("wants {} {bound} {wanted_text}, sees {sees}", quantity_text(model, *quantity)),
    }
}

/// A threshold on a number of parties.
fn parties(model: &Model, threshold: &Threshold, slot: SlotId) -> String {
    let Threshold { comparison, wanted, has, .. } = threshold;
    let (bound, sees, wanted_text) = (at_least(*comparison), number(*has), number(*wanted));
    let slot = &model.slots[slot.index()];
    let resource = &model.resources[slot.resource.index()].id;
    let group = &model.groups[slot.group.index()];
    match (group.members.as_slice(), group.id.is_empty()) {
        ([one], _) if comparison.holds(1.0, *wanted) && !comparison.holds(0.0, *wanted) => {
            format!("wants {} bound to give {resource}, which it is not", actor(model, *one))
        }
        (members, true) if members.len() == model.actors.len() => {
            format!("wants {bound} {wanted_text} others bound to give {resource}, sees {sees}")
        }
        _ => {
            let whom = whom(model, slot.group);
            format!("wants {bound} {wanted_text} of {whom} bound to give {resource}, sees {sees}")
        }
    }
}

/// Any other comparison: `wants bound(troops, uk) >= bound(troops, france), sees 0 and 5`.
pub(super) fn comparison(
    model: &Model,
    expression: &Expression,
    (a, b): (NodeId, NodeId),
    (left, right): (f64, f64),
    comparison: Comparison,
) -> String {
    let moves = |node| !expression.reads_at(node).is_empty();
    let is_number = |node: NodeId| matches!(expression.nodes[node as usize], Node::Number(_));
    let side = |node: NodeId, value: f64| {
        let written = text(model, expression, node, 0);
        let shown = number(value);
        // A parameter or an expression of parameters is shown with its value.
        if moves(node) || is_number(node) { written } else { format!("{written} ({shown})") }
    };
    let sees = match (moves(a), moves(b)) {
        (true, false) => number(left),
        (false, true) => number(right),
        _ => format!("{} and {}", number(left), number(right)),
    };
    format!("wants {} {} {}, sees {sees}", side(a, left), comparison.symbol(), side(b, right))
}

/// A comparison as source text, with definitions by name.
pub(super) fn written_comparison(
    model: &Model,
    expression: &Expression,
    (a, b): (NodeId, NodeId),
    comparison: Comparison,
) -> String {
    let side = |node| text(model, expression, node, 5);
    format!("{} {} {}", side(a), comparison.symbol(), side(b))
}

fn at_least(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "less than",
        Comparison::LessOrEqual => "at most",
        Comparison::Greater => "more than",
        Comparison::GreaterOrEqual => "at least",
        Comparison::Equal => "exactly",
        Comparison::NotEqual => "anything but",
    }
}

fn on_issue(model: &Model, issue: IssueId) -> String {
    if model.issues.len() > 1 { format!(" on {}", model.issues[issue.index()]) } else { String::new() }
}

/// The id of a commitment, or the name of the instance if one is meant.
fn promises(model: &Model, of: Promises) -> &str {
    match of.instance {
        Some(one) => model.name_of(one),
        None => &model.commitments[of.commitment.index()].id,
    }
}

/// The display name of an actor, or its id.
fn actor(model: &Model, actor: ActorId) -> &str {
    model.actors.name(actor).filter(|name| !name.trim().is_empty()).unwrap_or_else(|| model.actors.id(actor))
}

/// The subject of a quantity for a person: a single actor by its display name.
fn whom(model: &Model, group: GroupId) -> String {
    match model.groups[group.index()].members.as_slice() {
        [one] => actor(model, *one).to_owned(),
        _ => self::group(model, group),
    }
}

/// The id of a group, its members if it has none, or `others` for everyone.
fn group(model: &Model, group: GroupId) -> String {
    let group = &model.groups[group.index()];
    if !group.id.is_empty() {
        return group.id.clone();
    }
    if group.members.len() == model.actors.len() {
        return "others".into();
    }
    let names: Vec<&str> = group.members.iter().map(|actor| model.actors.id(*actor)).collect();
    names.join(", ")
}

/// A quantity as source text.
#[must_use]
pub fn quantity_text(model: &Model, quantity: Quantity) -> String {
    let of_slot = |name: &str, slot: SlotId| {
        let slot = &model.slots[slot.index()];
        let resource = &model.resources[slot.resource.index()].id;
        let everyone = model.groups[slot.group.index()].members.len() == model.actors.len();
        if everyone && model.groups[slot.group.index()].id.is_empty() {
            format!("{name}({resource})")
        } else {
            format!("{name}({resource}, {})", group(model, slot.group))
        }
    };
    let stance = |whom: &str, issue: IssueId| {
        if model.issues.len() > 1 {
            format!("stance({whom}, {})", model.issues[issue.index()])
        } else {
            format!("stance({whom})")
        }
    };
    let name = quantity.name();
    match quantity.arguments() {
        Arguments::Slot(slot) | Arguments::Observed { slot, .. } => of_slot(name, slot),
        Arguments::Promises(c) => format!("{name}({})", promises(model, c)),
        Arguments::Outcome(outcome) => format!("{name}({})", model.outcomes[outcome.index()].id),
        Arguments::Stance(actor, issue) => stance(model.actors.id(actor), issue),
        Arguments::Mean(mean) => {
            let mean = &model.means[mean.index()];
            stance(&group(model, mean.group), mean.issue)
        }
        Arguments::Pair(a, b) => format!("{name}({}, {})", model.actors.id(a), model.actors.id(b)),
        Arguments::Data(data) => format!("{name}({})", model.data[data.index()].id),
        Arguments::Attribute(attribute) => format!("{name}({})", model.attributes[attribute.index()]),
        Arguments::Meeting(at) => format!("{name}({})", model.meetings[at.index()].id),
        Arguments::Move(at) => format!("{name}({})", model.moves[at.index()].id),
        Arguments::Shock(at) => format!("{name}({})", model.shocks[at.index()].id),
        Arguments::Nothing | Arguments::OwnStance(_) | Arguments::Member => name.into(),
    }
}

/// The longest expression text, in bytes; longer ones are cut.
const LONGEST: usize = 200;

/// The parts of a condition that are false: the false operands of a top-level `and`, or the whole condition. Empty if
/// the condition is true or cannot be evaluated.
#[must_use]
pub fn untrue_parts(model: &Model, condition: &Expression, scope: &Scope<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut stack = vec![condition.root()];
    while let Some(node) = stack.pop() {
        let is_definition = condition.named.iter().any(|(of, _)| *of == node);
        if let (Node::And(a, b), false) = (condition.nodes[node as usize], is_definition) {
            stack.extend([b, a]);
        } else if condition.truth_at(node, scope).is_ok_and(|truth| !truth) {
            found.push(node);
        }
    }
    // An `or` among several parts needs brackets.
    let around = if found.len() > 1 { 3 } else { 0 };
    found.into_iter().map(|node| text(model, condition, node, around)).collect()
}

/// An expression as source text with definitions by name; `around` is the binding strength of its surroundings.
fn text(model: &Model, expression: &Expression, node: NodeId, around: u8) -> String {
    let mut out = String::new();
    write(model, expression, node, around, &mut out);
    if out.len() > LONGEST {
        out.truncate(out.floor_char_boundary(LONGEST));
        out.push('…');
    }
    out
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other operations are written as functions or by themselves")]
fn write(model: &Model, expression: &Expression, node: NodeId, around: u8, out: &mut String) {
    if out.len() > LONGEST {
        return;
    }
    if let Some((_, name)) = expression.named.iter().find(|(of, _)| *of == node) {
        out.push_str(name);
        return;
    }
    let operation = expression.nodes[node as usize];
    let (tightness, symbol) = match operation {
        Node::Or(..) => (1, " or "),
        Node::And(..) => (2, " and "),
        Node::Not(_) => (3, "not "),
        Node::Compare(comparison, ..) => (4, comparison.symbol()),
        Node::Add(..) => (5, " + "),
        Node::Subtract(..) => (5, " - "),
        Node::Multiply(..) => (6, " * "),
        Node::Divide(..) => (6, " / "),
        Node::Negate(_) => (7, "-"),
        _ => (8, ""),
    };
    if tightness < around {
        out.push('(');
    }
    match operation {
        Node::Number(value) => out.push_str(&value.to_string()),
        Node::Truth(value) => out.push_str(if value { "true" } else { "false" }),
        Node::Parameter(parameter) => out.push_str(&model.parameters[parameter.index()].id),
        Node::Read(quantity) => out.push_str(&quantity_text(model, quantity)),
        Node::Negate(a) | Node::Not(a) => {
            out.push_str(symbol);
            write(model, expression, a, tightness, out);
        }
        Node::Compare(_, a, b) => {
            write(model, expression, a, 5, out);
            out.extend([" ", symbol, " "]);
            write(model, expression, b, 5, out);
        }
        Node::Add(a, b)
        | Node::Subtract(a, b)
        | Node::Multiply(a, b)
        | Node::Divide(a, b)
        | Node::And(a, b)
        | Node::Or(a, b) => {
            write(model, expression, a, tightness, out);
            out.push_str(symbol);
            write(model, expression, b, tightness + 1, out);
        }
        _ => {
            out.push_str(function(operation));
            for (at, child) in operation.operands().enumerate() {
                out.push_str(if at == 0 { "(" } else { ", " });
                write(model, expression, child, 0, out);
            }
            if let Node::Curve(_, points, count) = operation {
                for point in points..points + 2 * count {
                    out.push_str(", ");
                    write(model, expression, point, 0, out);
                }
            }
            out.push(')');
        }
    }
    if tightness < around {
        out.push(')');
    }
}

/// The function name of an operation.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other operation is written as a function")]
fn function(operation: Node) -> &'static str {
    match operation {
        Node::Min(..) => "min",
        Node::Max(..) => "max",
        Node::Clamp(..) => "clamp",
        Node::Abs(_) => "abs",
        Node::Sqrt(_) => "sqrt",
        Node::Exp(_) => "exp",
        Node::Ln(_) => "ln",
        Node::Curve(..) => "curve",
        _ => "if",
    }
}
