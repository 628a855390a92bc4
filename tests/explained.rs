//! Every shipped scenario that ends in a deadlock, explained: the texts are kept in `tests/explained/`.
//!
//! `BACKSTOP_BLESS=1 cargo test --test explained` writes them anew; read the difference before you keep it.

mod common;

use std::path::Path;
use std::process::Command;

use common::{run_shipped, scenarios, shipped};

#[test]
fn deadlocks_are_explained_as_ever() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explained");
    let bless = std::env::var_os("BACKSTOP_BLESS").is_some();
    let gap = |name: String| {
        let ran = run_shipped(&name, &[], 0);
        (ran.outcome() == "deadlock").then_some((name, ran.run.gap.unwrap_or(0)))
    };
    let deadlocks: Vec<(String, u32)> = shipped().into_iter().filter_map(gap).collect();
    assert!(deadlocks.len() >= 5, "{deadlocks:?}");
    for (name, gap) in deadlocks {
        // Rooms of crowds take long to search.
        let more: &[&str] = if gap <= 24 { &["--summit", "--keystones"] } else { &["--keystones"] };
        let output = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .arg("explain")
            .arg(scenarios().join(format!("{name}.toml")))
            .args(more)
            .output()
            .expect("the program runs");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.lines().count() < 40, "{name}: too long to read\n{text}");
        let file = folder.join(format!("{name}.txt"));
        if bless {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(&file, &text).expect("a file");
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(text, kept, "{name}");
    }
}
