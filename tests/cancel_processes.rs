//! Processes with requests that are abandoned, too large, or long while others wait.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

#[allow(dead_code)]
#[path = "support/ipi_peer.rs"]
mod ipi_peer;
#[allow(dead_code)]
#[path = "support/process.rs"]
mod process;

use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use process::{Ended, Peer, Process, SLOW, check, expected, many, model, until, water};
use tempfile::TempDir;
use tumble_core::Settings;
use tumble_core::rotation::Vector3;
use tumble_ipi::message::{self, Reply};
use tumble_ipi::wire::Structure;

/// Time limit of a cancellation on a busy machine; it takes less than a second on a quiet one, and the cancelled work
/// would take many minutes.
const SOON: Duration = Duration::from_secs(20);

const SHUTTING_DOWN: &str = "the server is shutting down: connect to the next one";

struct Server {
    folder: TempDir,
    process: Process,
}

impl Server {
    /// A server that accepts work of minutes, in an address space of `limit` kB.
    fn start(options: &[&str], limit: Option<usize>) -> Self {
        let folder = TempDir::new().unwrap();
        let limit = limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
        let mut command = Command::new("bash");
        command.args(["-c", "ulimit -v \"$0\"; exec \"$@\"", &limit, env!("CARGO_BIN_EXE_tumble"), "serve"]);
        command.arg(model("harmonic-list-f64")).args(["--max-rotations", "20000"]).args(options);
        command.args(["--listen", &format!("unix:{}", folder.path().join("s").display())]);
        let process = Process::of(&mut command);
        process.says("listening");
        Self { folder, process }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    fn begin(&self, text: &str, atoms: usize) -> Peer {
        let mut peer = Peer::new(UnixStream::connect(self.socket()).unwrap(), atoms);
        peer.init(text);
        peer
    }

    /// A client with a request of minutes under evaluation.
    fn busy(&self) -> Peer {
        let species = ["O H2"; 100].join(" ");
        let mut peer = self.begin(&format!("species: {species}, rotate: {SLOW}"), 300);
        let before = self.process.seconds();
        peer.ask(&many(100));
        until("work", || self.process.seconds() > before + 0.3);
        peer
    }

    /// Checks that one molecule is answered soon.
    fn serves_others(&self) {
        let right = expected(&Settings::default(), &water(0.0), 0);
        let start = Instant::now();
        let mut peer = self.begin("species: O H2", 3);
        check(&peer.evaluate(&water(0.0)), &right);
        peer.header("STATUS");
        peer.expect(&Reply::Ready);
        println!("answered after {:?}", start.elapsed());
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }

    /// Checks that the server is idle.
    fn rests(&self) {
        until("rest", || {
            let before = self.process.seconds();
            sleep(Duration::from_millis(300));
            self.process.seconds() < before + 0.1
        });
    }
}

#[test]
fn server_cancels_evaluations_of_disconnected_clients() {
    let server = Server::start(&["--max-work", "1e12"], None);
    let start = Instant::now();
    drop(server.busy());
    server.rests();
    assert!(start.elapsed() < 3 * SOON);
    server.serves_others();
    server.process.says("closed the connection before it had its results");
}

#[test]
fn short_requests_come_between_the_runs_of_long_ones() {
    let server = Server::start(&["--max-work", "1e12"], None);
    let long = server.busy();
    (0..3).for_each(|_| server.serves_others());
    long.stream.set_nonblocking(true).unwrap();
    assert!(std::io::Read::read(&mut &long.stream, &mut [0]).is_err(), "the long one is done");
    // Another long request is evaluated when the first client has left.
    let next = server.busy();
    server.serves_others();
    drop(long);
    server.serves_others();
    drop(next);
    server.rests();
}

#[test]
fn a_long_request_gives_the_same_with_others_between_its_runs() {
    let rotate = "random:300";
    let server = Server::start(&["--max-work", "1e12"], None);
    let species = ["O H2"; 100].join(" ");
    let mut peer = server.begin(&format!("species: {species}, rotate: {rotate}"), 300);
    peer.ask(&many(100));
    (0..3).for_each(|_| server.serves_others());
    let alone = expected(&Settings { mitigation: rotate.parse().unwrap(), ..Settings::default() }, &many(100), 0);
    let found = peer.answers().remove(0);
    check(&found, &alone);
}

#[test]
fn a_signal_ends_a_server_in_the_middle_of_an_evaluation() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let mut server = Server::start(&["--max-work", "1e12"], None);
        let (mut peer, start) = (server.busy(), Instant::now());
        server.process.signal(signal);
        assert_eq!(peer.refusal(), SHUTTING_DOWN);
        assert_eq!(server.process.end(), Ended::Code(0), "{}", server.process.said());
        assert!(start.elapsed() < SOON);
        assert!(!server.socket().exists());
    }
}

#[test]
fn a_server_ends_when_its_time_is_up() {
    let mut server = Server::start(&["--max-work", "1e12", "--max-seconds", "3"], None);
    let mut peer = server.busy();
    assert_eq!(peer.refusal(), SHUTTING_DOWN);
    assert_eq!(server.process.end(), Ended::Code(0));
    assert!(!server.socket().exists());
}

/// Hydrogen atoms at random in a cube, not periodic.
fn crowd(atoms: usize, side: f64) -> Structure {
    let number = |i: usize, factor: f64| side * (i as f64 * factor).fract();
    let place = |i| [number(i, 0.618_033_988_7), number(i, 0.754_877_666_2), number(i, 0.569_840_290_9)];
    Structure { cell: [[0.0; 3]; 3], positions: (0..atoms).map(place).collect::<Vec<Vector3>>() }
}

#[test]
fn a_crowd_of_atoms_is_refused_and_others_are_served() {
    let server = Server::start(&["--memory", "500"], Some(3_500_000));
    let mut dense = server.begin("species: H100000", 100_000);
    dense.ask(&crowd(100_000, 3.0));
    let sentence = dense.refusal();
    assert!(sentence.starts_with("100000 atoms have more than 2621440 pairs of neighbors within"), "{sentence}");
    assert!(sentence.ends_with("check positions and cell, and whether their unit is Å, or raise memory"));
    let mut tiny = server.begin("species: H3, rotate: random:1000", 3);
    tiny.ask(&Structure { cell: [[0.3, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.3]], ..crowd(3, 0.3) });
    let sentence = tiny.refusal();
    assert!(
        sentence.starts_with("some of 3 atoms have ") && sentence.contains("at most 2000 are supported"),
        "{sentence}"
    );
    server.serves_others();
}

#[test]
fn a_message_of_too_much_work_is_refused() {
    let server = Server::start(&["--max-work", "1e6"], None);
    let mut peer = server.begin("species: H2, rotate: random:600, batch_size: 2", 2);
    let pair = || Structure { cell: [[0.0; 3]; 3], positions: vec![[0.0; 3], [0.8, 0.0, 0.0]] };
    peer.ask_batch(&[pair(), pair()]);
    assert_eq!(
        peer.refusal(),
        "2 structure(s) with 4 edges and 600 rotations give 1.2e6 edges to compute, above the limit of 1.0e6 per message: give \
         fewer rotations or fewer atoms"
    );
    server.serves_others();
}

#[test]
fn many_connections_with_large_batches_take_no_memory_before_a_request() {
    let server = Server::start(&[], Some(2_000_000));
    let begun: Vec<_> = (0..40)
        .map(|_| {
            let mut peer = server.begin("species: H, batch_size: 100000", 1);
            peer.header("STATUS");
            peer.expect(&Reply::Ready);
            peer
        })
        .collect();
    server.serves_others();
    drop(begun);
}

/// A scripted i-PI for `tumble ipi`, and a process in the middle of a long request.
fn ipi(options: &[&str]) -> (TempDir, Process, Peer) {
    let folder = TempDir::new().unwrap();
    let (socket, template) = (folder.path().join("s"), folder.path().join("template.xyz"));
    let rows = "O 0 0 0\nH 0 0 1\nH 0 1 0\n".repeat(100);
    std::fs::write(&template, format!("300\n\n{rows}")).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
    command.arg("ipi").arg(model("harmonic-list-f64")).arg("--template").arg(&template);
    command.args(["--unix", socket.to_str().unwrap(), "--rotate", SLOW]).args(options);
    let process = Process::of(&mut command);
    let mut peer = Peer::new(listener.accept().unwrap().0, 300);
    peer.header("STATUS");
    peer.expect(&Reply::NeedInit);
    peer.init("");
    let before = process.seconds();
    peer.ask(&many(100));
    until("work", || process.seconds() > before + 0.3);
    (folder, process, peer)
}

#[test]
fn a_signal_ends_a_client_of_ipi_in_the_middle_of_an_evaluation() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let (_folder, mut tumble, mut peer) = ipi(&[]);
        let start = Instant::now();
        tumble.signal(signal);
        assert_eq!(tumble.end(), Ended::Code(130), "{}", tumble.said());
        assert!(start.elapsed() < SOON);
        assert_eq!(peer.reply(), None);
    }
}

#[test]
fn a_closing_server_ends_its_client_in_the_middle_of_an_evaluation() {
    let (_folder, mut tumble, peer) = ipi(&[]);
    let start = Instant::now();
    drop(peer);
    assert_eq!(tumble.end(), Ended::Code(1));
    assert!(start.elapsed() < SOON);
    assert!(tumble.said().contains("closed the connection before it had its results"), "{}", tumble.said());
}

#[test]
fn a_client_of_ipi_ends_when_its_time_is_up() {
    let (_folder, mut tumble, mut peer) = ipi(&["--max-seconds", "3", "--log", "json"]);
    assert_eq!(tumble.end(), Ended::Code(124), "{}", tumble.said());
    assert!(tumble.said().lines().last().unwrap().contains("\"ending\":\"late\""), "{}", tumble.said());
    assert_eq!(peer.reply(), None);
}

/// A file with neighboring molecules.
fn molecules(folder: &TempDir, count: usize) -> String {
    let path = folder.path().join(format!("{count}.xyz"));
    let mut file = std::fs::File::create(&path).unwrap();
    let positions = many(count).positions;
    writeln!(file, "{}\n", positions.len()).unwrap();
    for (atom, [x, y, z]) in positions.iter().enumerate() {
        writeln!(file, "{} {x} {y} {z}", if atom % 3 == 0 { "O" } else { "H" }).unwrap();
    }
    path.to_str().unwrap().to_owned()
}

#[test]
fn commands_end_when_their_time_is_up() {
    let folder = TempDir::new().unwrap();
    let (path, toy) = (molecules(&folder, 100), model("harmonic-list-f64"));
    let toy = toy.to_str().unwrap();
    let ends = |arguments: &[&str], words: &str| {
        let start = Instant::now();
        Process::tumble(&[arguments, &["--max-seconds", "1"]].concat()).ends(124, words);
        assert!(start.elapsed() < Duration::from_secs(1) + SOON);
    };
    let sentence = format!("error: frame 1 of {path}: the evaluation was cancelled: its time is up");
    ends(&["eval", toy, &path, "--rotate", SLOW], &sentence);
    ends(&["bench", toy, &path, "--rotate", SLOW], &sentence);
    ends(
        &["check", toy, &path, "--reference", "degree:14", "--orientations", "32"],
        "error: the time was up before the first structure was done: raise --max-seconds, or make the measurement \
         shorter with --budget, --reference or --orientations",
    );
    Process::tumble(&["eval", toy, &path, "--max-seconds", "60"]).finished();
    let mut refused = Process::tumble(&["eval", toy, &path, "--max-seconds", "0"]);
    assert_eq!(refused.end(), Ended::Code(2));
    assert!(refused.said().contains("must be a number above 0"), "{}", refused.said());
}

#[test]
fn a_crowd_of_atoms_on_the_command_line_is_an_error() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("dense.xyz");
    let rows: String = crowd(20_000, 1.0).positions.iter().map(|[x, y, z]| format!("H {x} {y} {z}\n")).collect();
    std::fs::write(&path, format!("20000\n\n{rows}")).unwrap();
    let (path, toy) = (path.to_str().unwrap(), model("harmonic-list-f64"));
    for command in ["eval", "bench", "check"] {
        let mut tumble = Process::tumble(&[command, toy.to_str().unwrap(), path]);
        assert_eq!(tumble.end(), Ended::Code(1), "{}", tumble.said());
        assert!(
            tumble.said().contains(&format!("error: frame 1 of {path}: 20000 atoms have more than 10737418 pairs")),
            "{}",
            tumble.said()
        );
    }
}

#[test]
fn a_half_message_does_not_hide_a_disconnection() {
    let server = Server::start(&["--max-work", "1e12"], None);
    let mut peer = server.busy();
    // While the model works at most one further piece is read; the end of the connection is noticed nevertheless.
    peer.send(|out| message::header("STATUS", out));
    drop(peer);
    server.rests();
}
