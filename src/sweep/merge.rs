//! Merges the shards of a sweep into the same bytes as the undivided sweep.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::error::{Error, ErrorKind};
use super::limits;
use super::outline::{Outline, differences};
use super::prepare::whole;
use super::read_rows::RowReader;
use super::schedule::Shard;
use super::session::{Progress, Report, Sweep, check_unchanged, read_manifest};
use super::store::in_pieces;
use super::summary::Summary;
use crate::store::{Lock, Manifest, open_file};

/// A shard of a sweep.
struct LockedShard {
    folder: PathBuf,
    manifest: Manifest,
    outline: Outline,
    shard: Shard,
    /// Locked while it is read.
    _lock: Lock,
}

/// Checks that the shards belong together and are complete, and merges them into a new folder.
///
/// # Errors
/// An [`Error`] that names the shard that is missing, incomplete, changed, or of another sweep.
pub fn merge(
    folders: &[PathBuf],
    out: &Path,
    force: bool,
    watch: &mut dyn FnMut(Progress) -> bool,
) -> Result<(Sweep, Report), Error> {
    let parts = parts(folders)?;
    let LockedShard { folder, manifest, outline, .. } = &parts[0];
    let sweep = whole(folder, manifest, outline)?;
    Summary::check(sweep.experiment.model(), sweep.experiment.points().count())?;
    let mut summary = Summary::new(sweep.experiment.model(), sweep.experiment.points().count());
    let mut reader = RowReader::new(&sweep.experiment);
    let total = sweep.range().end;
    let mut progress = Progress { done: 0, total, before: 0 };
    for part in &parts {
        let own = Sweep { shard: part.shard, ..whole(&part.folder, &part.manifest, &part.outline)? };
        own.check_manifest(&part.folder, &part.manifest, part.shard.range(total))?;
    }
    let mut store = sweep.begin(out, force)?.store.advising("merge again with `--force`; the shards are unchanged");
    for part in &parts {
        let runs = part.shard.range(total);
        reader.read_file(&part.folder.join("runs.csv"), runs.clone(), &mut summary)?;
        for (table, name) in sweep.tables.names().enumerate() {
            copy_rows(&part.folder.join(name), |rows| store.grow(table, rows))?;
        }
        store.mark(runs.end)?;
        progress.done = runs.end;
        if !watch(progress) {
            return Err(
                Error::new(ErrorKind::Interrupted, "the merge was interrupted").help("start it again with `--force`")
            );
        }
    }
    sweep.finish(out, store, &summary, true)?;
    Ok((sweep, Report { summary, progress }))
}

/// The shards in order, each complete and all of one sweep.
fn parts(folders: &[PathBuf]) -> Result<Vec<LockedShard>, Error> {
    let mut parts = Vec::with_capacity(folders.len());
    for folder in folders {
        let lock = Lock::to_read(folder)?;
        let manifest = read_manifest(folder)?;
        let outline = Outline::of(&manifest, &folder.display().to_string())?;
        let shard = outline.part()?;
        parts.push(LockedShard { folder: folder.clone(), manifest, outline, shard, _lock: lock });
    }
    let wrong = |message: String| Error::new(ErrorKind::Mismatch, message);
    let Some(first) = parts.first() else { return Err(wrong("there are no folders to merge".into())) };
    for other in &parts[1..] {
        let mut differing = differences((&first.manifest, &first.outline), (&other.manifest, &other.outline));
        if first.outline.replicates != other.outline.replicates {
            differing.push(format!("{} replicates and {}", first.outline.replicates, other.outline.replicates));
        }
        if first.shard.of != other.shard.of {
            differing.push(format!("one is a part of {}, the other of {}", first.shard.of, other.shard.of));
        }
        if !differing.is_empty() {
            let (a, b) = (first.folder.display(), other.folder.display());
            return Err(wrong(format!("`{a}` and `{b}` do not belong together: {}", differing.join("; "))));
        }
    }
    let of = first.shard.of;
    parts.sort_by_key(|part| part.shard.number);
    if let Some(pair) = parts.windows(2).find(|pair| pair[0].shard == pair[1].shard) {
        let (a, b) = (pair[0].folder.display(), pair[1].folder.display());
        return Err(wrong(format!("`{a}` and `{b}` are both shard {}", pair[0].shard)));
    }
    let missing: Vec<String> = (1..=of)
        .filter(|number| parts.binary_search_by_key(number, |part| part.shard.number).is_err())
        .map(|number| format!("{number}/{of}"))
        .collect();
    if !missing.is_empty() {
        let more = if missing.len() > 10 { " …" } else { "" };
        let message = format!("shards are missing: {}{more}", missing[..missing.len().min(10)].join(", "));
        let help = format!("give `sweep` the arguments of the others and `--shard {}`", missing[0]);
        return Err(wrong(message).help(help));
    }
    for part in &parts {
        check_whole(part)?;
    }
    Ok(parts)
}

/// Checks that a shard is complete and unchanged.
fn check_whole(part: &LockedShard) -> Result<(), Error> {
    let name = part.folder.display();
    if !part.manifest.complete {
        let message = format!("the shard in `{name}` is not complete");
        return Err(Error::new(ErrorKind::Mismatch, message).help("finish it with `--resume`"));
    }
    check_unchanged(&part.folder, &part.manifest)
}

/// Passes on the rows of a table, without its header, in pieces.
fn copy_rows(path: &Path, to: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let io = |error: std::io::Error| Error::io("read", path, &error);
    let mut file = BufReader::new(open_file(path).map_err(io)?);
    let mut header = Vec::new();
    file.by_ref().take(limits::LINE_BYTES).read_until(b'\n', &mut header).map_err(io)?;
    in_pieces(&mut file, io, to)
}
