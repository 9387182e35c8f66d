//! Cancelled evaluations: between runs, in the middle of a run, and in layers; later evaluations work.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

use std::path::Path;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use tumble_core::Calculator;
use tumble_core::Cell;
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::cancel::{Cancel, CancelReason};
use tumble_engine::load;

fn calculator(model: &str, settings: &Settings) -> Calculator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{model}.onnx"));
    load(&path, settings).unwrap()
}

/// `count` atoms of one species in a periodic cube, 12 Å³ each.
fn system(calculator: &Calculator, count: usize) -> System {
    let side = (12.0 * count as f64).cbrt();
    let place = |i: usize| [0.819_172_51, 0.671_043_61, 0.549_700_48].map(|s| side * (s * (i + 1) as f64).fract());
    let cell = Cell::new([[side, 0.0, 0.0], [0.0, side, 0.0], [0.0, 0.0, side]], [true; 3]).unwrap();
    System::new((0..count).map(place).collect(), vec![calculator.info().species[0]; count], cell).unwrap()
}

/// Cancels after a while; checks that this takes effect within seconds and that another evaluation is unchanged.
fn ends(model: &str, atoms: usize, settings: &Settings) {
    let mut calculator = calculator(model, settings);
    let (small, large) = (system(&calculator, 8), system(&calculator, atoms));
    let before = calculator.evaluate_system(&small, 0).unwrap();
    let cancel = Cancel::default();
    calculator.watch(&cancel);
    let (error, late) = scope(|scope| {
        let asked = scope.spawn(|| {
            sleep(Duration::from_millis(100));
            cancel.cancel(CancelReason::Gone);
            Instant::now()
        });
        let error = calculator.evaluate_system(&large, 0).unwrap_err().to_string();
        let end = Instant::now();
        (error, end.saturating_duration_since(asked.join().unwrap()))
    });
    assert_eq!(error, "the evaluation was cancelled: its client has left", "{model}");
    println!("{model}: {late:?}");
    assert!(late < Duration::from_secs(10), "{model}: {late:?}");
    assert!(calculator.evaluate_system(&small, 0).is_err(), "a cancelled token stays cancelled");
    calculator.watch(&Cancel::default());
    assert_eq!(calculator.evaluate_system(&small, 0).unwrap(), before);
}

fn rotated(mitigation: &str, threads: usize) -> Settings {
    Settings { mitigation: mitigation.parse().unwrap(), threads, memory_mb: 8000, ..Settings::default() }
}

#[test]
fn evaluation_ends_between_runs() {
    [1, 2].into_iter().for_each(|threads| ends("examples/models/water-pet", 150, &rotated("random:4000", threads)));
}

#[test]
fn evaluation_ends_in_layers() {
    ends("examples/models/water-pet", 1500, &rotated("random:200", 2));
}

#[test]
fn evaluation_ends_in_the_middle_of_a_run() {
    // A global energy is evaluated in one run, longer than a tenth of a second.
    ends("tests/data/models/exported-orb-f64", 3000, &rotated("none", 1));
}
