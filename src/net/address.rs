//! Where a socket is, as users write it.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The place of a socket: `unix:PATH` or `tcp:HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file on this machine.
    Unix(PathBuf),
    /// A port, here or elsewhere.
    Tcp {
        /// Name or number; an IPv6 number without its brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Address {
    /// The file that i-PI and ASE make for a socket of that name.
    pub fn ipi(name: &str) -> Self {
        Self::Unix(format!("/tmp/ipi_{name}").into())
    }

    /// Reads `HOST:PORT`.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn tcp(text: &str) -> Result<Self> {
        let refused = |problem| Error::Address { address: text.into(), problem };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| refused("has no port: write HOST:PORT"))?;
        let port = port.parse().map_err(|_| refused("has a port that is no number from 0 to 65535"))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(refused("has no host: write HOST:PORT, as in localhost:31415"));
        }
        Ok(Self::Tcp { host: host.into(), port })
    }

    /// The numbers that a host has; none for a file.
    ///
    /// # Errors
    /// Those of the system's resolver.
    pub fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        match self {
            Self::Unix(_) => Ok(vec![]),
            Self::Tcp { host, port } => Ok((host.as_str(), *port).to_socket_addrs()?.collect()),
        }
    }

    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { .. } => self.resolve().is_ok_and(|found| found.iter().all(|place| place.ip().is_loopback())),
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            Some(("tcp", place)) => Self::tcp(place),
            _ => Err(Error::Address { address: text.into(), problem: "is neither unix:PATH nor tcp:HOST:PORT" }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["unix:/tmp/a:b", "tcp:localhost:31415", "tcp:[::1]:7"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_a_sentence() {
        let error = |text: &str| text.parse::<Address>().unwrap_err().to_string();
        assert_eq!(error("water"), "the address \"water\" is neither unix:PATH nor tcp:HOST:PORT");
        assert_eq!(error("tcp:host"), "the address \"host\" has no port: write HOST:PORT");
        assert_eq!(error("tcp:host:99999"), "the address \"host:99999\" has a port that is no number from 0 to 65535");
    }

    #[test]
    fn only_loopback_and_files_are_local() {
        let local = |text: &str| text.parse::<Address>().unwrap().is_local();
        assert!(local("unix:x") && local("tcp:127.0.0.1:1") && local("tcp:[::1]:1"));
        assert!(!local("tcp:0.0.0.0:1"));
    }
}
