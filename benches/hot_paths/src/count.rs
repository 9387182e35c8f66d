//! Runs a unit under callgrind, which counts instructions inside [`tumble_counted`] only: `count NAME`. Without a name
//! it lists them, a line each.

use std::process::ExitCode;

use tumble_hot_paths::{UNITS, Unit, warm};

/// What `counts.py` tells callgrind to count.
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
