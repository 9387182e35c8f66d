//! Chemical symbols, atomic numbers and masses.

/// The largest atomic number.
pub const HEAVIEST: u8 = SYMBOLS.len() as u8;

/// Symbol of element Z at `SYMBOLS[Z - 1]`.
#[rustfmt::skip]
const SYMBOLS: [&str; 118] = [
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar",
    "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr",
    "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe",
    "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf",
    "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th",
    "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs",
    "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og",
];

/// Mass of element Z at `MASSES[Z - 1]`, u: the standard atomic weights of IUPAC (J. Meija et al., Pure Appl. Chem. 88
/// (2016) 265), or, for elements without one, the mass of a long-lived isotope.
#[rustfmt::skip]
const MASSES: [f64; 118] = [
    1.008, 4.0026, 6.94, 9.01218, 10.81, 12.011, 14.007, 15.999, 18.9984, 20.1797, 22.9898, 24.305, 26.9815, 28.085,
    30.9738, 32.06, 35.45, 39.948, 39.0983, 40.078, 44.9559, 47.867, 50.9415, 51.9961, 54.938, 55.845, 58.9332,
    58.6934, 63.546, 65.38, 69.723, 72.63, 74.9216, 78.971, 79.904, 83.798, 85.4678, 87.62, 88.9058, 91.224, 92.9064,
    95.95, 97.9072, 101.07, 102.906, 106.42, 107.868, 112.414, 114.818, 118.71, 121.76, 127.6, 126.904, 131.293,
    132.905, 137.327, 138.905, 140.116, 140.908, 144.242, 144.913, 150.36, 151.964, 157.25, 158.925, 162.5, 164.93,
    167.259, 168.934, 173.054, 174.967, 178.49, 180.948, 183.84, 186.207, 190.23, 192.217, 195.084, 196.967, 200.592,
    204.38, 207.2, 208.98, 208.982, 209.987, 222.018, 223.02, 226.025, 227.028, 232.038, 231.036, 238.029, 237.048,
    244.064, 243.061, 247.07, 247.07, 251.08, 252.083, 257.095, 258.098, 259.101, 262.11, 267.122, 268.126, 271.134,
    270.133, 269.134, 278.156, 281.165, 281.166, 285.177, 286.182, 289.19, 289.194, 293.204, 293.208, 294.214,
];

/// Returns the mass of element Z, u; 1 if there is no such element.
pub fn mass(z: u8) -> f64 {
    usize::from(z).checked_sub(1).and_then(|i| MASSES.get(i)).copied().unwrap_or(1.0)
}

/// Returns the symbol of element Z, or "X", the symbol of a dummy atom, if there is no such element.
pub fn symbol(z: u8) -> &'static str {
    usize::from(z).checked_sub(1).and_then(|i| SYMBOLS.get(i)).copied().unwrap_or("X")
}

/// Isotopes with a symbol of their own, both of hydrogen. A potential does not depend on masses.
const ISOTOPES: [&str; 2] = ["D", "T"];

/// Returns the atomic number of a symbol, in upper or lower case ("Cl", "CL", "cl"); D and T are hydrogen.
pub fn atomic_number(symbol: &str) -> Option<u8> {
    if isotope(symbol).is_some() {
        return Some(1);
    }
    let index = SYMBOLS.iter().position(|s| s.eq_ignore_ascii_case(symbol))?;
    u8::try_from(index + 1).ok()
}

/// Returns "D" or "T" for either symbol in upper or lower case; `None` for others.
pub fn isotope(symbol: &str) -> Option<&'static str> {
    ISOTOPES.into_iter().find(|isotope| isotope.eq_ignore_ascii_case(symbol))
}

/// Guesses the elements of an atom label like `HW1`, `O_2` or `Cl12`, for error messages: from the first letter and
/// from the first two, or only one if the case decides. A label is never read as an element, since CA may be carbon or
/// calcium.
pub fn guess_elements(label: &str) -> Vec<&'static str> {
    let find = |start: &str| SYMBOLS.into_iter().chain(ISOTOPES).find(|symbol| symbol.eq_ignore_ascii_case(start));
    let [one, two] = [1, 2].map(|length| label.get(..length).and_then(find));
    match two {
        Some(symbol) if label.starts_with(symbol) => vec![symbol],
        _ => one.into_iter().chain(two).collect(),
    }
}

/// Joins the symbols of elements in one line, for messages: "H, O".
pub fn symbols(species: &[u8]) -> String {
    species.iter().map(|&z| symbol(z)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_and_atomic_numbers_are_inverse() {
        for z in 1..=118 {
            assert_eq!(atomic_number(symbol(z)), Some(z));
        }
    }

    #[test]
    fn masses_match_their_elements() {
        assert_eq!([1, 8, 26, 79].map(mass), [1.008, 15.999, 55.845, 196.967]);
        // Masses ascend with the atomic number, except at these elements.
        let falls: Vec<_> = (1..100).filter(|&z| mass(z) > mass(z + 1)).map(symbol).collect();
        assert_eq!(falls, ["Ar", "Co", "Te", "Th", "U", "Pu"]);
        assert_eq!(mass(0), 1.0);
    }

    #[test]
    fn known_elements_have_their_atomic_numbers() {
        let known = [(1, "H"), (8, "O"), (17, "Cl"), (26, "Fe"), (57, "La"), (79, "Au"), (92, "U"), (118, "Og")];
        for (z, s) in known {
            assert_eq!(symbol(z), s);
        }
    }

    #[test]
    fn symbols_ignore_case_and_unknown_symbols_are_none() {
        assert_eq!(atomic_number("CL"), Some(17));
        assert_eq!(atomic_number("fe"), Some(26));
        assert_eq!(atomic_number("Xx"), None);
        assert_eq!(atomic_number(""), None);
        assert_eq!((symbol(0), symbol(119)), ("X", "X"));
        assert_eq!(symbols(&[1, 8]), "H, O");
    }

    #[test]
    fn deuterium_and_tritium_are_hydrogen() {
        assert_eq!(["D", "T", "d", "t"].map(atomic_number), [Some(1); 4]);
        assert_eq!(["D", "t", "H", "Dy"].map(isotope), [Some("D"), Some("T"), None, None]);
        assert_eq!(["DD", "D2", "Tt"].map(atomic_number), [None; 3]);
    }

    #[test]
    fn labels_give_guesses_but_are_not_elements() {
        let labels = ["O1", "OW", "HW1", "Ow", "Cl12", "CL1", "h_3", "CA2", "Dx"];
        assert_eq!(labels.map(atomic_number), [None; 9]);
        let guesses = labels.map(|label| guess_elements(label).join(" or "));
        assert_eq!(guesses, ["O", "O", "H", "O", "Cl", "C or Cl", "H", "C or Ca", "D"]);
        assert!(["", "1", "Xx", "\u{c5}", "-"].iter().all(|label| guess_elements(label).is_empty()));
    }
}
