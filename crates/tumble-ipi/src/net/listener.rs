//! A listener for files and ports alike.

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

/// Accepts connections. Dropping it removes its socket file.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    address: Address,
    /// Device and inode of its file.
    file: Option<(u64, u64)>,
}

#[derive(Debug)]
enum Kind {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    /// Listens; [`Listener::accept`] never blocks. Only the owner can connect through a file. The file of a dead server
    /// is replaced.
    ///
    /// # Errors
    /// System errors; `AddrInUse` if another server listens there.
    pub fn bind(address: &Address) -> io::Result<Self> {
        let (kind, address) = match address {
            Address::Unix(path) => (Kind::Unix(bind_file(path)?), address.clone()),
            Address::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port))?;
                listener.set_nonblocking(true)?;
                // Port 0 means any port: find out which.
                let port = listener.local_addr()?.port();
                (Kind::Tcp(listener), Address::Tcp { host: host.clone(), port })
            }
        };
        let file = if let Address::Unix(path) = &address { Some(identity(path)?) } else { None };
        Ok(Self { kind, address, file })
    }

    /// The address; for port 0, with the port that the system chose.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The next connection, and its peer's name.
    ///
    /// # Errors
    /// System errors; `WouldBlock` if there is none.
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

/// Creates a socket file that only its owner can open, from the first moment: it is created under a temporary name, and
/// linked to its path once its permissions are set. If two servers start at the same time, one gets the path and the
/// other an error.
fn bind_file(path: &Path) -> io::Result<UnixListener> {
    let stale = stale_socket(path)?;
    let folder = Folder::of(path)?;
    let draft = folder.draft();
    let listener = UnixListener::bind(&draft)?;
    let placed = std::fs::set_permissions(&draft, Permissions::from_mode(0o600)).and_then(|()| match stale {
        Some(stale) => replace(&draft, path, stale, &folder.claim(stale)),
        None => place(&draft, path),
    });
    // If all went well, the link at the path remains.
    let _ = std::fs::remove_file(&draft);
    placed?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn in_use() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "another process answers there")
}

/// Device and inode of a dead server's socket file, if there is one; an error if there is anything else.
fn stale_socket(path: &Path) -> io::Result<Option<(u64, u64)>> {
    let found = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file there is not a socket"));
    }
    // Non-blocking: a server that accepts nobody, for example a stopped one, is alive all the same.
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Ok(()) => Err(in_use()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(in_use()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(Some((found.dev(), found.ino()))),
        // Another server has just removed it, to replace it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Perhaps a server of another socket type, or of another user.
        Err(error) => Err(error),
    }
}

/// Replaces the socket file of a dead server. The link `claim` to that file is the lock: only one server can create it,
/// so nobody removes a new file of another server.
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

/// Links the socket to its path, and fails if the path is taken.
fn place(draft: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(in_use()),
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => std::fs::rename(draft, path),
        other => other,
    }
}

/// The folder of a socket, under a short name, as paths of sockets are limited.
struct Folder {
    folder: PathBuf,
    /// Keeps the short name valid.
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

    /// A temporary name, unique on this machine.
    fn draft(&self) -> PathBuf {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.folder.join(format!(".tumble-{}-{count}", std::process::id()))
    }

    /// The name of the lock for replacing a file.
    fn claim(&self, (device, number): (u64, u64)) -> PathBuf {
        self.folder.join(format!(".tumble-{device}-{number}.old"))
    }
}

/// Device and inode of a file.
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
        // Another server may have replaced the file.
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
    fn socket_file_is_private_replaces_a_dead_one_and_is_removed_with_its_listener() {
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
    fn longest_path_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let name = "s".repeat(107 - folder.path().as_os_str().len() - 1);
        let address: Address = format!("unix:{}", folder.path().join(name).display()).parse().unwrap();
        let listener = Listener::bind(&address).unwrap();
        Stream::connect(&address).unwrap();
        drop(listener);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn unresponsive_server_keeps_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let deaf = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        deaf.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        deaf.listen(0).unwrap();
        let _waiting = std::os::unix::net::UnixStream::connect(&path).unwrap();
        assert_eq!(Listener::bind(&Address::Unix(path)).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn path_of_a_dead_server_goes_to_one_of_many_new_servers() {
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
