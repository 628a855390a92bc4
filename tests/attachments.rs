//! Scenarios that refer to other files: variants and tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use backstop::scenario::{Document, Options, compile};
use backstop::store::Beside;

/// Files by location.
fn files(all: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    all.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

/// The scenario `main.toml` of some files; what is wrong as `file:line:column: message` lines.
fn read(all: &[(&str, &str)]) -> Result<Document, String> {
    let mut files = files(all);
    let main = files["main.toml"].clone();
    Document::open("main.toml", &main, &mut files).map_err(|unreadable| {
        let views = unreadable.diagnostics.iter().map(|error| error.view(&unreadable.source));
        views.map(|view| place(&view)).collect()
    })
}

fn place(view: &backstop::scenario::DiagnosticView) -> String {
    let at = view.place.as_ref().map(|at| format!("{}:{}:{}: ", at.file, at.line, at.column)).unwrap_or_default();
    assert!(view.help.is_some(), "{} has a remedy", view.message);
    format!("{at}{}\n", view.message)
}

/// What is wrong with a scenario, while it is read or compiled.
fn wrong(all: &[(&str, &str)]) -> String {
    match read(all) {
        Err(wrong) => wrong,
        Ok(document) => match compile(&document, &Options::default()) {
            Ok(compiled) => compiled.warnings.iter().map(|warning| place(&warning.view(document.source()))).collect(),
            Err(errors) => errors.iter().map(|error| place(&error.view(document.source()))).collect(),
        },
    }
}

const BASE: &str = "\
format = 1
title = \"base\"
time = { steps = 3, start = 2025-03-10 }
resources = { word = {} }
actors = { a = { stance = 0.5, attributes = { x = 1, y = 2 } }, b = {} }
[parameters]
long = { value = 1, range = [0, 9], unit = \"u\" }
short = 2
drawn = { uniform = [0, 1] }
[commitments.first]
debtor = \"a\"
gives = { word = \"long\" }
lead = 1
[commitments.second]
debtor = \"b\"
gives = { word = 1 }
[shocks.drones]
on = 1
stance = { a = -0.1 }
";

/// What is printed for a variant of `BASE`.
fn laid(over: &str) -> String {
    let over = format!("format = 1\nextends = \"base.toml\"\n{over}");
    read(&[("main.toml", &over), ("base.toml", BASE)]).unwrap_or_else(|wrong| panic!("{wrong}")).show()
}

/// Whether the printed scenario has these lines, in this order.
fn has(shown: &str, lines: &[&str]) {
    let mut rest = shown.lines();
    for line in lines {
        assert!(rest.any(|shown| shown == *line), "no `{line}` (in its place) in\n{shown}");
    }
}

#[test]
fn entries_merge_by_id_and_keys_are_replaced_whole() {
    let shown = laid("title = \"mine\"\n[time]\nsteps = 5\n[actors.a]\nattributes = { y = 3 }\n[actors.c]\n");
    has(&shown, &["title = \"mine\"", "[time]", "steps = 5", "start = 2025-03-10"]);
    has(&shown, &["[actors.a]", "stance = 0.5", "attributes = { y = 3 }", "[actors.b]", "[actors.c]"]);
    let shown = laid(
        "[commitments.first]\nwhen = \"bonds(second) >= 1\"\nlead = 2\n[commitments.third]\ndebtor = \"b\"\ngives = { word = 1 }\n",
    );
    has(&shown, &["[commitments.first]", "debtor = \"a\"", "lead = 2", "when = \"bonds(second) >= 1\""]);
    has(&shown, &["[commitments.first]", "[commitments.second]", "[commitments.third]"]);
}

#[test]
fn a_number_for_a_long_parameter_replaces_its_value_only() {
    has(&laid("parameters.long = 4\n"), &["long = { value = 4, range = [0, 9], unit = \"u\" }", "short = 2"]);
    has(&laid("parameters.long = { range = [0, 5] }\n"), &["long = { value = 1, range = [0, 5], unit = \"u\" }"]);
    has(&laid("parameters.long = { normal = [0, 1] }\n"), &["long = { normal = [0, 1] }"]);
    has(&laid("parameters.drawn = { value = 1 }\n"), &["drawn = { value = 1 }"]);
    has(&laid("parameters.short = 3\n"), &["short = 3"]);
}

#[test]
fn entries_and_keys_can_be_removed() {
    let shown =
        laid("remove = [\"shocks.drones\", \"commitments.first.lead\", \"time.start\", \"parameters.long.unit\"]\n");
    for gone in ["drones", "lead", "start", "unit"] {
        assert!(!shown.contains(gone), "{gone} is in\n{shown}");
    }
    // What is removed and given anew comes last.
    let shown = laid("remove = [\"commitments.first\"]\n[commitments.first]\ndebtor = \"b\"\ngives = { word = 7 }\n");
    has(&shown, &["[commitments.second]", "[commitments.first]", "debtor = \"b\""]);
}

#[test]
fn a_printed_variant_is_the_variant() {
    let variant = format!("format = 1\nextends = \"base.toml\"\nremove = [\"shocks.drones\"]\nparameters.short = 5\n");
    let document = read(&[("main.toml", &variant), ("base.toml", BASE)]).unwrap();
    let printed = Document::parse("main.toml", document.show().as_bytes()).unwrap();
    let model = |document| compile(document, &Options::default()).unwrap().model;
    let (one, other) = (model(&document), model(&printed));
    assert!(one.is_like(&other) && one.setup.differing(&other.setup) == Some(Vec::new()));
}

fn refused(over: &str, expected: &str) {
    let over = format!("format = 1\n{over}");
    assert_eq!(wrong(&[("main.toml", &over), ("base.toml", BASE), ("x.toml", "format = 1\n= 3")]), expected);
}

#[test]
fn what_is_wrong_with_a_variant_is_said_at_its_place() {
    let remove = |path: &str| format!("extends = \"base.toml\"\nremove = [\"{path}\"]\n");
    refused(&remove("shocks.drone"), "main.toml:3:11: `shocks.drone` cannot be removed: it is not there\n");
    refused(&remove("shocks"), "main.toml:3:11: `shocks` cannot be removed whole\n");
    refused(&remove("title"), "main.toml:3:11: `title` cannot be removed whole\n");
    refused(&remove("nothing"), "main.toml:3:11: `nothing` cannot be removed: it is not there\n");
    refused(&remove("actors.a.attributes.x"), "main.toml:3:11: `actors.a.attributes.x` lies inside of a value\n");
    refused(&remove("parameters.drawn.uniform"), "main.toml:3:11: `parameters.drawn.uniform` lies inside of a value\n");
    refused("remove = [\"time.steps\"]\n", "main.toml:2:1: there is a `remove`, but no `extends`\n");
    refused("extends = \"gone.toml\"\n", "main.toml:2:11: the scenario `gone.toml` is not there\n");
    refused("extends = \"/base.toml\"\n", "main.toml:2:11: the path `/base.toml` is absolute\n");
    refused("extends = 3\n", "main.toml:2:11: `extends` must be a text, but is a number\n");
    refused("extends = \"main.toml\"\n", "main.toml:2:11: the scenarios extend each other in a circle\n");
    refused("extends = \"x.toml\"\n", "x.toml:2:1: unquoted keys cannot be empty\n");
    // What stands in the base is shown there.
    let over = "extends = \"base.toml\"\nremove = [\"parameters.long\"]\n";
    refused(over, "base.toml:12:19: `long` is no parameter, definition or quantity\n");
    refused(
        "extends = \"base.toml\"\nactors.a.stance = 2\n",
        "main.toml:3:19: `actors.a.stance` must be from 0 to 1, but is 2\n",
    );
}

#[test]
fn every_file_has_its_own_format() {
    let variant = "extends = \"base.toml\"\n";
    assert_eq!(wrong(&[("main.toml", variant), ("base.toml", BASE)]), "main.toml:1:1: the file has no `format`\n");
    let base = BASE.replace("format = 1\n", "");
    let variant = "format = 1\nextends = \"base.toml\"\n";
    assert_eq!(wrong(&[("main.toml", variant), ("base.toml", &base)]), "base.toml:1:1: the file has no `format`\n");
}

/// A chain of so many variants over `BASE`.
fn chain(length: usize) -> String {
    let mut all: Vec<(String, String)> = vec![("0.toml".into(), BASE.into())];
    for at in 1..=length {
        all.push((
            format!("{at}.toml"),
            format!("format = 1\nextends = \"{}.toml\"\nparameters.short = {at}\n", at - 1),
        ));
    }
    all.last_mut().unwrap().0 = "main.toml".into();
    let all: Vec<(&str, &str)> = all.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    match read(&all) {
        Ok(document) => {
            has(&document.show(), &[&format!("short = {length}")]);
            String::new()
        }
        Err(wrong) => wrong,
    }
}

#[test]
fn a_variant_may_extend_a_variant_to_a_depth_of_eight() {
    assert_eq!(chain(3), "");
    assert_eq!(chain(8), "");
    assert!(chain(9).ends_with("more than 8 scenarios extend each other\n"));
}

/// Runs the program in a folder; its output, and what it said on standard error.
fn backstop(folder: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_backstop")).current_dir(folder).args(arguments).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn write(folder: &Path, all: &[(&str, &str)]) {
    for (name, text) in all {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn a_folder_repeats_itself_without_the_files_that_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let variant = "format = 1\nextends = \"../base.toml\"\nparameters.short = 4\n[metrics]\nn = \"short\"\n";
    write(at, &[("base.toml", BASE), ("v/main.toml", variant)]);
    assert!(backstop(at, &["run", "v/main.toml", "--out", "run", "--quiet"]).0);
    assert_eq!(fs::read_to_string(at.join("run/inputs/base.toml")).unwrap(), BASE);
    assert!(backstop(at, &["sweep", "v/main.toml", "--out", "sweep", "--vary", "long=1,2", "--quiet"]).0);
    fs::remove_dir_all(at.join("v")).unwrap();
    fs::remove_file(at.join("base.toml")).unwrap();
    for arguments in [
        &["replay", "run"] as &[&str],
        &["replay", "run", "--metric", "m=short + long"],
        &["explain", "run"],
        &["why", "run", "first"],
        &["fork", "run", "--at", "1", "--set", "long=2", "--out", "fork"],
        &["replay", "fork"],
        &["run", "sweep", "--run", "1", "--out", "again"],
        &["replay", "again"],
    ] {
        let (done, _, said) = backstop(at, arguments);
        assert!(done, "{arguments:?}: {said}");
    }
    // Anew over it, the inputs are replaced, and other files stay.
    fs::write(at.join("run/inputs/mine.txt"), "mine").unwrap();
    write(at, &[("plain.toml", BASE)]);
    assert!(backstop(at, &["run", "plain.toml", "--out", "run", "--force", "--quiet"]).0);
    assert!(!at.join("run/inputs/base.toml").exists() && at.join("run/inputs/mine.txt").exists());
}

#[test]
fn an_input_that_was_changed_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let variant = "format = 1\nextends = \"base.toml\"\n";
    write(at, &[("base.toml", BASE), ("main.toml", variant)]);
    assert!(backstop(at, &["run", "main.toml", "--out", "run", "--quiet"]).0);
    let sweep = ["sweep", "main.toml", "--out", "sweep", "--replicates", "2", "--quiet"];
    assert!(backstop(at, &sweep).0);
    let other = BASE.replace("lead = 1", "lead = 2");
    fs::write(at.join("base.toml"), &other).unwrap();
    let resumed: Vec<&str> = sweep.iter().copied().chain(["--resume"]).collect();
    let (done, _, said) = backstop(at, &resumed);
    assert!(!done && said.contains("the file `base.toml` has changed"), "{said}");
    for (name, arguments) in [("run", &["replay", "run"] as &[&str]), ("sweep", &["run", "sweep", "--run", "0"])] {
        fs::write(at.join(name).join("inputs/base.toml"), &other).unwrap();
        let (done, _, said) = backstop(at, arguments);
        assert!(!done && said.contains("the scenario `base.toml` was changed after the run"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn only_ordinary_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, &[("base.toml", BASE), ("x/y.toml", BASE)]);
    std::os::unix::fs::symlink("base.toml", at.join("link.toml")).unwrap();
    std::os::unix::fs::symlink("x", at.join("z")).unwrap();
    assert!(Command::new("mkfifo").arg(at.join("pipe.toml")).status().unwrap().success());
    let refused = |path: &str, expected: &str| {
        let variant = format!("format = 1\nextends = \"{path}\"\n");
        let wrong = Document::open("main.toml", variant.as_bytes(), &mut Beside::of(&at.join("main.toml")));
        let message = &wrong.unwrap_err().diagnostics[0].message;
        assert!(message.contains(expected), "{path}: {message}");
    };
    refused("link.toml", "is reached through a link");
    refused("z/y.toml", "is reached through a link");
    refused("pipe.toml", "is no ordinary file");
    refused("x", "is no ordinary file");
    refused("gone.toml", "is not there");
    let variant = "format = 1\nextends = \"x/y.toml\"\n";
    assert!(Document::open("main.toml", variant.as_bytes(), &mut Beside::of(&at.join("main.toml"))).is_ok());
}
