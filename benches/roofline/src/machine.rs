//! What one core can do: fused multiply-adds per second, and bytes per second from each level of memory.

use std::hint::black_box;
use std::path::Path;

use pulp::{Arch, Simd, WithSimd};
use serde::Serialize;
use tumble_ops::bench_support;

use crate::aligned::Aligned;
use crate::stopwatch::Stopwatch;

/// Sums of the loop in registers: more than wait for each other (2 of 4 cycles on today's cores), and not more than 16
/// registers hold beside the factors.
const SUMS: usize = 12;

/// Steps of the loop in registers.
const STEPS: usize = 10_000;

/// Sides of the square products that stay within the second-level cache.
const SIDES: [usize; 4] = [64, 128, 192, 256];

/// A way to reach the peak.
pub struct Peak {
    name: String,
    operations: f64,
    watch: Stopwatch,
}

/// Floating-point operations per second of one way to reach the peak.
#[derive(Serialize)]
pub struct PeakFound {
    name: String,
    gflops: f64,
}

impl Peak {
    /// Returns a loop in registers, and products of square matrices.
    pub fn all() -> Vec<Self> {
        let operations = Arch::new().dispatch(Registers);
        let registers = Stopwatch::new(|| {
            black_box(Arch::new().dispatch(Registers));
        });
        let registers = Self { name: "multiply-adds in registers".into(), operations, watch: registers };
        std::iter::once(registers).chain(SIDES.map(Self::product)).collect()
    }

    fn product(side: usize) -> Self {
        let [rows, weight, mut into] = [(); 3].map(|()| Aligned::new(side * side));
        let watch = Stopwatch::new(move || {
            bench_support::linear(black_box(&rows), &weight, [side; 2], false, black_box(&mut into));
        });
        Self {
            name: format!("product of matrices of {side} by {side}"),
            operations: 2.0 * (side as f64).powi(3),
            watch,
        }
    }

    /// Measures once more.
    pub fn round(&mut self) {
        self.watch.round();
    }

    /// Returns what was measured.
    pub fn found(&self) -> PeakFound {
        PeakFound { name: self.name.clone(), gflops: 1e-9 * self.operations / self.watch.seconds }
    }
}

/// A loop of multiply-adds; returns their operations.
struct Registers;

impl WithSimd for Registers {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let [x, y] = black_box([simd.splat_f32s(0.5); 2]);
        let mut sums = black_box([simd.splat_f32s(0.0); SUMS]);
        for _ in 0..STEPS {
            sums.iter_mut().for_each(|sum| *sum = simd.mul_add_e_f32s(x, y, *sum));
        }
        black_box(sums);
        (2 * STEPS * SUMS * S::F32_LANES) as f64
    }
}

/// Bytes that are read and written again and again: from the first cache into the third, which the virtual machines of a
/// host share.
const SIZES: [usize; 12] = {
    let (mut sizes, mut next) = ([16 << 10; 12], 1);
    while next < sizes.len() {
        sizes[next] = 2 * sizes[next - 1];
        next += 1;
    }
    sizes
};

/// Data of one size, which lie in the first cache that holds them.
pub struct Bandwidth {
    numbers: usize,
    copy: Stopwatch,
    triad: Stopwatch,
}

/// Bytes per second of data of one size.
#[derive(Serialize)]
pub struct BandwidthFound {
    bytes: usize,
    gigabytes_per_second: f64,
}

impl Bandwidth {
    /// Returns data of growing sizes; the last ones are in no cache.
    pub fn all() -> Vec<Self> {
        let [_, _, third] = caches();
        SIZES.into_iter().chain([4 * third]).map(Self::new).collect()
    }

    /// Divides so many bytes into three arrays.
    fn new(bytes: usize) -> Self {
        let numbers = bytes / 3 / size_of::<f32>();
        Self { numbers, copy: watch::<false>(numbers), triad: watch::<true>(numbers) }
    }

    /// Measures once more.
    pub fn round(&mut self) {
        self.copy.round();
        self.triad.round();
    }

    /// Returns what was measured: the better of a copy and a triad, whose bytes are those that they read and write.
    pub fn found(&self) -> BandwidthFound {
        let bytes = self.numbers * size_of::<f32>();
        let rate = |arrays: usize, watch: &Stopwatch| 1e-9 * (arrays * bytes) as f64 / watch.seconds;
        let gigabytes_per_second = rate(2, &self.copy).max(rate(3, &self.triad));
        BandwidthFound { bytes: 3 * bytes, gigabytes_per_second }
    }
}

/// A copy, or with `TRIAD` a + s b, of arrays with so many numbers.
fn watch<const TRIAD: bool>(numbers: usize) -> Stopwatch {
    let [a, b, mut into] = [(); 3].map(|()| Aligned::new(numbers));
    Stopwatch::new(move || {
        Arch::new().dispatch(Stream::<TRIAD> { a: black_box(&a), b: &b, into: &mut into });
        black_box(&mut *into);
    })
}

struct Stream<'a, const TRIAD: bool> {
    a: &'a [f32],
    b: &'a [f32],
    into: &'a mut [f32],
}

impl<const TRIAD: bool> WithSimd for Stream<'_, TRIAD> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let scale = simd.splat_f32s(0.25);
        let (a, b) = (S::as_simd_f32s(self.a).0, S::as_simd_f32s(self.b).0);
        let into = S::as_mut_simd_f32s(self.into).0;
        for ((into, a), b) in into.iter_mut().zip(a).zip(b) {
            *into = if TRIAD { simd.mul_add_e_f32s(*b, scale, *a) } else { *a };
        }
    }
}

/// Returns the sizes of the three levels of data caches, bytes; usual ones where Linux does not tell them.
pub fn caches() -> [usize; 3] {
    let folder = Path::new("/sys/devices/system/cpu/cpu0/cache");
    let mut sizes = [32 << 10, 1 << 20, 32 << 20];
    for index in 0..8 {
        let read = |name: &str| std::fs::read_to_string(folder.join(format!("index{index}/{name}"))).ok();
        let (level, size) = (read("level").and_then(|level| level.trim().parse::<usize>().ok()), read("size"));
        let data = read("type").is_some_and(|kind| kind.trim() != "Instruction");
        let place = level.filter(|_| data).and_then(|level| sizes.get_mut(level.checked_sub(1)?));
        if let (Some(place), Some(size)) = (place, size.and_then(|size| bytes(&size))) {
            *place = size;
        }
    }
    sizes
}

/// Parses a size such as 48K.
fn bytes(size: &str) -> Option<usize> {
    Some(size.trim().strip_suffix('K')?.parse::<usize>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_caches_are_in_kilobytes() {
        assert_eq!((bytes("48K\n"), bytes("266240K"), bytes("48")), (Some(49152), Some(272_629_760), None));
        assert!(caches().iter().all(|size| *size > 0));
    }

    #[test]
    fn a_triad_multiplies_and_adds() {
        let (a, b, mut into) = ([1.0; 64], [2.0; 64], [0.0; 64]);
        Arch::new().dispatch(Stream::<false> { a: &a, b: &b, into: &mut into });
        assert_eq!(into, a);
        Arch::new().dispatch(Stream::<true> { a: &a, b: &b, into: &mut into });
        assert_eq!(into, [1.5; 64]);
    }

    #[test]
    fn sizes_double() {
        assert!(SIZES.is_sorted_by(|a, b| 2 * a == *b));
        assert_eq!(SIZES[11], 32 << 20);
        assert_eq!(Bandwidth::new(2048).found().bytes, 2040);
    }

    #[test]
    fn operations_in_registers_are_counted() {
        let operations = Arch::new().dispatch(Registers);
        assert_eq!(operations % (2 * STEPS * SUMS) as f64, 0.0);
        assert_eq!(Registers.with_simd(pulp::Scalar), (2 * STEPS * SUMS) as f64);
    }
}
