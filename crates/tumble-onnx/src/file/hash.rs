//! SHA-256 of model files, to tell models apart in logs.

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of the bytes, hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Returns the SHA-256 of these hashes, each followed by a newline, as `sha256sum FILES | cut -c -64 | sha256sum` does.
pub(crate) fn of_all(hashes: impl Iterator<Item = String>) -> String {
    hex(hashes.map(|hash| hash + "\n").collect::<String>().as_bytes())
}
