//! SHA-256 of model files, which tells models apart in logs.

use sha2::{Digest, Sha256};

/// SHA-256 of the bytes, hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// SHA-256 of the lines that these hashes are, each with a newline: as `sha256sum FILES | cut -c -64 | sha256sum` finds
/// it.
pub(crate) fn of_all(hashes: impl Iterator<Item = String>) -> String {
    hex(hashes.map(|hash| hash + "\n").collect::<String>().as_bytes())
}
