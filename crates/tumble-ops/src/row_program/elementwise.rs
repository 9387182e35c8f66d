//! Functions of single numbers, in blocks of rows.

use pulp::Simd;

use super::arguments::{Argument, each};
use super::{Binary, Unary};
use crate::simd::SimdFloat;

/// Numbers in the largest register.
const MOST_LANES: usize = 16;

/// A floating-point type with the functions of single numbers.
pub(crate) trait Arithmetic: SimdFloat + PartialOrd + num_traits::Float {}

impl<T: SimdFloat + PartialOrd + num_traits::Float> Arithmetic for T {}

/// Computes a function of each number.
#[inline(always)]
pub(super) fn unary<T: Arithmetic, S: Simd>(simd: S, function: Unary, from: &[T], into: &mut [T]) {
    match function {
        Unary::Exp => exp(simd, from, into),
        Unary::Sigmoid => registers::<Sigmoid, T, S>(simd, from, into),
        _ => from.iter().zip(into).for_each(|(x, y)| *y = one_number(function, *x)),
    }
}

/// Functions that are rare, or that no register has.
fn one_number<T: Arithmetic>(function: Unary, x: T) -> T {
    match function {
        Unary::Identity => x,
        Unary::Neg => -x,
        Unary::Abs => x.abs(),
        Unary::Not => flag(x == zero()),
        Unary::Sqrt => x.sqrt(),
        Unary::Exp => num_traits::Float::exp(x),
        Unary::Log => x.ln(),
        Unary::Reciprocal => one::<T>() / x,
        Unary::Sigmoid => one::<T>() / (one::<T>() + num_traits::Float::exp(-x)),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tanh => x.tanh(),
    }
}

/// Computes a function of two numbers.
#[inline(always)]
pub(super) fn binary<T: Arithmetic>(function: Binary, into: &mut [T], width: usize, a: Argument<T>, b: Argument<T>) {
    match function {
        Binary::Add => each(into, width, a, b, |_, a, b| a + b),
        Binary::Sub => each(into, width, a, b, |_, a, b| a - b),
        Binary::Mul => each(into, width, a, b, |_, a, b| a * b),
        Binary::Div => each(into, width, a, b, |_, a, b| a / b),
        _ => each(into, width, a, b, |_, a, b| two_numbers(function, a, b)),
    }
}

/// Functions of two numbers that are rare.
fn two_numbers<T: Arithmetic>(function: Binary, a: T, b: T) -> T {
    match function {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        // NaN compares false with every bound and is therefore propagated from the first operand.
        Binary::Min => {
            if a > b {
                b
            } else {
                a
            }
        }
        Binary::Max => {
            if a < b {
                b
            } else {
                a
            }
        }
        Binary::Less => flag(a < b),
        Binary::LessOrEqual => flag(a <= b),
        Binary::Equal => flag(a == b),
        Binary::And => flag(a != zero() && b != zero()),
        Binary::Or => flag(a != zero() || b != zero()),
    }
}

/// Writes the second operand where the condition is true, else the third.
#[inline(always)]
pub(super) fn select<T: Arithmetic>(into: &mut [T], width: usize, [condition, a, b]: [Argument<T>; 3]) {
    each(into, width, b, b, |_, b, _| b);
    each(into, width, condition, a, |b, condition, a| if condition != zero() { a } else { b });
}

/// Computes the sum of each row.
#[inline(always)]
pub(super) fn sums<T: Arithmetic, S: Simd>(simd: S, width: usize, from: &[T], into: &mut [T]) {
    for (sum, row) in into.iter_mut().zip(from.chunks_exact(width)) {
        let whole = T::vectors::<S>(row);
        let rest = &row[whole.len() * T::count::<S>()..];
        *sum = rest.iter().fold(zero(), |sum: T, x| sum + *x);
        if !whole.is_empty() {
            let lanes = whole.iter().fold(T::splat(simd, T::ZERO), |sum, x| <T as SimdFloat>::add(simd, sum, *x));
            *sum = *sum + T::sum(simd, lanes);
        }
    }
}

/// Computes exp of each number; the registers' exp ends at 87 (708 in double precision).
#[inline(always)]
fn exp<T: Arithmetic, S: Simd>(simd: S, from: &[T], into: &mut [T]) {
    registers::<Exp, T, S>(simd, from, into);
    let most = if size_of::<T>() == 4 { 87.0 } else { 708.0 };
    let most = T::from(most).expect("the number is a small one");
    if from.iter().any(|x| *x > most) {
        from.iter().zip(into).filter(|(x, _)| **x > most).for_each(|(x, y)| *y = num_traits::Float::exp(*x));
    }
}

/// A function of registers: closures as long as these are not inlined, and would be computed without registers.
trait OfRegisters {
    fn apply<T: SimdFloat, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S>;
}

struct Exp;
struct Sigmoid;

impl OfRegisters for Exp {
    #[inline(always)]
    fn apply<T: SimdFloat, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        T::exp(simd, x)
    }
}

impl OfRegisters for Sigmoid {
    #[inline(always)]
    fn apply<T: SimdFloat, S: Simd>(simd: S, x: T::Vector<S>) -> T::Vector<S> {
        T::sigmoid(simd, x)
    }
}

/// Applies a function of registers; the last one is filled with zeros.
#[inline(always)]
fn registers<F: OfRegisters, T: SimdFloat, S: Simd>(simd: S, from: &[T], into: &mut [T]) {
    let whole = from.len() / T::count::<S>() * T::count::<S>();
    for (x, y) in T::vectors::<S>(from).iter().zip(T::vectors_mut::<S>(into)) {
        *y = F::apply::<T, S>(simd, *x);
    }
    let rest = &from[whole..];
    let mut padded = [T::ZERO; MOST_LANES];
    padded[..rest.len()].copy_from_slice(rest);
    for x in T::vectors_mut::<S>(&mut padded).iter_mut().take(usize::from(!rest.is_empty())) {
        *x = F::apply::<T, S>(simd, *x);
    }
    into[whole..].copy_from_slice(&padded[..rest.len()]);
}

fn flag<T: Arithmetic>(truth: bool) -> T {
    if truth { one() } else { zero() }
}

#[inline(always)]
fn zero<T: Arithmetic>() -> T {
    <T as SimdFloat>::ZERO
}

#[inline(always)]
fn one<T: Arithmetic>() -> T {
    <T as SimdFloat>::ONE
}
