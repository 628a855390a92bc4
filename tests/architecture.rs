//! The stack of layers: each imports only those under it.

use std::fs;
use std::path::{Path, PathBuf};

/// Bottom to top.
const LAYERS: [&str; 7] = ["text", "model", "scenario", "engine", "log", "analysis", "sweep"];

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

#[test]
fn each_layer_imports_only_those_under_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut checked = 0;
    for file in files {
        let inside = file.strip_prefix(&root).expect("a source");
        let room = inside.components().next().expect("a name").as_os_str().to_string_lossy().replace(".rs", "");
        let Some(level) = LAYERS.iter().position(|layer| *layer == room) else { continue };
        let text = code(&file);
        for above in &LAYERS[level + 1..] {
            let import = format!("crate::{above}");
            assert!(!text.contains(&import), "{} imports `{above}`, a layer above it", inside.display());
        }
        assert!(!text.contains("backstop::"), "{} imports the crate by name", inside.display());
        checked += 1;
    }
    assert!(checked > 50, "the sources were found");
}

/// The library prints nothing and touches files only where output folders are made.
#[test]
fn the_library_does_no_input_or_output_of_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for layer in ["text", "model", "scenario", "engine", "analysis"] {
        let mut files = vec![root.join(format!("{layer}.rs"))];
        if root.join(layer).is_dir() {
            sources(&root.join(layer), &mut files);
        }
        for file in files {
            let text = code(&file);
            for word in ["std::fs", "std::net", "std::env", "std::process", "println!", "eprintln!"] {
                assert!(!text.contains(word), "{} has `{word}`", file.display());
            }
        }
    }
}
