//! The cost of sockets, and the gain from batching many simulations: `make bench-sockets`.
//!
//! Round trips: this program plays i-PI to `tumble ipi` and to i-PI's own Python driver, in turns, with a model of no
//! cost. Throughput: clients send structures to `tumble serve` without pause, batched and one by one, in turns.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use tumble_ipi::client::{Client, ClientSettings};
use tumble_ipi::message::{self, HEADER};
use tumble_ipi::net::{Address, Stream};
use tumble_ipi::wire::Structure;

/// Round trips in one turn, and turns of each driver.
const TRIPS: usize = 300;
const TURNS: usize = 7;

/// Time of one turn of the clients.
const ASKING: Duration = Duration::from_millis(1500);

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder for sockets");
    let free = folder.path().join("free.onnx");
    let python = root.join(".venv/bin/python");
    let made = Command::new(python).arg(root.join("benches/sockets/free_model.py")).arg(&free).status();
    assert!(made.is_ok_and(|status| status.success()), "the free model needs .venv with onnx: run `make setup` first");
    round_trips(root, folder.path(), &free);
    throughput(root, folder.path());
}

/// One water molecule in vacuum, or many on a lattice of 3.1 Å in a periodic box.
fn water(molecules: usize) -> Structure {
    let side = (1..).find(|side: &usize| side.pow(3) >= molecules).unwrap_or(1);
    let edge = 3.1 * side as f64;
    let place = |i: usize| [i % side, i / side % side, i / side / side].map(|k| 3.1 * k as f64 + 0.5);
    let atoms = [[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]];
    let molecule = |i| atoms.map(|atom| [0, 1, 2].map(|k| place(i)[k] + atom[k]));
    let positions = (0..molecules).flat_map(molecule).collect();
    let edge = if molecules == 1 { 0.0 } else { edge };
    Structure { cell: [[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]], positions }
}

fn species(molecules: usize) -> Vec<u8> {
    [8, 1, 1].repeat(molecules)
}

fn template(folder: &Path, molecules: usize) -> PathBuf {
    let path = folder.join("template.xyz");
    let rows: String =
        species(molecules).iter().map(|z| format!("{} 0 0 0\n", if *z == 8 { "O" } else { "H" })).collect();
    std::fs::write(&path, format!("{}\n\n{rows}", 3 * molecules)).expect("a template");
    path
}

/// A child process, ended with this one.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(command: &mut Command) -> Driver {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
    Driver(quiet.env("ORT_DISABLE_TELEMETRY", "1").env("OMP_NUM_THREADS", "1").spawn().expect("a driver"))
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Unix,
    Tcp,
    Shared,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
            Self::Shared => "shm",
        }
    }
}

fn round_trips(root: &Path, folder: &Path, free: &Path) {
    println!("Round trips with a model that costs nothing, median of {TURNS} turns of {TRIPS}, µs:\n");
    println!("| atoms | way | tumble ipi | i-pi-driver-py | ratio |\n|---|---|---|---|---|");
    for molecules in [1, 64, 512] {
        for way in [Way::Unix, Way::Tcp, Way::Shared] {
            let mut ours = Link::open(root, folder, free, way, molecules, true);
            let mut theirs = Link::open(root, folder, free, way, molecules, false);
            let (mut a, mut b) = (vec![], vec![]);
            for _ in 0..TURNS {
                a.push(ours.turn());
                b.push(theirs.turn());
            }
            let (a, b) = (median(a), median(b));
            println!("| {} | {} | {a:.1} | {b:.1} | {:.2} |", 3 * molecules, way.name(), a / b);
        }
    }
    println!();
}

/// A connection to a driver; this side plays i-PI.
struct Link {
    stream: Stream,
    message: Vec<u8>,
    later: Vec<u8>,
    reply: Vec<u8>,
    shared: bool,
    _driver: Driver,
    _segments: Vec<Segment>,
}

/// Shared memory, removed on drop.
struct Segment(PathBuf);

impl Drop for Segment {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Link {
    fn open(root: &Path, folder: &Path, free: &Path, way: Way, molecules: usize, ours: bool) -> Self {
        let name = format!("tumble-bench-{}-{ours}", std::process::id());
        let path = PathBuf::from(format!("/tmp/ipi_{name}"));
        let _ = std::fs::remove_file(&path);
        let unix = UnixListener::bind(&path).expect("a socket");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = tcp.local_addr().expect("an address").port();
        let driver = spawn(&mut match ours {
            true => our_driver(free, &template(folder, molecules), &name, port, way),
            false => their_driver(root, &name, port, way),
        });
        let stream = match way {
            Way::Tcp => Stream::Tcp(tcp.accept().expect("a connection").0),
            _ => Stream::Unix(unix.accept().expect("a connection").0),
        };
        if let Stream::Tcp(stream) = &stream {
            stream.set_nodelay(true).expect("no delay");
        }
        let _ = std::fs::remove_file(&path);
        Self::greet(stream, driver, way, molecules)
    }

    fn greet(mut stream: Stream, driver: Driver, way: Way, molecules: usize) -> Self {
        let mut out = vec![];
        message::header("STATUS", &mut out);
        stream.write_all(&out).expect("a status");
        let mut reply = [0; HEADER];
        stream.read_exact(&mut reply).expect("a reply");
        if reply.starts_with(b"NEEDINIT") {
            let mut out = vec![];
            message::put_init(0, "bench", &mut out);
            message::header("STATUS", &mut out);
            stream.write_all(&out).expect("an init");
            stream.read_exact(&mut reply).expect("a reply");
        }
        let (message, later, segments) = request(way, molecules);
        let mut link = Self {
            stream,
            message,
            later,
            reply: vec![],
            shared: way == Way::Shared,
            _driver: driver,
            _segments: segments,
        };
        link.trip(3 * molecules);
        std::mem::swap(&mut link.message, &mut link.later);
        (0..50).for_each(|_| link.trip(3 * molecules));
        link
    }

    fn trip(&mut self, atoms: usize) {
        self.stream.write_all(&self.message).expect("a request");
        let fixed = if self.shared { HEADER + 4 } else { HEADER + 8 + 4 + 24 * atoms + 72 + 4 };
        self.reply.resize(fixed, 0);
        self.stream.read_exact(&mut self.reply).expect("results");
        let length = i32::from_le_bytes(*self.reply[fixed - 4..].first_chunk().expect("a length")) as usize;
        self.reply.resize(length, 0);
        self.stream.read_exact(&mut self.reply).expect("extras");
    }

    /// Runs one turn; returns µs per round trip.
    fn turn(&mut self) -> f64 {
        let atoms = if self.shared { 0 } else { (self.message.len() - 2 * HEADER - 148) / 24 };
        let mut times: Vec<_> = (0..TRIPS)
            .map(|_| {
                let start = Instant::now();
                self.trip(atoms);
                1e6 * start.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[TRIPS / 2]
    }
}

/// The first request, the later requests, and their shared memory.
fn request(way: Way, molecules: usize) -> (Vec<u8>, Vec<u8>, Vec<Segment>) {
    let structure = water(molecules);
    let mut out = vec![];
    if way != Way::Shared {
        message::put_positions(&structure, &mut out);
        message::header("GETFORCE", &mut out);
        return (out.clone(), out, vec![]);
    }
    let (mut cell, mut positions) = (vec![], vec![]);
    structure.put_cell(&mut cell);
    structure.put_positions(&mut positions);
    let contents = [&positions[..], &cell[..72], &cell[72..], &[0; 8], &vec![0; positions.len()], &[0; 72]];
    let prefix = format!("tumble_bench_{}_{:?}", std::process::id(), Instant::now())
        .replace(|c: char| !c.is_alphanumeric(), "_");
    let segments: Vec<_> = (0..6).map(|i| Segment(PathBuf::from(format!("/dev/shm/{prefix}_{i}")))).collect();
    message::header("POSDATA", &mut out);
    out.extend((structure.positions.len() as i32).to_le_bytes());
    let mut later = out.clone();
    for (segment, content) in segments.iter().zip(contents) {
        File::create(&segment.0).and_then(|mut file| file.write_all(content)).expect("shared memory");
        message::text(&segment.0.file_name().expect("a name").to_string_lossy(), &mut out);
    }
    message::header("GETFORCE", &mut out);
    message::header("GETFORCE", &mut later);
    (out, later, segments)
}

fn our_driver(model: &Path, template: &Path, name: &str, port: u16, way: Way) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
    command.arg("ipi").arg(model).arg("--template").arg(template);
    match way {
        Way::Unix => command.args(["--unix", name]),
        Way::Tcp => command.args(["--tcp", &format!("127.0.0.1:{port}")]),
        Way::Shared => command.args(["--shm", "--unix", name]),
    };
    command
}

fn their_driver(root: &Path, name: &str, port: u16, way: Way) -> Command {
    let mut command = Command::new(root.join(".venv/bin/i-pi-driver-py"));
    command.args(["-m", "dummy"]);
    match way {
        Way::Unix => command.args(["-u", "-a", name]),
        Way::Tcp => command.args(["-a", "127.0.0.1", "-p", &port.to_string()]),
        Way::Shared => command.args(["-u", "--shm", "-a", name]),
    };
    command
}

fn throughput(root: &Path, folder: &Path) {
    let model = root.join("examples/models/water-pet.onnx");
    println!("Structures a second of the water model through one server, median of 3 turns:\n");
    println!("| atoms | clients | batched | one by one | ratio |\n|---|---|---|---|---|");
    for molecules in [1, 64] {
        for clients in [1, 8, 32] {
            let rate = |batch: &str| asked(&model, folder, molecules, clients, batch);
            let turns: Vec<_> = (0..3).map(|_| (rate("1024"), rate("1"))).collect();
            let (a, b) = (median(turns.iter().map(|t| t.0).collect()), median(turns.iter().map(|t| t.1).collect()));
            println!("| {} | {clients} | {a:.0} | {b:.0} | {:.2} |", 3 * molecules, a / b);
        }
    }
}

/// Structures per second.
fn asked(model: &Path, folder: &Path, molecules: usize, clients: usize, batch: &str) -> f64 {
    let address = Address::Unix(folder.join("serve"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
    command.arg("serve").arg(model).args(["--listen", &address.to_string(), "--max-batch", batch]);
    let _server = spawn(&mut command);
    let ask = |_| {
        let address = address.clone();
        thread::spawn(move || ask(&address, molecules))
    };
    let threads: Vec<_> = (0..clients).map(ask).collect();
    let counts: usize = threads.into_iter().map(|thread| thread.join().expect("a client")).sum();
    counts as f64 / ASKING.as_secs_f64()
}

/// Number of answers to one client.
fn ask(address: &Address, molecules: usize) -> usize {
    let settings = ClientSettings { species: species(molecules), ..ClientSettings::default() };
    let structure = water(molecules);
    let mut client = loop {
        match Client::connect(address, &settings) {
            Ok(client) => break client,
            Err(_) => sleep(Duration::from_millis(20)),
        }
    };
    let cell = (molecules > 1).then_some(&structure.cell);
    let mut evaluate = || client.evaluate(cell, &structure.positions).expect("an answer");
    // By then all clients are connected, and the model has run once with this shape.
    let warm = Instant::now() + Duration::from_millis(300);
    while Instant::now() < warm {
        evaluate();
    }
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < ASKING {
        evaluate();
        count += 1;
    }
    count
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
