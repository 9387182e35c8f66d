//! The force server among well-behaved and misbehaving peers.

#[allow(dead_code)]
#[path = "support/ipi_peer.rs"]
mod ipi_peer;

use std::io::Write;
use std::net;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tumble_core::Calculator;
use tumble_core::Result;
use tumble_core::Settings;
use tumble_core::analytic::{HarmonicToy, Legendre};
use tumble_core::graph::Graph;
use tumble_core::panics::ForeignError;
use tumble_core::planner::{ModelCosts, RecomputeLevel};
use tumble_core::potential::{Forces, ModelInfo, Potential, Response};
use tumble_core::rotation::{Matrix3, dot};
use tumble_ipi::message::{self, Answer, Layout, Reply};
use tumble_ipi::net::{Address, Listener};
use tumble_ipi::wire::Structure;
use tumble_server::Options;
use tumble_server::Report;
use tumble_server::SessionLimits;
use tumble_server::Statistics;
use tumble_server::scheduler::{Admission, Limits, Shutdown};
use tumble_server::serve;

use crate::ipi_peer::{CELL, Peer, evaluated, water};

const CUTOFF: f64 = 4.0;
const CHARGES: [(u8, f64); 2] = [(1, 0.5), (8, -1.0)];

fn toy() -> HarmonicToy {
    HarmonicToy::new(CUTOFF, &CHARGES, Legendre { l1: 0.3, l2: 0.2, l4: 0.1 })
}

fn limits() -> Limits {
    Limits {
        max_batch: 1024,
        max_wait: Duration::from_millis(2),
        memory: 1 << 30,
        max_work: 1e9,
        max_text: 1 << 16,
        io_timeout: Some(Duration::from_millis(400)),
        admission: Some(Admission { max_pending: 64, grace: Duration::from_millis(400) }),
        idle: None,
    }
}

/// A server in a thread, with a log of its sentences.
struct Server {
    folder: TempDir,
    interrupt: Arc<Shutdown>,
    log: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<Statistics>>,
}

impl Server {
    fn start() -> Self {
        Self::with(
            limits(),
            SessionLimits { max_atoms: 1000, max_rotations: 100, token: None, settings: Settings::default() },
            300,
        )
    }

    fn with(limits: Limits, session_limits: SessionLimits, max_connections: usize) -> Self {
        Self::of(Box::new(toy()), limits, session_limits, max_connections)
    }

    fn of(
        potential: Box<dyn Potential>,
        limits: Limits,
        session_limits: SessionLimits,
        max_connections: usize,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&Address::Unix(folder.path().join("socket"))).unwrap();
        let interrupt = Shutdown::new().unwrap();
        let log = Arc::new(Mutex::new(vec![]));
        let (stop, lines) = (Arc::clone(&interrupt), Arc::clone(&log));
        let thread = spawn(move || {
            let options = Options { session_limits, limits, max_connections, statistics: None };
            let mut tell = |report: Report| {
                if let Report::Ended { end, .. } = report {
                    lines.lock().unwrap().push(format!("{end:?}"));
                }
            };
            serve(potential, listener, options, stop, &mut tell).unwrap()
        });
        Self { folder, interrupt, log, thread: Some(thread) }
    }

    fn connect(&self) -> Peer {
        Peer::new(UnixStream::connect(self.folder.path().join("socket")).unwrap(), 3)
    }

    fn begin(&self, text: &str) -> Peer {
        let mut peer = self.connect();
        peer.init(text);
        peer
    }

    /// Waits for a line in the log that contains `part`.
    fn logs(&self, part: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.log.lock().unwrap().iter().any(|line| line.contains(part)) {
            assert!(Instant::now() < end, "\"{part}\" is not in {:?}", self.log.lock().unwrap());
            sleep(Duration::from_millis(5));
        }
    }

    /// Checks that the server still works.
    fn check(&self) {
        let mut peer = self.begin("species: O H2");
        assert_eq!(peer.evaluate(&water(0.0)), expected(&water(0.0), "none", 0, 0));
    }

    fn stop(mut self) -> Statistics {
        self.interrupt.ask();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.interrupt.ask();
    }
}

/// Results of a calculator in this process, with the rounding of the wire.
fn expected(structure: &Structure, rotate: &str, seed: u64, step: u64) -> Answer {
    let settings = Settings { mitigation: rotate.parse().unwrap(), seed, ..Settings::default() };
    let answer = evaluated(Calculator::new(Box::new(toy()), &settings).unwrap(), structure, step);
    let mut bytes = vec![];
    message::put_answers(&[answer], message::Transport::Socket, &mut bytes);
    match message::reply(&bytes, &Layout::plain(structure.positions.len())).unwrap() {
        Some((Reply::ForceReady(mut answers), _)) => answers.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_simulation_is_answered_step_by_step_with_its_settings() {
    let server = Server::start();
    let mut peer = server.connect();
    peer.send(|out| message::header("STATUS", out));
    assert_eq!(peer.reply(), Some(Reply::NeedInit));
    peer.send(|out| message::put_init(3, "species: O H2, rotate: octahedral+random, seed: 7, step: 5", out));
    peer.send(|out| message::header("STATUS", out));
    assert_eq!(peer.reply(), Some(Reply::Ready));
    for step in 0..4 {
        let structure = water(0.01 * step as f64);
        assert_eq!(peer.evaluate(&structure), expected(&structure, "octahedral+random", 7, 5 + step));
    }
    peer.send(|out| message::header("EXIT", out));
    assert_eq!(peer.reply(), None);
    server.logs("Exit");
    assert_eq!(server.stop().total().structures, 4);
}

#[test]
fn simultaneous_requests_are_batched_and_each_client_gets_its_own_answer() {
    let server = Server::start();
    let peers: Vec<_> =
        (0..32).map(|i| (i, server.begin(&format!("species: O H2, rotate: random, seed: {i}")))).collect();
    let threads = peers.into_iter().map(|(i, mut peer)| {
        spawn(move || {
            for step in 0..20 {
                let structure = water(0.001 * (i + 32 * step) as f64);
                assert_eq!(peer.evaluate(&structure), expected(&structure, "random", i, step));
            }
        })
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    let statistics = server.stop();
    assert_eq!(statistics.total().structures, 32 * 20);
    assert!(statistics.total().batches < 32 * 20 / 2, "{:?}", statistics.total());
}

/// Fails if atoms are closer than 0.5 Å.
struct Fragile(HarmonicToy);

impl Potential for Fragile {
    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        if graph.vectors.iter().any(|&vector| dot(vector, vector) < 0.25) {
            let source = ForeignError::new("it broke");
            return Err(tumble_onnx::Error::ModelRun { model: "fragile".into(), source }.into());
        }
        self.0.evaluate(graph, rotations, forces)
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        self.0.costs(level)
    }
}

#[test]
fn others_get_their_own_answers_after_a_failed_batch() {
    let patient = Limits { max_wait: Duration::from_secs(5), ..limits() };
    let session_limits =
        SessionLimits { max_atoms: 1000, max_rotations: 100, token: None, settings: Settings::default() };
    let server = Server::of(Box::new(Fragile(toy())), patient, session_limits, 10);
    let mut bad = server.begin("species: O H2, batch_size:3");
    let mut good = server.begin("species: O H2");
    let mut broken = water(0.0);
    broken.positions[1] = [1.3, 1.0, 1.0];
    // Both are evaluated in one round, the failing one first.
    bad.ask_batch(&[broken, water(0.1), water(0.2)]);
    good.ask(&water(0.3));
    assert_eq!(bad.refusal(), "ONNX Runtime failed to run the model \"fragile\": it broke");
    assert_eq!(good.answers(), [expected(&water(0.3), "none", 0, 0)]);
    assert_eq!(server.stop().total().batches, 1);
}

#[test]
fn a_batch_in_one_message_is_answered_in_one() {
    let server = Server::start();
    let mut peer = server.begin("species: O H2, rotate: tetrahedral, batch_size:3");
    let structures = [water(0.0), water(0.1), water(0.2)];
    peer.ask_batch(&structures);
    let Some(Reply::ForceReady(answers)) = peer.reply() else { panic!("no answers") };
    let expected: Vec<_> = structures.iter().map(|structure| expected(structure, "tetrahedral", 0, 0)).collect();
    assert_eq!(answers, expected);
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = Server::start();
    let mut peer = server.begin("species: O H2");
    let mut out = vec![];
    message::put_positions(&water(0.0), &mut out);
    message::header("GETFORCE", &mut out);
    for byte in out {
        peer.stream.write_all(&[byte]).unwrap();
    }
    assert!(matches!(peer.reply(), Some(Reply::ForceReady(_))));
}

#[test]
fn an_invalid_init_is_refused_with_a_sentence() {
    let server = Server::start();
    let refusal = |text: &str| server.begin(text).refusal();
    assert_eq!(refusal(""), "the INIT names no species: add, for instance, species: O H2");
    assert_eq!(
        refusal("species: Xx"),
        "\"Xx\" in the species is not a symbol with a count: write O H2 for one O and two H"
    );
    assert!(refusal("species: He").contains("does not know element He"));
    assert_eq!(refusal("species: O1001"), "the structure has more than 1000 atoms, the server's limit");
    assert!(
        refusal("species: O600, batch_size: 2").starts_with("1200 atoms per message exceed the server's limit of 1000")
    );
    assert!(
        refusal("species: O, color: blue").starts_with("the INIT has the unknown key \"color\": the keys are species")
    );
    assert!(refusal("species: O, rotate: sideways").starts_with("the mitigation \"sideways\" is unknown"));
    let many = "101 rotations per structure exceed the server's limit of 100";
    assert_eq!(refusal("species: O, rotate: random:101"), many);
    assert_eq!(refusal("species: O, seed: -1"), "seed is \"-1\": give a whole number from 0 to 18446744073709551615");
    assert_eq!(refusal("species: O, inversion: maybe"), "inversion is \"maybe\": give yes or no");
    assert!(refusal("species: O, forces: direct").contains("offers no direct forces"));
    let twice = "the key \"species\" is given twice: leave one of them out";
    assert_eq!(refusal("species: O H2, rotate: none, species: H3"), twice);
    assert!(refusal("species: O, correction: yes").starts_with("correction yes is zero without rotations"));
    let step = "step is \"9223372036854775808\": give a whole number from 0 to 9223372036854775807";
    assert_eq!(refusal("species: O, step: 9223372036854775808"), step);
    for beads in ["0", "65536", "many"] {
        let expected = format!("beads is \"{beads}\": give a whole number from 1 to 65535");
        assert_eq!(refusal(&format!("species: O, beads: {beads}")), expected);
    }
    assert!(refusal("species: O, batch_size: 0").starts_with("batch_size is \"0\""));
    assert_eq!(refusal("species:"), refusal(""));
    for beads in ["0", "65536", "-1", "18446744073709551616"] {
        let sentence = format!("beads is \"{beads}\": give a whole number from 1 to 65535");
        assert_eq!(refusal(&format!("species: O, beads: {beads}")), sentence);
    }
    server.check();
}

#[test]
fn clients_without_settings_get_those_of_the_server() {
    let settings = Settings { mitigation: "octahedral".parse().unwrap(), ..Settings::default() };
    let server =
        Server::with(limits(), SessionLimits { max_atoms: 1000, max_rotations: 100, token: None, settings }, 10);
    assert_eq!(server.begin("species: O H2").evaluate(&water(0.0)), expected(&water(0.0), "octahedral", 0, 0));
    assert_eq!(server.begin("species: O H2, rotate: none").evaluate(&water(0.0)), expected(&water(0.0), "none", 0, 0));
}

#[test]
fn clients_without_the_token_are_refused() {
    let session_limits = SessionLimits {
        max_atoms: 1000,
        max_rotations: 100,
        token: Some("secret".into()),
        settings: Settings::default(),
    };
    let server = Server::with(limits(), session_limits, 10);
    let sentence = "the token is wrong or missing: give the one that the server was started with";
    for text in ["species: O H2", "species: O H2, token: guess!", "species: He, token: secre"] {
        assert_eq!(server.begin(text).refusal(), sentence);
    }
    assert!(matches!(
        server.begin("token: secret, species: O H2").evaluate(&water(0.0)),
        Answer { energy, .. } if energy.is_finite()
    ));
}

#[test]
fn wrong_requests_end_their_connection_only() {
    let server = Server::start();
    let mut witness = server.begin("species: O H2");
    let refusal = |text: &str, put: &dyn Fn(&mut Vec<u8>)| {
        let mut peer = if text.is_empty() { server.connect() } else { server.begin(text) };
        peer.send(put);
        peer.refusal()
    };
    let positions = |structure: Structure| move |out: &mut Vec<u8>| message::put_positions(&structure, out);
    let garbage = refusal("", &|out| out.extend(b"GET / HTTP/1.1\r\n\r\n"));
    assert!(garbage.starts_with("the peer sent \"GET / HTTP/1\" where the header"), "{garbage}");
    assert_eq!(refusal("", &positions(water(0.0))), "the peer sent POSDATA before INIT");
    let counts = [(-1, "-1"), (i32::MIN, "-2147483648"), (i32::MAX, "2147483647"), (4, "4")];
    for (count, found) in counts {
        let sentence = refusal("species: O H2", &|out| {
            message::header("POSDATA", out);
            water(0.0).put_cell(out);
            out.extend(count.to_le_bytes());
        });
        assert_eq!(
            sentence,
            format!(
                "the peer sent {found} atoms where 3 were expected: give the same structure on both sides, and shared memory to both or neither"
            )
        );
    }
    assert_eq!(
        refusal("species: O H2", &|out| message::header("GETFORCE", out)),
        "the peer sent GETFORCE before POSDATA"
    );
    let long = refusal("", &|out| {
        message::header("INIT", out);
        out.extend([0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]);
    });
    assert_eq!(long, "the peer announced an INIT text of 2147483647 bytes where 0 to 65536 are allowed");
    server.logs("Refused");
    assert_eq!(witness.evaluate(&water(0.0)), expected(&water(0.0), "none", 0, 0));
}

#[test]
fn failed_evaluations_end_their_connection_only() {
    let server = Server::start();
    let mut witness = server.begin("species: O H2");
    let refusal = |structure: Structure| {
        let mut peer = server.begin("species: O H2");
        peer.ask(&structure);
        peer.refusal()
    };
    let mut broken = water(0.0);
    broken.positions[1][2] = f64::NAN;
    assert!(refusal(broken).starts_with("the position of atom 2 is not finite (NaN)"));
    let mut flat = water(0.0);
    flat.cell[2] = flat.cell[1];
    assert!(refusal(flat).starts_with("the cell is periodic along a but its volume is"));
    let mut odd = water(0.0);
    odd.cell[0][0] = f64::NAN;
    assert!(refusal(odd).starts_with("cell vector a is not finite (NaN)"));
    let mut double = water(0.0);
    double.positions[2] = double.positions[1];
    assert!(refusal(double).starts_with("atoms 2 and 3 coincide"));
    assert_eq!(witness.evaluate(&water(0.0)), expected(&water(0.0), "none", 0, 0));
}

#[test]
fn a_cell_of_zeros_is_not_periodic() {
    let server = Server::start();
    let molecule = Structure { cell: [[0.0; 3]; 3], ..water(0.0) };
    let answer = server.begin("species: O H2").evaluate(&molecule);
    assert_eq!(answer, expected(&molecule, "none", 0, 0));
    assert!(
        answer.energy
            != expected(&Structure { cell: [[2.5, 0.0, 0.0], CELL[1], CELL[2]], ..molecule }, "none", 0, 0).energy
    );
}

#[test]
fn a_peer_that_stops_half_way_is_dropped_and_delays_nobody() {
    let server = Server::start();
    let mut silent = server.connect();
    let mut half = server.begin("species: O H2");
    half.send(|out| {
        message::put_positions(&water(0.0), out);
        out.truncate(out.len() - 7);
    });
    let start = Instant::now();
    for _ in 0..20 {
        server.check();
    }
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(half.refusal(), "the rest of a message did not come in time");
    assert_eq!(silent.refusal(), "no INIT came in time");
}

#[test]
fn slow_senders_lose_their_connection() {
    let server = Server::start();
    let (mut slow, mut chatty) = (server.begin("species: O H2"), server.connect());
    slow.stream.write_all(b"POSDATA     ").unwrap();
    let start = Instant::now();
    // Until the server closes the connections.
    while slow.stream.write_all(&[0]).and(chatty.stream.write_all(b"STATUS      ")).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(10));
        sleep(Duration::from_millis(20));
    }
    server.logs("the rest of a message did not come in time");
    server.logs("no INIT came in time");
}

#[test]
fn a_peer_that_never_reads_is_dropped_and_delays_nobody() {
    let server = Server::start();
    let mut deaf = server.begin("species: O H2");
    deaf.stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let flood = b"STATUS      ".repeat(10_000);
    while deaf.stream.write_all(&flood).is_ok() {}
    server.check();
    server.logs("the answer was not read in time");
    server.check();
}

#[test]
fn a_silent_connection_is_ended_after_the_idle_time() {
    let session_limits =
        SessionLimits { max_atoms: 1000, max_rotations: 100, token: None, settings: Settings::default() };
    let limits = Limits { idle: Some(Duration::from_millis(200)), ..limits() };
    let server = Server::with(limits, session_limits, 10);
    let mut peer = server.begin("species: O H2");
    peer.evaluate(&water(0.0));
    assert_eq!(peer.refusal(), "no request came for a long time: connect again to go on");
}

#[test]
fn vanished_clients_are_forgotten() {
    let server = Server::start();
    let mut peer = server.begin("species: O H2");
    peer.send(|out| {
        message::put_positions(&water(0.0), out);
        out.truncate(100);
    });
    drop(peer);
    server.logs("in the middle of a message");
    let mut gone = server.begin("species: O H2");
    gone.ask(&water(0.0));
    gone.stream.shutdown(net::Shutdown::Both).unwrap();
    drop(gone);
    server.check();
}

#[test]
fn too_many_connections_are_refused_with_a_sentence() {
    let session_limits =
        SessionLimits { max_atoms: 1000, max_rotations: 100, token: None, settings: Settings::default() };
    let server = Server::with(limits(), session_limits, 2);
    let mut held: Vec<_> = (0..2).map(|_| server.begin("species: O H2")).collect();
    held.iter_mut().for_each(|peer| assert!(peer.evaluate(&water(0.0)).energy.is_finite()));
    let sentence = server.begin("species: O H2").refusal();
    assert_eq!(sentence, "the server has 2 connections already, its limit");
    held.clear();
    sleep(Duration::from_millis(100));
    server.check();
}

#[test]
fn two_hundred_connections_at_once() {
    let server = Server::start();
    let mut peers: Vec<_> = (0..200).map(|_| server.begin("species: O H2")).collect();
    for (i, peer) in peers.iter_mut().enumerate() {
        peer.ask(&water(0.001 * i as f64));
    }
    for (i, peer) in peers.iter_mut().enumerate() {
        let Some(Reply::ForceReady(answers)) = peer.reply() else { panic!("no answer for {i}") };
        assert_eq!(answers[0], expected(&water(0.001 * i as f64), "none", 0, 0));
    }
}
