//! One kind of stream and of listener for files and ports.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use super::Address;

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

    fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        Ok(Self::Tcp(stream))
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
        match self {
            Self::Unix(stream) => stream.shutdown(std::net::Shutdown::Write),
            Self::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
        }
    }
}

impl Stream {
    /// Says that nothing more will be sent or read, and reads what is there already.
    ///
    /// Whoever closes a connection with something unread resets it: i-PI's thread that talks to its clients dies of that,
    /// and i-PI waits for ever.
    pub fn hang_up(&mut self) {
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(std::net::Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(std::net::Shutdown::Both),
        };
        if self.set_nonblocking(true).is_ok() {
            let _ = io::copy(&mut self.take(MAX_UNREAD), &mut io::sink());
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

/// Where connections are accepted. A file is removed with it.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    address: Address,
    /// Its file, as the system tells files apart.
    file: Option<(u64, u64)>,
}

#[derive(Debug)]
enum Kind {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// Listens, without waiting in [`Listener::accept`]. A file can be opened by its owner only; one that a dead server
    /// has left behind is replaced.
    ///
    /// # Errors
    /// Those of the system; `AddrInUse` if somebody answers there.
    pub fn bind(address: &Address) -> io::Result<Self> {
        let (kind, address) = match address {
            Address::Unix(path) => (Kind::Unix(bind_file(path)?), address.clone()),
            Address::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port))?;
                listener.set_nonblocking(true)?;
                // Port 0 means any, and the caller wants to know which.
                let port = listener.local_addr()?.port();
                (Kind::Tcp(listener), Address::Tcp { host: host.clone(), port })
            }
        };
        let file = if let Address::Unix(path) = &address { Some(identity(path)?) } else { None };
        Ok(Self { kind, address, file })
    }

    /// Where it listens; with the port that was found if any was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The next connection and who it is from.
    ///
    /// # Errors
    /// Those of the system; `WouldBlock` if there is none.
    pub fn accept(&self) -> io::Result<(Stream, String)> {
        match &self.kind {
            Kind::Unix(listener) => Ok((Stream::Unix(listener.accept()?.0), "unix".into())),
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                Ok((Stream::tcp(stream)?, peer.to_string()))
            }
        }
    }
}

/// Nobody else may connect from the first moment on: the file is made in a place of its own, and moved when it is safe.
fn bind_file(path: &Path) -> io::Result<UnixListener> {
    match UnixStream::connect(path) {
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process answers there")),
        Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => {}
        // Somebody may be there who speaks otherwise, or not to us.
        Err(error) => return Err(error),
    }
    let draft = path.with_file_name(format!(".tumble-{}-{}", std::process::id(), name(path)));
    let listener = UnixListener::bind(&draft)?;
    let placed = std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600))
        .and_then(|()| remove_socket(path))
        .and_then(|()| std::fs::rename(&draft, path));
    if let Err(error) = placed {
        let _ = std::fs::remove_file(&draft);
        return Err(error);
    }
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Device and number of a file.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Removes a socket's file, and nothing else.
fn remove_socket(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Unix(listener) => listener.as_fd(),
            Kind::Tcp(listener) => listener.as_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Another server may have been given the place meanwhile.
        if let Address::Unix(path) = &self.address
            && identity(path).ok() == self.file
        {
            let _ = remove_socket(path);
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

    #[test]
    fn a_socket_file_is_private_replaces_a_dead_one_and_goes_with_its_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        let address = Address::Unix(path.clone());
        let listener = Listener::bind(&address).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Listener::bind(&address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        assert!(!path.exists());
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(Listener::bind(&address).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
