//! Invalid options and arguments: each command ends with code 2 and a sentence, and does nothing.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Each command with good arguments.
const COMMANDS: [(&str, &[&str]); 12] = [
    ("info", &["model.onnx"]),
    ("eval", &["model.onnx", "water.xyz"]),
    ("check", &["model.onnx", "water.xyz"]),
    ("bench", &["model.onnx", "water.xyz"]),
    ("ipi", &["model.onnx", "--template", "water.xyz"]),
    ("serve", &["model.onnx"]),
    ("model", &[]),
    ("lammps build", &[]),
    ("lammps sources", &[]),
    ("doctor", &[]),
    ("completions", &["bash"]),
    ("man", &[]),
];

/// Invalid values of options, independent of the files and the machine.
const BAD: &[(&str, &[&str])] = &[
    ("--part", &["0/2", "3/2", "1", "x"]),
    (
        "--rotate",
        &["sideways", "", "random:0", "random:100001", "degree:300", "lebedev:4", "none+random", "octahedral:2"],
    ),
    ("--forces", &["magic", "direct"]),
    ("--device", &["tpu"]),
    ("--charge", &["x", "inf", "1 2", ""]),
    ("--spin", &["x", "nan"]),
    ("--field", &["1", "0 0 x", "1 2 3 4"]),
    ("--seed", &["-1", "x", "1.5", "18446744073709551616"]),
    ("--sha256", &["c0ffee", "", "x"]),
    ("--threads", &["0", "-1", "x", "1000001"]),
    ("--memory", &["0", "-1", "x", "1000001", "18446744073709551615"]),
    ("--seconds", &["0", "-1", "nan", "inf", "x"]),
    ("--timestep", &["0", "-1", "nan", "x"]),
    ("--temperature", &["0", "-1", "nan", "x"]),
    ("--budget", &["0", "-1", "nan", "x"]),
    ("--target", &["speed=1", "forces=0", "energy", "forces=nan"]),
    ("--reference", &["octahedral", "degree:1", "degree:300", "degree:x"]),
    ("--orientations", &["0", "x", "18446744073709551616"]),
    ("--tcp", &["host", "host:99999", ":1"]),
    ("--pbc", &["TT", "TTX", "tt"]),
    ("--connections", &["0", "x"]),
    ("--retry", &["-1", "x", "1000000001"]),
    ("--beads", &["0", "65536", "x"]),
    ("--streams", &["some"]),
    ("--step", &["-1", "x", "18446744073709551616"]),
    ("--max-seconds", &["0", "-1", "nan", "x", "1e30"]),
    ("--max-work", &["0", "-1", "nan", "x"]),
    ("--max-wait-us", &["-1", "x", "18446744073709551615"]),
    ("--log", &["xml"]),
    ("--listen", &["water", "unix:", "tcp:host", "tcp:host:99999", "tcp:0.0.0.0:0"]),
    ("--max-batch", &["0", "x", "18446744073709551615"]),
    ("--max-atoms", &["0", "x", "18446744073709551615"]),
    ("--max-rotations", &["0", "x"]),
    ("--max-connections", &["0", "x", "18446744073709551615"]),
    ("--max-pending", &["0", "x"]),
    ("--grace", &["-1", "x", "1000000001"]),
    ("--idle-timeout", &["-1", "x", "1000000001"]),
    ("--io-timeout", &["-1", "x", "1000000001"]),
    ("--token", &["", " ", "a, b", "a\nb", "fifteen-letters"]),
];

/// Options with names of files: no name is invalid in itself; a failure to read or write ends with code 1.
const FILES: [&str; 12] = [
    "--model",
    "--onnxruntime",
    "--output",
    "--report",
    "--profile",
    "--template",
    "--unix",
    "--stats",
    "--lammps",
    "--library",
    "--headers",
    "--mpicxx",
];

/// Contradictory options, and invalid arguments.
const TOGETHER: &[&[&str]] = &[
    &[],
    &["frobnicate"],
    &["eval", "model.onnx"],
    &["eval", "model.onnx", "water.xyz", "-o", "water.xyz"],
    &["ipi", "model.onnx", "--template", "water.xyz"],
    &["ipi", "model.onnx", "--template", "water.xyz", "--unix", "a", "--tcp", "localhost:1"],
    &["ipi", "model.onnx", "--template", "water.xyz", "--tcp", "localhost:1", "--shm"],
    &["serve", "model.onnx"],
    &["serve", "model.onnx", "--listen", "unix:s", "--rotate", "octahedral", "--max-rotations", "23"],
    &["doctor", "model.onnx", "--model", "model.onnx"],
    &["man", "dance"],
    &["man", "eval", "--folder", "x"],
    &["model", "gold"],
    &["lammps", "dance"],
    &["lammps", "sources"],
    &["lammps", "build", "--lammps", "a", "--library", "b"],
    &["completions", "cmd"],
];

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/models/harmonic-padded-f64.onnx");
        std::fs::copy(model, folder.path().join("model.onnx")).unwrap();
        std::fs::write(folder.path().join("water.xyz"), "3\n\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n").unwrap();
        Self(folder)
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
        command.args(arguments).current_dir(self.0.path()).env_remove("TUMBLE_TOKEN");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Checks that these arguments are refused: code 2, and a sentence with the reason.
    fn refuses(&self, arguments: &[&str]) {
        let mut child = self.start(arguments);
        let end = Instant::now() + Duration::from_secs(30);
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                child.kill().unwrap();
            }
            sleep(Duration::from_millis(2));
        };
        let mut said = String::new();
        child.stderr.unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with("error: ") || arguments.is_empty(), "{arguments:?}: {said}");
    }

    /// The options of a command with a value, from its help.
    fn options(&self, command: &str) -> Vec<String> {
        let words: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let output = self.start(&words).wait_with_output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let options = help.lines().map(str::trim).filter(|line| line.starts_with('-') && line.contains('<'));
        let long = |line: &str| line.split_whitespace().find(|word| word.starts_with("--")).map(str::to_owned);
        options.filter_map(long).collect()
    }
}

/// Good arguments with a bad option among them.
fn with<'a>(command: &'a str, good: &[&'a str], option: &'a str, value: &'a str) -> Vec<&'a str> {
    let door: &[&str] = match (command, option) {
        ("ipi", "--tcp") => &[],
        ("ipi", _) => &["--unix", "absent", "--retry", "0"],
        ("serve", "--listen") => &[],
        ("serve", "--token") => &["--listen", "tcp:0.0.0.0:0"],
        ("serve", _) => &["--listen", "unix:s"],
        _ => &[],
    };
    let door = if option == "--retry" { &door[..2] } else { door };
    let last: &[&str] = if value.starts_with('-') { &[] } else { &[option, value] };
    [&[command], good, door, last].concat()
}

#[test]
fn a_bad_value_of_any_option_of_any_command_ends_with_2() {
    let folder = Folder::new();
    for (command, good) in COMMANDS {
        for option in folder.options(command) {
            if FILES.contains(&&*option) || (command, &*option) == ("man", "--folder") {
                continue;
            }
            let bad = BAD.iter().find(|(name, _)| *name == option);
            let (_, values) = bad.unwrap_or_else(|| panic!("tell a bad value of {option} of tumble {command}"));
            for value in *values {
                let joined = format!("{option}={value}");
                let mut arguments = with(command, good, &option, value);
                if value.starts_with('-') {
                    arguments.push(&joined);
                }
                folder.refuses(&arguments);
            }
        }
    }
    let left = folder.0.path().read_dir().unwrap().count();
    assert_eq!(left, 2, "something was written");
}

#[test]
fn contradictory_options_end_with_2() {
    let folder = Folder::new();
    TOGETHER.iter().for_each(|arguments| folder.refuses(arguments));
}
