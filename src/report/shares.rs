//! The table printed at the end of a sweep: shares by point if there are few points, ranges if there are many.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use crate::model::Model;
use crate::scenario::SetValue;
use crate::sweep::{Points, Summary, wilson};

use super::timeline::label;
use super::wording::{count, set_value, whole};

/// The largest number of points that are listed.
const FEW: usize = 20;
/// The approximate number of columns that fit on a line.
const WIDE: usize = 8;

/// The table.
#[must_use]
pub fn table(model: &Model, summary: &Summary, points: &Points) -> String {
    // Outcomes that no run ended in are left out unless the scenario declares them.
    let shown: Vec<usize> = shown(summary);
    if summary.points() == 1 {
        return single(summary, &shown);
    }
    let rows =
        if points.names.len() + shown.len() <= WIDE { by_point(model, summary, points, &shown) } else { Vec::new() };
    if (2..=FEW + 1).contains(&rows.len()) { aligned(&rows) } else { ranges(summary, &shown) }
}

fn shown(summary: &Summary) -> Vec<usize> {
    let happened = |at: usize| (0..summary.points()).any(|point| summary.counts(point)[at] > 0);
    (0..summary.endings().count()).filter(|&at| at < summary.outcomes() || happened(at)).collect()
}

/// A share in percent; empty if there are no runs.
fn percent(hits: u64, runs: u64) -> String {
    if runs == 0 {
        return "–".into();
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit behind the point")]
    let share = hits as f64 / runs as f64;
    format!("{:.1} %", 100.0 * share)
}

fn in_runs(runs: u64) -> String {
    count(usize::try_from(runs).unwrap_or(usize::MAX), "run")
}

fn single(summary: &Summary, shown: &[usize]) -> String {
    let runs = summary.runs(0);
    let mut rows = vec![["outcome", "share", "95 % interval", "runs"].map(str::to_owned).to_vec()];
    let names: Vec<&str> = summary.endings().collect();
    for &at in shown {
        let hits = summary.counts(0)[at];
        let interval = wilson(hits, runs)
            .map_or_else(String::new, |(low, high)| format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high));
        rows.push(vec![names[at].to_owned(), percent(hits, runs), interval, whole(hits)]);
    }
    format!("{}\n\n{}", in_runs(runs), aligned(&rows))
}

/// One row for each point. Consecutive points that differ in one parameter only and have the same shares are merged
/// into one row, so that a threshold is visible among many points.
fn by_point(model: &Model, summary: &Summary, points: &Points, shown: &[usize]) -> Vec<Vec<String>> {
    let names: Vec<&str> = summary.endings().collect();
    let mut header: Vec<String> = vec!["point".into()];
    header.extend(points.names.iter().cloned());
    header.push("runs".into());
    header.extend(shown.iter().map(|&at| names[at].to_owned()));
    header.push("reached, on average".into());
    let mut rows = vec![header];
    let said = |point: usize| -> Vec<String> {
        let runs = summary.runs(point);
        let shares = shown.iter().map(|&at| percent(summary.counts(point)[at], runs));
        std::iter::once(whole(runs)).chain(shares).collect()
    };
    let is_ordered = is_ordered(points);
    let mut first = 0;
    // Stop once there are more rows than are shown.
    while first < summary.points() && rows.len() <= FEW + 1 {
        let mut last = first;
        while is_ordered && last + 1 < summary.points() && step(points, last).is_some() && said(last + 1) == said(first)
        {
            last += 1;
        }
        let between = |one: String, other: String| if one == other { one } else { format!("{one} to {other}") };
        let mut row = vec![between(first.to_string(), last.to_string())];
        let values = points.values(first as u64).iter().zip(points.values(last as u64));
        row.extend(values.map(|(&one, &other)| between(set_value(one), set_value(other))));
        row.extend(said(first));
        row.push(reached(model, summary, first..=last));
        rows.push(row);
        first = last + 1;
    }
    rows
}

/// The mean step (or date) at which the runs at some points reached the outcome in which they ended.
fn reached(model: &Model, summary: &Summary, points: RangeInclusive<usize>) -> String {
    let (mut runs, mut sum) = (0.0, 0.0);
    for (count, mean) in points.filter_map(|point| summary.reached(point)) {
        runs += count;
        sum += count * mean;
    }
    if runs <= 0.0 {
        return "–".into();
    }
    let mean = sum / runs;
    if model.clock.date_time(0).is_none() {
        return format!("step {mean:.1}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the mean of steps is one")]
    label(model, mean.round() as u32)
}

/// Whether the fastest-varying parameter rises or falls from one point to the next; `None` if another parameter changes
/// too.
fn step(points: &Points, point: usize) -> Option<Ordering> {
    let [one, other] = [point, point + 1].map(|point| points.values(point as u64));
    let (last, next) = (one.split_last()?, other.split_last()?);
    match (last.0, next.0) {
        (SetValue::Number(one), SetValue::Number(other)) if last.1 == next.1 => one.partial_cmp(other),
        _ => None,
    }
}

/// Whether the fastest-varying parameter is monotone, as in a grid but not in a sample.
fn is_ordered(points: &Points) -> bool {
    let count = usize::try_from(points.count()).unwrap_or(usize::MAX);
    let mut steps = (0..count.saturating_sub(1)).filter_map(|point| step(points, point));
    let Some(first) = steps.next() else { return false };
    first != Ordering::Equal && steps.all(|step| step == first)
}

fn ranges(summary: &Summary, shown: &[usize]) -> String {
    let points = summary.points();
    let runs: u64 = (0..points).map(|point| summary.runs(point)).sum();
    let names: Vec<&str> = summary.endings().collect();
    let mut rows = vec![["outcome", "least", "median", "most", "all runs"].map(str::to_owned).to_vec()];
    for &at in shown {
        let all = (0..points).map(|point| (summary.counts(point)[at], summary.runs(point)));
        let total: u64 = all.clone().map(|(hits, _)| hits).sum();
        // A point without runs, in a part of a sweep, has no share.
        let mut by_point: Vec<(u64, u64)> = all.filter(|&(_, runs)| runs > 0).collect();
        by_point.sort_by_key(|&(hits, runs)| (u128::from(hits) << 64) / u128::from(runs));
        let [least, median, most] = match by_point.as_slice() {
            [] => [(0, 0); 3],
            [least, .., most] => [*least, by_point[(by_point.len() - 1) / 2], *most],
            [one] => [*one; 3],
        };
        let mut row = vec![names[at].to_owned()];
        row.extend([least, median, most, (total, runs)].map(|(hits, runs)| percent(hits, runs)));
        rows.push(row);
    }
    format!("{}, {}; shares by point:\n\n{}", count(points, "point"), in_runs(runs), aligned(&rows))
}

/// Formats rows with the first column aligned left and the others right.
#[must_use]
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let fill = " ".repeat(width - cell.chars().count());
            match column {
                0 => text.extend([cell, fill.as_str()]),
                _ => text.extend(["  ", &fill, cell]),
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}
