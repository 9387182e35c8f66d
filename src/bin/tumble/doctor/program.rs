//! Other programs: where they are, and what they say.

use std::env;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing asked here takes longer, be it on a slow file system.
const LIMIT: Duration = Duration::from_secs(60);

/// What a program has said on both of its outputs.
pub struct Said {
    pub success: bool,
    pub text: String,
}

impl Said {
    /// The line by which it says what went wrong.
    pub fn complaint(&self) -> String {
        let lines = || self.text.lines().map(str::trim).filter(|line| !line.is_empty());
        // What LAMMPS says of the style is true, but it is what comes of what was said elsewhere.
        let is_reason = |line: &&str| !line.contains("Unrecognized pair style");
        let is_error = |line: &&str| line.starts_with("ERROR") || line.contains("failed: ") || line.contains("failure");
        let error = lines().filter(is_error).find(is_reason).or_else(|| lines().find(is_error));
        error.or_else(|| lines().next_back()).unwrap_or("it says nothing").to_owned()
    }
}

/// Runs a program to its end; the error says why that cannot be.
pub fn run(command: &mut Command, input: &str) -> Result<Said, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|cause| format!("{name} cannot be started: {cause}"))?;
    let outputs = [collect(child.stdout.take()), collect(child.stderr.take())];
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read all says by its status what it makes of that.
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

/// Children of the program may hold its outputs open: what comes late is not waited for.
fn said(status: ExitStatus, outputs: &[Receiver<String>]) -> Said {
    let texts = outputs.iter().map(|output| output.recv_timeout(Duration::from_secs(2)).unwrap_or_default());
    Said { success: status.success(), text: texts.collect::<Vec<_>>().join("\n") }
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

/// The first program of this name in the folders.
pub fn find(name: &str, folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.into_iter().map(|folder| folder.join(name)).find(|file| is_program(file))
}

/// The folders in which a shell looks for programs.
pub fn path() -> Vec<PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect()
}

/// The folders of programs of the environment that a wheel has put this program into, and of the active ones.
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

/// Whether it is a file that may be executed.
pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_knows_its_environment() {
        let inside = Path::new("/home/me/v/lib/python3.11/site-packages/tumble/tumble");
        assert_eq!(of_wheel(inside), Some("/home/me/v".into()));
        assert_eq!(of_wheel(Path::new("/work/target/release/tumble")), None);
    }

    fn shell(script: &str, input: &str) -> Said {
        run(Command::new("sh").args(["-c", script]), input).unwrap()
    }

    #[test]
    fn both_outputs_are_heard_and_the_complaint_is_found() {
        let said = shell(
            "cat; echo ERROR: Unrecognized pair style; echo ERROR: no such thing >&2; echo bye >&2; exit 3",
            "hello\n",
        );
        assert!(!said.success && said.text.starts_with("hello\n"), "{}", said.text);
        assert_eq!(said.complaint(), "ERROR: no such thing");
        assert_eq!(shell("echo one; echo two", "").complaint(), "two");
        assert_eq!(shell("exit 1", "").complaint(), "it says nothing");
        let error = run(&mut Command::new("/no/such/program"), "").err().unwrap();
        assert!(error.starts_with("/no/such/program cannot be started: "), "{error}");
    }
}
