//! Sizes of LAMMPS' integers. The layout of its classes is the same with atom IDs of 4 bytes (`LAMMPS_SMALLBIG`) and of
//! 8 bytes (`LAMMPS_BIGBIG`), so a plugin for the first would load in the second and misread its arrays.

use std::fmt::{Display, Formatter, Result};

/// Sizes of `tagint`, `bigint` and `imageint`, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntegerSizes {
    /// Size of atom IDs.
    pub tag: i32,
    /// Size of step numbers and numbers of atoms.
    pub big: i32,
    /// Size of image flags.
    pub image: i32,
}

impl IntegerSizes {
    /// The default: atom IDs of 4 bytes.
    pub const SMALLBIG: Self = Self { tag: 4, big: 8, image: 4 };
    /// Atom IDs of 8 bytes.
    pub const BIGBIG: Self = Self { tag: 8, big: 8, image: 8 };
    /// Steps of 4 bytes; tumble does not work with it.
    pub const SMALLSMALL: Self = Self { tag: 4, big: 4, image: 4 };

    const NAMED: [(Self, &str); 3] =
        [(Self::SMALLBIG, "LAMMPS_SMALLBIG"), (Self::BIGBIG, "LAMMPS_BIGBIG"), (Self::SMALLSMALL, "LAMMPS_SMALLSMALL")];

    /// Returns the macro with which LAMMPS was compiled, if these are sizes of one.
    pub fn name(&self) -> Option<&'static str> {
        Self::NAMED.iter().find(|(sizes, _)| sizes == self).map(|(_, name)| *name)
    }

    /// Returns the sizes of a macro.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(_, known)| *known == name).map(|(sizes, _)| *sizes)
    }
}

impl Display for IntegerSizes {
    fn fmt(&self, f: &mut Formatter) -> Result {
        let Self { tag, big, image } = self;
        let name = self.name().map(|name| format!("{name}, ")).unwrap_or_default();
        write!(f, "{name}{tag}-byte atom IDs, {big}-byte steps, {image}-byte image flags")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_names_of_the_macros() {
        for (sizes, name) in IntegerSizes::NAMED {
            assert_eq!((sizes.name(), IntegerSizes::of_name(name)), (Some(name), Some(sizes)));
        }
        let text = IntegerSizes::SMALLBIG.to_string();
        assert_eq!(text, "LAMMPS_SMALLBIG, 4-byte atom IDs, 8-byte steps, 4-byte image flags");
        let odd = IntegerSizes { image: 8, ..IntegerSizes::SMALLBIG };
        assert_eq!(odd.to_string(), "4-byte atom IDs, 8-byte steps, 8-byte image flags");
    }
}
