//! Addresses of sockets, as users write them.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{BadAddress, Error, Result};

/// The longest path of a socket, bytes: the last byte of `sun_path` is a zero.
const MAX_PATH: usize = 107;

/// The address of a socket: `unix:PATH` or `tcp:HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file on this machine.
    Unix(PathBuf),
    /// A port, of this machine or another.
    Tcp {
        /// Name or IP address; an IPv6 address without its brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Address {
    /// The file that i-PI and ASE create for a socket name.
    ///
    /// # Errors
    /// As [`Address::unix`].
    pub fn ipi(name: &str) -> Result<Self> {
        Self::unix(&format!("/tmp/ipi_{name}"))
    }

    /// A socket file.
    ///
    /// # Errors
    /// [`Error::Address`] for a path longer than the system's limit.
    pub fn unix(path: &str) -> Result<Self> {
        if path.len() > MAX_PATH {
            return Err(Error::Address { address: path.into(), problem: BadAddress::TooLong });
        }
        Ok(Self::Unix(path.into()))
    }

    /// Reads `HOST:PORT`.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn tcp(text: &str) -> Result<Self> {
        let refused = |problem| Error::Address { address: text.into(), problem };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| refused(BadAddress::NoPort))?;
        let port = port.parse().map_err(|_| refused(BadAddress::Port))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(refused(BadAddress::NoHost));
        }
        Ok(Self::Tcp { host: host.into(), port })
    }

    /// The IP addresses of the host; none for a file.
    ///
    /// # Errors
    /// Errors of the system's resolver.
    pub fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        match self {
            Self::Unix(_) => Ok(vec![]),
            Self::Tcp { host, port } => Ok((host.as_str(), *port).to_socket_addrs()?.collect()),
        }
    }

    /// Whether only this machine can connect.
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
            Some(("unix", path)) if !path.is_empty() => Self::unix(path),
            Some(("tcp", place)) => Self::tcp(place),
            _ => Err(Error::Address { address: text.into(), problem: BadAddress::Kind }),
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
    fn addresses_are_read_back_as_written() {
        for text in ["unix:/tmp/a:b", "tcp:localhost:31415", "tcp:[::1]:7"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn invalid_address_is_refused_with_a_sentence() {
        let error = |text: &str| text.parse::<Address>().unwrap_err().to_string();
        assert_eq!(error("water"), "the address \"water\" is neither unix:PATH nor tcp:HOST:PORT");
        assert_eq!(error("tcp:host"), "the address \"host\" has no port: write HOST:PORT");
        assert_eq!(
            error("tcp:host:99999"),
            "the address \"host:99999\" has a port that is not a number from 0 to 65535"
        );
    }

    #[test]
    fn too_long_path_is_refused() {
        let path = |length| format!("unix:{}", "s".repeat(length)).parse::<Address>();
        assert!(path(107).is_ok());
        let expected = format!(
            "the address \"{}\" is longer than 107 bytes, the system's limit for the path of a socket: give a \
             shorter path, for instance relative to the current folder",
            "s".repeat(108)
        );
        assert_eq!(path(108).unwrap_err().to_string(), expected);
    }

    #[test]
    fn only_loopback_and_files_are_local() {
        let local = |text: &str| text.parse::<Address>().unwrap().is_local();
        assert!(local("unix:x") && local("tcp:127.0.0.1:1") && local("tcp:[::1]:1"));
        assert!(!local("tcp:0.0.0.0:1"));
    }
}
