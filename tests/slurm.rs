//! Sweeps on a real Slurm of one node; `tests/slurm/run` starts it.
#![cfg(target_os = "linux")]

use std::process::Command;

#[test]
fn sweeps_run_on_a_cluster() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slurm/run");
    let output = Command::new("bash").args([script, env!("CARGO_BIN_EXE_backstop")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => assert!(!output.stdout.is_empty(), "the script says what it did"),
        Some(77) => {
            // Written past the test's captured output, so that it is seen.
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr().lock(), "!!! {}", said.trim());
        }
        _ => panic!("{}\n{said}", String::from_utf8_lossy(&output.stdout)),
    }
}
