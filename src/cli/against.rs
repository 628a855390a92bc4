//! `against`: the points of a sweep compared with a base, run by run under the same luck.

use std::path::{Path, PathBuf};

use backstop::report::shares::aligned;
use backstop::report::wording::{plain_number, set_value, whole};
use backstop::sweep::Against;
use backstop::table::Csv;

use super::console::{Failed, emit, emit_bytes};
use super::sweep::explain;

/// Points that are shown, at most.
const SHOWN: usize = 20;

/// Compares the points of a finished sweep with a base, run by run under the same luck
///
/// Replicate k meets the same luck at every point, so that the difference of two runs is that of the points. For each
/// outcome: in how many pairs only the run of the point ends in it (+), and only that of the base (−). For the step
/// reached: the mean difference over the pairs that both have one, with its 95 % interval.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of a finished sweep
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The base: a point, or a value of a name that varies; then each point has the base with its other values
    #[arg(value_name = "POINT|NAME=VALUE")]
    base: String,
    /// Print all of it as CSV
    #[arg(long)]
    csv: bool,
}

pub(crate) fn against(args: &Args) -> Result<(), Failed> {
    if !args.csv {
        return emit(&compared(&args.folder, &args.base)?);
    }
    let (sweep, found) = Against::of(&args.folder, &args.base).map_err(|error| explain(&error, None))?;
    let points = sweep.experiment.points();
    let table = Csv::table(found.layout(points).columns(), |sink| found.write(sink, points));
    emit_bytes(&table.expect("memory takes every row"))
}

/// The comparison for a person.
pub(crate) fn compared(folder: &Path, base: &str) -> Result<String, Failed> {
    let (sweep, found) = Against::of(folder, base).map_err(|error| explain(&error, None))?;
    let points = sweep.experiment.points();
    let count = usize::try_from(points.count()).unwrap_or(usize::MAX);
    let happens = |at: usize| (0..count).any(|point| found.discordant(point, at) != [0; 2]);
    let outcomes: Vec<usize> = (0..found.outcomes().len()).filter(|&at| happens(at)).collect();
    let mut header: Vec<String> = vec!["point".into()];
    header.extend(points.names.iter().cloned());
    header.extend(["base".into(), "pairs".into()]);
    header.extend(outcomes.iter().map(|&at| found.outcomes()[at].clone()));
    header.push("reached_step".into());
    let mut rows = vec![header];
    for point in 0..count.min(SHOWN) {
        let mut row = vec![point.to_string()];
        row.extend(points.values(point as u64).iter().map(|&value| set_value(value)));
        row.extend([found.base(point).to_string(), whole(found.pairs(point))]);
        row.extend(outcomes.iter().map(|&at| {
            let [gained, lost] = found.discordant(point, at);
            format!("+{} −{}", whole(gained), whole(lost))
        }));
        let shown = |value: f64| plain_number((100.0 * value).round() / 100.0);
        row.push(match found.difference(point, 0) {
            (Some(mean), Some((low, high))) => format!("{} ({} to {})", shown(mean), shown(low), shown(high)),
            (Some(mean), None) => shown(mean),
            (None, _) => "–".into(),
        });
        rows.push(row);
    }
    let mut text = format!("Against {base}, under the same luck:\n\n{}", aligned(&rows));
    if count > SHOWN {
        text += &format!("and {} more points; `--csv` prints them all\n", whole((count - SHOWN) as u64));
    }
    Ok(text)
}
