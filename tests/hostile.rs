//! Tests of hostile input: no panic, no signal, exit code 0 or 1, within 20 seconds of processor time and 2 GiB of
//! address space, with a place in every error and no control or invisible character on the terminal.
//!
//! `tests/bad/README.md` describes the largest of these inputs; small ones stand in `tests/bad/`.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_types, reason = "`BACKSTOP_TIMES=1` says how long each input took")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use common::program::PROGRAM;
use common::{scenarios, shipped};

/// Address space in KiB; processor time in seconds; elapsed time, for commands that block instead of working.
///
/// A debug build has four times as long.
const LIMITS: &str = if cfg!(debug_assertions) {
    "ulimit -v 2097152 -t 80 -c 0; exec timeout -s KILL 300 \"$0\" \"$@\""
} else {
    "ulimit -v 2097152 -t 20 -c 0; exec timeout -s KILL 120 \"$0\" \"$@\""
};

/// The largest number of bytes that an answer may print.
const LONGEST_ANSWER: usize = 1 << 20;

fn backstop(arguments: &[&str]) -> Output {
    Command::new("bash").args(["-c", LIMITS, PROGRAM]).args(arguments).output().expect("bash starts")
}

/// The expected answer to an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// `check` rejects it with an error that contains this text.
    Refused(&'static str),
    /// It passes `check` and runs to its end.
    Accepted,
    /// It passes `check`, and its run fails with an error that contains this text.
    Fails(&'static str),
    /// Any proper answer, for inputs that were damaged at random.
    Either,
}
use Answer::{Accepted, Either, Fails, Refused};

/// Whether a text names a place `file:LINE:COLUMN`.
fn names_place(text: &str, file: &str) -> bool {
    let number = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    text.match_indices(&format!("{file}:")).any(|(at, found)| {
        let rest = &text[at + found.len()..];
        let line = number(rest);
        line > 0 && rest[line..].strip_prefix(':').is_some_and(|rest| number(rest) > 0)
    })
}

/// The problem in an answer, whatever the question was.
fn improper(output: &Output) -> Option<String> {
    let code = output.status.code();
    if !matches!(code, Some(0 | 1)) {
        return Some(format!("{:?}", output.status));
    }
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let Ok(text) = std::str::from_utf8(bytes) else { return Some(format!("{name} is not UTF-8")) };
        if let Some(hidden) = text.chars().find(|&c| backstop::text::is_hidden(c) && c != '\n') {
            return Some(format!("{name} has the character {hidden:?}"));
        }
        if text.len() > LONGEST_ANSWER {
            return Some(format!("{name} has {} bytes", text.len()));
        }
        if text.contains("panicked") {
            return Some("a panic".into());
        }
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let is_json = output.stdout.starts_with(b"{");
    let is_failure = is_json || errors.lines().any(|line| line.starts_with("error: "));
    (is_failure != (code == Some(1))).then(|| "the exit code is not that of the errors".into())
}

/// The problem in the answers to a file, if there is one.
fn complaint(name: &str, file: &Path, expected: Answer) -> Option<String> {
    let shown = file.display().to_string();
    let told = |output: &Output, what: &str| {
        let mut errors = String::from_utf8_lossy(&output.stderr).into_owned();
        errors.truncate(errors.char_indices().nth(600).map_or(errors.len(), |(at, _)| at));
        Some(format!("{name}: {what}\n{errors}"))
    };
    let checked = backstop(&["check", &shown]);
    if let Some(what) = improper(&checked) {
        return told(&checked, &format!("check: {what}"));
    }
    let errors = String::from_utf8_lossy(&checked.stderr);
    if checked.status.code() == Some(1) {
        return match expected {
            _ if !names_place(&errors, &shown) => told(&checked, "no place is named"),
            Accepted | Fails(_) => told(&checked, "it is refused"),
            Refused(word) if !errors.to_lowercase().contains(word) => told(&checked, &format!("`{word}` is not named")),
            _ => None,
        };
    }
    if let Refused(_) = expected {
        return told(&checked, "it is accepted");
    }
    let run = backstop(&["run", &shown, "-q", "--events", "/dev/null"]);
    if let Some(what) = improper(&run) {
        return told(&run, &format!("run: {what}"));
    }
    let errors = String::from_utf8_lossy(&run.stderr).to_lowercase();
    match expected {
        Accepted if run.status.code() != Some(0) => told(&run, "its run fails"),
        Fails(word) if run.status.code() != Some(1) || !errors.contains(word) => {
            told(&run, &format!("`{word}` is not named"))
        }
        _ => None,
    }
}

/// Processes many inputs, as many at a time as there are processors.
fn ask<T: Sync>(inputs: &[T], question: impl Fn(&T) -> Option<String> + Sync) {
    let (next, complaints) = (AtomicUsize::new(0), std::sync::Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(4);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(input) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(complaint) = question(input) {
                        complaints.lock().expect("no thread panics").push(complaint);
                    }
                }
            });
        }
    });
    let complaints = complaints.into_inner().expect("no thread panics");
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), inputs.len(), complaints.join("\n\n"));
}

// ---------------------------------------------------------------- generated inputs

const HEAD: &str = "format = 1
title = \"Generated\"
[time]
steps = 10
[resources]
troops = { unit = \"soldiers\" }
[actors.us]
[actors.uk]
";

/// An input that is generated when it is needed.
struct Input {
    name: &'static str,
    answer: Answer,
    /// Whether a debug build takes more than ten seconds for it.
    heavy: bool,
    make: Box<dyn Fn() -> Vec<u8> + Sync>,
}

fn input(name: &'static str, answer: Answer, make: impl Fn() -> String + Sync + 'static) -> Input {
    Input { name, answer, heavy: false, make: Box::new(move || make().into_bytes()) }
}

fn heavy(name: &'static str, answer: Answer, make: impl Fn() -> String + Sync + 'static) -> Input {
    Input { heavy: true, ..input(name, answer, make) }
}

fn check_inputs(inputs: &[Input]) {
    let folder = tempfile::tempdir().expect("a folder");
    ask(inputs, |input| {
        let file = folder.path().join(format!("{}.toml", input.name.replace(' ', "_")));
        fs::write(&file, (input.make)()).expect("an input can be written");
        let began = Instant::now();
        let complaint = complaint(input.name, &file, input.answer);
        if std::env::var_os("BACKSTOP_TIMES").is_some() {
            // Shows slow inputs, also without `--nocapture`.
            let _ = writeln!(std::io::stderr(), "{:6.1} s  {}", began.elapsed().as_secs_f64(), input.name);
        }
        fs::remove_file(&file).expect("it is there");
        complaint
    });
}

/// `HEAD` and a part for each of some numbers.
fn each(numbers: RangeInclusive<u64>, one: impl Fn(u64) -> String) -> String {
    numbers.fold(HEAD.to_owned(), |text, number| text + &one(number))
}

fn metric(expression: &str) -> String {
    format!("{HEAD}[metrics]\nm = \"{expression}\"\n")
}

fn cohort(size: &str) -> String {
    format!("{HEAD}[cohorts.people]\nsize = {size}\n")
}

/// A text cut or padded with a letter to this number of bytes, including a line end.
fn filled(text: &str, letter: char, bytes: usize) -> String {
    let mut text = text.to_owned();
    while text.len() < bytes - 1 {
        text.push(letter);
    }
    text + "\n"
}

/// Checks the inputs that are fast in any build.
fn check_light(inputs: Vec<Input>) {
    check_inputs(&inputs.into_iter().filter(|input| !input.heavy).collect::<Vec<_>>());
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes in a build that is not optimised; `--release` has it")]
fn heavy_inputs_are_answered() {
    let all = [
        files_of_any_size(),
        nesting_of_any_depth(),
        definitions_and_groups_of_any_shape(),
        populations_of_any_size(),
        time_of_any_length(),
        numbers_of_any_size(),
    ];
    let heavy: Vec<Input> = all.into_iter().flatten().filter(|input| input.heavy).collect();
    assert!(heavy.len() >= 8, "{}", heavy.len());
    check_inputs(&heavy);
}

#[test]
fn files_of_any_size_are_answered() {
    check_light(files_of_any_size());
}

#[test]
fn nesting_of_any_depth_are_answered() {
    check_light(nesting_of_any_depth());
}

#[test]
fn definitions_and_groups_of_any_shape_are_answered() {
    check_light(definitions_and_groups_of_any_shape());
}

#[test]
fn populations_of_any_size_are_answered() {
    check_light(populations_of_any_size());
}

#[test]
fn time_of_any_length_are_answered() {
    check_light(time_of_any_length());
}

#[test]
fn numbers_of_any_size_are_answered() {
    check_light(numbers_of_any_size());
}

const MIB: usize = 1 << 20;

fn files_of_any_size() -> Vec<Input> {
    vec![
        input("just more than 4 MiB", Refused("4 mib"), || filled(&format!("{HEAD}# "), 'c', 4 * MIB + 1)),
        input("5 MB of comments", Refused("4 mib"), || HEAD.to_owned() + &"# comment\n".repeat(500_000)),
        input("just 4 MiB", Accepted, || filled(&format!("{HEAD}# "), 'c', 4 * MIB)),
        input("4 MiB of line ends", Accepted, || filled(HEAD, '\n', 4 * MIB)),
        input("an unclosed string of 4 MiB", Refused("unclosed"), || {
            filled(&format!("{HEAD}about = \""), 'a', 4 * MIB)
        }),
        input("a title of 3 MiB", Refused("200 characters"), || {
            format!("format = 1\ntitle = \"{}\"\n[time]\nsteps = 1\n", "a".repeat(3 * MIB))
        }),
        input("a title of 3 MiB of escapes", Refused("200 characters"), || {
            format!("format = 1\ntitle = \"{}\"\n[time]\nsteps = 1\n", "\\u001b".repeat(MIB / 2))
        }),
        input("an unknown key of 3 MiB", Refused("unknown"), || format!("{}\n{HEAD}", "a".repeat(3 * MIB) + " = 1")),
        input("an id of 3 MiB", Refused("100 characters"), || format!("{HEAD}[actors.{}]\n", "a".repeat(3 * MIB))),
        heavy("a million unknown names", Refused("x"), || {
            let text = each(0..=300_000, |n| if n == 0 { "[metrics]\n".into() } else { format!("m{n} = \"x\"\n") });
            filled(&text, '\n', text.len() + 2)
        }),
        input("a long line with an error at its end", Refused("unexpected character `$`"), || {
            metric(&("1 + ".repeat(MIB / 4) + "$"))
        }),
        input("a long line of characters of many bytes", Refused("unexpected character"), || {
            metric(&"ü€𝄞".repeat(MIB / 16))
        }),
        input("nothing", Refused("no `format`"), String::new),
        input("a byte-order mark and nothing", Refused("no `format`"), || "\u{feff}".into()),
    ]
}

#[test]
fn endless_and_special_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let sparse = folder.path().join("sparse.toml");
    fs::write(&sparse, HEAD).expect("a file can be written");
    fs::File::options().write(true).open(&sparse).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    for file in [sparse.as_path(), Path::new("/dev/zero")] {
        assert_eq!(complaint("endless", file, Refused("4 mib")), None);
    }
    let script =
        format!("{}; ", LIMITS.replace("exec ", "").replace("\"$0\" \"$@\"", &format!("{PROGRAM} check <(yes)")));
    let piped = Command::new("bash").args(["-c", &script]).output().expect("bash starts");
    assert_eq!((improper(&piped), piped.status.code()), (None, Some(1)), "{}", String::from_utf8_lossy(&piped.stderr));
    for path in [folder.path(), Path::new("/nowhere/at/all.toml")] {
        let output = backstop(&["check", &path.display().to_string()]);
        assert_eq!((improper(&output), output.status.code()), (None, Some(1)), "{}", path.display());
    }
    assert_eq!(complaint("empty", Path::new("/dev/null"), Refused("no `format`")), None);
}

fn nesting_of_any_depth() -> Vec<Input> {
    let nested = |open: &str, inner: &str, close: &str, count: usize| open.repeat(count) + inner + &close.repeat(count);
    vec![
        input("deep arrays", Refused("256"), move || format!("{HEAD}about = {}\n", nested("[", "", "]", 1_000_000))),
        input("deep open arrays", Refused("256"), || format!("{HEAD}about = {}\n", "[".repeat(2_000_000))),
        input("deep inline tables", Refused("256"), move || {
            format!("{HEAD}about = {}\n", nested("{a=", "1", "}", 200_000))
        }),
        input("deep dotted key", Refused("256"), || format!("{HEAD}a{} = 1\n", ".a".repeat(500_000))),
        input("deep header", Refused("256"), || format!("{HEAD}[actors.us{}]\n", ".a".repeat(500_000))),
        input("deep headers one by one", Refused("256"), || {
            (1..900).fold(HEAD.to_owned(), |text, depth| text + &format!("[sweep{}]\n", ".a".repeat(depth)))
        }),
        input("a million parentheses", Refused("256"), move || metric(&nested("(", "1", ")", 1_000_000))),
        input("two million open parentheses", Refused("256"), || metric(&"(".repeat(2_000_000))),
        input("nesting of 256", Accepted, move || metric(&nested("(", "1", ")", 256))),
        input("nesting of 257", Refused("256"), move || metric(&nested("(", "1", ")", 257))),
        input("deep minus", Refused("256"), || metric(&("-".repeat(1_000_000) + "1"))),
        input("deep calls", Refused("256"), move || metric(&nested("abs(", "1", ")", 200_000))),
        input("deep ifs", Refused("256"), move || metric(&nested("if(true, 1, ", "1", ")", 100_000))),
        input("deep not", Refused("256"), || {
            format!("{HEAD}[outcomes.o]\nwhen = \"{}true\"\n", "not ".repeat(300_000))
        }),
        input("a long sum", Refused("1024"), || metric(&("1".to_owned() + &" + 1".repeat(200_000)))),
        input("a long difference", Refused("1024"), || metric(&("1".to_owned() + &"-1".repeat(500_000)))),
        input("a long and", Refused("1024"), || {
            format!("{HEAD}[outcomes.o]\nwhen = \"true{}\"\n", " and true".repeat(100_000))
        }),
        input("many arguments", Refused("100000"), || metric(&format!("min(1{})", ", 1".repeat(300_000)))),
        input("many comparisons", Refused("chained"), || metric(&format!("1{}", " < 1".repeat(100_000)))),
    ]
}

fn definitions_and_groups_of_any_shape() -> Vec<Input> {
    fn chain(count: u64, first: &str) -> String {
        let definitions = each(0..=count, |n| match n {
            0 => format!("[definitions]\nd0 = \"{first}\"\n"),
            n => format!("d{n} = \"d{} + 1\"\n", n - 1),
        });
        format!("{definitions}[metrics]\nm = \"d{count}\"\n")
    }
    /// Definitions that each read the previous one several times, read in several places.
    fn multiplying(times: usize, count: u64, readers: &str) -> String {
        let definitions = each(0..=count, |n| match n {
            0 => "[definitions]\nd0 = \"bound(troops)\"\n".into(),
            n => format!("d{n} = \"{}\"\n", vec![format!("d{}", n - 1); times].join(" + ")),
        });
        definitions + &readers.replace("LAST", &format!("d{count}"))
    }
    const PROMISE: &str = "[commitments.c]\ndebtor = \"us\"\ngives = { troops = 1 }\nwhen = \"LAST > 0\"\n";
    let many: String =
        (0..50).fold(String::new(), |text, n| text + &PROMISE.replace("commitments.c", &format!("commitments.c{n}")));
    let three = format!("{PROMISE}[shocks.s]\nrate = \"LAST\"\nstance = {{ us = 0.1 }}\n[metrics]\nm = \"LAST\"\n");
    vec![
        input("a chain of definitions", Refused("1024"), || chain(50_000, "1")),
        input("a circle of definitions", Refused("d0"), || chain(50_000, "d50000")),
        input("definitions that double", Refused("100000"), || multiplying(2, 1_000, PROMISE)),
        input("definitions that double to just too much", Refused("100000"), || multiplying(2, 17, PROMISE)),
        input("definitions that double in many commitments", Accepted, move || multiplying(2, 15, &many)),
        input("definitions that treble in three fields", Refused("100000"), move || multiplying(3, 1_000, &three)),
        input("a chain of groups", Accepted, || {
            let groups = each(0..=50_000, |n| match n {
                0 => "[groups]\ng0 = [\"us\"]\n".into(),
                n => format!("g{n} = [\"g{}\"]\n", n - 1),
            });
            groups + "[metrics]\nm = \"stance(g50000)\"\n"
        }),
        input("a circle of groups", Refused("g0"), || {
            let groups = each(1..=20_000, |n| format!("g{n} = [\"g{}\"]\n", n - 1));
            groups.replacen("g1 =", "[groups]\ng0 = [\"g20000\"]\ng1 =", 1) + "[metrics]\nm = \"stance(g0)\"\n"
        }),
        input("groups that double", Accepted, || {
            let groups = each(0..=64, |n| match n {
                0 => "[groups]\ng0 = [\"us\"]\n".into(),
                n => format!("g{n} = [\"g{0}\", \"g{0}\"]\n", n - 1),
            });
            groups + "[metrics]\nm = \"stance(g64)\"\n"
        }),
        input("a wide nest of groups", Refused("10000000"), || {
            let mut text = cohort("50000") + "[groups]\ng0 = [\"people\"]\n";
            let mut metrics = String::from("[metrics]\n");
            for n in 1..=2_000 {
                let _ = writeln!(text, "g{n} = [\"g0\"]");
                let _ = writeln!(metrics, "m{n} = \"stance(g{n})\"");
            }
            text + &metrics
        }),
        heavy("all subsets of names to suggest", Refused("uks"), || {
            each(1..=2_000, |n| {
                format!(
                    "[commitments.promise_{n}]\ndebtor = \"uks\"\ngives = {{ troop = 1 }}\nwhen = \"bonds(promise_{n}x) > 0\"\n"
                )
            })
        }),
    ]
}

#[expect(clippy::too_many_lines, reason = "a list of inputs")]
fn populations_of_any_size() -> Vec<Input> {
    let pledges = |count: u64, size: &str| {
        let commitments = (1..=count).fold(String::new(), |text, n| {
            text + &format!("[commitments.c{n}]\ndebtor = \"people\"\ngives = {{ troops = 1 }}\n")
        });
        cohort(size) + &commitments
    };
    let mut inputs = vec![
        input("actors one by one", Accepted, || each(1..=99_999, |n| format!("[actors.a{n}]\n"))),
        input("cohorts one by one", Refused("actors"), || each(1..=3, |n| format!("[cohorts.c{n}]\nsize = 1000000\n"))),
        input("instances by groups", Refused("commitment"), move || pledges(2_001, "1000")),
        heavy("most instances", Accepted, move || pledges(1_000, "1000")),
        input("moves of too many instances", Refused("bind more than"), move || {
            (1..=101).fold(pledges(1, "20000"), |text, n| text + &format!("[moves.m{n}]\non = 1\nbind = [\"c1\"]\n"))
        }),
        input("moves of many instances by name", Accepted, move || {
            let names: Vec<String> = (1..=20_000).map(|n| format!("\"c1/people_{n}\"")).collect();
            format!("{}[moves.m]\non = 1\nbind = [{}]\n", pledges(1, "20000"), names.join(","))
        }),
        input("the largest population", Accepted, || cohort("99998")),
        input("just too many", Refused("actors"), || cohort("1999999")),
        input("100000 commitments", Refused("4 mib"), || {
            each(1..=100_000, |n| format!("[commitments.c{n}]\ndebtor=\"us\"\ngives={{troops=1}}\n"))
        }),
        heavy("30000 commitments", Accepted, || {
            each(1..=30_000, |n| {
                format!(
                    "[commitments.c{n}]\ndebtor = \"us\"\ngives = {{ troops = 1 }}\nwhen = \"bound(troops) > {n}\"\n"
                )
            })
        }),
        input("a long line of those who wait", Accepted, || {
            each(1..=30_000, |n| {
                format!(
                    "[commitments.c{n}]\ndebtor=\"u{}\"\ngives={{troops=1}}\nwhen=\"bonds(c{}) >= 1\"\n",
                    if n % 2 == 0 { 's' } else { 'k' },
                    if n == 1 { 1 } else { n - 1 }
                )
            })
        }),
        input("many issues and actors", Refused("2000000"), || {
            let issues: Vec<String> = (0..1_000).map(|n| format!("\"i{n}\"")).collect();
            format!("issues = [{}]\n{}", issues.join(", "), cohort("90000"))
        }),
        input("all-pairs influence", Refused("20000000"), || {
            cohort("90000") + "[[influence]]\nfrom = \"people\"\non = \"people\"\n"
        }),
        input("influence of 2000 on 2000", Accepted, || {
            cohort("1999") + "[[influence]]\nfrom = \"people\"\non = \"people\"\n"
        }),
        input("influence many times over", Refused("20000000"), || {
            cohort("1000") + &"[[influence]]\nfrom = \"people\"\non = \"people\"\n".repeat(2_000)
        }),
        input("a huge meeting", Refused("4000000"), || {
            cohort("90000") + "[meetings.m]\nattend = [\"people\"]\nfrom = 0\nto = 9\ninfluence = 0.1\n"
        }),
        input("a huge package", Accepted, || {
            cohort("50000")
                + "[commitments.c]\ndebtor = \"people\"\ngives = { troops = 1 }\nwhen = \"bonds(c) >= 100\"\n[meetings.m]\nattend = [\"people\"]\non = 2\npackage = true\n"
        }),
        input("many meetings", Accepted, || {
            let mut text = cohort("1000");
            for n in 0..10_000 {
                let _ = write!(text, "[meetings.m{n}]\nattend = [\"people\"]\nfrom = 0\nto = 9\npackage = true\n");
            }
            text
        }),
        input("two crowded weeks of meetings by turns", Accepted, || {
            each(0..=399, |n| {
                format!("[meetings.m{n}]\nattend = [\"people\"]\non = [{}]\ninfluence = 1\n", 3 * (n % 3))
            }) + &cohort("1990")[HEAD.len()..]
        }),
        input("meetings that tie too many", Fails("20000000"), || {
            (0..10).fold(HEAD.to_owned(), |text, n| {
                text + &format!(
                    "[cohorts.c{n}]\nsize = 1900\n[meetings.m{n}]\nattend = [\"c{n}\"]\non = 1\ninfluence = 1\n"
                )
            })
        }),
        input("trust of all pairs", Refused("4000000"), || {
            cohort("90000") + "[trust]\npairs = [{ of = \"people\", in = \"people\", value = 0.5 }]\n"
        }),
        input("a shock to all trust", Refused("4000000"), || {
            cohort("90000") + "[shocks.s]\non = 1\ntrust = [{ of = \"people\", in = \"people\", by = -0.1 }]\n"
        }),
        heavy("means of everybody that everybody moves", Accepted, || {
            cohort("20000") + "volatility = 0.1\n[outcomes.o]\nwhen = \"stance(people) > 2\"\n"
        }),
        heavy("expectations of everybody about everybody", Fails("1000000000 operations"), || {
            cohort("50000")
                + "[commitments.c]\ndebtor = \"people\"\ngives = { troops = 1 }\nwhen = \"assured(troops) >= 1\"\n"
        }),
        heavy("many creditors", Fails("5000000 pairs"), || {
            cohort("30000")
                + "[cohorts.others]\nsize = 30000\n[commitments.c]\ndebtor = \"people\"\ncreditor = \"others\"\ngives = { troops = 1 }\n[metrics]\nm = \"trust(us, uk)\"\n"
        }),
        input("many metrics of many", Fails("1000000000"), || {
            let metrics =
                (0..20_000).fold(String::from("[metrics]\n"), |text, n| text + &format!("m{n} = \"stance(people)\"\n"));
            cohort("50000") + &metrics
        }),
    ];
    for size in [2_000_000_u64, 20_000_000, 1_000_000_000, 1_000_000_000_000, 1_000_000_000_000_000_000] {
        inputs.push(input(Box::leak(format!("a cohort of {size}").into_boxed_str()), Refused("actors"), move || {
            cohort(&size.to_string())
        }));
    }
    inputs
}

fn time_of_any_length() -> Vec<Input> {
    let steps = |steps: &str| HEAD.replace("steps = 10", &format!("steps = {steps}"));
    vec![
        input("most steps", Accepted, move || steps("1000000")),
        input("idle actors for most steps", Accepted, move || {
            let issues: Vec<String> = (0..20).map(|n| format!("\"i{n}\"")).collect();
            format!("issues = [{}]\n{}[cohorts.idle]\nsize = 90000\n", issues.join(", "), steps("1000000"))
        }),
        heavy("one noisy actor among idle ones for most steps", Accepted, move || {
            steps("1000000") + "volatility = 0.1\n[cohorts.idle]\nsize = 1900000\n"
        }),
        heavy("most steps with noise", Accepted, move || steps("1000000") + "volatility = 0.1\n"),
        input("just too many steps", Refused("steps"), move || steps("1000001")),
        input("10^18 steps", Refused("steps"), move || steps("1000000000000000000")),
        input("10^30 steps", Refused("too large"), move || steps("1000000000000000000000000000000")),
        input("most steps with many metrics", Refused("20000000"), move || {
            (0..1_000).fold(steps("1000000") + "[metrics]\n", |text, n| text + &format!("m{n} = \"step\"\n"))
        }),
        input("steps of 10^18 weeks", Refused("time.step"), || {
            HEAD.replace("steps = 10", "steps = 10\nstart = 2025-01-01\nstep = \"1000000000000000000 weeks\"")
        }),
        input("an end far away", Refused("1000000"), || {
            HEAD.replace("steps = 10", "start = 0001-01-01\nend = 9999-12-31\nstep = \"1 minute\"")
        }),
        input("a meeting of many dates", Accepted, || {
            let dates: Vec<String> = (0..100_000).map(|n| (n % 10).to_string()).collect();
            format!("{HEAD}[meetings.m]\nattend = [\"us\"]\non = [{}]\n", dates.join(", "))
        }),
        input("a meeting of a trillion steps", Accepted, || {
            format!("{HEAD}[meetings.m]\nattend = [\"us\"]\nfrom = 0\nto = 1000000000000\n")
        }),
        heavy("a shock at every step of many", Accepted, move || {
            steps("1000000")
                + "[shocks.s]\nrate = 1000\nstance = { us = 0.1 }\n[shocks.r]\nrate = 1000\nstance = { us = -0.1 }\n"
        }),
        input("strife without end", Accepted, move || {
            steps("1000000")
                + "[commitments.c]\ndebtor = \"us\"\ngives = { troops = 1 }\noffer = \"count(s) == 2 * 0\"\nwhile = \"stance < 0.5\"\nmaintain = true\nover = 1000000\n[shocks.s]\nwhen = \"stance(us) > 2\"\nstance = { us = 0.1 }\n"
        }),
    ]
}

fn numbers_of_any_size() -> Vec<Input> {
    let promise =
        |fields: &str| format!("{HEAD}[commitments.c]\ndebtor = \"us\"\ngives = {{ troops = 1 }}\n{fields}\n");
    let gives = |amount: &str| format!("{HEAD}[commitments.c]\ndebtor = \"us\"\ngives = {{ troops = {amount} }}\n");
    vec![
        input("an amount of 10^300", Refused("1e12"), move || gives("1e300")),
        input("an amount of NaN", Refused("1e12"), move || gives("nan")),
        input("an amount that is infinite", Refused("1e12"), move || gives("inf")),
        input("an amount that overflows", Refused("1e12"), move || gives("\"1e308 * 10\"")),
        input("amounts that add up to much", Refused("2305843009213"), || {
            cohort("90000") + "[commitments.c]\ndebtor = \"people\"\ngives = { troops = 1e12 }\n"
        }),
        input("many increments", Refused("exactly"), move || promise("over = 9007199254740993")),
        input("a long lead", Refused("commitments.c.lead"), move || promise("lead = 1e300")),
        input("a lead of 2^32", Refused("commitments.c.lead"), move || {
            promise("lead = 4294967296\ngrace = 4294967295\ndue = 4294967295")
        }),
        input("an expiry far away", Refused("exactly"), move || promise("expires = 9223372036854775807")),
        input("an expiry long ago", Accepted, move || promise("expires = -9223372036854775808")),
        input("weights that add up to infinity", Refused("1e100"), || {
            cohort("100") + "[[influence]]\nfrom = \"people\"\non = \"us\"\nweight = 1e308\n"
        }),
        input("a volatility of 10^308", Refused("1e100"), || {
            HEAD.replace("[actors.uk]", "volatility = 1e308\n[actors.uk]")
        }),
        input("a stance of NaN", Refused("stance"), || HEAD.replace("[actors.uk]", "stance = nan\n[actors.uk]")),
        input("a stance of minus zero", Accepted, || HEAD.replace("[actors.uk]", "stance = -0.0\n[actors.uk]")),
        input("a shock of 10^308", Accepted, || format!("{HEAD}[shocks.s]\non = 1\nstance = {{ us = -1e308 }}\n")),
        input("a rate of 10^308", Refused("1e100"), || {
            format!("{HEAD}[shocks.s]\nrate = 1e308\nstance = {{ us = 0.1 }}\n")
        }),
        input("trust of great strength", Refused("1e100"), || {
            format!("{HEAD}[trust]\nstrength = 1e308\nbroken = 1e308\n")
        }),
        input("trust of little strength", Accepted, || format!("{HEAD}[trust]\nstrength = 5e-324\ndefault = 0.3\n")),
        input("a number of 10^6 digits", Refused("too large"), || metric(&"1".repeat(1_000_000))),
        input("a number of 10^6 decimals", Accepted, || metric(&format!("0.{}", "1".repeat(1_000_000)))),
        input("an exponent of 10^6 digits", Refused("too large"), || metric(&format!("1e{}", "9".repeat(1_000_000)))),
        input("an integer of 10^6 digits", Refused("too large"), || {
            HEAD.replace("steps = 10", &format!("steps = {}", "9".repeat(1_000_000)))
        }),
        input("a metric that is infinite", Refused("division by zero"), || metric("1 / 0")),
        input("a metric that is not a number", Fails("not a number"), || metric("0 / (step - 5)")),
        input("many parameters", Accepted, || {
            each(0..=50_000, |n| if n == 0 { "[parameters]\n".into() } else { format!("p{n} = {n}\n") })
                + "[metrics]\nm = \"p50000\"\n"
        }),
        input("a wide choice", Accepted, || {
            let values: Vec<&str> = vec!["0.5"; 100_000];
            format!("{HEAD}[actors.fr]\nstance = {{ choice = [{}] }}\n", values.join(", "))
        }),
        heavy("many draws", Accepted, || cohort("90000") + "stance = { uniform = [0, 1] }\nvolatility = 0.1\n"),
    ]
}

// ---------------------------------------------------------------- broken bytes

/// A stream of random words for choosing where to damage a file (`SplitMix64`).
struct Words(u64);

impl Words {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % count
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }
}

fn check_bytes(inputs: &[(String, Answer, Vec<u8>)]) {
    let folder = tempfile::tempdir().expect("a folder");
    ask(inputs, |(name, answer, bytes)| {
        let file: PathBuf = folder.path().join(format!("{}.toml", name.replace(|c: char| !c.is_alphanumeric(), "_")));
        fs::write(&file, bytes).expect("an input can be written");
        let complaint = complaint(name, &file, *answer);
        fs::remove_file(&file).expect("it is there");
        complaint
    });
}

#[test]
fn bytes_that_are_no_scenario() {
    let mut words = Words(20_250_311);
    let mut inputs: Vec<(String, Answer, Vec<u8>)> = Vec::new();
    for number in 0..100 {
        let length = words.below(3_000) + 1;
        let random = (0..length).map(|_| words.byte()).collect();
        inputs.push((format!("random {number}"), Refused("not utf-8 text"), random));
    }
    for (name, piece, word) in [
        ("NUL", "\0", "\\u{0}"),
        ("escape", "\u{1b}[31m", "\\u{1b}"),
        ("C1 control", "\u{9b}31m", "\\u{9b}"),
        ("bell", "\u{7}", "\\u{7}"),
        ("delete", "\u{7f}", "\\u{7f}"),
        ("carriage return", "\r", "error"),
    ] {
        inputs.push((format!("{name} alone"), Refused(word), piece.repeat(100).into_bytes()));
        inputs.push((
            format!("{name} in an expression"),
            Refused(word),
            metric(&format!("1 + {piece} + 1")).into_bytes(),
        ));
        inputs.push((format!("{name} in a key"), Refused(word), format!("{HEAD}a{piece}b = 1\n").into_bytes()));
        inputs.push((
            format!("{name} in a quoted key"),
            Refused(word),
            format!("{HEAD}\"a{piece}b\" = 1\n").into_bytes(),
        ));
        inputs.push((
            format!("{name} in a table"),
            Refused(word),
            format!("{HEAD}[actors.\"{piece}\"]\n").into_bytes(),
        ));
    }
    for (name, escaped, word) in [
        ("escape", "\\u001b[31m", "\\u{1b}"),
        ("C1 control", "\\u009b31m", "\\u{9b}"),
        ("line end", "\\n", "error"),
        ("NUL", "\\u0000", "\\u{0}"),
        ("right to left", "\\u202e", "\\u{202e}"),
    ] {
        inputs.push((
            format!("{name} written in an expression"),
            Refused(word),
            metric(&format!("1 + {escaped} + 1")).into_bytes(),
        ));
        inputs.push((
            format!("{name} written in a key"),
            Refused(word),
            format!("{HEAD}\"a{escaped}b\" = 1\n").into_bytes(),
        ));
        inputs.push((
            format!("{name} written in an id"),
            Refused(word),
            format!("{HEAD}[actors.\"x{escaped}\"]\n").into_bytes(),
        ));
        inputs.push((
            format!("{name} written in a name"),
            Refused(word),
            HEAD.replace("[actors.uk]", &format!("[actors.uk]\nstance = \"{escaped}\"")).into_bytes(),
        ));
    }
    inputs.push((
        "half of a character".into(),
        Refused("not utf-8 text"),
        [HEAD.as_bytes(), b"about = \"\xc3\"\n"].concat(),
    ));
    inputs.push(("UTF-16".into(), Refused("\\u{0}"), HEAD.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    check_bytes(&inputs);
}

/// Names and titles with control characters are valid, but are escaped on the terminal.
#[test]
fn control_characters_in_texts_reach_no_terminal() {
    let nasty = "\\u001b]0;owned\\u0007\\u009b31m\\r\\u0000\\u202e\\n";
    let text = format!(
        "format = 1\ntitle = \"{nasty}\"\nabout = \"{nasty}\"\n[time]\nsteps = 3\n[resources]\ntroops = {{ unit = \"{nasty}\" }}\n\
         [actors.us]\nname = \"{nasty}\"\n[actors.uk]\nname = \"{nasty}\"\n\
         [commitments.a]\ndebtor = \"us\"\ncreditor = \"uk\"\ngives = {{ troops = 1 }}\nwhen = \"bonds(b) > 0\"\n\
         [commitments.b]\ndebtor = \"uk\"\ngives = {{ troops = 1 }}\nwhen = \"bonds(a) > 0\"\n\
         [parameters]\np = {{ value = 1, unit = \"{nasty}\", note = \"{nasty}\" }}\n[meetings.m]\non = 1\nattend = [\"us\"]\n"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nasty\u{1b}[31m.toml");
    fs::write(&file, text).expect("a file can be written");
    let bad = folder.path().join("bad\u{1b}[31m\u{9b}.toml");
    fs::write(&bad, format!("{HEAD}x = \"\u{9b}31m\"\n[metrics]\nm = \"stance(x)\"\n")).expect("a file can be written");
    let bad = bad.display().to_string();
    let (file, out) = (file.display().to_string(), folder.path().join("out\u{1b}[31m").display().to_string());
    for arguments in [
        vec!["check", &bad],
        vec!["check", "--json", &bad],
        vec!["check", &file],
        vec!["run", &file],
        vec!["run", &file, "-q", "--out", &out],
        vec!["run", &file, "--set", "\u{1b}[31m=1"],
        vec!["replay", &out],
        vec!["replay", &out, "--at", "1"],
        vec!["replay", &out, "--metric", "\u{1b}[31m=1"],
        vec!["why", &out, "3"],
    ] {
        let output = backstop(&arguments);
        assert_eq!(improper(&output), None, "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Scenarios cut off at many places.
#[test]
fn scenarios_cut_off_at_every_97th_byte() {
    let mut inputs = Vec::new();
    for name in shipped() {
        // The variants of the flagship are similar to it and are skipped.
        if name.starts_with("jeddah") && name != "jeddah-2025" {
            continue;
        }
        let bytes = fs::read(scenarios().join(format!("{name}.toml"))).expect("the scenario is there");
        inputs.extend(
            (0..bytes.len()).step_by(97).map(|at| (format!("{name} up to {at}"), Either, bytes[..at].to_vec())),
        );
    }
    assert!(inputs.len() > 500, "{} inputs", inputs.len());
    check_bytes(&inputs);
}

/// Scenarios with bytes changed, removed, duplicated and moved.
#[test]
fn scenarios_that_were_mangled() {
    let mut words = Words(7);
    let names = ["chicken-and-egg", "guarantee-toy", "aid-flow", "jeddah-2025"];
    let sources: Vec<Vec<u8>> = names
        .iter()
        .map(|name| fs::read(scenarios().join(format!("{name}.toml"))).expect("the scenario is there"))
        .collect();
    let mut inputs = Vec::new();
    for number in 0..300 {
        let mut bytes = sources[number % sources.len()].clone();
        for _ in 0..=words.below(3) {
            let at = words.below(bytes.len() - 40);
            let length = words.below(30) + 1;
            match words.below(5) {
                0 => bytes[at] = words.byte(),
                1 => bytes[at] = b"\"'[]{}().,=#\n\\0-+*<"[words.below(19)],
                2 => drop(bytes.drain(at..at + length)),
                3 => {
                    let piece = bytes[at..at + length].to_vec();
                    let to = words.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
                _ => {
                    let to = words.below(bytes.len());
                    bytes.swap(at, to);
                }
            }
        }
        inputs.push((format!("mangled {number}"), Either, bytes));
    }
    check_bytes(&inputs);
}

/// Arguments in many forms.
#[test]
fn arguments_of_any_kind() {
    let file = scenarios().join("chicken-and-egg.toml").display().to_string();
    let long = "(".repeat(100_000);
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run").display().to_string();
    assert!(backstop(&["run", &file, "-q", "--out", &out]).status.success());
    let metric = format!("m={long}1");
    let set = format!("commitments.{}=1", "a.".repeat(50_000));
    for arguments in [
        vec!["run", &file, "--set", "nothing=1"],
        vec!["run", &file, "--set", "actors.us.stance=nan"],
        vec!["run", &file, "--set", "actors.us.stance=inf"],
        vec!["run", &file, "--set", "time.steps=1e18"],
        vec!["run", &file, "--set", "=1"],
        vec!["run", &file, "--set", &set],
        vec!["replay", &out, "--metric", &metric],
        vec!["replay", &out, "--metric", "m=0/0"],
        vec!["replay", &out, "--metric", "=1"],
        vec!["replay", &out, "--at", "4294967295"],
        vec!["why", &out, "4294967295"],
        vec!["replay", &file],
        vec!["replay", "/dev"],
    ] {
        let output = backstop(&arguments);
        let what: Vec<&str> = arguments.iter().map(|word| &word[..word.len().min(60)]).collect();
        assert_eq!(
            (improper(&output), output.status.code()),
            (None, Some(1)),
            "{what:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
