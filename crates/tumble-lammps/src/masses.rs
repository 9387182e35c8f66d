//! Masses beside elements: a mass that is another element's tells of elements in the wrong order.

use tumble_core::elements::{mass, symbol};

/// Masses of hydrogen, u, that people give on purpose: down to half, deuterium, tritium, and hydrogen made heavy for a
/// longer time step.
const HYDROGEN: std::ops::RangeInclusive<f64> = 0.5..=4.5;

/// From here on hydrogen is heavier than nature's, u: its neighbors may be lighter by as much.
const HEAVY_HYDROGEN: f64 = 1.5;

/// Factors by which a mass may be off its element's: with hydrogen as nature's, and with heavy hydrogen, which leaves
/// the carbon of a methyl group a quarter of its mass.
const FACTORS: (f64, f64) = (2.5, 4.5);

/// Relative deviations below this are rounding.
const ROUNDING: f64 = 0.003;

/// So many times nearer must a mass be to another element.
const NEARER: f64 = 10.0;

/// An atom type, from the element and the mass that it was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TypeMass {
    /// The atom type (from 1).
    pub number: usize,
    /// Atomic number.
    pub element: u8,
    /// Mass, u.
    pub mass: f64,
}

impl TypeMass {
    /// |ln| of the ratio of its mass to that of an element.
    fn deviation(&self, element: u8) -> f64 {
        (self.mass / mass(element)).ln().abs()
    }

    fn is_hydrogen(&self) -> bool {
        self.element == 1 && HYDROGEN.contains(&self.mass)
    }

    /// The other element of these that is nearest by mass.
    fn nearest_other(&self, types: &[TypeMass]) -> Option<u8> {
        let others = types.iter().map(|other| other.element).filter(|&other| other != self.element);
        others.min_by(|&a, &b| self.deviation(a).total_cmp(&self.deviation(b)))
    }

    fn is_suspicious(&self, types: &[TypeMass]) -> bool {
        let repartitioned = types.iter().any(|other| other.is_hydrogen() && other.mass > HEAVY_HYDROGEN);
        let deviation = self.deviation(self.element);
        let nearer = |other| deviation > ROUNDING && NEARER * self.deviation(other) < deviation;
        match repartitioned {
            _ if self.is_hydrogen() => false,
            true => deviation > FACTORS.1.ln(),
            false => deviation > FACTORS.0.ln() || self.nearest_other(types).is_some_and(nearer),
        }
    }

    fn describe(&self) -> String {
        let Self { number, element, mass: found } = *self;
        format!("type {number} is {} (mass {:.4}) but has mass {found:.4}", symbol(element), mass(element))
    }
}

/// A sentence that names the types whose mass is far from their element's; `None` if there are none.
pub fn warning(types: &[TypeMass]) -> Option<String> {
    let suspicious: Vec<_> = types.iter().filter(|one| one.is_suspicious(types)).map(TypeMass::describe).collect();
    (!suspicious.is_empty()).then(|| {
        format!(
            "masses and elements do not fit ({}, all in u): give the elements in the order of the atom types in \
             pair_coeff, or correct the masses",
            suspicious.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(given: &[(u8, f64)]) -> Vec<TypeMass> {
        let one = |(index, &(element, mass)): (usize, &(u8, f64))| TypeMass { number: index + 1, element, mass };
        given.iter().enumerate().map(one).collect()
    }

    fn suspicious(given: &[(u8, f64)]) -> Vec<usize> {
        let types = types(given);
        types.iter().filter(|one| one.is_suspicious(&types)).map(|one| one.number).collect()
    }

    #[test]
    fn elements_in_the_wrong_order_are_seen() {
        assert_eq!(suspicious(&[(1, 15.999), (8, 1.008)]), [1, 2]);
        assert_eq!(suspicious(&[(1, 15.999), (8, 2.014)]), [1, 2]);
        // Close neighbors in the table too.
        assert_eq!(suspicious(&[(13, 28.085), (14, 26.9815)]), [1, 2]);
        assert_eq!(suspicious(&[(27, 58.6934), (28, 58.933)]), [1, 2]);
        assert_eq!(suspicious(&[(6, 12.011), (7, 15.999), (8, 14.007), (1, 1.008)]), [2, 3]);
        assert_eq!(suspicious(&[(3, 1.008), (1, 6.94)]), [1, 2]);
    }

    #[test]
    fn masses_in_the_wrong_unit_are_seen() {
        assert_eq!(suspicious(&[(8, 15.999e-3), (1, 1.008e-3)]), [1, 2]);
        assert_eq!(suspicious(&[(8, 1.0)]), [1]);
    }

    #[test]
    fn isotopes_and_rounded_masses_are_not() {
        assert!(suspicious(&[(8, 16.0), (1, 1.0)]).is_empty());
        assert!(suspicious(&[(8, 15.999), (1, 2.014)]).is_empty());
        assert!(suspicious(&[(8, 15.999), (1, 3.016)]).is_empty());
        assert!(suspicious(&[(8, 17.999), (1, 1.008), (9, 19.0)]).is_empty());
        assert!(suspicious(&[(6, 13.003), (7, 15.0001), (8, 15.999)]).is_empty());
        assert!(suspicious(&[(28, 58.71), (27, 58.93), (26, 55.85)]).is_empty());
        assert!(suspicious(&[(14, 27.977), (13, 26.98)]).is_empty());
        assert!(suspicious(&[(3, 6.015), (5, 10.0129), (1, 1.008)]).is_empty());
    }

    #[test]
    fn repartitioned_masses_are_not() {
        // Methyl with hydrogens of 3.024 and 4 u, ammonium, and water whose oxygen then weighs as much as carbon.
        assert!(suspicious(&[(6, 5.963), (1, 3.024), (7, 5.943), (8, 11.967)]).is_empty());
        assert!(suspicious(&[(6, 3.035), (1, 4.0)]).is_empty());
    }

    #[test]
    fn the_warning_names_type_mass_and_element() {
        let sentence = warning(&types(&[(1, 15.999), (8, 1.008)])).unwrap();
        assert!(sentence.contains("type 1 is H (mass 1.0080) but has mass 15.9990"), "{sentence}");
        assert!(sentence.contains("type 2 is O (mass 15.9990) but has mass 1.0080"), "{sentence}");
        assert_eq!(warning(&types(&[(8, 15.999), (1, 1.008)])), None);
    }
}
