//! `tumble completions`: scripts that let a shell complete the command line.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
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
    generate(arguments.shell, &mut crate::Arguments::command(), "tumble", &mut script);
    written(STDOUT, io::stdout().write_all(&script))
}
