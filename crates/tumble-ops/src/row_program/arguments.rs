//! The operands of elementwise steps.

/// An operand of a step in a block of rows.
#[derive(Clone, Copy)]
pub(super) enum Argument<'a, T> {
    /// Rows of the width of the result.
    Rows(&'a [T]),
    /// One number per row.
    Column(&'a [T]),
    /// One row for all.
    Constant(&'a [T]),
    Number(T),
}

/// An operand in a run of numbers.
#[derive(Clone, Copy)]
pub(super) enum Run<'a, T> {
    Numbers(&'a [T]),
    Number(T),
}

impl<'a, T: Copy> Argument<'a, T> {
    /// Returns whether the operand of all rows is one run.
    fn is_run(&self) -> bool {
        matches!(self, Self::Rows(_) | Self::Number(_))
    }

    /// Returns the operand of all rows.
    #[inline(always)]
    fn whole(self) -> Run<'a, T> {
        match self {
            Self::Rows(numbers) | Self::Column(numbers) | Self::Constant(numbers) => Run::Numbers(numbers),
            Self::Number(number) => Run::Number(number),
        }
    }

    /// Returns the operand of one row.
    #[inline(always)]
    fn row(self, row: usize, width: usize) -> Run<'a, T> {
        match self {
            Self::Rows(numbers) => Run::Numbers(&numbers[row * width..][..width]),
            Self::Column(numbers) => Run::Number(numbers[row]),
            Self::Constant(numbers) => Run::Numbers(numbers),
            Self::Number(number) => Run::Number(number),
        }
    }
}

/// Sets each number x of the rows to f(x, a, b).
#[inline(always)]
pub(super) fn each<T: Copy>(
    into: &mut [T],
    width: usize,
    a: Argument<T>,
    b: Argument<T>,
    f: impl Fn(T, T, T) -> T + Copy,
) {
    if a.is_run() && b.is_run() {
        return each_number(into, a.whole(), b.whole(), f);
    }
    for (row, into) in into.chunks_exact_mut(width).enumerate() {
        each_number(into, a.row(row, width), b.row(row, width), f);
    }
}

#[inline(always)]
fn each_number<T: Copy>(into: &mut [T], a: Run<T>, b: Run<T>, f: impl Fn(T, T, T) -> T) {
    match (a, b) {
        (Run::Numbers(a), Run::Numbers(b)) => into.iter_mut().zip(a).zip(b).for_each(|((x, a), b)| *x = f(*x, *a, *b)),
        (Run::Numbers(a), Run::Number(b)) => into.iter_mut().zip(a).for_each(|(x, a)| *x = f(*x, *a, b)),
        (Run::Number(a), Run::Numbers(b)) => into.iter_mut().zip(b).for_each(|(x, b)| *x = f(*x, a, *b)),
        (Run::Number(a), Run::Number(b)) => into.iter_mut().for_each(|x| *x = f(*x, a, b)),
    }
}
