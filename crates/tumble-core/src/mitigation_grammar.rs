//! The words by which a user names a mitigation.

/// What a user can ask for, as sentences list it.
pub const GRAMMAR: &str = "none, random, random:N, tetrahedral, octahedral, icosahedral, degree:N, legendre:L or \
                           lebedev:L, and +random after any of the grids to turn it at random";
