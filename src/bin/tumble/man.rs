//! `tumble man`: the manual pages, one for each command.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use tumble::Result;
use tumble_core::Error;

use crate::STDOUT;
use crate::output::Output;
use crate::written;

/// Print a manual page, or write all pages into a folder
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The command [default: the page of tumble itself]
    #[arg(conflicts_with = "folder")]
    command: Option<String>,

    /// Write all pages into this folder: tumble.1, tumble-eval.1 and so on
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tumble man eval | man -l -
  tumble man --folder ~/.local/share/man/man1     # then: man tumble-eval";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut root = crate::Arguments::command().disable_help_subcommand(true);
    root.build();
    let Some(folder) = &arguments.folder else {
        let text = page(wanted(&root, arguments.command.as_deref())?);
        return written(STDOUT, io::stdout().write_all(text.as_bytes()));
    };
    written(folder, std::fs::create_dir_all(folder))?;
    for command in shown(&root).chain(shown(&root).flat_map(shown)).chain([&root]) {
        Output::write(&folder.join(format!("{}.1", name(command))), page(command).as_bytes())?;
    }
    Ok(())
}

/// The commands listed by `--help`.
fn shown(root: &Command) -> impl Iterator<Item = &Command> {
    root.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn wanted<'a>(root: &'a Command, command: Option<&str>) -> Result<&'a Command> {
    let Some(command) = command else { return Ok(root) };
    let names = || shown(root).map(Command::get_name).collect::<Vec<_>>().join(", ");
    let problem = || format!("is \"{command}\", not a command of tumble: give one of {}", names());
    root.find_subcommand(command).ok_or_else(|| Error::Argument { name: "COMMAND", problem: problem() }.into())
}

/// Name of the page, with a hyphen between the words as for the pages of git.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// A page in roff.
fn page(command: &Command) -> String {
    let closing = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone().after_help(Resettable::Reset))
        .title(name(command).to_uppercase())
        // An empty date is dropped, and the next argument would take its place.
        .date(" ")
        .source(concat!("tumble ", env!("CARGO_PKG_VERSION")))
        .manual("User Commands");
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    let _ = man.render(&mut text);
    String::from_utf8_lossy(&text).into_owned() + &sections(&closing)
}

/// The text after the options: a paragraph with a title becomes a section with its lines unchanged, any other a note.
fn sections(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    let (mut titled, mut notes) = (String::new(), Vec::new());
    for paragraph in paragraphs {
        match section(paragraph) {
            Some(section) => titled += &section,
            None => notes.push(all_escaped(paragraph)),
        }
    }
    if notes.is_empty() { titled } else { titled + ".SH NOTES\n" + &notes.join(".PP\n") }
}

/// Returns a section for a paragraph of a title, a colon and indented lines; None for other paragraphs.
fn section(paragraph: &str) -> Option<String> {
    let (title, rest) = paragraph.split_once(":\n")?;
    let indented = rest.starts_with(' ') && !title.contains('\n');
    indented.then(|| format!(".SH {}\n.nf\n{}.fi\n", title.to_uppercase(), all_escaped(rest)))
}

fn all_escaped(lines: &str) -> String {
    lines.lines().map(|line| escaped(line.trim_start()) + "\n").collect()
}

/// Escapes a line for roff, so that hyphens, quotes and tildes can be copied to a command line.
fn escaped(line: &str) -> String {
    let special = [('\\', "\\e"), ('-', "\\-"), ('\'', "\\(aq"), ('`', "\\(ga"), ('~', "\\(ti"), ('^', "\\(ha")];
    let line = special.iter().fold(line.to_owned(), |line, (sign, name)| line.replace(*sign, name));
    if line.starts_with('.') { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_a_section_and_prose_is_notes() {
        let text = "Examples:\n  tumble eval - --json > ~/x\n  .hidden\n\nRead it.\nThen don't.\n\nMore.";
        let expected = ".SH EXAMPLES\n.nf\ntumble eval \\- \\-\\-json > \\(ti/x\n\\&.hidden\n.fi\n.SH NOTES\nRead it.\n\
                        Then don\\(aqt.\n.PP\nMore.\n";
        assert_eq!(sections(text), expected);
        assert_eq!(sections(""), "");
    }
}
