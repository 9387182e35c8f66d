//! Times of the units, by criterion: `make bench-hot`.

use criterion::Criterion;
use tumble_hot_paths::{UNITS, warm};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, _) in UNITS {
        // Prepared only if criterion selects it by name.
        criterion.bench_function(name, |bencher| bencher.iter(warm(name).expect("it is one of the units")));
    }
    criterion.final_summary();
}
