//! `tumble completions`: scripts that let a shell complete the command line.

use std::io::{self, Write};

use clap::{Args, Command, CommandFactory};
use clap_complete::{Shell, generate};
use tumble::Result;

use crate::STDOUT;
use crate::written;

/// Print a script that completes commands, options and files in a shell
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  source <(tumble completions bash)     # in ~/.bashrc
  tumble completions zsh > ~/.zfunc/_tumble     # a folder of fpath, named before compinit in ~/.zshrc
  tumble completions fish > ~/.config/fish/completions/tumble.fish
  tumble completions powershell | Out-String | Invoke-Expression     # in $PROFILE";

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut visible(), "tumble", &mut script);
    written(STDOUT, io::stdout().write_all(&script))
}

/// The command line without hidden commands, which the scripts would offer too.
fn visible() -> Command {
    let all = crate::Arguments::command();
    let commands = all.get_subcommands().filter(|command| !command.is_hide_set());
    let bare = Command::new("tumble").version(env!("CARGO_PKG_VERSION")).disable_version_flag(true);
    bare.args(all.get_arguments()).subcommands(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(shell: Shell) -> String {
        let mut script = Vec::new();
        generate(shell, &mut visible(), "tumble", &mut script);
        String::from_utf8(script).unwrap()
    }

    #[test]
    fn hidden_commands_are_not_offered() {
        // Scripts for bash have names only, the others descriptions too.
        let bash = script(Shell::Bash);
        assert!(!bash.split(|c: char| !c.is_alphanumeric()).any(|word| word == "errors"));
        for shell in [Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            assert!(!script(shell).contains("Print all errors"), "{shell}");
            assert!(script(shell).contains("Measure the symmetry error"), "{shell}");
        }
        assert!(["eval", "check", "--onnxruntime", "--version"].iter().all(|name| bash.contains(name)));
    }
}
