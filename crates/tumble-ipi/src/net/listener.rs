//! One kind of listener for files and ports.

use std::fs::{File, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::net::{Address, Stream};

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

/// Nobody else may connect from the first moment on: the file is made in a place of its own, and linked to its name when
/// it is safe. Of two servers that begin at the same time one gets the place, and the other one is told.
fn bind_file(path: &Path) -> io::Result<UnixListener> {
    let stale = stale_socket(path)?;
    let folder = Folder::of(path)?;
    let draft = folder.draft();
    let listener = UnixListener::bind(&draft)?;
    let placed = std::fs::set_permissions(&draft, Permissions::from_mode(0o600)).and_then(|()| match stale {
        Some(stale) => replace(&draft, path, stale, &folder.claim(stale)),
        None => place(&draft, path),
    });
    // A link to it remains in the right place, if all went well.
    let _ = std::fs::remove_file(&draft);
    placed?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn in_use() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "another process answers there")
}

/// The socket's file that a dead server has left there, if there is one; an error if there is anything else.
fn stale_socket(path: &Path) -> io::Result<Option<(u64, u64)>> {
    let found = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    // Without waiting: a server that accepts nobody, as one that is stopped, lives all the same.
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Ok(()) => Err(in_use()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(in_use()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(Some((found.dev(), found.ino()))),
        // Another server has just taken it away, to take its place.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Somebody may be there who speaks otherwise, or not to us.
        Err(error) => Err(error),
    }
}

/// Takes the place of a dead server. Whoever does so has made a link of this name to its file, so that nobody removes a
/// file that has come into that place since.
fn replace(draft: &Path, path: &Path, stale: (u64, u64), claim: &Path) -> io::Result<()> {
    match std::fs::hard_link(path, claim) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(in_use()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return place(draft, path),
        // Some file systems have no links.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => return std::fs::rename(draft, path),
        claimed => claimed?,
    }
    let placed = match identity(claim) {
        Ok(found) if found == stale => std::fs::remove_file(path).and_then(|()| place(draft, path)),
        Ok(_) => Err(in_use()),
        Err(error) => Err(error),
    };
    std::fs::remove_file(claim)?;
    placed
}

/// Gives it its name, which nobody else may have.
fn place(draft: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(in_use()),
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => std::fs::rename(draft, path),
        other => other,
    }
}

/// The folder of a socket, by a name that is short however long its path is: names of sockets are limited.
struct Folder {
    folder: PathBuf,
    /// Keeps the short name alive.
    _open: File,
}

impl Folder {
    fn of(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        let open = File::options().read(true).custom_flags(flags).open(folder)?;
        let short = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
        let folder = if short.exists() { short } else { folder.into() };
        Ok(Self { folder, _open: open })
    }

    /// A name that nobody else uses.
    fn draft(&self) -> PathBuf {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!(".tumble-{}-{count}", std::process::id()))
    }

    /// A name that only one can have who wants to replace this file.
    fn claim(&self, (device, number): (u64, u64)) -> PathBuf {
        self.folder.join(format!(".tumble-{device}-{number}.old"))
    }
}

/// Device and number of a file.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
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
            let _ = std::fs::remove_file(path);
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

    #[test]
    fn a_path_as_long_as_the_system_allows_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let name = "s".repeat(107 - folder.path().as_os_str().len() - 1);
        let address: Address = format!("unix:{}", folder.path().join(name).display()).parse().unwrap();
        let listener = Listener::bind(&address).unwrap();
        Stream::connect(&address).unwrap();
        drop(listener);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_server_that_accepts_nobody_keeps_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let deaf = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        deaf.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        deaf.listen(0).unwrap();
        let _waiting = std::os::unix::net::UnixStream::connect(&path).unwrap();
        assert_eq!(Listener::bind(&Address::Unix(path)).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn place_of_a_dead_server_goes_to_one_of_many_that_begin_at_once() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("s");
            drop(UnixListener::bind(&path).unwrap());
            let bind = || Listener::bind(&Address::Unix(path.clone()));
            let begun: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(bind)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let refused = begun.iter().filter_map(|begun| begun.as_ref().err());
            assert!(refused.clone().all(|error| error.kind() == io::ErrorKind::AddrInUse), "{begun:?}");
            assert_eq!(refused.count(), 7, "{begun:?}");
            Stream::connect(&Address::Unix(path.clone())).unwrap();
            assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        }
    }
}
