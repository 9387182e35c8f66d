//! `tumble eval` on many frames: groups, parts of a file, slow pipes, and errors among other frames.

#[path = "support/folder.rs"]
mod folder;

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use folder::Folder;
use serde_json::Value;

/// A molecule of water, deformed by `seed`.
fn water(seed: usize) -> String {
    let x = 0.7 + 0.01 * (seed % 17) as f64;
    format!("3\nProperties=species:S:1:pos:R:3 seed={seed}\nO 0 0 0\nH {x} 0.59 0\nH -0.76 0.59 0.01\n")
}

/// Frames of two sizes.
fn frames(count: usize) -> String {
    let pair = "2\nLattice=\"5 0 0 0 5 0 0 0 5\"\nH 0 0 0\nH 0 0 0.74\n";
    (0..count).map(|seed| if seed % 5 == 4 { pair.to_owned() } else { water(seed) }).collect()
}

/// The rows of the table without their times.
fn rows(output: &str) -> Vec<String> {
    output.lines().map(|line| line.rsplit_once(' ').map_or(line, |(row, _)| row.trim_end()).to_owned()).collect()
}

/// The documents of the lines without their times.
fn documents(output: &str) -> Vec<Value> {
    let document = |line| {
        let mut document: Value = serde_json::from_str(line).unwrap();
        assert!(document["seconds"].take().as_f64().unwrap() > 0.0);
        document
    };
    output.lines().map(document).collect()
}

fn assert_near(found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).for_each(|(a, b)| assert_near(a, b))
        }
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            a.iter().for_each(|(key, a)| assert_near(a, &b[key]))
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{a} is not {b}");
        }
        _ => assert_eq!(found, expected),
    }
}

#[test]
fn frames_together_are_the_same_as_one_by_one() {
    let folder = Folder::new();
    folder.write("frames.xyz", &frames(40));
    for rotate in ["none", "random", "tetrahedral"] {
        let options = ["--json", "--rotate", rotate, "--threads", "2"];
        let together = documents(&folder.output(&[&["eval", "model.onnx", "frames.xyz"], &options[..]].concat(), ""));
        assert_eq!(together.len(), 40);
        for number in [1, 5, 40] {
            let part = format!("{number}/40");
            let arguments = [&["eval", "model.onnx", "frames.xyz", "--part", &part], &options[..]].concat();
            assert_near(&documents(&folder.output(&arguments, ""))[0], &together[number - 1]);
        }
    }
}

#[test]
fn parts_one_after_the_other_are_the_whole() {
    let folder = Folder::new();
    folder.write("frames.xyz", &frames(50));
    for of in [1, 2, 3, 60] {
        let (mut lines, mut table, mut file) = (String::new(), String::new(), String::new());
        for number in 1..=of {
            let part = format!("{number}/{of}");
            let arguments = ["eval", "model.onnx", "frames.xyz", "--rotate", "random", "--part", &part];
            lines += &folder.output(&[&arguments[..], &["--json"]].concat(), "");
            let output = folder.tumble(&[&arguments[..], &["-o", "part.xyz"]].concat(), "");
            table += std::str::from_utf8(&output.stdout).unwrap();
            file += &folder.read("part.xyz");
            let summary = String::from_utf8(output.stderr).unwrap();
            assert!(summary.contains(" frame") && summary.contains(" evaluation"), "{summary}");
        }
        let arguments = ["eval", "model.onnx", "frames.xyz", "--rotate", "random"];
        let whole = documents(&folder.output(&[&arguments[..], &["--json"]].concat(), ""));
        assert_near(&Value::Array(documents(&lines)), &Value::Array(whole));
        let whole = folder.output(&[&arguments[..], &["-o", "whole.xyz"]].concat(), "");
        assert_eq!(rows(&table), rows(whole.split("\n\n").next().unwrap()));
        let numbers = |text: &str| text.split([' ', '"', '=', '\n']).map(number).collect();
        assert_near(&Value::Array(numbers(&file)), &Value::Array(numbers(&folder.read("whole.xyz"))));
    }
}

/// A word as a number, if it is one.
fn number(word: &str) -> Value {
    word.parse::<f64>().map_or_else(|_| word.into(), Value::from)
}

#[test]
fn impossible_parts_are_refused_with_a_sentence() {
    let folder = Folder::new();
    folder.write("frames.xyz", &frames(3));
    let eval = ["eval", "model.onnx", "frames.xyz", "--part"];
    for (part, sentence) in [
        ("0/4", "parts are counted from 1: give 1/N for the first of N parts"),
        ("5/4", "there is no part 5 of 4: give K/N with K from 1 to N"),
        ("4", "must be K/N, part K of N, as in 2/8"),
    ] {
        let error = folder.failure(2, &[&eval[..], &[part]].concat(), "");
        assert!(error.contains(&format!("error: invalid value '{part}' for '--part <K/N>': {sentence}")), "{error}");
    }
    assert_eq!(
        folder.failure(2, &["eval", "model.onnx", "-", "--part", "2/4"], &frames(3)),
        "error: part 2/4 of the standard input cannot be found, since only the frames of a regular file can be counted in \
         advance: write the frames to a file and give its path\n"
    );
    folder.write("empty.xyz", "");
    let error = folder.failure(1, &["eval", "model.onnx", "empty.xyz", "--part", "1/2"], "");
    assert!(error.starts_with("error: empty.xyz holds no structure, the file is empty: "), "{error}");
}

#[test]
fn error_among_frames_names_its_frame_after_the_results_of_those_before_it() {
    let folder = Folder::new();
    let strange = "1\n\nAr 0 0 0\n";
    folder.write("frames.xyz", &format!("{}{strange}{}", frames(20), frames(20)));
    for threads in ["1", "2"] {
        let output =
            folder.tumble(&["eval", "model.onnx", "frames.xyz", "--json", "-o", "out.xyz", "--threads", threads], "");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(documents(std::str::from_utf8(&output.stdout).unwrap()).len(), 20);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("error: frame 21 of frames.xyz: the model "), "{error}");
        assert!(error.contains("note: the 20 frame(s) done are in "), "{error}");
    }
    let output = folder.tumble(&["eval", "model.onnx", "frames.xyz", "--part", "2/3"], "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("frame 21 of frames.xyz"));
    assert_eq!(rows(std::str::from_utf8(&output.stdout).unwrap()).len(), 20 - 41 / 3);
}

#[test]
fn line_that_cannot_be_read_comes_after_the_results_of_the_frames_before_it() {
    let folder = Folder::new();
    let output = folder.tumble(&["eval", "model.onnx", "-", "--json"], &format!("{}3\n\nO 0 0 0\n", frames(7)));
    assert_eq!(documents(std::str::from_utf8(&output.stdout).unwrap()).len(), 7);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("error: line 37 of the standard input: the file ends after 1 of 3 atoms"), "{error}");
}

/// Starts an evaluation of a pipe; returns the process, the pipe and the lines of the results.
fn piped(folder: &Folder) -> (Child, ChildStdin, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tumble"))
        .args(["eval", "model.onnx", "-", "--json"])
        .current_dir(folder.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, input, BufReader::new(output).lines())
}

#[test]
fn pipe_that_trickles_has_its_results_at_once() {
    let folder = Folder::new();
    let (mut child, mut input, mut lines) = piped(&folder);
    for number in 1..=3 {
        // The rest of the file comes only after the result.
        input.write_all(water(number).as_bytes()).unwrap();
        let document = documents(&lines.next().unwrap().unwrap()).remove(0);
        assert_eq!(document["frame"], number);
    }
    drop(input);
    assert!(lines.next().is_none() && child.wait().unwrap().success());
}

#[test]
fn pipe_of_many_frames_is_not_read_to_its_end_first() {
    let folder = Folder::new();
    let (mut child, mut input, mut lines) = piped(&folder);
    // A pipe that never ends: the writer stops when the program has left.
    let writer = std::thread::spawn(move || while input.write_all(frames(1000).as_bytes()).is_ok() {});
    assert!(lines.next().is_some());
    child.kill().unwrap();
    child.wait().unwrap();
    writer.join().unwrap();
}

#[test]
fn time_of_a_group_is_divided_among_its_frames() {
    let folder = Folder::new();
    let output = folder.output(&["eval", "model.onnx", "-", "--json", "--rotate", "octahedral"], &frames(20));
    let seconds = |line| serde_json::from_str::<Value>(line).unwrap()["seconds"].as_f64().unwrap();
    let seconds: Vec<_> = output.lines().map(seconds).collect();
    // Two atoms take two thirds of the time of three.
    assert!((seconds[4] / seconds[3] - 2.0 / 3.0).abs() < 1e-3, "{seconds:?}");
}
