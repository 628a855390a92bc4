//! Tests of the architecture: each layer imports only those below it, and layers have no import cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Bottom to top.
const LAYERS: [&str; 11] =
    ["table", "text", "model", "scenario", "engine", "trace", "analysis", "store", "sweep", "page", "report"];

/// The files outside of the layers: the root of the library and the binary.
const BESIDE: [&str; 3] = ["lib", "main", "cli"];

/// The files of the library that touch the file system.
const TOUCHING_FILES: [&str; 8] = [
    "store/door.rs",
    "store/folder.rs",
    "store/inputs.rs",
    "store/staging.rs",
    "store/verify.rs",
    "sweep/beside.rs",
    "sweep/session.rs",
    "sweep/store.rs",
];

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

/// A source file of a layer.
struct Room {
    /// Its path in `src`, with slashes.
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

/// Every import of another layer begins with `crate::` and the name of the layer, so this test sees all of them.
#[test]
fn each_layer_imports_only_those_under_it() {
    for Room { path, level, code } in rooms() {
        for above in &LAYERS[level + 1..] {
            assert!(!code.contains(&format!("crate::{above}")), "{path} imports `{above}`, a layer above it");
        }
        for word in ["crate::{", "crate::*", "crate as ", "backstop::"] {
            assert!(!code.contains(word), "{path} has `{word}`, which hides which layer it imports");
        }
        // One `super::` for each module up to the root of the crate; tests inside a file are one level deeper.
        let to_root = "super::".repeat(path.split('/').count());
        let outside = code.split("#[cfg(test)]\nmod tests {").next().expect("a beginning");
        assert!(!outside.contains(&to_root), "{path} leaves its layer by `{to_root}`");
    }
}

/// The paths that a `use` imports, with its braces expanded: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn imported(tree: &str, prefix: &str, found: &mut Vec<String>) {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, letter) in tree.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&tree[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tree[start..]);
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        match part.split_once('{') {
            Some((before, rest)) => {
                let inner = rest.rsplit_once('}').expect("braces are closed").0;
                imported(inner, &format!("{prefix}{before}"), found);
            }
            None => found.push(format!("{prefix}{part}")),
        }
    }
}

/// The modules of a layer that a file of it imports, as paths from the layer's root.
fn imports(module: &str, code: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let mut paths = Vec::new();
    let outside = code.split("#[cfg(test)]\nmod tests {").next().expect("a beginning");
    for statement in outside.split(';') {
        let lines: Vec<&str> = statement.lines().map(str::trim).collect();
        let Some(first) = lines.iter().position(|line| line.starts_with("use ") || line.contains(") use ")) else {
            continue;
        };
        let tree = lines[first..].join(" ");
        imported(tree.split_once("use ").expect("a use").1, "", &mut paths);
    }
    let mut found = BTreeSet::new();
    for path in paths {
        let mut at: Vec<&str> = module.split('/').collect();
        for part in path.split("::") {
            match part.trim() {
                "super" => drop(at.pop()),
                "self" => {}
                "crate" => at.clear(),
                name => at.push(name),
            }
        }
        // The longest prefix that is a file.
        let files = (1..=at.len()).rev().map(|length| at[..length].join("/"));
        found.extend(files.into_iter().find(|file| modules.contains(file)).filter(|file| file != module));
    }
    found
}

#[test]
fn no_file_imports_one_that_imports_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut layers: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for file in &files {
        let path = file.strip_prefix(&root).expect("a source").to_str().expect("UTF-8").replace('\\', "/");
        let module = path.trim_end_matches(".rs").to_owned();
        let layer = module.split('/').next().expect("a name").to_owned();
        if !path.contains("tests") {
            layers.entry(layer).or_default().insert(module, code(file));
        }
    }
    let mut seen = 0;
    for (layer, within) in &layers {
        let modules: BTreeSet<String> = within.keys().cloned().collect();
        let mut left: BTreeMap<&str, BTreeSet<String>> =
            within.iter().map(|(module, code)| (module.as_str(), imports(module, code, &modules))).collect();
        seen += left.values().map(BTreeSet::len).sum::<usize>();
        // Remove files whose imports have all been removed; the rest contains a cycle, or imports one.
        while let Some(free) = left.iter().find(|(_, imports)| imports.is_empty()).map(|(module, _)| *module) {
            left.remove(free);
            for imports in left.values_mut() {
                imports.remove(free);
            }
        }
        assert!(left.is_empty(), "files of `{layer}` import each other: {left:#?}");
    }
    assert!(seen > layers.len(), "the imports were found");
}

/// The library prints nothing, and only the files that read or write folders access the file system.
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
