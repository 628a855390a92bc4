//! The small table at the end of a sweep: shares by point where there are few, ranges where there are many.

use backstop::sweep::{Points, Summary, wilson};

use crate::cli::wording::{count, set_value, whole};

/// Points that are shown one by one, at most.
const FEW: usize = 20;
/// Columns of names and of outcomes that fit beside each other, about.
const WIDE: usize = 8;

/// The table.
pub(crate) fn table(summary: &Summary, points: &Points) -> String {
    // An outcome that nothing came to is left out, but for those that the scenario declares.
    let shown: Vec<usize> = shown(summary);
    if summary.points() == 1 {
        single(summary, &shown)
    } else if summary.points() <= FEW && points.names.len() + shown.len() <= WIDE {
        by_point(summary, points, &shown)
    } else {
        ranges(summary, &shown)
    }
}

fn shown(summary: &Summary) -> Vec<usize> {
    let happened = |at: usize| (0..summary.points()).any(|point| summary.counts(point)[at] > 0);
    (0..summary.endings().count()).filter(|&at| at < summary.outcomes() || happened(at)).collect()
}

/// A share of some runs; of none there is no share.
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

fn by_point(summary: &Summary, points: &Points, shown: &[usize]) -> String {
    let names: Vec<&str> = summary.endings().collect();
    let mut header: Vec<String> = vec!["point".into()];
    header.extend(points.names.iter().cloned());
    header.push("runs".into());
    header.extend(shown.iter().map(|&at| names[at].to_owned()));
    let mut rows = vec![header];
    for point in 0..summary.points() {
        let mut row = vec![point.to_string()];
        row.extend(points.values(point as u64).iter().map(|&value| set_value(value)));
        row.push(whole(summary.runs(point)));
        row.extend(shown.iter().map(|&at| percent(summary.counts(point)[at], summary.runs(point))));
        rows.push(row);
    }
    aligned(&rows)
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

/// Rows with the first column to the left and the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
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
