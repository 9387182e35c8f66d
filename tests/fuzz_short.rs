//! The targets of `make fuzz` on stable Rust, for some seconds: the seeds, and reproducible random changes of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
mod targets;

use targets::TARGETS;

/// Changed seeds for each target.
const CHANGED: usize = 20_000;

/// Pieces inserted into seeds; random bytes would rarely contain them.
const PIECES: [&[u8]; 16] = [
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\0\0\0\0\0\0\xf8\x7f",
    b"POSDATA     ",
    b"FORCEREADY  ",
    b"1\n",
    b"\"",
    b"\\",
    b"=",
    b" ",
    b"nan",
    b"1e308",
    b"18446744073709551615",
    "é".as_bytes(),
    b"Properties=",
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// A piece of the bytes.
    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(bytes.len() + 1);
        start..start + self.below((bytes.len() - start).min(40) + 1)
    }
}

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

/// The seeds of a target in the order of their names.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = folder(target).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Changes a seed in one to four places.
fn change(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let range = random.range(&bytes);
        match random.below(6) {
            0 => bytes.truncate(range.start),
            1 => drop(bytes.drain(range)),
            2 => drop(bytes.splice(range, PIECES[random.below(PIECES.len())].to_vec())),
            3 => bytes.extend_from_within(range),
            4 => {
                let other = &seeds[random.below(seeds.len())];
                drop(bytes.splice(range, other[random.range(other)].to_vec()));
            }
            _ => bytes.iter_mut().skip(range.start).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        }
    }
    bytes
}

fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(found, _)| *found == name).unwrap().1;
    if catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err() {
        panic!("{name} fails for b\"{}\"", bytes.escape_ascii());
    }
}

#[test]
fn there_are_seeds_for_every_target() {
    for (name, _) in TARGETS {
        assert!(seeds(name).len() >= 5, "{name}");
        seeds(name).iter().for_each(|seed| run(name, seed));
    }
}

#[test]
fn changed_seeds_break_nothing() {
    for (name, _) in TARGETS {
        let (seeds, mut random) = (seeds(name), Random(1));
        (0..CHANGED).for_each(|_| run(name, &change(&seeds, &mut random)));
    }
}

#[test]
fn models_of_the_tests_are_scanned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/models");
    for entry in folder.read_dir().unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        ["onnx_scan", "onnx_graph"].iter().for_each(|target| run(target, &bytes));
    }
}
