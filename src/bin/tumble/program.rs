//! Finds and runs other programs.

use std::env;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Time limit of a program, generous even for a slow file system.
const LIMIT: Duration = Duration::from_secs(60);

/// Output of a program, standard output and error together.
pub struct ProgramOutput {
    pub success: bool,
    pub text: String,
}

impl ProgramOutput {
    /// Returns the line with the cause of the failure.
    pub fn complaint(&self) -> String {
        let lines = || self.text.lines().map(str::trim).filter(|line| !line.is_empty());
        // "Unrecognized pair style" is a consequence of an earlier error: prefer that one.
        let is_reason = |line: &&str| !line.contains("Unrecognized pair style");
        let is_error = |line: &&str| line.starts_with("ERROR") || line.contains("failed: ") || line.contains("failure");
        let error = lines().filter(is_error).find(is_reason).or_else(|| lines().find(is_error));
        error.or_else(|| lines().next_back()).unwrap_or("no output").to_owned()
    }
}

/// Runs a program to its end. The error is a sentence: the program did not start or did not end in time.
pub fn run(command: &mut Command, input: &str) -> Result<ProgramOutput, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|cause| format!("{name} cannot be started: {cause}"))?;
    let outputs = [collect(child.stdout.take()), collect(child.stderr.take())];
    if let Some(mut stdin) = child.stdin.take() {
        // A program may end before it has read all; its exit status tells whether that is a failure.
        let _ = stdin.write_all(input.as_bytes());
    }
    let end = Instant::now() + LIMIT;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(10)),
            Ok(None) => {
                let _ = child.kill().and_then(|()| child.wait());
                return Err(format!("{name} did not end within {} s", LIMIT.as_secs()));
            }
            Err(cause) => return Err(format!("{name} was lost: {cause}")),
        }
    };
    Ok(said(status, &outputs))
}

/// Collects the output. Children of the program may hold the pipes open, so late output is dropped.
fn said(status: ExitStatus, outputs: &[Receiver<String>]) -> ProgramOutput {
    let texts = outputs.iter().map(|output| output.recv_timeout(Duration::from_secs(2)).unwrap_or_default());
    ProgramOutput { success: status.success(), text: texts.collect::<Vec<_>>().join("\n") }
}

fn collect(output: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output.map(|mut output| output.read_to_end(&mut bytes));
        let text = String::from_utf8_lossy(&bytes);
        sender.send(text.replace(|c: char| c.is_control() && c != '\n', " "))
    });
    receiver
}

/// Finds the first program of this name in the folders.
pub fn find(name: &str, folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.into_iter().map(|folder| folder.join(name)).find(|file| is_program(file))
}

/// The folders of PATH.
pub fn path() -> Vec<PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect()
}

/// The `bin` folders of the environment of this program, if installed from a wheel, and of the active environments.
pub fn environments() -> Vec<PathBuf> {
    let own = env::current_exe().ok().and_then(|program| of_wheel(&program));
    let active = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(env::var_os);
    let active = active.filter(|prefix| !prefix.is_empty()).map(PathBuf::from);
    own.into_iter().chain(active).map(|prefix| prefix.join("bin")).collect()
}

/// The environment of a program PREFIX/lib/python3.x/site-packages/tumble/tumble.
fn of_wheel(program: &Path) -> Option<PathBuf> {
    let package = program.parent()?;
    package.ends_with("site-packages/tumble").then(|| package.ancestors().nth(4).map(Path::to_path_buf)).flatten()
}

/// Whether the path is an executable file.
pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_a_wheel_finds_its_environment() {
        let inside = Path::new("/home/me/v/lib/python3.11/site-packages/tumble/tumble");
        assert_eq!(of_wheel(inside), Some("/home/me/v".into()));
        assert_eq!(of_wheel(Path::new("/work/target/release/tumble")), None);
    }

    fn shell(script: &str, input: &str) -> ProgramOutput {
        run(Command::new("sh").args(["-c", script]), input).unwrap()
    }

    #[test]
    fn both_outputs_are_read_and_the_complaint_is_found() {
        let said = shell(
            "cat; echo ERROR: Unrecognized pair style; echo ERROR: no such thing >&2; echo bye >&2; exit 3",
            "hello\n",
        );
        assert!(!said.success && said.text.starts_with("hello\n"), "{}", said.text);
        assert_eq!(said.complaint(), "ERROR: no such thing");
        assert_eq!(shell("echo one; echo two", "").complaint(), "two");
        assert_eq!(shell("exit 1", "").complaint(), "no output");
        let error = run(&mut Command::new("/no/such/program"), "").err().unwrap();
        assert!(error.starts_with("/no/such/program cannot be started: "), "{error}");
    }
}
