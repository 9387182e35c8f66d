//! Output of commands: files are complete or absent, and a full disk is reported.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

#[allow(dead_code)]
#[path = "support/ipi_peer.rs"]
mod ipi_peer;
#[allow(dead_code)]
#[path = "support/process.rs"]
mod process;

use std::fs::{File, read_to_string, remove_dir_all, write};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use process::{Ended, Process, model, until};
use tempfile::TempDir;

const FRAME: &str = "3\n\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n";
const FULL: &str = "No space left on device (os error 28)";

struct Folder(TempDir);

impl Folder {
    fn new(frames: &str) -> Self {
        let folder = Self(TempDir::new().unwrap());
        write(folder.path("in.xyz"), frames).unwrap();
        write(folder.path("out.xyz"), "old").unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
        command.arg(name).arg(model("harmonic-list-f64")).args(arguments).current_dir(self.0.path());
        command
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Output {
        self.command(name, arguments).output().unwrap()
    }

    /// The new files with names beginning with `start`.
    fn found(&self, start: &str) -> Vec<PathBuf> {
        let files = self.0.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
        files.filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with(start)).collect()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn frames(path: &Path) -> usize {
    read_to_string(path).unwrap().lines().filter(|line| *line == "3").count()
}

#[test]
fn results_on_a_full_disk_are_an_error_at_the_end() {
    let folder = Folder::new(&FRAME.repeat(50));
    let output = folder.run("eval", &["in.xyz", "-o", "/dev/full"]);
    assert_eq!((output.status.code(), said(&output)), (Some(1), format!("error: cannot write /dev/full: {FULL}\n")));
    // Everything was printed.
    assert!(String::from_utf8_lossy(&output.stdout).contains("\n50 frames, 150 atoms, "), "{output:?}");
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for arguments in [&["in.xyz", "--json"][..], &["in.xyz"]] {
        let output = folder.command("eval", arguments).stdout(full()).output().unwrap();
        let expected = format!("error: cannot write the standard output: {FULL}\n");
        assert_eq!((output.status.code(), said(&output)), (Some(1), expected));
    }
    // The file is still written.
    let output = folder.command("eval", &["in.xyz", "-o", "out.xyz"]).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(frames(&folder.path("out.xyz")), 50);
    assert_eq!(folder.found("out").len(), 1);
}

#[test]
fn a_file_is_completed_though_the_output_pipe_closes() {
    let folder = Folder::new(&FRAME.repeat(500));
    let mut child = folder.command("eval", &["in.xyz", "-o", "out.xyz"]).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 1]).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(frames(&folder.path("out.xyz")), 500);
}

#[test]
fn a_run_that_is_killed_leaves_the_old_file() {
    let folder = Folder::new("");
    let mut command = folder.command("eval", &["-", "-o", "out.xyz"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(FRAME.as_bytes()).unwrap();
    // The header, then the first frame.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (0..3).for_each(|_| drop(lines.next().unwrap().unwrap()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(read_to_string(folder.path("out.xyz")).unwrap(), "old");
}

/// Sends a signal to `tumble eval` after its first frame, while it waits for more; returns its exit code and sentences.
fn interrupted(folder: &Folder, signal: &str) -> (Option<i32>, String) {
    let mut command = folder.command("eval", &["-", "-o", "out.xyz"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(FRAME.as_bytes()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (0..3).for_each(|_| drop(lines.next().unwrap().unwrap()));
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_signal_leaves_the_old_file_and_whole_frames() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let folder = Folder::new("");
        let (code, said) = interrupted(&folder, signal);
        assert_eq!(code, Some(130), "{said}");
        assert_eq!(read_to_string(folder.path("out.xyz")).unwrap(), "old");
        let [partial] = &folder.found("out.xyz.partial-")[..] else { panic!("{:?}", folder.found("")) };
        assert_eq!(frames(partial), 1);
        let note = format!("note: the 1 frame(s) done are in {}\n", partial.display());
        assert_eq!(said, note + "error: the evaluation was cancelled: a signal came\n");
    }
}

/// A pipe without frames keeps no command longer than its time.
#[test]
fn a_time_limit_ends_the_wait_for_input() {
    let folder = Folder::new("");
    for command in ["eval", "check", "bench"] {
        let mut command = folder.command(command, &["-", "--max-seconds", "1"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let open = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        drop(open);
        assert_eq!(output.status.code(), Some(124), "{output:?}");
        assert_eq!(said(&output), "error: the evaluation was cancelled: its time is up\n");
    }
}

#[test]
fn a_failed_frame_leaves_the_old_file_and_the_finished_frames() {
    let folder = Folder::new(&(FRAME.repeat(2) + "1\n\nXe 0 0 0\n"));
    let output = folder.run("eval", &["in.xyz", "-o", "out.xyz"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(read_to_string(folder.path("out.xyz")).unwrap(), "old");
    let [partial] = &folder.found("out.xyz.partial-")[..] else { panic!("{:?}", folder.found("")) };
    assert_eq!(frames(partial), 2);
    let expected = format!("note: the 2 frame(s) done are in {}\nerror: frame 3 of in.xyz: ", partial.display());
    assert!(said(&output).starts_with(&expected), "{}", said(&output));
    write(folder.path("in.xyz"), "1\n\nXe 0 0 0\n").unwrap();
    std::fs::remove_file(partial).unwrap();
    assert!(said(&folder.run("eval", &["in.xyz", "-o", "out.xyz"])).starts_with("error: frame 1"));
    assert_eq!(folder.found("out").len(), 1);
}

#[test]
fn an_unwritable_report_is_a_warning_or_an_error_at_the_start() {
    let folder = Folder::new(FRAME);
    let check = |report: &str| {
        folder.run("check", &["in.xyz", "--reference", "degree:3", "--orientations", "1", "--report", report])
    };
    let output = check("/dev/full");
    assert_eq!((output.status.code(), said(&output)), (Some(0), format!("warning: cannot write /dev/full: {FULL}\n")));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\nframe 1 "), "{output:?}");
    let output = check("no/report.html");
    let expected = "error: cannot write no/report.html: No such file or directory (os error 2)\n";
    assert_eq!((output.status.code(), said(&output), output.stdout.len()), (Some(1), expected.into(), 0));
    assert_eq!(check("report.html").status.code(), Some(0));
    assert!(read_to_string(folder.path("report.html")).unwrap().ends_with("</html>\n"));
    assert_eq!(folder.found("report").len(), 1);
}

#[test]
fn a_missing_profile_is_a_warning() {
    let folder = Folder::new(FRAME);
    let profiles = folder.path("profiles");
    std::fs::create_dir(&profiles).unwrap();
    let prefix = profiles.join("p").display().to_string();
    let mut bench = Process::of(&mut folder.command("bench", &["in.xyz", "--seconds", "3", "--profile", &prefix]));
    until("a profile", || profiles.read_dir().unwrap().count() > 0);
    remove_dir_all(&profiles).unwrap();
    bench.ends(0, &format!("warning: the profile {prefix}*.json is not complete: look whether its disk is full"));
}

/// A server with statistics to this path.
fn serve(folder: &Folder, stats: &str) -> Process {
    let server = Process::of(&mut folder.command("serve", &["--listen", "unix:s", "--stats", stats]));
    server.says("listening");
    server
}

/// Ends the server as Ctrl-C does, and counts its messages about the statistics.
fn complaints(mut server: Process, sentence: &str) -> usize {
    server.signal(libc::SIGINT);
    assert_eq!(server.end(), Ended::Code(0), "{}", server.said());
    server.said().matches(sentence).count()
}

#[test]
fn unwritable_statistics_are_one_warning() {
    let folder = Folder::new(FRAME);
    let full = format!("unix:s: warning: cannot write the statistics: {FULL}");
    assert_eq!(complaints(serve(&folder, "/dev/full"), &full), 1);
    std::fs::create_dir(folder.path("stats")).unwrap();
    let server = serve(&folder, "stats/s");
    remove_dir_all(folder.path("stats")).unwrap();
    let gone = "unix:s: warning: cannot write the statistics: No such file or directory (os error 2)";
    assert_eq!(complaints(server, gone), 1);
    let mut command = folder.command("serve", &["--listen", "unix:last", "--stats", "-"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    until("it listens", || folder.path("last").exists());
    // SAFETY: a system call without memory; the child is not reaped before it has ended, so the number is its own.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
    assert!(text.contains("cannot write the statistics: Broken pipe (os error 32)"), "{text}");
}

#[test]
fn pages_of_the_manual_are_whole_or_none() {
    let folder = Folder::new(FRAME);
    let output = Command::new(env!("CARGO_BIN_EXE_tumble")).args(["man", "--folder"]).arg(folder.path("man")).output();
    assert!(output.unwrap().status.success());
    let names: Vec<_> = folder.path("man").read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name.to_str().unwrap().ends_with(".1")), "{names:?}");
}
