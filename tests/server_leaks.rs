//! Ten thousand visitors leave nothing behind. Alone in its file: what it measures is the whole process.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::{sleep, spawn};
use std::time::Duration;

use tumble_core::Settings;
use tumble_core::analytic::PairToy;
use tumble_ipi::message;
use tumble_ipi::net::{Address, Listener};
use tumble_server::Options;
use tumble_server::SessionLimits;
use tumble_server::scheduler::{Limits, Shutdown};
use tumble_server::serve;

/// Resident memory in kB, and open files.
fn footprint() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    let memory = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (memory, std::fs::read_dir("/proc/self/fd").unwrap().count())
}

/// Comes, asks for its status, begins or not, and leaves in one of four ways.
fn visit(path: &std::path::Path, manner: usize) {
    let mut stream = UnixStream::connect(path).unwrap();
    let mut out = vec![];
    message::header("STATUS", &mut out);
    if manner % 2 == 1 {
        message::put_init(0, "species: H2, rotate: octahedral", &mut out);
        message::header("STATUS", &mut out);
    }
    if manner == 2 {
        out.truncate(5);
    }
    stream.write_all(&out).unwrap();
    if manner != 2 {
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    if manner == 3 {
        stream.write_all(b"EXIT        ").unwrap();
    }
}

#[test]
fn ten_thousand_visitors_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = Listener::bind(&Address::Unix(path.clone())).unwrap();
    let interrupt = Shutdown::new().unwrap();
    let stop = std::sync::Arc::clone(&interrupt);
    let server = spawn(move || {
        let session_limits =
            SessionLimits { max_atoms: 100, max_rotations: 100, token: None, settings: Settings::default() };
        let wait = Duration::from_millis(1);
        let limits = Limits {
            max_batch: 10,
            max_wait: wait,
            memory: 1 << 20,
            max_work: 1e9,
            max_text: 4096,
            io_timeout: None,
            admission: None,
            idle: None,
        };
        let options = Options { session_limits, limits, max_connections: 50, statistics: None };
        serve(Box::new(PairToy::new(3.0, 1.0)), listener, options, stop, &mut |_| {}).unwrap()
    });
    (0..1000).for_each(|i| visit(&path, i % 4));
    sleep(Duration::from_millis(200));
    let (memory, files) = footprint();
    (0..10_000).for_each(|i| visit(&path, i % 4));
    sleep(Duration::from_millis(200));
    let (memory_after, files_after) = footprint();
    assert_eq!(files_after, files);
    assert!(memory_after < memory + 2000, "{memory} kB became {memory_after} kB");
    interrupt.ask();
    assert_eq!(server.join().unwrap().total().accepted, 11_000);
}
