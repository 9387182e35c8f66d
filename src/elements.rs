//! Chemical symbols and atomic numbers.

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

/// Symbol of element Z, or "X", the symbol of a dummy atom, if there is no such element.
pub fn symbol(z: u8) -> &'static str {
    usize::from(z).checked_sub(1).and_then(|i| SYMBOLS.get(i)).copied().unwrap_or("X")
}

/// Atomic number of a symbol, in any case ("Cl", "CL", "cl").
pub fn atomic_number(symbol: &str) -> Option<u8> {
    let index = SYMBOLS.iter().position(|s| s.eq_ignore_ascii_case(symbol))?;
    u8::try_from(index + 1).ok()
}

/// Symbols of some elements in one line, for messages: "H, O".
pub fn symbols(species: &[u8]) -> String {
    species.iter().map(|&z| symbol(z)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_symbol_leads_back_to_its_number() {
        for z in 1..=118 {
            assert_eq!(atomic_number(symbol(z)), Some(z));
        }
    }

    #[test]
    fn known_elements_sit_in_their_places() {
        let known = [(1, "H"), (8, "O"), (17, "Cl"), (26, "Fe"), (57, "La"), (79, "Au"), (92, "U"), (118, "Og")];
        for (z, s) in known {
            assert_eq!(symbol(z), s);
        }
    }

    #[test]
    fn case_does_not_matter_and_what_is_no_element_is_none() {
        assert_eq!(atomic_number("CL"), Some(17));
        assert_eq!(atomic_number("fe"), Some(26));
        assert_eq!(atomic_number("Xx"), None);
        assert_eq!(atomic_number(""), None);
        assert_eq!((symbol(0), symbol(119)), ("X", "X"));
        assert_eq!(symbols(&[1, 8]), "H, O");
    }
}
