//! An explanation of a state as text: what each offer lacks, the circles, and the smallest sets of first moves.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::analysis::{self, Blocked, Choice, Cost, Explanation, MoveAmount, Partial, Sets, wording};
use crate::engine::View;
use crate::model::{Amount, CommitmentId, InstanceId, Model, ResourceId, State};

use super::wording::{actor, count, listed, plain_number};

/// The longest list that is printed.
const SHOWN: usize = 8;

/// The largest number of commitments named in one line.
const NAMES: usize = 20;

/// The largest number of lines that describe what commitments lack.
const LINES: usize = 60;

/// The largest number of different needs that are listed for the instances of one commitment.
const NEEDS: usize = 3;

/// The largest number of edges of the wait-for graph.
#[expect(clippy::cast_precision_loss, reason = "a limit of a few millions")]
const WAITS: f64 = analysis::limits::WAITS as f64;

/// The largest number of larger minimal sets that are listed.
const LARGER: usize = 2;

/// Describes an explanation: what each commitment waits for, the circles, and the smallest sets of first moves.
#[must_use]
pub fn explained(model: &Model, explanation: &Explanation) -> String {
    let gap = explanation.gap.len();
    let (is_graded, any_suspended) = (!explanation.move_amounts.is_empty(), !explanation.suspended.is_empty());
    let mut text = match gap {
        0 => "  No deadlock: no set of the offers that stand would bind together.\n".into(),
        1 if is_graded || any_suspended => {
            "  One promise could be bound, resumed or raised, and will not be by itself.\n".into()
        }
        _ if is_graded => format!(
            "  {} could be bound, resumed or raised together; none of them will be by itself.\n",
            count(gap, "promise")
        ),
        _ if any_suspended => format!(
            "  {} would all bind or be taken up again together; none of them will by itself.\n",
            count(gap, "promise")
        ),
        1 => "  One offer stands that would hold if it were bound, and will not bind by itself.\n".into(),
        _ => format!(
            "  {} stand that would all bind if they bound together; none of them will by itself.\n",
            count(gap, "offer")
        ),
    };
    if gap > 0 {
        let _ = writeln!(text, "\nWho waits for what");
        text += &lacking(model, &explanation.blocked, &explanation.suspended);
        if !explanation.waits_are_complete {
            let _ = writeln!(text, "  ({}: no circles)", uncounted());
        }
        text += &circles(model, explanation);
    }
    if gap > 0 || explanation.goal.is_some() {
        text += &unlocks(model, explanation);
    }
    text
}

/// The offers on the table, and what each lacks.
#[must_use]
pub fn standing(view: View<'_>) -> String {
    let View { model, world, .. } = view;
    let offers: Vec<InstanceId> =
        model.instance_ids().filter(|&instance| world.instance(instance).state == State::Conditional).collect();
    if offers.is_empty() {
        return "  No offer stands that waits for anything.\n".into();
    }
    match analysis::lacks(view, &offers) {
        Ok(blocked) => format!("\nOffers that stand, and what each lacks\n{}", lacking(model, &blocked, &[])),
        Err(failure) => format!("  They cannot be explained: {failure}\n"),
    }
}

/// The suspended commitments outside the gap, and what each waits for.
#[must_use]
pub fn suspended(view: View<'_>, explanation: &Explanation) -> String {
    let View { model, world, .. } = view;
    let mut pending: Vec<InstanceId> =
        model.instance_ids().filter(|&instance| world.instance(instance).state == State::Pending).collect();
    pending.retain(|instance| explanation.suspended.binary_search(instance).is_err());
    if pending.is_empty() {
        return String::new();
    }
    let blocked = match analysis::lacks(view, &pending) {
        Ok(blocked) => blocked,
        Err(failure) => return format!("  What is suspended cannot be explained: {failure}\n"),
    };
    let (resumable, others): (Vec<Blocked>, Vec<Blocked>) =
        blocked.into_iter().partition(|one| model.commitment_of(one.commitment).resumable);
    let mut text = String::new();
    for (which, what) in [(resumable, "a package may resume them"), (others, "no package can resume them")] {
        if !which.is_empty() {
            // Writing to a string cannot fail.
            let _ =
                write!(text, "\nSuspended promises, and what each waits for ({what})\n{}", lacking(model, &which, &[]));
        }
    }
    text
}

/// The conditions that the next step evaluates, grouped by key.
#[must_use]
pub fn conditions(view: View<'_>) -> String {
    const KEYS: [(&str, &str); 6] = [
        ("offer", "Not on offer, and what each `offer` lacks"),
        ("when", "On offer, and what each `when` lacks"),
        ("while", "Bound or suspended, and what each `while` lacks"),
        ("until", "Kept up, and what each `until` lacks"),
        ("release", "Not released, and what each `release` lacks"),
        ("renew", "Over, and what each `renew` lacks"),
    ];
    let model = view.model;
    let looked = match analysis::conditions(view) {
        Ok(looked) => looked,
        Err(failure) => return format!("  The conditions cannot be explained: {failure}\n"),
    };
    let mut text = String::new();
    for (key, heading) in KEYS {
        let of_key = || looked.iter().filter(move |one| one.key == key);
        let lack: Vec<Blocked> = of_key().filter(|one| one.holds == Some(false)).map(|one| one.lacks.clone()).collect();
        let of_state =
            |holds| of_key().filter(move |one| one.holds == holds).map(|one| one.instance).collect::<Vec<_>>();
        let (hold, unknown) = (of_state(Some(true)), of_state(None));
        if of_key().next().is_none() {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{heading}\n{}", lacking(model, &lack, &[]));
        if !hold.is_empty() {
            let _ = writeln!(text, "  {}: nothing, it holds", instances(model, &hold));
        }
        if !unknown.is_empty() {
            let _ = writeln!(text, "  {}: it cannot be evaluated", instances(model, &unknown));
        }
    }
    if text.is_empty() { "\nNo promise has a condition that the next step would look at.\n".into() } else { text }
}

/// The text of what one commitment lacks.
#[must_use]
pub fn lacks(view: View<'_>, instance: InstanceId) -> String {
    match analysis::lacks(view, &[instance]) {
        Ok(blocked) => lacking(view.model, &blocked, &[]),
        Err(failure) => format!("  it cannot be explained: {failure}\n"),
    }
}

/// Commitments that lack the same, and the text for it.
struct Need<'a> {
    commitments: Vec<InstanceId>,
    text: &'a str,
    /// A remark on the other instances of the same commitment, which want more or something else.
    others: String,
}

/// One line for each group of commitments that lack the same; suspended ones are marked.
fn lacking(model: &Model, blocked: &[Blocked], suspended: &[InstanceId]) -> String {
    let needs = needs(model, blocked);
    let mut text = String::new();
    for need in needs.iter().take(LINES) {
        let (who, each) = match need.commitments.as_slice() {
            [one] => {
                let own = &model.instances[one.index()];
                let state = if suspended.contains(one) { ", suspended" } else { "" };
                (format!("{} ({}{state})", model.name_of(*one), actor(model, own.debtor)), "")
            }
            many if many.iter().all(|one| suspended.contains(one)) => (instances(model, many), " (suspended): each"),
            many => (instances(model, many), ": each"),
        };
        let _ = writeln!(text, "  {who}{each} {}{}", need.text, need.others);
    }
    if needs.len() > LINES {
        let _ = writeln!(text, "  and {} more", needs.len() - LINES);
    }
    text
}

fn needs<'a>(model: &Model, blocked: &'a [Blocked]) -> Vec<Need<'a>> {
    let mut declared: Vec<(CommitmentId, Vec<&Blocked>)> = Vec::new();
    let mut place = vec![None; model.commitments.len()];
    for one in blocked {
        let commitment = model.instances[one.commitment.index()].commitment;
        let at = *place[commitment.index()].get_or_insert_with(|| {
            declared.push((commitment, Vec::new()));
            declared.len() - 1
        });
        declared[at].1.push(one);
    }
    let mut needs: Vec<Need<'a>> = Vec::new();
    // Grouped by text, since there may be very many.
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, ones) in &declared {
        for need in of_one(ones) {
            let is_plain = need.others.is_empty() && !need.text.is_empty();
            if let Some(&at) = known.get(need.text).filter(|_| is_plain) {
                needs[at].commitments.extend(need.commitments);
                continue;
            }
            if is_plain {
                known.insert(need.text, needs.len());
            }
            needs.push(need);
        }
    }
    needs
}

/// The text of what the instances of one commitment lack.
fn of_one<'a>(ones: &[&'a Blocked]) -> Vec<Need<'a>> {
    let all = |ones: &[&Blocked]| ones.iter().map(|one| one.commitment).collect::<Vec<_>>();
    if let Some((least, most)) = spread(ones) {
        let others = format!("; the most that one of them wants is {}", plain_number(most));
        return vec![Need { commitments: all(ones), text: &least.text, others }];
    }
    let mut needs: Vec<Need<'a>> = Vec::new();
    for (at, one) in ones.iter().enumerate() {
        if let Some(need) = needs.iter_mut().find(|need| *need.text == *one.text) {
            need.commitments.push(one.commitment);
        } else if needs.len() < NEEDS || at + 1 == ones.len() {
            needs.push(Need { commitments: vec![one.commitment], text: &one.text, others: String::new() });
        } else {
            let (known, rest): (Vec<&Blocked>, Vec<&Blocked>) =
                ones[at..].iter().partition(|one| needs.iter().any(|need| *need.text == *one.text));
            for one in known {
                let same = needs.iter_mut().find(|need| *need.text == *one.text);
                same.expect("it is known").commitments.push(one.commitment);
            }
            let others = "wants something else; `explain --json` lists what".into();
            needs.push(Need { commitments: all(&rest), text: "", others });
            break;
        }
    }
    needs
}

/// The instance with the smallest need and the largest need, if the needs of all differ only in a number.
fn spread<'a>(ones: &[&'a Blocked]) -> Option<(&'a Blocked, f64)> {
    let wanted = |one: &Blocked| match one.wants.as_slice() {
        [want] => want.threshold.as_ref().map(|threshold| (want.node, threshold.has.to_bits(), threshold.wanted)),
        _ => None,
    };
    let (node, has, _) = wanted(ones.first()?)?;
    let mut least: Option<(&'a Blocked, f64)> = None;
    let mut most = f64::NEG_INFINITY;
    for one in ones {
        let (of, sees, number) = wanted(one)?;
        if (of, sees) != (node, has) {
            return None;
        }
        if least.is_none_or(|(_, before)| number < before) {
            least = Some((one, number));
        }
        most = most.max(number);
    }
    least.filter(|&(_, least)| least < most).map(|(one, _)| (one, most))
}

/// Commitments by name; the instances of one commitment are counted instead of listed.
#[must_use]
pub fn instances(model: &Model, of: &[InstanceId]) -> String {
    let mut names: Vec<(CommitmentId, usize, &str)> = Vec::new();
    let mut place = vec![None; model.commitments.len()];
    for instance in of {
        let own = &model.instances[instance.index()];
        if let Some(at) = place[own.commitment.index()] {
            let (_, number, name): &mut (_, usize, &str) = &mut names[at];
            *number += 1;
            *name = &model.commitments[own.commitment.index()].id;
        } else {
            place[own.commitment.index()] = Some(names.len());
            names.push((own.commitment, 1, model.name_of(*instance)));
        }
    }
    let named = names.into_iter().map(|(commitment, number, name)| {
        if number == 1 {
            return name.to_owned();
        }
        let all = model.instances_of(commitment).len();
        if number == all { format!("{name} (all {all})") } else { format!("{name} ({number} of {all})") }
    });
    let mut named: Vec<String> = named.collect();
    if named.len() > NAMES {
        let others = named.len() - NAMES;
        named.truncate(NAMES);
        named.push(count(others, "other"));
    }
    listed(&named)
}

fn circles(model: &Model, explanation: &Explanation) -> String {
    let circles = &explanation.circles;
    if circles.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", if circles.len() == 1 { "The circle" } else { "The circles" });
    for circle in circles.iter().take(SHOWN) {
        let _ = writeln!(text, "  {} wait for each other", instances(model, circle));
    }
    if circles.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", circles.len() - SHOWN);
    }
    text
}

/// The smallest sets of first moves, and the least sufficient amount of each move.
fn unlocks(model: &Model, explanation: &Explanation) -> String {
    let Sets { sets, proved, .. } = &explanation.unlock;
    let mut text = match explanation.goal {
        Some(goal) => format!("\nWhat would bring about {}\n", model.outcomes[goal.index()].id),
        None => "\nWhat would open the deadlock\n".into(),
    };
    let Some(cheapest) = sets.first() else {
        text += &none_found(model, explanation);
        return text;
    };
    if cheapest.members.is_empty() {
        text += "  nothing needs to: the goal holds already\n";
        return text;
    }
    let same: Vec<&Choice<InstanceId>> = sets.iter().filter(|set| set.cost == cheapest.cost).collect();
    let what = moves(model, explanation, cheapest);
    let small = if explanation.cost == Cost::Moves { "smaller" } else { "cheaper" };
    let proof = if *proved { format!("no {small} set does") } else { format!("a {small} set is not ruled out") };
    let choice = if same.len() > 1 { ", any of these" } else { "" };
    let _ = writeln!(text, "  {what}, made without waiting for the others ({proof}){choice}:");
    let is_single = same.iter().all(|set| set.members.len() == 1);
    for set in same.iter().take(SHOWN) {
        let far = if is_single { move_distance(explanation, set.members[0]) } else { String::new() };
        let far = if far.is_empty() { far } else { format!(" ({far})") };
        let _ = writeln!(text, "    {}{far}", members(model, &set.members, &explanation.move_amounts));
    }
    text += &others(model, explanation, &same);
    if !is_single {
        text += &distances(model, explanation, &same);
    }
    let larger = sets.iter().filter(|set| set.cost > cheapest.cost);
    let shown: Vec<InstanceId> =
        same.iter().take(SHOWN).copied().chain(larger).flat_map(|set| set.members.iter().copied()).collect();
    text += &partial(model, explanation, &shown);
    text + &held(explanation)
}

/// The distance of each move in the sets shown from being made unasked.
fn distances(model: &Model, explanation: &Explanation, sets: &[&Choice<InstanceId>]) -> String {
    let mut moves: Vec<InstanceId> = sets.iter().take(SHOWN).flat_map(|set| &set.members).copied().collect();
    moves.sort_unstable();
    moves.dedup();
    let mut alike: Vec<(String, Vec<InstanceId>)> = Vec::new();
    for instance in moves {
        let far = move_distance(explanation, instance);
        match alike.iter_mut().find(|(text, _)| *text == far) {
            Some((_, instances)) => instances.push(instance),
            None => alike.push((far, vec![instance])),
        }
    }
    let mut text = String::from("  How far their owners are from moving unasked\n");
    for (far, of) in alike.iter().take(SHOWN) {
        let _ = writeln!(text, "    {}: {far}", instances(model, of));
    }
    if alike.len() > SHOWN {
        let _ = writeln!(text, "    and {} more; `--json` lists them", alike.len() - SHOWN);
    }
    text
}

/// The distance of a move from being made unasked: `distance 0.68: wants 1, sees 0.32`.
fn move_distance(explanation: &Explanation, instance: InstanceId) -> String {
    let at = explanation.move_distance.binary_search_by_key(&instance, |move_distance| move_distance.instance);
    let Some(move_distance) = at.ok().map(|at| &explanation.move_distance[at]) else { return String::new() };
    let lacks = match move_distance.lacks.wants.as_slice() {
        [one] => {
            let (wanted, has) = match &one.threshold {
                Some(threshold) => (threshold.wanted, threshold.has),
                None => (one.right, one.left),
            };
            format!("wants {}, sees {}", plain_number(wanted), plain_number(has))
        }
        _ => move_distance.lacks.text.to_string(),
    };
    if move_distance.distance.is_infinite() {
        return format!("never unasked: {lacks}");
    }
    let rounded = (1e3 * move_distance.distance).round() / 1e3;
    let is_small = rounded == 0.0 && move_distance.distance > 0.0;
    let distance = if is_small { "below 0.001".into() } else { plain_number(rounded) };
    format!("distance {distance}: {lacks}")
}

/// The quantities that the explanation holds fixed although the goal or a condition reads them.
fn held(explanation: &Explanation) -> String {
    let held: Vec<String> = explanation.held.iter().map(|held| held.name().to_owned()).collect();
    if held.is_empty() {
        return String::new();
    }
    let verb = if held == ["time"] || held == ["trust"] { "is held fixed" } else { "are held fixed" };
    let mut what = listed(&held);
    what[..1].make_ascii_uppercase();
    format!("  {what} {verb} here; `explain --forward` continues the run.\n")
}

/// A note that there is no set, or that the search did not prove the smallest.
fn none_found(model: &Model, explanation: &Explanation) -> String {
    let Sets { lower, upper, .. } = &explanation.unlock;
    match (lower, upper) {
        (None, _) => {
            let text = match (&explanation.with_any, explanation.any) {
                (Some(choice), _) => format!(
                    "  no set of moves that are on offer does; with `--any` {} would\n",
                    members(model, &choice.members, &explanation.move_amounts)
                ),
                (None, true) => "  no set of first moves does, even of what is not on offer\n".into(),
                (None, false) => "  no set of first moves does\n".into(),
            };
            text + &held(explanation)
        }
        (Some(_), Some(_)) => "  all of them together do; the search for a smaller set reached its limit\n".into(),
        (Some(_), None) => "  none was found before the search reached its limit\n".into(),
    }
}

/// `1 first move`, `first moves that give 7 350 soldiers`.
fn moves(model: &Model, explanation: &Explanation, cheapest: &Choice<InstanceId>) -> String {
    let cost = cheapest.cost.to_units();
    match explanation.cost {
        Cost::Moves => count(cheapest.members.len(), "first move"),
        Cost::Declared => format!("First moves at a cost of {}", plain_number(cost)),
        Cost::Resource(resource) => format!("First moves that give {}", wording::amount(model, resource, cost)),
        Cost::Distance if cheapest.cost.0 >= analysis::limits::NEVER => "First moves that nobody makes unasked".into(),
        Cost::Distance => format!("First moves at a distance of {}", plain_number(cost)),
    }
}

/// Members of a set by name, with the instances of one commitment grouped if all are members. Graded ones have their
/// amounts appended in the syntax of `--move`.
fn members(model: &Model, set: &[InstanceId], given: &[MoveAmount]) -> String {
    let amounts_of = |instance: InstanceId| -> Vec<(ResourceId, Amount)> {
        let start = given.partition_point(|given| given.instance < instance);
        let amounts = &given[start..start + given[start..].partition_point(|given| given.instance == instance)];
        amounts.iter().map(|one| (one.resource, one.amount)).collect()
    };
    let mut names = Vec::new();
    for of_one in set.chunk_by(|a, b| model.instances[a.index()].commitment == model.instances[b.index()].commitment) {
        let commitment = model.instances[of_one[0].index()].commitment;
        let is_whole = of_one.len() > 1 && of_one.len() == model.instances_of(commitment).len();
        if !model.commitments[commitment.index()].is_graded() {
            if is_whole {
                names.push(instances(model, of_one));
            } else {
                names.extend(of_one.iter().map(|one| model.name_of(*one).to_owned()));
            }
            continue;
        }
        let amounts: Vec<_> = of_one.iter().map(|&one| amounts_of(one)).collect();
        if is_whole && amounts.iter().all(|own| *own == amounts[0]) {
            let name = &model.commitments[commitment.index()].id;
            names.push(with_amounts(model, of_one[0], name, &amounts[0]));
        } else {
            let each = of_one.iter().zip(&amounts);
            names.extend(each.map(|(&one, own)| with_amounts(model, one, model.name_of(one), own)));
        }
    }
    listed(&names)
}

/// A commitment with graded amounts in the syntax of `--move`: `c=10`, `c=money:10,troops:5`. `name` is the name of the
/// instance or of its commitment.
pub(super) fn with_amounts(
    model: &Model,
    instance: InstanceId,
    name: &str,
    amounts: &[(ResourceId, Amount)],
) -> String {
    let declared = model.commitment_of(instance);
    let graded = (0..declared.gives.len()).filter(|&gift| declared.level(gift).is_some()).count();
    match amounts {
        [] => name.to_owned(),
        [(_, amount)] if graded == 1 => format!("{name}={}", amount.to_units()),
        all => {
            let one = |(resource, amount): &(ResourceId, Amount)| {
                format!("{}:{}", model.resources[resource.index()].id, amount.to_units())
            };
            format!("{name}={}", all.iter().map(one).collect::<Vec<_>>().join(","))
        }
    }
}

/// The minimal sets that are not among the cheapest.
fn others(model: &Model, explanation: &Explanation, same: &[&Choice<InstanceId>]) -> String {
    let Sets { sets, count: number, count_is_exact, .. } = &explanation.unlock;
    let number = usize::try_from(*number).unwrap_or(usize::MAX);
    let at_least = if *count_is_exact { "" } else { "at least " };
    let mut text = String::new();
    if same.len() == sets.len() && sets.len() < number {
        // The list was full before all sets of this cost were in it, so the remaining ones may have any cost.
        let more = number - same.len().min(SHOWN);
        let size = if explanation.cost == Cost::Moves { "of this size or larger" } else { "of this cost or dearer" };
        let _ = writeln!(text, "    and {at_least}{}, {size}", count(more, "other minimal set"));
        return text;
    }
    if same.len() > SHOWN {
        let _ = writeln!(text, "    and {at_least}{} more", same.len() - SHOWN);
    }
    let larger = number.saturating_sub(same.len());
    let what = if explanation.cost == Cost::Moves { "larger" } else { "dearer" };
    if *count_is_exact && larger <= LARGER && sets.len() == number {
        for set in sets.iter().filter(|set| set.cost > same[0].cost) {
            let _ = writeln!(
                text,
                "  Or, {what} but minimal too: {}",
                members(model, &set.members, &explanation.move_amounts)
            );
        }
    } else if larger > 0 {
        let _ = writeln!(text, "  and {at_least}{}, {what}", count(larger, "other minimal set"));
    }
    text
}

/// The least sufficient amount of each move shown, if it is less than the whole; equal ones are grouped.
fn partial(model: &Model, explanation: &Explanation, shown: &[InstanceId]) -> String {
    let smaller = explanation.partial.iter().filter(|one| one.least < one.amount && shown.contains(&one.instance));
    let mut alike: Vec<(String, Vec<InstanceId>)> = Vec::new();
    for partial in smaller {
        let text = enough(model, partial);
        match alike.iter_mut().find(|(known, _)| *known == text) {
            Some((_, instances)) => instances.push(partial.instance),
            None => alike.push((text, vec![partial.instance])),
        }
    }
    let mut text = String::new();
    for (enough, of) in alike.iter().take(LINES) {
        let each = if of.len() > 1 { "each of " } else { "" };
        let _ = writeln!(text, "  Of {each}{}, {enough}.", instances(model, of));
    }
    if alike.len() > LINES {
        let _ = writeln!(text, "  and so on for {}", count(alike.len() - LINES, "other amount"));
    }
    if !explanation.partial_is_complete {
        text += "  (the least amounts were not computed for all moves: the limit of work was reached)\n";
    }
    text
}

fn enough(model: &Model, partial: &Partial) -> String {
    if partial.least == Amount::ZERO {
        return "to be bound is enough, whatever the amount".into();
    }
    let amount = wording::amount(model, partial.resource, partial.amount.to_units());
    format!("{} of {amount} is enough", plain_number(partial.least.to_units()))
}

/// Why the wait-for graph is left out.
pub(super) fn uncounted() -> String {
    format!("who waits for whom is more than {} pairs, or too much to look at", plain_number(WAITS))
}
