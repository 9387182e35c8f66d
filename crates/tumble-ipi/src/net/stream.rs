//! A stream for files and ports alike.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv6Addr, Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::net::Address;

/// Timeout of one attempt to reach a host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence after which the system probes the other host: a crashed host does not close its connections.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The most bytes read before closing.
const MAX_UNREAD: u64 = 64 << 20;

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Through a file.
    Unix(UnixStream),
    /// Through a port; small messages are sent at once (no Nagle delay).
    Tcp(TcpStream),
}

impl Stream {
    /// Connects.
    ///
    /// # Errors
    /// System errors.
    pub fn connect(address: &Address) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        if let Address::Unix(path) = address {
            return Ok(Self::Unix(UnixStream::connect(path)?));
        }
        for place in address.resolve()? {
            match TcpStream::connect_timeout(&place, CONNECT_TIMEOUT) {
                Ok(stream) => return Self::tcp(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(super) fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        Ok(Self::Tcp(stream))
    }

    /// The IP address of the peer; for IPv6 its /64 network, as one machine can have any address in it. `None` for a
    /// file.
    pub fn origin(&self) -> Option<IpAddr> {
        let Self::Tcp(stream) = self else { return None };
        match stream.peer_addr().ok()?.ip().to_canonical() {
            IpAddr::V6(address) => Some(Ipv6Addr::from(u128::from(address) >> 64 << 64).into()),
            address => Some(address),
        }
    }

    /// Chooses whether reads and writes return `WouldBlock` in place of waiting.
    ///
    /// # Errors
    /// System errors.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_nonblocking(nonblocking),
            Self::Tcp(stream) => stream.set_nonblocking(nonblocking),
        }
    }

    /// Limits the wait of a read; `None`: forever.
    ///
    /// # Errors
    /// System errors.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_read_timeout(timeout),
            Self::Tcp(stream) => stream.set_read_timeout(timeout),
        }
    }

    /// Closes the sending side.
    ///
    /// # Errors
    /// System errors.
    pub fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    /// Closes both sides, and reads the remaining input.
    ///
    /// Closing with unread input resets the connection: that kills i-PI's thread for its clients, and i-PI waits
    /// forever.
    pub fn hang_up(&mut self) {
        let _ = self.shutdown(Shutdown::Both);
        if self.set_nonblocking(true).is_ok() {
            let _ = io::copy(&mut self.take(MAX_UNREAD), &mut io::sink());
        }
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.shutdown(how),
            Self::Tcp(stream) => stream.shutdown(how),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => {
                let length = stream.read(buffer)?;
                acknowledge(stream);
                Ok(length)
            }
        }
    }
}

/// Acknowledges received bytes at once. A peer that sends a message in pieces, as ASE does, sends the next one only
/// after the acknowledgement, which Linux delays by 40 ms. Linux clears the option, so it is set at each read; a
/// failure costs only that delay.
fn acknowledge(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_tcp_quickack(true);
}

impl Write for Stream {
    /// Writing to a closed connection returns an error, and sends no SIGPIPE, which would kill a C program that uses
    /// this library.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SockRef::from(&*self).send_with_flags(bytes, libc::MSG_NOSIGNAL)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(stream) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hang_up_ends_the_connection_without_a_reset() {
        let (mut one, mut other) = UnixStream::pair().map(|(a, b)| (Stream::Unix(a), b)).unwrap();
        other.write_all(b"unread").unwrap();
        one.hang_up();
        drop(one);
        assert_eq!(other.read(&mut [0; 8]).unwrap(), 0);
    }
}
