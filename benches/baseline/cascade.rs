//! A cascade of thresholds among members of a table, as a plain loop: reads the table, lets each member join once enough
//! others have joined, and writes the same `events.csv` as the engine.

use std::io::{BufWriter, Write};

/// The scenario that the loop is for; its table has the columns `id` and `least`.
pub(crate) const SCENARIO: &str = r#"format = 1
[time]
steps = 1
[resources]
voice = {}
[cohorts.people]
table = "people.csv"
id = "id"
attributes = { least = { column = "least" } }
[commitments.join]
debtor = "people"
gives = { voice = 1 }
when = "parties(voice) >= own(least)"
[outcomes.all]
when = "parties(voice) >= 1"
"#;

/// A table with this many members, of whom all but the last tenth join, in many rounds.
pub(crate) fn table(members: u32) -> String {
    let mut text = String::from("id,least\n");
    // A fixed permutation of the ranks: multiplication by a number that is coprime to the number of members.
    let step = (7_919..u32::MAX).find(|step| is_coprime(*step, members)).expect("there is a prime in the range");
    for at in 0..u64::from(members) {
        let rank = at * u64::from(step) % u64::from(members);
        // Ten thousand rounds at most, whatever the number of members.
        let width = (u64::from(members) / 10_000).max(1);
        let least = if rank * 10 >= u64::from(members) * 9 { u64::from(members) } else { rank / width * width };
        text.push_str(&format!("p{at},{least}\n"));
    }
    text
}

fn is_coprime(mut a: u32, mut b: u32) -> bool {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

/// Runs the cascade of a table and writes its events.
pub(crate) fn run(table: &str, out: impl Write) -> std::io::Result<()> {
    let rows = table.lines().skip(1).filter_map(|line| line.split_once(','));
    let (ids, least): (Vec<&str>, Vec<usize>) = rows.map(|(id, least)| (id, least.parse().unwrap_or(0))).unzip();
    let mut by_least: Vec<u32> = (0..).take(ids.len()).collect();
    by_least.sort_by_key(|&at| least[at as usize]);
    let mut out = Log { out: BufWriter::with_capacity(1 << 16, out), seq: 0, digits: itoa::Buffer::new() };
    out.out.write_all(b"run,seq,step,date,event,actor,counterpart,subject,issue,resource,value,cause\n")?;
    out.row("started", "", "", None)?;
    for id in &ids {
        out.row("created", id, "", None)?;
    }
    // The members that joined, in order, and the position of each one's event in the log.
    let mut joined: Vec<u32> = Vec::new();
    let mut place = vec![0; ids.len()];
    let mut next = 0;
    loop {
        let before = joined.len();
        while next < by_least.len() && least[by_least[next] as usize] <= before {
            joined.push(by_least[next]);
            next += 1;
        }
        if joined.len() == before {
            break;
        }
        joined[before..].sort_unstable();
        for &at in &joined[before..] {
            let at = at as usize;
            place[at] = out.seq;
            // The cause is the member that completed the threshold; if it is 0, the own offer.
            let cause = if least[at] == 0 { at as u64 + 1 } else { place[joined[least[at] - 1] as usize] };
            out.row("detached", ids[at], "", Some(cause))?;
        }
    }
    let first = joined.first().map(|&at| place[at as usize]);
    joined.sort_unstable();
    for &at in &joined {
        let delivered = out.seq;
        out.row("delivered", ids[at as usize], "voice,1.0", Some(place[at as usize]))?;
        out.row("satisfied", ids[at as usize], "", Some(delivered))?;
    }
    let reached = out.seq;
    if let Some(first) = first {
        out.outcome("reached", "all", Some(first))?;
        out.outcome("ended", "all", Some(reached))?;
    } else {
        out.outcome("ended", "stalemate", None)?;
    }
    out.out.flush()
}

struct Log<W: Write> {
    out: BufWriter<W>,
    seq: u64,
    digits: itoa::Buffer,
}

impl<W: Write> Log<W> {
    fn row(&mut self, event: &str, id: &str, gift: &str, cause: Option<u64>) -> std::io::Result<()> {
        self.begin(event)?;
        let out = &mut self.out;
        out.write_all(id.as_bytes())?;
        if id.is_empty() {
            out.write_all(b",,,")?;
        } else {
            out.write_all(b",,join/")?;
            out.write_all(id.as_bytes())?;
            out.write_all(b",")?;
        }
        out.write_all(if gift.is_empty() { b",," } else { b"," })?;
        out.write_all(gift.as_bytes())?;
        self.end(cause)
    }

    fn outcome(&mut self, event: &str, outcome: &str, cause: Option<u64>) -> std::io::Result<()> {
        self.begin(event)?;
        self.out.write_all(b",,")?;
        self.out.write_all(outcome.as_bytes())?;
        self.out.write_all(b",,,")?;
        self.end(cause)
    }

    fn begin(&mut self, event: &str) -> std::io::Result<()> {
        self.out.write_all(b"0,")?;
        self.out.write_all(self.digits.format(self.seq).as_bytes())?;
        self.out.write_all(b",0,,")?;
        self.out.write_all(event.as_bytes())?;
        self.out.write_all(b",")
    }

    fn end(&mut self, cause: Option<u64>) -> std::io::Result<()> {
        self.out.write_all(b",")?;
        if let Some(cause) = cause {
            self.out.write_all(self.digits.format(cause).as_bytes())?;
        }
        self.seq += 1;
        self.out.write_all(b"\n")
    }
}
