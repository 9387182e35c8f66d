//! The result of one check.

use std::fmt::Display;

use serde::Serialize;

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// Worth knowing: an optional part is missing.
    Note,
    /// Some part will not work.
    Problem,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the check.
    pub check: &'static str,
    pub status: Status,
    /// The result, as a sentence.
    pub found: String,
    /// Advice to the user.
    pub remedy: Option<String>,
}

/// Columns before the result.
const INDENT: usize = 26;

impl Finding {
    pub fn ok(check: &'static str, found: impl Display) -> Self {
        Self { check, status: Status::Ok, found: found.to_string(), remedy: None }
    }

    pub fn note(check: &'static str, found: impl Display) -> Self {
        Self { status: Status::Note, ..Self::ok(check, found) }
    }

    pub fn problem(check: &'static str, found: impl Display) -> Self {
        Self { status: Status::Problem, ..Self::ok(check, found) }
    }

    /// Adds a remedy.
    pub fn remedy(self, remedy: impl Display) -> Self {
        Self { remedy: Some(remedy.to_string()), ..self }
    }

    /// Returns the row, with a second line for the remedy. Control characters are replaced, since the row may quote
    /// files and programs and must not control the terminal.
    pub fn text(&self, colored: bool) -> String {
        let found = self.found.replace(char::is_control, "\u{fffd}");
        let row = format!("{}  {:<16} {found}", self.word(colored), self.check);
        let remedy = self.remedy.as_ref().map(|remedy| format!("\n{:INDENT$}-> {remedy}", ""));
        row + &remedy.unwrap_or_default()
    }

    fn word(&self, colored: bool) -> String {
        let (word, color) = match self.status {
            Status::Ok => ("ok", 32),
            Status::Note => ("note", 33),
            Status::Problem => ("problem", 31),
        };
        if colored { format!("\x1b[{color}m{word:<7}\x1b[0m") } else { format!("{word:<7}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_contains_the_remedy() {
        let finding = Finding::problem("mpi", "no mpiexec").remedy("pip install mpich");
        let expected = "problem  mpi              no mpiexec\n                          -> pip install mpich";
        assert_eq!(finding.text(false), expected);
        assert!(finding.text(true).starts_with("\x1b[31mproblem\x1b[0m  mpi "));
        assert_eq!(Finding::ok("gpu", "one").text(false), "ok       gpu              one");
    }
}
