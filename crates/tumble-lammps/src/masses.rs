//! Comparison of masses with elements: the mass of another element suggests elements in the wrong order.

use tumble_core::elements::{mass, symbol};

/// Plausible masses of hydrogen, u: from half of it over deuterium and tritium to hydrogen made heavy for a longer time
/// step.
const HYDROGEN: std::ops::RangeInclusive<f64> = 0.5..=4.5;

/// Lowest mass of heavy hydrogen, u. With mass repartitioning its bonded atoms are lighter by the added mass.
const HEAVY_HYDROGEN: f64 = 1.5;

/// Largest plausible ratio of a mass to its element's: with natural hydrogen, and with heavy hydrogen, where the carbon
/// of a methyl group may keep only a quarter of its mass.
const FACTORS: (f64, f64) = (2.5, 4.5);

/// Largest relative deviation due to rounding.
const ROUNDING: f64 = 0.003;

/// A mass is suspicious if it is this many times nearer to another element.
const NEARER: f64 = 10.0;

/// An atom type with its element in pair_coeff and its mass.
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
    /// Returns |ln| of the ratio of the mass to an element's mass.
    fn deviation(&self, element: u8) -> f64 {
        (self.mass / mass(element)).ln().abs()
    }

    fn is_hydrogen(&self) -> bool {
        self.element == 1 && HYDROGEN.contains(&self.mass)
    }

    /// Returns the nearest other element by mass among the types.
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

/// Returns a warning about the types with suspicious masses; `None` if there are none.
pub fn warning(types: &[TypeMass]) -> Option<String> {
    let suspicious: Vec<_> = types.iter().filter(|one| one.is_suspicious(types)).map(TypeMass::describe).collect();
    (!suspicious.is_empty()).then(|| {
        format!(
            "masses and elements do not match ({}, all in u): give the elements in the order of the atom types in \
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
    fn elements_in_the_wrong_order_are_suspicious() {
        assert_eq!(suspicious(&[(1, 15.999), (8, 1.008)]), [1, 2]);
        assert_eq!(suspicious(&[(1, 15.999), (8, 2.014)]), [1, 2]);
        // Close neighbors in the table too.
        assert_eq!(suspicious(&[(13, 28.085), (14, 26.9815)]), [1, 2]);
        assert_eq!(suspicious(&[(27, 58.6934), (28, 58.933)]), [1, 2]);
        assert_eq!(suspicious(&[(6, 12.011), (7, 15.999), (8, 14.007), (1, 1.008)]), [2, 3]);
        assert_eq!(suspicious(&[(3, 1.008), (1, 6.94)]), [1, 2]);
    }

    #[test]
    fn masses_in_the_wrong_unit_are_suspicious() {
        assert_eq!(suspicious(&[(8, 15.999e-3), (1, 1.008e-3)]), [1, 2]);
        assert_eq!(suspicious(&[(8, 1.0)]), [1]);
    }

    #[test]
    fn isotopes_and_rounded_masses_are_plausible() {
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
    fn repartitioned_masses_are_plausible() {
        // Methyl with hydrogens of 3.024 and 4 u, ammonium, and water whose oxygen then weighs as much as carbon.
        assert!(suspicious(&[(6, 5.963), (1, 3.024), (7, 5.943), (8, 11.967)]).is_empty());
        assert!(suspicious(&[(6, 3.035), (1, 4.0)]).is_empty());
    }

    #[test]
    fn warning_names_type_mass_and_element() {
        let sentence = warning(&types(&[(1, 15.999), (8, 1.008)])).unwrap();
        assert!(sentence.contains("type 1 is H (mass 1.0080) but has mass 15.9990"), "{sentence}");
        assert!(sentence.contains("type 2 is O (mass 15.9990) but has mass 1.0080"), "{sentence}");
        assert_eq!(warning(&types(&[(8, 15.999), (1, 1.008)])), None);
    }
}
