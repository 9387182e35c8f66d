//! Sizes of LAMMPS' integers. The layout of its classes is the same with atom IDs of 4 bytes (`LAMMPS_SMALLBIG`) and of
//! 8 bytes (`LAMMPS_BIGBIG`), so a plugin for the first would load in the second and misread its arrays.

use std::ffi::{CStr, c_int};

/// Sizes of `tagint`, `bigint` and `imageint`, bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntegerSizes {
    /// Size of atom IDs.
    pub tag: c_int,
    /// Size of step numbers and numbers of atoms.
    pub big: c_int,
    /// Size of image flags.
    pub image: c_int,
}

impl IntegerSizes {
    /// Reads the sizes from `size_of`, a function from name to size as `lammps_extract_setting`.
    pub fn ask(size_of: impl Fn(&CStr) -> c_int) -> Self {
        Self { tag: size_of(c"tagint"), big: size_of(c"bigint"), image: size_of(c"imageint") }
    }

    fn describe(&self) -> String {
        let name = match (self.tag, self.big, self.image) {
            (4, 8, 4) => "LAMMPS_SMALLBIG, ",
            (8, 8, 8) => "LAMMPS_BIGBIG, ",
            (4, 4, 4) => "LAMMPS_SMALLSMALL, ",
            _ => "",
        };
        let Self { tag, big, image } = self;
        format!("{name}{tag}-byte atom IDs, {big}-byte steps, {image}-byte image flags")
    }
}

/// Returns the error about a LAMMPS with other integers than at compile time; `None` if they agree.
pub fn refusal(compiled: &IntegerSizes, found: &IntegerSizes) -> Option<String> {
    (compiled != found).then(|| {
        format!(
            "the tumble plugin was compiled for a LAMMPS with other integers ({}) than this LAMMPS ({}): rebuild the \
             plugin against this LAMMPS with TUMBLE_LAMMPS=<folder of its liblammps and headers> cargo build --release \
             -p tumble-lammps --features plugin",
            compiled.describe(),
            found.describe()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: IntegerSizes = IntegerSizes { tag: 4, big: 8, image: 4 };

    #[test]
    fn other_integers_are_refused_with_both_named() {
        let big = IntegerSizes::ask(|name| if name == c"unknown" { 0 } else { 8 });
        assert_eq!(big, IntegerSizes { tag: 8, big: 8, image: 8 });
        let sentence = refusal(&SMALL, &big).unwrap();
        assert!(
            sentence.contains("(LAMMPS_SMALLBIG, 4-byte atom IDs, 8-byte steps, 4-byte image flags)"),
            "{sentence}"
        );
        assert!(sentence.contains("this LAMMPS (LAMMPS_BIGBIG, 8-byte atom IDs,"), "{sentence}");
        assert!(refusal(&big, &SMALL).unwrap().contains("compiled for a LAMMPS with other integers (LAMMPS_BIGBIG"));
        let odd = IntegerSizes { image: 8, ..SMALL };
        assert!(refusal(&SMALL, &odd).unwrap().contains("(4-byte atom IDs, 8-byte steps, 8-byte image flags)"));
    }

    #[test]
    fn integers_of_equal_sizes_are_accepted() {
        assert_eq!(refusal(&SMALL, &SMALL), None);
    }
}
