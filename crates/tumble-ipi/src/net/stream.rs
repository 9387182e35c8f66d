//! One kind of stream for files and ports.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv6Addr, Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::net::Address;

/// How long one attempt to reach a host may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// After how much silence the system asks whether the other host is still there: one that has crashed says no goodbye.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// How much is read before a connection is closed, bytes.
const MAX_UNREAD: u64 = 64 << 20;

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Through a file.
    Unix(UnixStream),
    /// Through a port; small messages are sent at once.
    Tcp(TcpStream),
}

impl Stream {
    /// Connects.
    ///
    /// # Errors
    /// Those of the system.
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

    /// The machine at the other side; of IPv6 its network, in which one machine has as many addresses as it likes. `None`
    /// for a file.
    pub fn origin(&self) -> Option<IpAddr> {
        let Self::Tcp(stream) = self else { return None };
        match stream.peer_addr().ok()?.ip().to_canonical() {
            IpAddr::V6(address) => Some(Ipv6Addr::from(u128::from(address) >> 64 << 64).into()),
            address => Some(address),
        }
    }

    /// Whether reads and writes return at once when they would have to wait.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_nonblocking(nonblocking),
            Self::Tcp(stream) => stream.set_nonblocking(nonblocking),
        }
    }

    /// How long a read may wait; `None`: forever.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_read_timeout(timeout),
            Self::Tcp(stream) => stream.set_read_timeout(timeout),
        }
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// Those of the system.
    pub fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    /// Says that nothing more will be sent or read, and reads what is there already.
    ///
    /// Whoever closes a connection with something unread resets it: i-PI's thread that talks to its clients dies of that,
    /// and i-PI waits for ever.
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

/// Acknowledges at once what has come. A peer that sends a message in pieces, as ASE does, gets on only when the first
/// one is acknowledged, which would be after 40 ms. Linux forgets the option, so it is set each time; if it cannot be,
/// nothing is lost but that time.
fn acknowledge(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_tcp_quickack(true);
}

impl Write for Stream {
    /// To a peer that has gone it is an error, and never a signal: a program in C around us would die of SIGPIPE.
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
    fn hanging_up_is_an_end_and_no_reset() {
        let (mut one, mut other) = UnixStream::pair().map(|(a, b)| (Stream::Unix(a), b)).unwrap();
        other.write_all(b"unread").unwrap();
        one.hang_up();
        drop(one);
        assert_eq!(other.read(&mut [0; 8]).unwrap(), 0);
    }
}
