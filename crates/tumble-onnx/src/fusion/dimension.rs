//! Lengths of axes as polynomials of unknown lengths.

use std::collections::BTreeMap;

/// A length: a sum of products of unknown lengths, by the unknowns in each product. All unknowns are 0 or more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Dimension(BTreeMap<Vec<u32>, i64>);

impl Dimension {
    /// Returns an unknown length.
    pub fn unknown(symbol: u32) -> Self {
        Self(BTreeMap::from([(vec![symbol], 1)]))
    }

    /// Returns the length if it is known.
    pub fn known(&self) -> Option<i64> {
        match self.0.iter().next() {
            None => Some(0),
            Some((unknowns, &factor)) => (self.0.len() == 1 && unknowns.is_empty()).then_some(factor),
        }
    }

    /// Returns a known length as a size.
    pub fn size(&self) -> Option<usize> {
        self.known().and_then(|length| usize::try_from(length).ok())
    }

    pub fn is_one(&self) -> bool {
        self.known() == Some(1)
    }

    pub fn plus(&self, other: &Self) -> Self {
        self.with(other, 1)
    }

    pub fn minus(&self, other: &Self) -> Self {
        self.with(other, -1)
    }

    fn with(&self, other: &Self, sign: i64) -> Self {
        let mut sum = self.0.clone();
        for (unknowns, factor) in &other.0 {
            *sum.entry(unknowns.clone()).or_default() += sign * factor;
        }
        sum.retain(|_, factor| *factor != 0);
        Self(sum)
    }

    pub fn times(&self, other: &Self) -> Self {
        let mut product = BTreeMap::new();
        for (a, x) in &self.0 {
            for (b, y) in &other.0 {
                let mut unknowns = [&a[..], b].concat();
                unknowns.sort_unstable();
                *product.entry(unknowns).or_default() += x * y;
            }
        }
        product.retain(|_, factor| *factor != 0);
        Self(product)
    }

    /// Returns the quotient if `divisor` is a single product and the division is exact.
    pub fn over(&self, divisor: &Self) -> Option<Self> {
        let (unknowns, factor) = divisor.0.iter().next().filter(|_| divisor.0.len() == 1)?;
        let quotient = self.0.iter().map(|(own, own_factor)| {
            let mut rest = own.clone();
            for unknown in unknowns {
                rest.remove(rest.iter().position(|own| own == unknown)?);
            }
            (own_factor % factor == 0).then_some((rest, own_factor / factor))
        });
        quotient.collect::<Option<_>>().map(Self)
    }

    /// Returns whether the number is certainly 0 or more.
    pub fn is_natural(&self) -> bool {
        self.0.values().all(|&factor| factor >= 0)
    }
}

impl From<i64> for Dimension {
    fn from(length: i64) -> Self {
        Self(BTreeMap::from([(Vec::new(), length)]).into_iter().filter(|&(_, length)| length != 0).collect())
    }
}

/// Returns the product of lengths.
pub(super) fn product(lengths: &[Dimension]) -> Dimension {
    lengths.iter().fold(Dimension::from(1), |product, length| product.times(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_polynomials_in_normal_form() {
        let [c, e] = [0, 1].map(Dimension::unknown);
        let sum = c.plus(&e);
        assert_eq!(sum.minus(&c), e);
        assert_eq!(e.times(&sum), e.times(&e).plus(&c.times(&e)));
        assert_eq!(c.minus(&c).known(), Some(0));
        assert_eq!(product(&[2.into(), 3.into()]).known(), Some(6));
        assert_eq!((c.known(), Dimension::from(3).size(), Dimension::from(-3).size()), (None, Some(3), None));
    }

    #[test]
    fn quotients_are_exact_or_none() {
        let [c, e] = [0, 1].map(Dimension::unknown);
        let all = c.times(&e).times(&6.into());
        assert_eq!(all.over(&c.times(&3.into())), Some(e.times(&2.into())));
        assert_eq!(all.over(&4.into()), None);
        assert_eq!(all.over(&c.plus(&e)), None);
        assert_eq!(e.over(&c), None);
    }

    #[test]
    fn differences_may_be_negative() {
        let [c, e] = [0, 1].map(Dimension::unknown);
        assert!(c.plus(&e).minus(&c).is_natural() && !c.minus(&e).is_natural());
    }
}
