//! Measures the roofline of one core, the kinds of steps below it, and the parts of an evaluation, and writes them to
//! benches/roofline/results.json: `make bench-roofline`.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tumble_roofline::evaluation::{self, Case};
use tumble_roofline::machine::{Bandwidth, Peak, caches};
use tumble_roofline::steps::{MODELS, Step};

/// Rounds, each of which measures everything once.
const ROUNDS: usize = 15;

const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results.json");

fn main() {
    let machine = machine();
    let (mut peaks, mut bandwidths) = (Peak::all(), Bandwidth::all());
    let mut steps: Vec<_> = MODELS.iter().flat_map(Step::all).collect();
    for _ in 0..ROUNDS {
        peaks.iter_mut().for_each(Peak::round);
        bandwidths.iter_mut().for_each(Bandwidth::round);
        steps.iter_mut().for_each(Step::round);
    }
    let evaluations = Case::all().map(|case| evaluation::measure(&case));
    let results = json!({
        "machine": machine,
        "rounds": ROUNDS,
        "peaks": peaks.iter().map(Peak::found).collect::<Vec<_>>(),
        "bandwidths": bandwidths.iter().map(Bandwidth::found).collect::<Vec<_>>(),
        "steps": steps.iter().map(Step::found).collect::<Vec<_>>(),
        "evaluations": evaluations,
    });
    let text = serde_json::to_string_pretty(&results).expect("results are numbers and names");
    std::fs::write(RESULTS, text + "\n").expect("the results can be written");
}

/// Returns the processor and its caches (bytes), its load in the last minute, the version of tumble and the time, s since
/// 1970.
fn machine() -> Value {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().and_then(|load| load.parse::<f64>().ok());
    let version = Command::new("git").args(["describe", "--always"]).output().map(|done| done.stdout);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    json!({
        "cpu": processor.trim_start_matches([' ', '\t', ':']),
        "caches": caches(),
        "load": load,
        "tumble": String::from_utf8_lossy(&version.unwrap_or_default()).trim(),
        "time": time,
    })
}
