//! Random valid scenarios, small enough that their features interact.
//!
//! A scenario is made of a list of words that choose among alternatives; where the list ends, the first and
//! simplest alternative is taken. So proptest shrinks a scenario by shortening the list and making its words
//! smaller. Every `when` is monotone by the way it is built: evidence occurs in it only positively.

use std::fmt::{self, Write as _};

use proptest::prelude::*;

/// The features that may occur.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// Conditions may read trust, and shocks may change it.
    pub(crate) trust: bool,
    /// A metric may have no value at some step, which fails the run.
    pub(crate) failures: bool,
}

impl Allowed {
    /// Everything.
    pub(crate) const ALL: Self = Self { trust: true, failures: true };
}

/// One table of a scenario, with its header.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// `commitments`, `shocks` and so on.
    pub(crate) kind: &'static str,
    /// Its name; empty for a table that has none.
    pub(crate) name: String,
    text: String,
}

/// A scenario as a list of tables, which can be permuted, left out and added to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sketch {
    head: String,
    /// Its tables, in the order in which they are written.
    pub(crate) tables: Vec<Table>,
}

impl Sketch {
    /// As TOML.
    pub(crate) fn text(&self) -> String {
        self.tables.iter().fold(self.head.clone(), |text, table| text + "\n" + &table.text)
    }

    /// With one more table, put in before the table at `at`.
    pub(crate) fn with(&self, at: usize, kind: &'static str, name: &str, lines: &str) -> Self {
        let mut sketch = self.clone();
        sketch.tables.insert(at.min(self.tables.len()), Table::new(kind, name, lines));
        sketch
    }

    /// Without a table.
    pub(crate) fn without(&self, kind: &str, name: &str) -> Self {
        let mut sketch = self.clone();
        sketch.tables.retain(|table| table.kind != kind || table.name != name);
        sketch
    }

    /// Reorders the tables of a kind by keys, in the places where such tables are.
    pub(crate) fn permuted(&self, kind: &str, keys: &[u16]) -> Self {
        let places: Vec<usize> = (0..self.tables.len()).filter(|&at| self.tables[at].kind == kind).collect();
        let mut order = places.clone();
        order.sort_by_key(|&at| (keys.get(at % keys.len().max(1)), at));
        let mut sketch = self.clone();
        for (place, from) in places.iter().zip(order) {
            sketch.tables[*place] = self.tables[from].clone();
        }
        sketch
    }

    /// With more lines in the tables of a kind.
    pub(crate) fn extended(&self, kind: &str, lines: &str) -> Self {
        let mut sketch = self.clone();
        sketch.tables.iter_mut().filter(|table| table.kind == kind).for_each(|table| table.text += lines);
        sketch
    }

    /// The names of the tables of a kind.
    pub(crate) fn names(&self, kind: &str) -> Vec<&str> {
        self.tables.iter().filter(|table| table.kind == kind).map(|table| table.name.as_str()).collect()
    }

    /// The text of a table.
    pub(crate) fn table(&self, kind: &str, name: &str) -> &str {
        let found = self.tables.iter().find(|table| table.kind == kind && table.name == name);
        &found.expect("the table is there").text
    }
}

/// A failing case is displayed as its file.
impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n--------\n{}--------\n", self.text())
    }
}

impl Table {
    fn new(kind: &'static str, name: &str, lines: &str) -> Self {
        let header = match (kind, name) {
            ("influence", _) => "[[influence]]".to_owned(),
            (kind, "") => format!("[{kind}]"),
            (kind, name) => format!("[{kind}.{name}]"),
        };
        Self { kind, name: name.to_owned(), text: format!("{header}\n{lines}") }
    }
}

/// Arbitrary valid scenarios.
pub(crate) fn sketches(allowed: Allowed) -> impl Strategy<Value = Sketch> {
    proptest::collection::vec(any::<u16>(), 40..700).prop_map(move |words| sketch(&words, allowed))
}

/// The scenario selected by some words.
pub(crate) fn sketch(words: &[u16], allowed: Allowed) -> Sketch {
    let mut maker = Maker::new(words, allowed);
    let head = maker.head();
    maker.actors();
    maker.groups();
    maker.definitions();
    maker.trust();
    maker.influence();
    maker.commitments();
    maker.meetings();
    maker.shocks();
    maker.outcomes();
    maker.metrics();
    Sketch { head, tables: maker.tables }
}

struct Maker<'a> {
    words: &'a [u16],
    next: usize,
    allowed: Allowed,
    tables: Vec<Table>,
    steps: usize,
    issues: Vec<&'static str>,
    resources: Vec<&'static str>,
    /// Actors and members of cohorts.
    everyone: Vec<String>,
    /// The possible subjects of a quantity: actors, cohorts, groups.
    targets: Vec<(String, Vec<String>)>,
    /// Commitments: name, debtors, and a resource with its amount.
    promises: Vec<(String, Vec<String>, &'static str, f64)>,
    /// The number of the first commitments that wait for each other in a cycle.
    circle: usize,
    meetings: Vec<String>,
    shocks: Vec<String>,
}

const NAMES: [&str; 5] = ["us", "uk", "fr", "de", "pl"];

impl<'a> Maker<'a> {
    fn new(words: &'a [u16], allowed: Allowed) -> Self {
        Self {
            words,
            next: 0,
            allowed,
            tables: Vec::new(),
            steps: 0,
            issues: Vec::new(),
            resources: Vec::new(),
            everyone: Vec::new(),
            targets: Vec::new(),
            promises: Vec::new(),
            circle: 0,
            meetings: Vec::new(),
            shocks: Vec::new(),
        }
    }

    // ------------------------------------------------------------ choices

    fn below(&mut self, count: usize) -> usize {
        let word = self.words.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        (usize::from(word) * count) >> 16
    }

    /// Whether to add an unusual feature, with this probability in percent.
    fn rarely(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    fn pick<T: Clone>(&mut self, options: &[T]) -> T {
        options[self.below(options.len())].clone()
    }

    /// A number from 0 to 1 of two digits.
    fn share(&mut self) -> String {
        format!("0.{:02}", self.below(100))
    }

    /// A field from 0 to 1: a number, drawn, or computed.
    fn share_field(&mut self) -> String {
        match self.below(6) {
            0..3 => self.share(),
            3 => "{ uniform = [0.1, 0.9] }".into(),
            4 => format!("{{ normal = [{}, 0.2] }}", self.share()),
            _ => self
                .pick(&[
                    "\"share\"",
                    "\"1 - share / 2\"",
                    "{ triangular = [0, 0.5, 1] }",
                    "{ choice = [0.2, 0.4, 0.9] }",
                ])
                .into(),
        }
    }

    fn target(&mut self) -> (String, Vec<String>) {
        let at = self.below(self.targets.len());
        self.targets[at].clone()
    }

    fn someone(&mut self) -> String {
        let at = self.below(self.everyone.len());
        self.everyone[at].clone()
    }

    /// Two targets that form at least one pair of different actors.
    fn two(&mut self) -> (String, String) {
        let (first, members) = self.target();
        let others: Vec<String> = self.everyone.iter().filter(|other| **other != members[0]).cloned().collect();
        (first, self.pick(&others))
    }

    fn add(&mut self, kind: &'static str, name: &str, lines: &str) {
        self.tables.push(Table::new(kind, name, lines));
    }

    // ------------------------------------------------------------ tables

    fn head(&mut self) -> String {
        self.steps = 2 + self.below(11);
        self.resources = ["troops", "backstop", "aid"][..=self.below(3)].to_vec();
        let mut head = String::from("format = 1\ntitle = \"Generated\"\n");
        if self.rarely(35) {
            self.issues = vec!["guarantee", "talks"];
            head += "issues = [\"guarantee\", \"talks\"]\n";
        }
        if self.rarely(30) {
            head += self.pick(&["pace = 0.5\n", "pace = { uniform = [0.2, 1] }\n"]);
        }
        head += "[time]\n";
        head += self.pick(&[
            "",
            "start = 2025-03-10\n",
            "start = 2024-02-28T06:30:00\nstep = \"8 hours\"\n",
            "start = 2025-03-10\nstep = \"1 week\"\n",
        ]);
        let _ = writeln!(head, "steps = {}", self.steps);
        let share = self.share();
        let level = self.pick(&["2", "1", "{ uniform = [0.5, 2.5] }", "{ value = 1.5, range = [0, 3] }"]);
        self.add("parameters", "", &format!("share = {share}\nlevel = {level}\n"));
        let resources: String =
            self.resources.iter().map(|name| format!("{name} = {{ unit = \"units\" }}\n")).collect();
        self.add("resources", "", &resources);
        head
    }

    fn actor_lines(&mut self) -> String {
        let mut lines = format!("stance = {}\n", self.share_field());
        if self.rarely(40) {
            let _ = writeln!(lines, "volatility = {}", self.pick(&["0.1", "0.05", "{ uniform = [0, 0.2] }"]));
        }
        if self.rarely(30) {
            let _ = writeln!(lines, "anchor = {}", self.share_field());
        }
        if self.rarely(40) {
            let _ = writeln!(lines, "susceptibility = {}", self.share_field());
        }
        if self.rarely(25) {
            lines += "credit = { offer = 0.25, bond = 0.75 }\n";
        }
        let zeal = self.pick(&["1", "0.5", "{ uniform = [0.5, 2] }"]);
        let _ = writeln!(lines, "attributes = {{ zeal = {zeal} }}");
        lines
    }

    fn actors(&mut self) {
        let count = 2 + self.below(4);
        for name in &NAMES[..count] {
            let lines = self.actor_lines();
            self.add("actors", name, &lines);
            self.everyone.push((*name).into());
            self.targets.push(((*name).into(), vec![(*name).into()]));
        }
        if self.rarely(35) {
            let size = 1 + self.below(3);
            let lines = format!("size = {size}\n{}", self.actor_lines());
            self.add("cohorts", "band", &lines);
            let members: Vec<String> = (1..=size).map(|at| format!("band_{at}")).collect();
            self.everyone.extend(members.iter().cloned());
            self.targets.push(("band".into(), members));
        }
    }

    fn groups(&mut self) {
        if !self.rarely(60) {
            return;
        }
        let least = 1 + self.below(3);
        let members: Vec<String> = (0..least).map(|_| self.someone()).collect();
        let mut flat = members.clone();
        flat.sort_unstable();
        flat.dedup();
        self.add("groups", "", &format!("core = {flat:?}\n"));
        self.targets.push(("core".into(), flat));
    }

    fn definitions(&mut self) {
        self.add("definitions", "", "half = \"0.5\"\ndouble = \"level * 2\"\n");
    }

    fn trust(&mut self) {
        if self.rarely(60) {
            let mut lines = format!("default = {}\n", self.share_field());
            for (key, value) in
                [("strength", "2"), ("kept", "0.5"), ("broken", "2"), ("suspended", "1"), ("witness", "0.5")]
            {
                if self.rarely(40) {
                    let _ = writeln!(lines, "{key} = {value}");
                }
            }
            if self.rarely(50) {
                let ((of, to), value) = (self.two(), self.share());
                let _ = writeln!(lines, "pairs = [{{ of = \"{of}\", in = \"{to}\", value = {value} }}]");
            }
            self.add("trust", "", &lines);
        }
        if self.rarely(40) {
            self.add("credit", "", "offer = 0.2\nbond = 0.9\n");
        }
    }

    fn influence(&mut self) {
        for _ in 0..self.below(4) {
            let (from, on) = self.two();
            let weight = self.pick(&["1", "0.5", "\"level\"", "{ uniform = [0, 2] }"]);
            self.add("influence", "", &format!("from = \"{from}\"\non = \"{on}\"\nweight = {weight}\n"));
        }
    }

    fn commitments(&mut self) {
        let count = 1 + self.below(6);
        for at in 0..count {
            let (debtor, members) = self.target();
            let resource = self.pick(&self.resources.clone());
            let amount = self.pick(&[1.0, 2.0, 0.5, 0.1, 3.0, 30_000.0, 0.0]);
            self.promises.push((format!("c{at}_{debtor}"), members, resource, amount));
        }
        self.circle = if self.rarely(65) { (2 + self.below(3)).min(count) } else { 0 };
        self.meetings = (0..self.below(3)).map(|at| format!("meeting_{at}")).collect();
        self.shocks = (0..self.below(4)).map(|at| format!("shock_{at}")).collect();
        for at in 0..count {
            let lines = self.commitment(at);
            let name = self.promises[at].0.clone();
            self.add("commitments", &name, &lines);
        }
    }

    fn commitment(&mut self, at: usize) -> String {
        let (name, _, resource, amount) = self.promises[at].clone();
        let debtor = name.split_once('_').map(|(_, debtor)| debtor.to_owned()).unwrap_or_default();
        let mut lines = format!("debtor = \"{debtor}\"\n");
        let (creditor, _) = self.target();
        if creditor != debtor && self.rarely(70) {
            let _ = writeln!(lines, "creditor = \"{creditor}\"");
        }
        let gift = match self.below(8) {
            7 => "{ uniform = [0.5, 3] }".into(),
            6 => "\"own(zeal) * level\"".into(),
            _ => format!("{amount:?}"),
        };
        let second: Vec<&str> = self.resources.iter().filter(|other| **other != resource).copied().collect();
        let more =
            if self.rarely(30) && !second.is_empty() { format!(", {} = 2", self.pick(&second)) } else { String::new() };
        let _ = writeln!(lines, "gives = {{ {resource} = {gift}{more} }}");
        let waits = at < self.circle;
        if waits {
            let wish = self.waiting((at + 1) % self.circle);
            let _ = writeln!(lines, "when = \"{wish}\"");
            if self.rarely(40) {
                let _ = writeln!(lines, "while = \"{wish}\"");
            }
        } else if !self.rarely(15) {
            let _ = writeln!(lines, "when = \"{}\"", self.rising(2));
        }
        for (key, percent) in [("offer", 25), ("while", 45), ("release", 15)] {
            if !waits && self.rarely(percent) {
                let _ = writeln!(lines, "{key} = \"{}\"", self.free(1));
            }
        }
        if self.rarely(if waits { 5 } else { 20 }) {
            let _ = writeln!(lines, "initial = \"{}\"", self.pick(&["conditional", "detached"]));
        }
        for (key, most, percent) in [("lead", 3, 30), ("over", 6, 50), ("grace", 3, 30), ("expires", 9, 15)] {
            if self.rarely(percent) {
                let _ = writeln!(lines, "{key} = {}", 1 + self.below(most));
            }
        }
        let is_maintained = self.rarely(30);
        if is_maintained {
            lines += "maintain = true\n";
            if self.rarely(60) {
                let _ = writeln!(lines, "until = \"{}\"", self.free(1));
            }
        } else if self.rarely(30) {
            let _ = writeln!(lines, "due = {}", self.below(6));
        }
        if !self.issues.is_empty() && self.rarely(40) {
            lines += "issue = \"talks\"\n";
        }
        lines
    }

    fn meetings(&mut self) {
        for name in self.meetings.clone() {
            let mut attend: Vec<String> = (0..=self.below(3)).map(|_| self.target().0).collect();
            if self.rarely(60) {
                attend = self.targets.iter().map(|(name, _)| name.clone()).collect();
            }
            attend.sort_unstable();
            attend.dedup();
            let mut lines = format!("attend = {attend:?}\n");
            let first = self.below(self.steps);
            let last = first + self.below(3);
            lines += &self.pick(&[
                format!("on = {first}\n"),
                format!("from = {first}\nto = {last}\n"),
                format!("on = [{first}, {last}]\n"),
            ]);
            if !self.rarely(20) {
                lines += "package = true\n";
                lines += self.pick(&["", "success = 0.5\n", "success = \"share\"\n"]);
            }
            lines += self.pick(&["", "influence = 0.3\n"]);
            self.add("meetings", &name, &lines);
        }
    }

    fn shocks(&mut self) {
        for name in self.shocks.clone() {
            let mut lines = match self.below(4) {
                0 => format!("on = {}\n", self.below(self.steps)),
                1 => "rate = 0.3\n".into(),
                2 => format!("rate = \"0.1 + 0.2 * stance({})\"\n", self.someone()),
                _ => format!("when = \"{}\"\nonce = {}\n", self.free(1), self.pick(&["true", "false"])),
            };
            let size = self.pick(&["-0.2", "0.3", "-0.05", "{ uniform = [-0.3, 0.3] }"]);
            let _ = writeln!(lines, "stance = {{ {} = {size} }}", self.target().0);
            if self.rarely(30) {
                let _ = writeln!(lines, "anchor = {{ {} = 0.1 }}", self.target().0);
            }
            if self.allowed.trust && self.rarely(40) {
                let (of, to) = self.two();
                let _ = writeln!(lines, "trust = [{{ of = \"{of}\", in = \"{to}\", by = {size} }}]");
            }
            self.add("shocks", &name, &lines);
        }
    }

    fn outcomes(&mut self) {
        for at in 0..self.below(3) {
            let mut lines = format!("when = \"{}\"\n", self.free(1));
            if self.rarely(20) {
                lines = format!("when = \"({}) and step >= {}\"\nstop = true\n", self.free(1), self.steps / 2);
            }
            self.add("outcomes", &format!("outcome_{at}"), &lines);
        }
    }

    fn metrics(&mut self) {
        let mut lines = String::new();
        for at in 0..=self.below(4) {
            let number = self.free_number();
            let _ = writeln!(lines, "m{at} = \"{number}\"");
        }
        if self.allowed.failures && self.rarely(12) {
            let _ = writeln!(lines, "failing = \"sqrt(stance({}) - 0.3)\"", self.someone());
        }
        self.add("metrics", "", &lines);
    }

    // ------------------------------------------------------------ expressions

    /// An evidence quantity, and roughly how much it can be.
    fn evidence(&mut self) -> (String, f64) {
        let at = self.below(self.promises.len());
        let (name, members, resource, amount) = self.promises[at].clone();
        let count = f64::from(u32::try_from(members.len()).expect("a few"));
        let (group, _) = self.target();
        let own = name.split_once('_').map(|(_, debtor)| debtor.to_owned()).unwrap_or_default();
        match self.below(10) {
            0..3 => (format!("bonds({name})"), count),
            3 => (format!("bound({resource}, {own})"), amount * count),
            4 => (format!("bound({resource})"), 2.0 * amount),
            5 => (format!("parties({resource}, {group})"), 1.0),
            6 => (format!("offered({resource}, {own})"), amount * count),
            7 => (format!("delivered({resource}, {group})"), amount),
            8 => (format!("{}({name})", self.pick(&["offers", "kept"])), count),
            _ if self.allowed.trust => (format!("assured({resource}, {own})"), amount * count),
            _ => (format!("bound({resource}, {group})"), amount),
        }
    }

    /// A condition that the next commitment of a cycle is bound.
    fn waiting(&mut self, next: usize) -> String {
        let (name, members, ..) = self.promises[next].clone();
        match self.below(4) {
            0..2 => format!("bonds({name}) >= 1"),
            2 => format!("bonds({name}) >= {}", members.len()),
            _ => format!("bonds({name}) >= 1 or ({})", self.rising(0)),
        }
    }

    fn rising_number(&mut self) -> (String, f64) {
        let (one, top) = self.evidence();
        match self.below(8) {
            0..4 => (one, top),
            4 => {
                let (other, more) = self.evidence();
                (format!("{one} + {other}"), top + more)
            }
            5 => {
                let (other, more) = self.evidence();
                (format!("min({one}, {other})"), top.min(more))
            }
            6 => (format!("{one} * level"), top),
            _ => (format!("max({one} - 0.25, 0)"), top - 0.25),
        }
    }

    /// A condition that is monotone in evidence.
    fn rising(&mut self, depth: usize) -> String {
        if depth > 0 && self.rarely(45) {
            let one = self.rising(depth - 1);
            return match self.below(5) {
                0 => format!("{one} and {}", self.still()),
                1 => format!("({one}) or {}", self.still()),
                2 => format!("({one}) and ({})", self.rising(depth - 1)),
                3 => format!("({one}) or ({})", self.rising(depth - 1)),
                _ => format!("if({}, {one}, {})", self.still(), self.rising(depth - 1)),
            };
        }
        let (number, top) = self.rising_number();
        let threshold = top.max(0.0) * self.pick(&[1.0, 0.5, 0.9, 0.1]);
        match self.below(4) {
            0 => format!("{number} >= {threshold:?}"),
            1 => format!("not ({number} < {threshold:?})"),
            2 => format!("{threshold:?} <= {number}"),
            _ => format!("{number} > {:?}", threshold / 2.0),
        }
    }

    /// A condition on quantities that an Exchange does not change.
    fn still(&mut self) -> String {
        let who = self.target().0;
        let about =
            if self.issues.is_empty() { String::new() } else { self.pick(&[", guarantee", ", talks", ""]).to_owned() };
        let step = self.below(self.steps);
        match self.below(7) {
            0 => format!("step >= {step}"),
            1 => format!("step < {step}"),
            2 => format!("stance({who}{about}) > 0.5"),
            3 => format!("stance({who}{about}) < 0.4"),
            4 if !self.shocks.is_empty() => format!("count({}) < 1", self.pick(&self.shocks.clone())),
            5 if !self.meetings.is_empty() => format!("since({}) <= 2", self.pick(&self.meetings.clone())),
            6 if self.allowed.trust => format!("trust({}, {}) >= 0.7", self.someone(), self.someone()),
            _ => format!("share < {}", self.share()),
        }
    }

    /// A number of no particular direction; no observer of `assured` is needed.
    fn free_number(&mut self) -> String {
        let at = self.below(self.promises.len());
        let name = self.promises[at].0.clone();
        let resource = self.promises[at].2;
        let (who, other) = (self.target().0, self.someone());
        match self.below(10) {
            0 => format!("bound({resource})"),
            1 => format!("delivered({resource}, {who})"),
            2 => format!("stance({who})"),
            3 => format!("offers({name}) + 10 * bonds({name}) + 100 * kept({name})"),
            4 => "deadlocked".into(),
            5 => format!("bound_at({name})"),
            6 => format!("exp(-offered({resource}, {who})) + ln(1 + level)"),
            7 => "step / steps".into(),
            8 if self.allowed.trust => format!("trust({other}, {})", self.someone()),
            _ => format!("abs(bound({resource}) - half) * double"),
        }
    }

    fn free(&mut self, depth: usize) -> String {
        if depth > 0 && self.rarely(30) {
            let (one, other) = (self.free(depth - 1), self.free(depth - 1));
            return self.pick(&[
                format!("({one}) and ({other})"),
                format!("({one}) or ({other})"),
                format!("not ({one})"),
            ]);
        }
        match self.below(4) {
            0 => self.still(),
            1 => format!("{} < {}", self.free_number(), self.pick(&["1", "0.5", "2"])),
            _ => format!("{} >= {}", self.free_number(), self.pick(&["1", "0.5", "2"])),
        }
    }
}
