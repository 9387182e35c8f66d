//! Arithmetic on vector registers (SIMD), in both precisions.

use pulp::Simd;

/// Numbers per step of [`copy`].
const CHUNK: usize = 8;

/// Numbers in the largest register.
pub(crate) const MOST_LANES: usize = 16;

/// Copies a few numbers without a call to memcpy.
#[inline(always)]
pub(crate) fn copy<T: Copy>(into: &mut [T], from: &[T]) {
    let ((into, last), (from, rest)) = (into.as_chunks_mut::<CHUNK>(), from.as_chunks::<CHUNK>());
    into.iter_mut().zip(from).for_each(|(into, from)| *into = *from);
    last.iter_mut().zip(rest).for_each(|(into, from)| *into = *from);
}

/// Writes a register to the begin of a row, or only its first lanes if the row is shorter.
#[inline(always)]
pub(crate) fn store<T: SimdFloat, S: Simd>(row: &mut [T], register: T::Vector<S>) {
    if let Some(whole) = T::vectors_mut::<S>(row).first_mut() {
        *whole = register;
        return;
    }
    let mut padded = [T::ZERO; MOST_LANES];
    T::vectors_mut::<S>(&mut padded)[0] = register;
    // Without the black box the compiler repeats the last step of a sum in narrower registers, and copies all of them in
    // each step to be able to.
    copy(row, &std::hint::black_box(padded)[..row.len()]);
}

/// A number type with arithmetic on registers of the instruction set `S`.
pub(crate) trait SimdFloat: Copy + Send + Sync + 'static {
    /// A register.
    type Vector<S: Simd>: Copy;

    const ZERO: Self;
    const ONE: Self;
    /// The lowest finite number.
    const LOWEST: Self;

    /// Returns the number of lanes of a register.
    fn count<S: Simd>() -> usize;
    /// Views the numbers as whole registers, without the remainder.
    fn vectors<S: Simd>(numbers: &[Self]) -> &[Self::Vector<S>];
    /// Views the numbers as mutable whole registers, without the remainder.
    fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [Self::Vector<S>];
    /// Fills all lanes with a number.
    fn splat<S: Simd>(simd: S, number: Self) -> Self::Vector<S>;
    /// Computes a · b + c.
    fn multiply_add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    fn add<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn subtract<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn multiply<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn divide<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    fn larger<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// Computes exp(x) to one or two units in the last place, for x ≤ 87 (708 in double precision). Returns 0 for
    /// denormal results and for -∞.
    fn exp<S: Simd>(simd: S, x: Self::Vector<S>) -> Self::Vector<S>;
    /// Computes 1 / (1 + exp(-x)).
    fn sigmoid<S: Simd>(simd: S, x: Self::Vector<S>) -> Self::Vector<S>;
    /// Sums all lanes.
    fn sum<S: Simd>(simd: S, x: Self::Vector<S>) -> Self;
}

/// The polynomial for e to the power of r in single precision: of all with this degree it has the smallest relative
/// error for |r| ≤ ln 2 / 2, 3e-9.
const POLYNOMIAL: [f64; 7] = [1.0, 1.0, 0.499_999_934, 0.166_665_204, 0.041_668_390_8, 8.368_745_1e-3, 1.381_454e-3];

/// The coefficients of the Taylor series of exp.
const fn series<const N: usize>() -> [f64; N] {
    let (mut found, mut n) = ([1.0; N], 1);
    while n < N {
        found[n] = found[n - 1] / n as f64;
        n += 1;
    }
    found
}

/// Changes the signs of the terms for odd powers.
const fn alternating<const N: usize>(mut terms: [f64; N]) -> [f64; N] {
    let mut n = 1;
    while n < N {
        terms[n] = -terms[n];
        n += 2;
    }
    terms
}

/// Implements [`SimdFloat`] for a number type.
///
/// `exp` is 2ⁿ eʳ with an integer n and |r| ≤ ln 2 / 2, where the polynomial is exact to rounding. Adding `$round`
/// leaves no bits for fractions and so rounds to n; n, with the bias of exponents, is then in the lowest bits and is
/// shifted into the exponent. ln 2 is subtracted in two parts, so that n times the first part is exact (W. J. Cody and
/// W. Waite, Software Manual for the Elementary Functions, 1980). NaN compares false with every bound and is therefore
/// propagated.
macro_rules! impl_simd_float {
    ($number:ident: $vector:ident, $count:ident, $views:ident, $views_mut:ident, $splat:ident, $splat_bits:ident,
     $multiply_add:ident, $add:ident, $subtract:ident, $multiply:ident, $divide:ident, $max:ident, $sum:ident,
     $greater:ident, $select:ident, $to_bits:ident, $from_bits:ident, $shift:ident by $by:expr;
     range $range:expr, round $round:expr, ln2 $ln2:expr, $ln2_rest:expr, polynomial $polynomial:expr) => {
        impl SimdFloat for $number {
            type Vector<S: Simd> = S::$vector;

            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const LOWEST: Self = Self::MIN;

            #[inline(always)]
            fn count<S: Simd>() -> usize {
                S::$count
            }
            #[inline(always)]
            fn vectors<S: Simd>(numbers: &[Self]) -> &[S::$vector] {
                S::$views(numbers).0
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(numbers: &mut [Self]) -> &mut [S::$vector] {
                S::$views_mut(numbers).0
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, number: Self) -> S::$vector {
                simd.$splat(number)
            }
            #[inline(always)]
            fn multiply_add<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$multiply_add(a, b, c)
            }
            #[inline(always)]
            fn add<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn subtract<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$subtract(a, b)
            }
            #[inline(always)]
            fn multiply<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$multiply(a, b)
            }
            #[inline(always)]
            fn divide<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$divide(a, b)
            }
            #[inline(always)]
            fn larger<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$max(a, b)
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, x: S::$vector) -> Self {
                simd.$sum(x)
            }
            // With exp(-x) of its own, in fewer steps that wait for each other: the terms of even and of odd powers apart,
            // ln 2 in one part, since the result loses what exp has beyond its precision.
            #[inline(always)]
            fn sigmoid<S: Simd>(simd: S, x: S::$vector) -> S::$vector {
                let (one, lowest, highest) = (simd.$splat(1.0), simd.$splat(-$range), simd.$splat($range));
                let x = simd.$select(simd.$greater(lowest, x), lowest, x);
                let x = simd.$select(simd.$greater(x, highest), highest, x);
                let round = simd.$splat($round);
                let shifted = simd.$multiply_add(x, simd.$splat(-std::$number::consts::LOG2_E), round);
                let n = simd.$subtract(shifted, round);
                let minus_r = simd.$multiply_add(n, simd.$splat(std::$number::consts::LN_2), x);
                let square = simd.$multiply(minus_r, minus_r);
                let terms = const { alternating($polynomial) };
                let [mut sum, mut others] =
                    [terms.len() - 1, terms.len() - 2].map(|k| simd.$splat(terms[k] as $number));
                for term in terms[..terms.len() - 2].iter().rev() {
                    (sum, others) = (others, simd.$multiply_add(sum, square, simd.$splat(*term as $number)));
                }
                let power = simd.$from_bits(simd.$shift(simd.$to_bits(shifted), simd.$splat_bits($by)));
                let sum = simd.$multiply_add(sum, minus_r, others);
                simd.$divide(one, simd.$multiply_add(sum, power, one))
            }
            #[inline(always)]
            fn exp<S: Simd>(simd: S, x: S::$vector) -> S::$vector {
                let round = simd.$splat($round);
                let below = simd.$greater(simd.$splat(-$range), x);
                let shifted = simd.$multiply_add(x, simd.$splat(std::$number::consts::LOG2_E), round);
                let n = simd.$subtract(shifted, round);
                let r = simd.$multiply_add(n, simd.$splat(-$ln2), x);
                let r = simd.$multiply_add(n, simd.$splat(-$ln2_rest), r);
                let (last, others) = const { &$polynomial }.split_last().expect("a polynomial has terms");
                let mut sum = simd.$splat(*last as $number);
                for term in others.iter().rev() {
                    sum = simd.$multiply_add(sum, r, simd.$splat(*term as $number));
                }
                let power = simd.$from_bits(simd.$shift(simd.$to_bits(shifted), simd.$splat_bits($by)));
                simd.$select(below, simd.$splat(0.0), simd.$multiply(sum, power))
            }
        }
    };
}

impl_simd_float!(f32: f32s, F32_LANES, as_simd_f32s, as_mut_simd_f32s, splat_f32s, splat_u32s,
    mul_add_e_f32s, add_f32s, sub_f32s, mul_f32s, div_f32s, max_f32s, reduce_sum_f32s,
    greater_than_f32s, select_f32s, transmute_u32s_f32s, transmute_f32s_u32s, wrapping_dyn_shl_u32s by 23;
    range 87.0, round 12_583_039.0, ln2 0.693_145_75, 1.428_606_8e-6, polynomial POLYNOMIAL);
// A product shifts too: registers of 64-bit integers have no shift in pulp.
impl_simd_float!(f64: f64s, F64_LANES, as_simd_f64s, as_mut_simd_f64s, splat_f64s, splat_u64s,
    mul_add_e_f64s, add_f64s, sub_f64s, mul_f64s, div_f64s, max_f64s, reduce_sum_f64s,
    greater_than_f64s, select_f64s, transmute_u64s_f64s, transmute_f64s_u64s, mul_u64s by 1 << 52;
    range 708.0, round 6_755_399_441_056_767.0, ln2 0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10,
    polynomial series::<14>());

/// Runs a test with emulated registers of one to eight f64 numbers, independent of the machine.
#[cfg(test)]
pub(crate) fn with_each_register(test: impl pulp::WithSimd + Copy) {
    test.with_simd(pulp::Scalar);
    test.with_simd(pulp::Scalar128b);
    test.with_simd(pulp::Scalar256b);
    test.with_simd(pulp::Scalar512b);
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use pulp::{Arch, WithSimd};

    use super::*;

    /// Applies exp to `numbers` and adds the results to `found`.
    struct Collect<'a, T> {
        numbers: &'a [T],
        found: &'a RefCell<Vec<Vec<T>>>,
    }

    impl<T> Clone for Collect<'_, T> {
        fn clone(&self) -> Self {
            *self
        }
    }

    impl<T> Copy for Collect<'_, T> {}

    impl<T: SimdFloat> WithSimd for Collect<'_, T> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let mut numbers = self.numbers.to_vec();
            T::vectors_mut::<S>(&mut numbers).iter_mut().for_each(|x| *x = T::exp(simd, *x));
            self.found.borrow_mut().push(numbers);
        }
    }

    /// Returns exp of the numbers, with the registers of this machine and with each emulated register.
    fn exp<T: SimdFloat>(numbers: &[T]) -> Vec<Vec<T>> {
        let found = RefCell::default();
        Arch::new().dispatch(Collect { numbers, found: &found });
        with_each_register(Collect { numbers, found: &found });
        found.into_inner()
    }

    #[cfg(target_arch = "aarch64")]
    #[test]
    fn registers_of_arm_are_those_of_neon() {
        assert!(matches!(Arch::new(), Arch::Neon(_)));
    }

    #[test]
    fn exp_is_right_to_the_last_places() {
        let numbers: Vec<f64> = (0..6400).map(|i| -f64::from(i) / 100.0).collect();
        for (found, x) in exp(&numbers).iter().flat_map(|found| found.iter().zip(&numbers)) {
            assert!((found / x.exp() - 1.0).abs() < 4e-16, "exp({x}) is not {found}");
        }
        let numbers: Vec<f32> = numbers.iter().map(|&x| x as f32).collect();
        for (found, x) in exp(&numbers).iter().flat_map(|found| found.iter().zip(&numbers)) {
            assert!((f64::from(*found) / f64::from(*x).exp() - 1.0).abs() < 1.3e-7, "exp({x}) is not {found}");
        }
    }

    #[test]
    fn nan_stays_nan() {
        assert!(exp(&[f32::NAN; 16]).concat().iter().all(|x| x.is_nan()));
        assert!(exp(&[f64::NAN; 16]).concat().iter().all(|x| x.is_nan()));
    }

    #[test]
    fn exp_of_large_negative_numbers_is_zero() {
        let numbers = [[-1e5; 16], [f32::MIN; 16], [f32::NEG_INFINITY; 16], [-88.0; 16]].concat();
        exp(&numbers).into_iter().for_each(|found| assert_eq!(found, [0.0; 64]));
    }
}
