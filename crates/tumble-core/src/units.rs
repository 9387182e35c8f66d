//! Units and physical constants. The program computes in Å, eV and u; front ends convert other units once.
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

/// Boltzmann's constant, eV/K; exact.
pub const BOLTZMANN: f64 = 1.380_649e-23 * JOULE;

/// The unit of mass u, kg.
const DALTON_IN_KILOGRAMS: f64 = 1.660_539_068_92e-27;

/// The unit of mass u, eV fs²/Å²: 1 kg is 1e10 J fs²/Å² there.
pub const DALTON: f64 = DALTON_IN_KILOGRAMS * 1e10 * JOULE;

/// 1 eV/Å^3, MPa.
pub const MEGAPASCAL: f64 = 1e24 / JOULE;

/// 1 kJ/mol, eV per particle.
pub const KILOJOULE_PER_MOL: f64 = 1e3 * JOULE / AVOGADRO;

/// 1 kcal/mol (thermochemical: 4.184 kJ/mol), eV per particle.
pub const KILOCALORIE_PER_MOL: f64 = 4.184 * KILOJOULE_PER_MOL;

/// The debye, e Å: 1e-21 C m² / s divided by the speed of light.
pub const DEBYE: f64 = 1e-11 * JOULE / 299_792_458.0;

/// 1 Å in Bohr, as i-PI has it.
pub const IPI_ANGSTROM: f64 = 1.889_726_1;

/// 1 eV in Hartree, as i-PI has it.
pub const IPI_ELECTRON_VOLT: f64 = 0.036_749_326;

/// Volts per statvolt: the speed of light in m/s, times 1e-6.
const STATVOLT: f64 = 299.792_458;

/// A unit style of LAMMPS: Å, eV, u and V/Å in its units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitStyle {
    /// 1 Å in its unit of length.
    pub angstrom: f64,
    /// 1 eV in its unit of energy.
    pub electron_volt: f64,
    /// 1 u in its unit of mass.
    pub dalton: f64,
    /// 1 V/Å in its unit of the electric field.
    pub volt_per_angstrom: f64,
}

impl UnitStyle {
    /// Returns the style of a LAMMPS name; `None` for an unknown name and for `lj`, as it has no scale.
    pub fn named(style: &str) -> Option<Self> {
        let (angstrom, electron_volt, dalton, volt_per_angstrom) = match style {
            "metal" => (1.0, 1.0, 1.0, 1.0),
            "real" => (1.0, 1.0 / KILOCALORIE_PER_MOL, 1.0, 1.0),
            // V/cm
            "electron" => (1.0 / BOHR, 1.0 / HARTREE, 1.0, 1e8),
            // V/m
            "si" => (1e-10, 1.0 / JOULE, DALTON_IN_KILOGRAMS, 1e10),
            // g; erg = 1e-7 J; statvolt/cm
            "cgs" => (1e-8, 1e7 / JOULE, 1e3 * DALTON_IN_KILOGRAMS, 1e8 / STATVOLT),
            // pg = 1e-15 kg; pg µm²/µs² = 1e-15 J; V/µm
            "micro" => (1e-4, 1e15 / JOULE, 1e15 * DALTON_IN_KILOGRAMS, 1e4),
            // ag = 1e-21 kg; ag nm²/ns² = 1e-21 J; V/nm
            "nano" => (0.1, 1e21 / JOULE, 1e21 * DALTON_IN_KILOGRAMS, 10.0),
            _ => return None,
        };
        Some(Self { angstrom, electron_volt, dalton, volt_per_angstrom })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hartree_is_627_kilocalories_per_mole() {
        assert!((HARTREE / KILOCALORIE_PER_MOL - 627.509_474_063).abs() < 1e-8);
    }

    /// m v² is an energy: in unit styles made of units of mass, length and time, u (Å/fs)² is the same number of eV.
    #[test]
    fn masses_fit_lengths_and_energies() {
        for (style, femtosecond) in [("si", 1e-15), ("cgs", 1e-15), ("micro", 1e-9), ("nano", 1e-6)] {
            let UnitStyle { angstrom, electron_volt, dalton, .. } = UnitStyle::named(style).unwrap();
            let energy = dalton * (angstrom / femtosecond).powi(2) / electron_volt;
            assert!((energy / DALTON - 1.0).abs() < 1e-12, "{style}: {energy}");
        }
        assert!(["metal", "real", "electron"].iter().all(|style| UnitStyle::named(style).unwrap().dalton == 1.0));
    }
}
