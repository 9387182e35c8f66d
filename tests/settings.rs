//! Contradictory settings are refused by the command line with the sentence of the core.

use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The error of `tumble`, from before it reads the (missing) model.
fn refusal(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tumble")).current_dir(ROOT).args(arguments).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_correction_without_rotations_is_refused() {
    let template = "--template=examples/ipi-mts/start.xyz";
    let arguments = ["ipi", "nofile.onnx", template, "--unix", "nowhere", "--correction"];
    let expected = "error: correction yes is zero without rotations, as it is averaged minus bare: give rotate or \
                    inversion yes (in LAMMPS also another kind of inner forces), or leave it out\n";
    assert_eq!(refusal(&arguments), expected);
}

#[test]
fn numbers_that_would_overflow_are_refused() {
    let structure = "examples/ipi-mts/start.xyz";
    for command in ["eval", "check", "bench"] {
        for (option, value) in [("--memory", "99999999999999"), ("--threads", "1000001")] {
            let found = refusal(&[command, "nofile.onnx", structure, option, value]);
            let expected = format!("error: {option} is \"{value}\": give a whole number from 1 to 1000000\n");
            assert!(found.starts_with(&expected), "{found}");
        }
    }
}

#[test]
fn a_step_that_would_wrap_is_refused() {
    let template = "--template=examples/ipi-mts/start.xyz";
    let found = refusal(&["ipi", "nofile.onnx", template, "--unix", "nowhere", "--step", "9223372036854775808"]);
    assert!(found.contains("must be a whole number from 0 to 9223372036854775807"), "{found}");
}

#[test]
fn a_server_refuses_bad_defaults_at_its_start() {
    let found = refusal(&["serve", "nofile.onnx", "--listen", "unix:/nonexistent/s", "--rotate", "cubic"]);
    assert!(found.starts_with("error: the mitigation \"cubic\" is unknown"), "{found}");
}
