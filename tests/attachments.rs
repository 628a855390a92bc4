//! Scenarios that refer to other files: variants and tables.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use backstop::model::ActorId;
use backstop::scenario::{Document, Options, Override, SetValue, compile};
use backstop::store::ScenarioFiles;

/// The files by path.
fn files(all: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    all.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

/// Reads the scenario `main.toml` among some files; errors are lines `file:line:column: message`.
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

/// The errors of reading or compiling a scenario.
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
fn a_number_replaces_only_the_value_of_a_long_parameter() {
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
    // An entry that is removed and added again comes last.
    let shown = laid("remove = [\"commitments.first\"]\n[commitments.first]\ndebtor = \"b\"\ngives = { word = 7 }\n");
    has(&shown, &["[commitments.second]", "[commitments.first]", "debtor = \"b\""]);
}

#[test]
fn a_printed_variant_is_the_variant() {
    let variant = "format = 1\nextends = \"base.toml\"\nremove = [\"shocks.drones\"]\nparameters.short = 5\n";
    let document = read(&[("main.toml", variant), ("base.toml", BASE)]).unwrap();
    let printed = Document::parse("main.toml", document.show().as_bytes()).unwrap();
    let model = |document| compile(document, &Options::default()).unwrap().model;
    let (one, other) = (model(&document), model(&printed));
    assert!(one.is_like(&other) && one.setup.differing(&other.setup) == Some(Vec::new()));
}

#[test]
fn a_printed_variant_names_the_tables_where_they_are() {
    let base = "format = 1\ntime = { steps = 2 }\n[cohorts.p]\ntable = \"t.csv\"\n";
    let variant = "format = 1\nextends = \"x/base.toml\"\n";
    let document = read(&[("main.toml", variant), ("x/base.toml", base), ("x/t.csv", "a\n1\n")]).unwrap();
    has(&document.show(), &["[cohorts.p]", "table = \"x/t.csv\""]);
}

fn refused(over: &str, expected: &str) {
    let over = format!("format = 1\n{over}");
    assert_eq!(wrong(&[("main.toml", &over), ("base.toml", BASE), ("x.toml", "format = 1\n= 3")]), expected);
}

#[test]
fn errors_in_a_variant_are_reported_at_their_place() {
    let remove = |path: &str| format!("extends = \"base.toml\"\nremove = [\"{path}\"]\n");
    refused(&remove("shocks.drone"), "main.toml:3:11: `shocks.drone` cannot be removed: it does not exist\n");
    refused(&remove("shocks"), "main.toml:3:11: `shocks` cannot be removed whole\n");
    refused(&remove("title"), "main.toml:3:11: `title` cannot be removed whole\n");
    refused(&remove("nothing"), "main.toml:3:11: `nothing` cannot be removed: it does not exist\n");
    refused(&remove("actors.a.attributes.x"), "main.toml:3:11: `actors.a.attributes.x` lies inside of a value\n");
    refused(&remove("parameters.drawn.uniform"), "main.toml:3:11: `parameters.drawn.uniform` lies inside of a value\n");
    refused("remove = [\"time.steps\"]\n", "main.toml:2:1: there is a `remove`, but no `extends`\n");
    refused("extends = \"gone.toml\"\n", "main.toml:2:11: the scenario `gone.toml` does not exist\n");
    refused("extends = \"/base.toml\"\n", "main.toml:2:11: the path `/base.toml` is absolute\n");
    refused("extends = 3\n", "main.toml:2:11: `extends` must be a text, but is a number\n");
    refused("extends = \"main.toml\"\n", "main.toml:2:11: the scenarios extend each other in a circle\n");
    refused("extends = \"x.toml\"\n", "x.toml:2:1: unquoted keys cannot be empty\n");
    // Errors in the base are shown in the base.
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

/// A chain of variants of this length over `BASE`.
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

/// Runs the program in a folder and returns its output and its standard error.
fn backstop(folder: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = common::program::backstop(folder, arguments);
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
    // Writing into the same folder again replaces the inputs and keeps other files.
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
fn only_regular_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, &[("base.toml", BASE), ("x/y.toml", BASE)]);
    std::os::unix::fs::symlink("base.toml", at.join("link.toml")).unwrap();
    std::os::unix::fs::symlink("x", at.join("z")).unwrap();
    assert!(Command::new("mkfifo").arg(at.join("pipe.toml")).status().unwrap().success());
    let refused = |path: &str, expected: &str| {
        let variant = format!("format = 1\nextends = \"{path}\"\n");
        let wrong = Document::open("main.toml", variant.as_bytes(), &mut ScenarioFiles::of(&at.join("main.toml")));
        let message = &wrong.unwrap_err().diagnostics[0].message;
        assert!(message.contains(expected), "{path}: {message}");
    };
    refused("link.toml", "is reached through a link");
    refused("z/y.toml", "is reached through a link");
    refused("pipe.toml", "is not a regular file");
    refused("x", "is not a regular file");
    refused("gone.toml", "does not exist");
    let variant = "format = 1\nextends = \"x/y.toml\"\n";
    assert!(Document::open("main.toml", variant.as_bytes(), &mut ScenarioFiles::of(&at.join("main.toml"))).is_ok());
}

/// A scenario whose cohort is the table `t.csv`.
const CROWD: &str = "\
format = 1
time = { steps = 5, start = 2016-11-01 }
resources = { word = {} }
actors = { us = {} }
[cohorts.party]
table = \"t.csv\"
id = \"code\"
names = \"name\"
member_of = \"bloc\"
stance = { column = \"share\" }
attributes = { joined = { column = \"joined\", missing = inf } }
";
const ROWS: &str = "code,name,bloc,share,joined\nFR,France,eu;g7,0.25,2016-11-03\nTO,\"Tonga, Kingdom\",,1,\n";

fn model(all: &[(&str, &str)]) -> backstop::model::Model {
    let document = read(all).unwrap_or_else(|wrong| panic!("{wrong}"));
    compile(&document, &Options::default()).unwrap_or_else(|wrong| panic!("{wrong:#?}")).model
}

#[test]
fn rows_become_members_with_ids_names_groups_and_numbers() {
    let main = format!(
        "{CROWD}[groups]\nall = [\"eu\", \"us\"]\ng7 = [\"us\"]\n[metrics]\nn = \"parties(word, all) + parties(word, g7)\"\n"
    );
    let model = model(&[("main.toml", &main), ("t.csv", ROWS)]);
    let ids: Vec<&str> = model.actors.iter().map(|actor| actor.id).collect();
    assert_eq!(ids, ["us", "fr", "to"]);
    assert_eq!(model.actors.name(ActorId(2)), Some("Tonga, Kingdom"));
    assert_eq!(model.setup.stances, [0.5, 0.25, 1.0]);
    assert_eq!(model.setup.attributes[1..], [2.0, f64::INFINITY]);
    let members = |id: &str| {
        let group = model.groups.iter().find(|group| group.id == id).expect("it is read");
        group.members.iter().map(|actor| actor.index()).collect::<Vec<_>>()
    };
    assert_eq!((members("all"), members("g7")), (vec![0, 1], vec![0, 1]));
}

#[test]
fn without_ids_members_are_numbered_and_distributions_take_columns() {
    let main = "format = 1\ntime = { steps = 2 }\n[cohorts.p]\ntable = \"t.csv\"\nname = \"P\"\n\
        stance = { uniform = [{ column = \"low\", missing = 0 }, \"(index + size) / 4\"] }\n\
        attributes = { x = { choice = [{ column = \"low\", missing = 9 }] } }\nvolatility = \"own(x) / 10\"\n";
    let model = model(&[("main.toml", main), ("t.csv", "low\n0.5\n\n")]);
    assert_eq!(model.actors.id(ActorId(1)), "p_2");
    assert_eq!(model.actors.name(ActorId(1)), Some("P 2"));
    let run = common::ran(model, 3);
    assert_eq!(run.run.setup.attributes, [0.5, 9.0]);
    assert_eq!(run.run.setup.volatility, [0.05, 0.9]);
    assert!((0.5..=0.75).contains(&run.run.setup.stances[0]));
}

/// A value that is set for one member is that of the table with this cell, and no other member's draw changes.
/// Columns of many rows are read by a thread of their own.
#[test]
fn large_tables_are_read_as_small_ones() {
    const ROWS: usize = 50_000;
    let main = "format = 1\ntime = { steps = 3, start = 2025-03-10 }\n[cohorts.p]\ntable = \"p.csv\"\nid = \"id\"\n\
        stance = { column = \"s\" }\nattributes = { x = { column = \"x\", missing = 7 } }\n";
    let table = |last: &str| {
        let rows =
            (0..ROWS - 1).map(|row| format!("m{row},0.25,{}\n", if row.is_multiple_of(3) { "" } else { "-1.5e1" }));
        format!("id,s,x\n{}m{last}\n", rows.collect::<String>())
    };
    let model = model(&[("main.toml", main), ("p.csv", &table("_,1,2025-03-12"))]);
    let number = |row: usize| match row {
        _ if row + 1 == ROWS => 2.0,
        _ if row.is_multiple_of(3) => 7.0,
        _ => -15.0,
    };
    assert!(model.setup.attributes.iter().copied().eq((0..ROWS).map(number)));
    assert_eq!((model.setup.stances[ROWS - 2], model.setup.stances[ROWS - 1]), (0.25, 1.0));
    let refused = |last: &str| wrong(&[("main.toml", main), ("p.csv", &table(last))]);
    assert_eq!(refused("_,1,x"), "p.csv:50001:6: `x` is no number and no date\n");
    assert_eq!(refused("_,2,1"), "p.csv:50001:4: `cohorts.p.stance` must be from 0 to 1, but is 2\n");
    let twice = "p.csv:50001:1: the member `m17` bears a name that is taken: it stands in p.csv:19:1 too\n";
    assert_eq!(refused("17,1,1"), twice);
}

#[test]
fn a_value_may_be_set_for_one_member() {
    let main = "format = 1\ntime = { steps = 2, start = 2016-11-01 }\nresources = { r = {} }\n[cohorts.p]\ntable = \"t.csv\"\n\
        id = \"id\"\nstance = { uniform = [{ column = \"low\" }, 1] }\nvolatility = \"index / 100\"\nsusceptibility = 0.5\n\
        attributes = { day = { column = \"day\", missing = inf } }\n[commitments.c]\ndebtor = \"p\"\n\
        gives = { r = \"own(day)\" }\nwhen = \"step >= own(day)\"\n";
    let table = "id,low,day\nA,0.25,3\nB,0.5,4\nC,0.75,5\n";
    let compiled = |main: &str, table: &str, sets: &[(&str, &str)]| {
        let document = read(&[("main.toml", main), ("t.csv", table)]).unwrap();
        let set = |(name, value): &(&str, &str)| Override {
            name: (*name).to_owned(),
            value: SetValue::parse(value).unwrap(),
        };
        let options = Options { overrides: sets.iter().map(set).collect(), ..Options::default() };
        compile(&document, &options).map(|compiled| compiled.model)
    };
    let set = |sets: &[(&str, &str)]| common::ran(compiled(main, table, sets).unwrap(), 3);
    let base = set(&[]);
    let rows = |run: &common::Ran| run.events();
    let day = set(&[("cohorts.p.attributes.day/b", "2016-11-08")]);
    let edited = common::ran(compiled(main, &table.replace("4\n", "7\n"), &[]).unwrap(), 3);
    assert_eq!(rows(&day), rows(&edited));
    assert_eq!(set(&[("cohorts.p.attributes.day/b", "1 week")]).run.setup.attributes, [3.0, 7.0, 5.0]);
    // Only its own draw is left out.
    let stance = set(&[("cohorts.p.stance/b", "0.125")]);
    let [first, second] = [&base, &stance].map(|run| run.run.setup.stances.clone());
    assert_eq!(second, [first[0], 0.125, first[2]]);
    let drawn = |run: &common::Ran| String::from_utf8(run.events()).unwrap().matches(",drawn,").count();
    assert_eq!((drawn(&base), drawn(&stance)), (3, 2));
    assert_eq!(set(&[("cohorts.p.volatility/c", "0.5")]).run.setup.volatility, [0.01, 0.02, 0.5]);
    assert_eq!(set(&[("cohorts.p.susceptibility/a", "1")]).run.setup.susceptibility, [1.0, 0.5, 0.5]);
    let gives = set(&[("commitments.c.gives.r/c", "9"), ("commitments.c.gives.r/c", "8")]);
    assert_eq!(
        gives.run.setup.gives.iter().map(|amount| amount.0).collect::<Vec<_>>(),
        [3_000_000, 4_000_000, 8_000_000]
    );
    let wrong = |name: &str, value: &str| compiled(main, table, &[(name, value)]).unwrap_err().remove(0).message;
    let nobody = "`cohorts.p.stance` has no number for a member `d`";
    assert_eq!(wrong("cohorts.p.stance/d", "0.5"), nobody);
    assert_eq!(wrong("cohorts.p.stance/b", "2"), "`cohorts.p.stance` must be from 0 to 1, but is 2");
    assert_eq!(wrong("time.steps/b", "2"), "`time.steps` has no number for a member `b`");
}

#[test]
fn ties_and_trust_stand_at_the_place_of_their_entry() {
    let main = "format = 1\ntime = { steps = 2 }\nactors = { a = {}, b = {}, c = {} }\ngroups = { g = [\"b\", \"c\"] }\n\
        influence = [{ from = \"a\", on = \"b\", weight = 7 }, { table = \"ties.csv\" }, { from = \"b\", on = \"a\" }]\n\
        trust = { pairs = [{ table = \"trust.csv\" }] }\n";
    let one =
        model(&[("main.toml", main), ("ties.csv", "on,from\nA,G\nc,c\n"), ("trust.csv", "of,in,value\na,g,0.25\n")]);
    let two = "format = 1\ntime = { steps = 2 }\nactors = { a = {}, b = {}, c = {} }\ngroups = { g = [\"b\", \"c\"] }\n\
        influence = [{ from = \"a\", on = \"b\", weight = 7 }, { from = \"g\", on = \"a\" }, { from = \"c\", on = \"c\" }, \
        { from = \"b\", on = \"a\" }]\ntrust = { pairs = [{ of = \"a\", in = \"g\", value = 0.25 }] }\n";
    let two = model(&[("main.toml", two)]);
    assert_eq!(one.setup.influence, [7.0, 1.0, 1.0, 1.0]);
    assert_eq!((one.setup.influence.len(), one.setup.trust_pairs.clone()), (4, vec![0.25]));
    let rows = |model| common::ran(model, 0).events();
    assert_eq!(rows(one), rows(two));
}

#[test]
fn data_holds_its_values_or_goes_straight_between_them() {
    let main = |between: &str| {
        format!(
            "format = 1\n[time]\nstart = 2016-11-02\nstep = \"12 hours\"\nsteps = 5\n[data.x]\ntable = \"x.csv\"\n\
             date = \"d\"\nvalue = \"v\"\n{between}[metrics]\nm = \"data(x)\"\n"
        )
    };
    let rows = "d,v\n2016-11-01,1\n2016-11-02T12:00,3\n2016-11-03 12:00:00,7\n";
    let values = |between: &str| common::ran(model(&[("main.toml", &main(between)), ("x.csv", rows)]), 0).run.samples;
    assert_eq!(values(""), [1.0, 3.0, 3.0, 7.0, 7.0]);
    // Moments are minutes from the start: 1 + (3 - 1) * ((0 + 1440) / (720 + 1440)).
    let first = 1.0 + 2.0 * (1440.0 / 2160.0);
    assert_eq!(values("between = \"linear\"\n"), [first, 3.0, 5.0, 7.0, 7.0]);
    let steps = "format = 1\ntime = { steps = 3 }\n[data.x]\ntable = \"x.csv\"\ndate = \"d\"\nvalue = \"v\"\n\
        between = \"linear\"\n[metrics]\nm = \"data(x)\"\n";
    let values = common::ran(model(&[("main.toml", steps), ("x.csv", "d,v\n0.5,1\n1.5,3\n")]), 0).run.samples;
    assert_eq!(values, [1.0, 2.0, 3.0]);
}

/// Compares the errors for a table with these rows.
#[track_caller]
fn broken(rows: &str, expected: &str) {
    assert_eq!(wrong(&[("main.toml", CROWD), ("t.csv", rows)]), expected, "{rows}");
}

#[test]
fn broken_tables_are_refused_with_the_place_of_the_cell() {
    broken(ROWS, "");
    let row = |row: &str| format!("code,name,bloc,share,joined\n{row}\n");
    let cell = |cell: &str| row(&format!("FR,France,,{cell},"));
    broken("", "t.csv:1:1: the table `t.csv` is empty\n");
    broken("code,name,bloc,share,joined\n", "t.csv:1:1: the table `t.csv` has no rows\n");
    broken(&row("FR,France,,1"), "t.csv:2:1: the row has 4 cells, but the header has 5\n");
    broken(&cell("0,5"), "t.csv:2:1: the row has 6 cells, but the header has 5\n");
    broken(&cell("\"0,5\""), "t.csv:2:12: `0,5` is no number and no date\n");
    broken(&cell("50%"), "t.csv:2:12: `50%` is no number and no date\n");
    broken(&cell("=A1/2"), "t.csv:2:12: `=A1/2` is no number and no date\n");
    broken(&cell(" 0.5"), "t.csv:2:12: ` 0.5` is no number and no date\n");
    broken(&cell(""), "t.csv:2:12: the cell for `cohorts.party.stance` is empty\n");
    broken(&cell("1.5"), "t.csv:2:12: `cohorts.party.stance` must be from 0 to 1, but is 1.5\n");
    broken(&row("FR,France,,1,3/11/2016"), "t.csv:2:14: `3/11/2016` is no number and no date\n");
    broken(&row("FR,France,,1,2016-11-31"), "t.csv:2:14: `2016-11-31` is no date of the calendar\n");
    broken(&row("Côte,x,,1,"), "t.csv:2:1: `côte` is not a valid id for a member\n");
    broken(&row(",x,,1,"), "t.csv:2:1: a member has no id\n");
    // Names that programs which read the tables of a run would misinterpret.
    broken(&row("true,France,,1,"), "t.csv:2:1: a member cannot be called `true`\n");
    broken(&row("NA,Namibia,,1,"), "t.csv:2:1: a member cannot be called `na`\n");
    broken(&cell("9007199254740993"), "t.csv:2:12: `9007199254740993` is a whole number that is not held exactly\n");
    let twice = "t.csv:3:1: the member `fr` bears a name that is taken: it stands in t.csv:2:1 too\n";
    broken(&row("FR,France,,1,\nfr,France,,1,"), twice);
    let taken = "t.csv:2:1: the member `us` bears a name that is taken: it is the name of an actor, cohort or group\n";
    broken(&row("US,x,,1,"), taken);
    broken(&row("FR,x,us,1,"), "t.csv:2:6: `us` is an actor or a cohort, which no row can join\n");
    broken(&row("FR,x,eu; g7,1,"), "t.csv:2:6: ` g7` is not a valid id for a group\n");
    let columns = "main.toml:10:21: the table `t.csv` has no column `share`\n";
    broken("code,name,bloc,shares,joined\nFR,France,,1,\n", columns);
    broken("code,name,bloc,share,joined,code\n", "t.csv:1:29: the column `code` stands there twice\n");
    let long = "a".repeat(101);
    let said = format!("t.csv:2:1: the id `{}…` is longer than 100 characters\n", "a".repeat(60));
    broken(&row(&format!("{long},x,,1,")), &said);
    let said = format!("t.csv:2:4: the name `{}…` is longer than 200 characters\n", "a".repeat(60));
    broken(&row(&format!("FR,{},,1,", "a".repeat(201))), &said);
    broken(&row("\"FR,x,,1,"), "t.csv:2:1: the quotes of this cell are never closed\n");
    broken(&row("FR,x \"y\",,1,"), "t.csv:2:6: there is a quote in a cell that does not begin with one\n");
    broken(&row("FR,x,,1,\n"), "t.csv:3:1: the line is empty\n");
    let mut latin = BTreeMap::from([("main.toml".to_owned(), CROWD.as_bytes().to_vec())]);
    latin.insert("t.csv".into(), b"code,name,bloc,share,joined\nCI,C\xf4te,,1,\n".to_vec());
    let said = Document::open("main.toml", &latin["main.toml"].clone(), &mut latin).unwrap_err().diagnostics;
    assert_eq!(said[0].message, "the table `t.csv` is not UTF-8 text: bytes `f4 74 65 2c`");
    let semicolons = wrong(&[("main.toml", CROWD), ("t.csv", "code;name;bloc;share;joined\n")]);
    assert!(semicolons.starts_with("main.toml:7:6: the table `t.csv` has no column `code`\n"), "{semicolons}");
    // A group in a row has the name of an actor that follows.
    let id = format!("{CROWD}[groups]\nfr = [\"us\"]\n[metrics]\nn = \"parties(word, fr)\"\n");
    let said = wrong(&[("main.toml", &id), ("t.csv", ROWS)]);
    assert_eq!(said, "main.toml:13:1: the group `fr` bears a name that is taken\n");
}

/// No further errors are reported for the readers of a wrong cell.
#[test]
fn an_invalid_cell_causes_no_follow_on_errors() {
    let main = "format = 1\n[time]\nsteps = 2\n[cohorts.party]\ntable = \"t.csv\"\nid = \"code\"\n\
        attributes = { share = { column = \"share\" } }\n[resources]\nr = {}\n[commitments.join]\ndebtor = \"party\"\n\
        gives = { r = \"own(share)\" }\nwhen = \"bound(r) * own(share) >= 1\"\n";
    let said = wrong(&[("main.toml", main), ("t.csv", "code,share\nUK,1\nFR,\n")]);
    assert_eq!(said, "t.csv:3:4: the cell for `cohorts.party.attributes.share` is empty\n");
    let said = wrong(&[("main.toml", main), ("t.csv", "code,share\n")]);
    assert_eq!(said, "t.csv:1:1: the table `t.csv` has no rows\n");
}

/// An error that an expression has for one member names the row of that member.
#[test]
fn an_error_of_a_member_names_its_row() {
    let main = "format = 1\n[time]\nsteps = 2\n[cohorts.party]\ntable = \"t.csv\"\nid = \"code\"\n\
        attributes = { share = { column = \"share\" } }\n[resources]\nr = {}\n[commitments.join]\ndebtor = \"party\"\n\
        gives = { r = \"own(share)\" }\n";
    let document = read(&[("main.toml", main), ("t.csv", "code,share\nUK,1\nFR,-1\n")]).unwrap();
    let errors = compile(&document, &Options::default()).unwrap_err();
    assert_eq!(errors[0].message, "`commitments.join.gives.r/fr` must be from 0 to 1e12, but is -1");
    assert_eq!(errors[0].notes, [("`fr` is the row t.csv:3:1".to_owned(), None)]);
    let document = read(&[("main.toml", main), ("t.csv", "code,share\nUK,1\nParty,1\n")]).unwrap();
    let errors = compile(&document, &Options::default()).unwrap_err();
    assert_eq!(errors[0].message, "the cohort `party` bears a name that is taken");
    assert_eq!(errors[0].notes, [("a member of it bears the name: t.csv:3:1".to_owned(), None)]);
}

#[test]
fn a_number_in_a_column_of_dates_is_warned_of() {
    let rows = |cells: [&str; 3]| {
        let rows = cells.iter().zip(["fr", "uk", "de"]).map(|(cell, id)| format!("{id},x,,1,{cell}\n"));
        format!("code,name,bloc,share,joined\n{}", rows.collect::<String>())
    };
    broken(&rows(["2016-11-03", "", "2016-11-04"]), "");
    broken(&rows(["3", "", "4"]), "");
    let warning = "t.csv:3:9: `2016` is a number in a column of dates: it is taken as a step\n";
    broken(&rows(["2016-11-03", "2016", "2017"]), warning);
}

#[test]
fn errors_in_references_to_a_table_are_reported_in_the_scenario() {
    let said = |from: &str, to: &str| wrong(&[("main.toml", &CROWD.replace(from, to)), ("t.csv", ROWS)]);
    assert_eq!(said("\"t.csv\"", "\"../t.csv\""), "main.toml:6:9: the path `../t.csv` leads out of its folder\n");
    assert_eq!(said("\"t.csv\"", "\"/t.csv\""), "main.toml:6:9: the path `/t.csv` is absolute\n");
    assert_eq!(said("\"t.csv\"", "\"u.csv\""), "main.toml:6:9: the table `u.csv` does not exist\n");
    assert_eq!(said("\"t.csv\"", "3"), "main.toml:6:9: `cohorts.party.table` must be a text, but is a number\n");
    assert_eq!(
        said("\"t.csv\"", "\"t.csv\"\nsize = 2"),
        "main.toml:7:1: `cohorts.party` has both `table` and `size`\n"
    );
    let missing = said("missing = inf", "missing = \"x\"");
    assert_eq!(
        missing,
        "main.toml:11:56: `cohorts.party.attributes.joined.missing` must be a number or a date, but is a text\n"
    );
    let missing = said("column = \"share\"", "column = \"share\", missing = 2");
    assert_eq!(missing, "main.toml:10:40: `cohorts.party.stance.missing` must be from 0 to 1, but is 2\n");
    let outside = said("us = {}", "us = { attributes = { x = { column = \"share\" } } }");
    assert_eq!(outside, "main.toml:4:38: `actors.us.attributes.x` reads a column, but there is no table\n");
}

#[test]
fn broken_ties_and_data_are_refused_with_the_place_of_the_cell() {
    let main = "format = 1\ntime = { steps = 2 }\nactors = { a = {}, b = {} }\ninfluence = [{ table = \"x.csv\" }]\n";
    let tied = |rows: &str| wrong(&[("main.toml", main), ("x.csv", rows)]);
    assert_eq!(tied("from,on\nA,B\n"), "");
    assert_eq!(tied("from,to\na,b\n"), "main.toml:4:24: the table `x.csv` has no column `on`\n");
    assert_eq!(tied("from,on\na,c\n"), "x.csv:2:3: `x.csv` names `c`, which is no actor, cohort or group\n");
    assert_eq!(tied("from,on\n,b\n"), "x.csv:2:1: the cell is empty\n");
    assert_eq!(tied("from,on,weight\na,b,\n"), "x.csv:2:5: the cell for `influence.0.weight` is empty\n");
    assert_eq!(
        tied("from,on,weight\na,b,-1\n"),
        "x.csv:2:5: `influence.0.weight` must be 0 or more, and at most 1e100, but is -1\n"
    );
    let main = "format = 1\ntime = { steps = 2, start = 2016-01-01 }\n[data.x]\ntable = \"x.csv\"\ndate = \"d\"\nvalue = \"v\"\n";
    let dated = |rows: &str| wrong(&[("main.toml", main), ("x.csv", rows)]);
    assert_eq!(dated("d,v\n2016-01-02,1\n2016-01-01,1\n"), "x.csv:3:1: the row comes before the one above it\n");
    let same = "x.csv:3:1: the row is of the same moment as the one above it\n";
    assert_eq!(dated("d,v\n2016-01-02,1\n2016-01-02 00:00,1\n"), same);
    assert_eq!(dated("d,v\n5,1\n"), "x.csv:2:1: `5` is no date, but the run has dates\n");
    assert_eq!(dated("d,v\n"), "x.csv:1:1: the table `x.csv` has no rows\n");
    assert_eq!(dated("d,v\n2016-01-02,\n"), "x.csv:2:12: the cell for `data.x` is empty\n");
}

#[test]
fn numbers_of_actors_may_read_their_own_attributes() {
    let main = |stance: &str, more: &str| {
        format!(
            "format = 1\ntime = {{ steps = 2 }}\n[actors.a]\nstance = \"{stance}\"\nattributes = {{ x = 0.25, y = 3{more} }}\n[actors.b]\n"
        )
    };
    assert_eq!(model(&[("main.toml", &main("own(x) / 2", ""))]).setup.stances, [0.125, 0.5]);
    let said = |stance: &str, more: &str| wrong(&[("main.toml", &main(stance, more))]);
    assert_eq!(said("own(y)", ""), "main.toml:4:10: `actors.a.stance` must be from 0 to 1, but is 3\n");
    let attribute = said("0.5", ", z = \"own(x)\"");
    assert_eq!(attribute, "main.toml:5:38: `own` cannot be read by an attribute: attributes are worked out first\n");
    let lacking = format!("{}stance = \"own(x)\"\n", main("0.5", ""));
    assert_eq!(wrong(&[("main.toml", &lacking)]), "main.toml:7:11: the actor `b` has no attribute `x`\n");
}

/// A sparse file of three gigabytes, which is not read.
#[cfg(unix)]
#[test]
fn a_table_that_is_too_large_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("main.toml");
    fs::File::create(folder.path().join("t.csv")).unwrap().set_len(3 << 30).unwrap();
    let wrong = Document::open("main.toml", CROWD.as_bytes(), &mut ScenarioFiles::of(&main)).unwrap_err();
    assert_eq!(wrong.diagnostics[0].message, "the table `t.csv` is larger than 1024 MiB");
}
