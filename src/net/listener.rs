//! One kind of listener for files and ports.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::{Address, Stream};

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
