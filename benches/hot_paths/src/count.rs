//! Runs a unit under callgrind: `count NAME`. Only instructions inside [`tumble_counted`] are counted. Without a name
//! it lists all names, one per line.

use std::process::ExitCode;

use tumble_hot_paths::{UNITS, Unit, warm};

/// Runs the unit; `counts.py` tells callgrind to count this function.
#[inline(never)]
#[unsafe(no_mangle)]
pub fn tumble_counted(unit: &mut Unit) {
    unit();
}

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        UNITS.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    match warm(&name) {
        Ok(mut unit) => {
            tumble_counted(&mut unit);
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}
