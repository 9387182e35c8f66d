//! Units: everything inside is in Å, eV and u; other units are converted once, where they come in.
//!
//! Constants are those of CODATA 2022 (P. Mohr et al., Rev. Mod. Phys. 97, 025002 (2025)); e and N_A are exact.

/// The Bohr radius, Å.
pub const BOHR: f64 = 0.529_177_210_544;

/// The Hartree energy, eV.
pub const HARTREE: f64 = 27.211_386_245_981;

/// A nanometer, Å.
pub const NANOMETER: f64 = 10.0;

/// A joule, eV: 1/e.
pub const JOULE: f64 = 1.0 / 1.602_176_634e-19;

/// Avogadro's number, 1/mol.
pub const AVOGADRO: f64 = 6.022_140_76e23;

/// 1 kJ/mol, eV per particle.
pub const KILOJOULE_PER_MOL: f64 = 1e3 * JOULE / AVOGADRO;

/// 1 kcal/mol (thermochemical: 4.184 kJ/mol), eV per particle.
pub const KILOCALORIE_PER_MOL: f64 = 4.184 * KILOJOULE_PER_MOL;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hartree_is_627_kilocalories_per_mole() {
        assert!((HARTREE / KILOCALORIE_PER_MOL - 627.509_474_063).abs() < 1e-8);
    }
}
