//! `tumble model`: the models that come with tumble.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use tumble::Result;
use tumble_core::Error;
use tumble_core::echo::echo;

use crate::STDOUT;
use crate::written;

/// Print the path of a model that comes with tumble, or list the names of these models
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model [default: list the names]
    name: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  tumble model                                # list the names
  tumble check \"$(tumble model water)\"        # a small model of liquid water for a first try";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let known = std::env::current_exe().map(|program| models(&program)).unwrap_or_default();
    let text = match &arguments.name {
        Some(name) => wanted(&known, name)?.display().to_string() + "\n",
        None if known.is_empty() => format!("no models lie beside this program\n\n{}", help()),
        None => known.keys().map(|name| format!("{name}\n")).collect(),
    };
    written(STDOUT, io::stdout().write_all(text.as_bytes()))
}

/// The help of this command.
fn help() -> String {
    let mut all = crate::Arguments::command();
    all.build();
    all.find_subcommand_mut("model").map(|command| command.render_help().to_string()).unwrap_or_default()
}

/// Name and file of each model in the folder `models` beside the program.
fn models(program: &Path) -> BTreeMap<String, PathBuf> {
    let files = program.with_file_name("models").read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    let onnx = files.filter(|file| file.extension().is_some_and(|end| end == "onnx"));
    onnx.filter_map(|file| Some((file.file_stem()?.to_str()?.to_owned(), file.clone()))).collect()
}

fn wanted<'a>(known: &'a BTreeMap<String, PathBuf>, name: &str) -> Result<&'a Path> {
    let names = || known.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let problem = || match known.is_empty() {
        true => format!(
            "is \"{}\", but no models lie beside this program: give the path of an ONNX file instead",
            echo(name)
        ),
        false => format!("is \"{}\", not a model that comes with tumble: give one of {}", echo(name), names()),
    };
    known.get(name).map(PathBuf::as_path).ok_or_else(|| Error::Argument { name: "NAME", problem: problem() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_that_of_the_command() {
        assert!(help().contains("Usage: tumble model") && help().contains("tumble model water"), "{}", help());
    }

    #[test]
    fn models_are_the_onnx_files_beside_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("tumble");
        let refused = |known: &BTreeMap<_, _>| wanted(known, "gold").unwrap_err().to_string();
        assert_eq!(
            refused(&models(&program)),
            "the argument NAME is \"gold\", but no models lie beside this program: give the path of an ONNX file instead"
        );
        std::fs::create_dir(folder.path().join("models")).unwrap();
        for file in ["water.onnx", "ice.onnx", "README.md"] {
            std::fs::write(folder.path().join("models").join(file), "").unwrap();
        }
        let known = models(&program);
        assert_eq!(wanted(&known, "water").unwrap(), folder.path().join("models/water.onnx"));
        assert_eq!(
            refused(&known),
            "the argument NAME is \"gold\", not a model that comes with tumble: give one of ice, water"
        );
    }
}
