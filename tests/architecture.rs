//! The stack of layers: each imports only those under it.

use std::fs;
use std::path::{Path, PathBuf};

/// Bottom to top.
const LAYERS: [&str; 11] =
    ["table", "text", "model", "scenario", "engine", "trace", "analysis", "store", "sweep", "page", "report"];

/// What stands beside the library's layers: its root and the binary.
const BESIDE: [&str; 3] = ["lib", "main", "cli"];

/// The files of the library that touch the file system.
const TOUCHING_FILES: [&str; 5] =
    ["store/door.rs", "store/folder.rs", "store/inputs.rs", "sweep/session.rs", "sweep/store.rs"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A source without its comments, whose examples use the crate from outside.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a text");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A file of a layer.
struct Room {
    /// Its place in `src`, with slashes.
    path: String,
    /// Its layer, by position.
    level: usize,
    code: String,
}

/// The files of all layers.
fn rooms() -> Vec<Room> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut rooms = Vec::new();
    for file in files {
        let path = file.strip_prefix(&root).expect("a source").to_str().expect("UTF-8").replace('\\', "/");
        let layer = path.split('/').next().expect("a name").trim_end_matches(".rs").to_owned();
        match LAYERS.iter().position(|known| *known == layer) {
            Some(level) => rooms.push(Room { code: code(&file), path, level }),
            None => assert!(BESIDE.contains(&layer.as_str()), "{path} belongs to no layer"),
        }
    }
    assert!(rooms.len() > 50, "the sources were found");
    rooms
}

/// A path out of a layer begins with `crate::` and a layer's name, so that this sees all of them.
#[test]
fn each_layer_imports_only_those_under_it() {
    for Room { path, level, code } in rooms() {
        for above in &LAYERS[level + 1..] {
            assert!(!code.contains(&format!("crate::{above}")), "{path} imports `{above}`, a layer above it");
        }
        for word in ["crate::{", "crate::*", "crate as ", "backstop::"] {
            assert!(!code.contains(word), "{path} has `{word}`, which hides which layer it imports");
        }
        // `super::` for each module on the way to the root of the crate; tests inside of a file stand one deeper.
        let to_root = "super::".repeat(path.split('/').count());
        let outside = code.split("#[cfg(test)]\nmod tests {").next().expect("a beginning");
        assert!(!outside.contains(&to_root), "{path} leaves its layer by `{to_root}`");
    }
}

/// The library prints nothing, and touches files only where folders are written and read.
#[test]
fn the_library_does_no_input_or_output_of_its_own() {
    for Room { path, code, .. } in rooms() {
        for word in ["std::{", "std::net", "std::env", "std::process", "print!", "println!"] {
            assert!(!code.contains(word), "{path} has `{word}`");
        }
        let touches = ["std::fs", "tempfile::"].iter().any(|word| code.contains(word));
        let may = TOUCHING_FILES.contains(&path.as_str());
        assert_eq!(touches, may, "whether {path} touches the file system");
    }
}
