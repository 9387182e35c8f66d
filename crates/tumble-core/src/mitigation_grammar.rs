//! The grammar of a mitigation, apart from its parser so that error sentences can quote it.

/// All mitigations, as listed in error sentences.
pub const GRAMMAR: &str = "none, random, random:N, tetrahedral, octahedral, icosahedral, degree:N, legendre:L or \
                           lebedev:L; +random after any of the grids to turn it at random; +inversion last to invert \
                           every rotation too";
