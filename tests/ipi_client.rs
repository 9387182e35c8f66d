//! `tumble ipi` as a process, against a scripted server: its messages, exit codes and errors.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

#[allow(dead_code)]
#[path = "support/ipi_peer.rs"]
mod ipi_peer;
#[allow(dead_code)]
#[path = "support/process.rs"]
mod process;

use std::cell::RefCell;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use process::{Ended, LIMIT, Peer, Process, SLOW, check, expected, many, model, until, water};
use serde_json::Value;
use tempfile::TempDir;
use tumble_core::Settings;
use tumble_ipi::message::{self, Answer, Reply, Transport};
use tumble_ipi::wire::{self, Structure};

/// The side of the server: a listener on its own socket file, and a template beside it.
struct Host {
    folder: TempDir,
    listener: Option<UnixListener>,
    /// Standard error of the last process.
    stderr: RefCell<Arc<Mutex<String>>>,
}

impl Host {
    fn new() -> Self {
        let mut host = Self::absent();
        host.open();
        host
    }

    /// A host without a listener.
    fn absent() -> Self {
        let host = Self { folder: TempDir::new().unwrap(), listener: None, stderr: RefCell::default() };
        host.template(1);
        host
    }

    fn open(&mut self) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.listener = Some(listener);
    }

    /// Closes the listener and leaves the file, as i-PI does.
    fn close(&mut self) {
        self.listener = None;
        std::fs::remove_file(self.socket()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("s")
    }

    /// Name of the host in messages.
    fn name(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    fn write(&self, text: &str) {
        std::fs::write(self.path("template.xyz"), text).unwrap();
    }

    fn template(&self, molecules: usize) {
        let atoms = "O 0 0 0\nH 1 0 0\nH 0 1 0\n".repeat(molecules);
        self.write(&format!("{}\n\n{atoms}", 3 * molecules));
    }

    fn start(&self, options: &[&str]) -> Process {
        let (model, template, socket) = (model("harmonic-list-f64"), self.path("template.xyz"), self.socket());
        let [model, template, socket] = [&model, &template, &socket].map(|path| path.to_str().unwrap());
        let process = Process::tumble(&[&["ipi", model, "--template", template, "--unix", socket], options].concat());
        *self.stderr.borrow_mut() = process.stderr();
        process
    }

    /// Accepts a waiting connection, if there is one.
    fn knock(&self) -> Option<Peer> {
        let accepted = self.listener.as_ref().unwrap().accept();
        accepted.ok().map(|(stream, _)| Peer::new(stream, 3))
    }

    fn accept(&self) -> Peer {
        let mut peer = None;
        until("a connection", || {
            peer = self.knock();
            let said = self.stderr.borrow().lock().unwrap().clone();
            assert!(peer.is_some() || !said.contains("error: "), "{said}");
            peer.is_some()
        });
        peer.unwrap()
    }

    /// A connection with an `INIT`.
    fn begin(&self, text: &str) -> Peer {
        let mut peer = self.accept();
        greet(&mut peer, text);
        peer
    }
}

fn greet(peer: &mut Peer, text: &str) {
    peer.header("STATUS");
    peer.expect(&Reply::NeedInit);
    peer.init(text);
    peer.header("STATUS");
    peer.expect(&Reply::Ready);
}

fn random(stream: u32) -> Settings {
    Settings { mitigation: "random".parse().unwrap(), seed: 7, stream, ..Settings::default() }
}

fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn events<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == name).collect()
}

#[test]
fn status_is_answered_at_any_time_and_exit_ends_with_0() {
    let host = Host::new();
    let mut tumble = host.start(&[]);
    let mut peer = host.begin("anything");
    for step in 0..3 {
        let structure = water(0.1 * step as f64);
        peer.header("STATUS");
        peer.expect(&Reply::Ready);
        peer.send(|out| message::put_positions(&structure, out));
        peer.header("STATUS");
        peer.expect(&Reply::HaveData);
        peer.header("STATUS");
        peer.expect(&Reply::HaveData);
        peer.header("GETFORCE");
        check(&peer.answers()[0], &expected(&Settings::default(), &structure, 0));
    }
    peer.header("EXIT");
    assert_eq!(peer.reply(), None);
    assert_eq!(tumble.end(), Ended::Code(0));
    assert!(
        tumble.said().lines().last().unwrap().starts_with(&format!("{}: 3 structures, 3 evaluations", host.name()))
    );
}

#[test]
fn messages_may_be_sent_in_one_piece_and_a_close_between_them_ends_with_3() {
    let host = Host::new();
    let mut tumble = host.start(&["--rotate", "octahedral", "--inversion"]);
    let mut peer = host.begin("");
    let settings = Settings { mitigation: "octahedral+inversion".parse().unwrap(), ..Settings::default() };
    for step in 0..3 {
        let structure = water(0.1 * step as f64);
        let answer = peer.evaluate(&structure);
        check(&answer, &expected(&settings, &structure, 0));
        assert!(answer.extras.contains("\"evaluations\":48"), "{}", answer.extras);
    }
    drop(peer);
    assert_eq!(tumble.end(), Ended::Code(3));
    assert!(tumble.said().contains(&format!("{}: the server closed the connection\n", host.name())));
}

#[test]
fn a_server_may_come_later() {
    let mut host = Host::absent();
    let mut tumble = host.start(&[]);
    tumble.says("waiting for the server (No such file or directory (os error 2))");
    sleep(Duration::from_secs(1));
    host.open();
    let mut peer = host.begin("");
    check(&peer.evaluate(&water(0.0)), &expected(&Settings::default(), &water(0.0), 0));
    peer.header("EXIT");
    assert_eq!(tumble.end(), Ended::Code(0));
    assert_eq!(tumble.said().matches("waiting").count(), 1);
}

#[test]
fn connections_are_opened_one_after_the_other_and_evaluated_together() {
    let host = Host::new();
    let mut tumble = host.start(&["--connections", "3", "--max-wait-us", "1000000", "--log", "json"]);
    let mut peers = vec![];
    for _ in 0..3 {
        let mut peer = host.accept();
        sleep(Duration::from_millis(150));
        assert!(host.knock().is_none(), "the next was opened before this one was greeted");
        greet(&mut peer, "");
        peers.push(peer);
    }
    let (start, mut steps) = (Instant::now(), 0);
    // The first progress is for a single step.
    while tumble.said().matches("progress").count() < 2 {
        assert!(start.elapsed() < LIMIT);
        let structures = [0.0, 0.1, 0.2].map(|shift| water(shift + 0.001 * (steps % 10) as f64));
        peers.iter_mut().zip(&structures).for_each(|(peer, structure)| peer.ask(structure));
        for (peer, structure) in peers.iter_mut().zip(&structures) {
            let answer = peer.answers().remove(0);
            if steps == 0 {
                check(&answer, &expected(&Settings::default(), structure, 0));
            }
        }
        (steps += 1, sleep(Duration::from_millis(10))).0
    }
    peers.iter_mut().for_each(|peer| peer.header("EXIT"));
    assert_eq!(tumble.end(), Ended::Code(0));
    assert!(host.knock().is_none());
    let lines = lines(&tumble.said());
    assert_eq!(events(&lines, "connected").len(), 3);
    let progress = events(&lines, "progress")[1];
    assert!(progress["batch"].as_f64().unwrap() > 1.5, "{progress}");
    let end = lines.last().unwrap();
    assert_eq!([&end["event"], &end["ending"]], ["end", "exit"]);
    assert_eq!([&end["structures"], &end["evaluations"]], [3 * steps, 3 * steps]);
}

#[test]
fn a_close_in_the_middle_of_a_message_ends_with_1() {
    let host = Host::new();
    let mut tumble = host.start(&[]);
    let mut peer = host.begin("");
    peer.send(|out| {
        message::put_positions(&water(0.0), out);
        out.truncate(out.len() - 9);
    });
    drop(peer);
    tumble.ends(1, &format!("error: {} closed the connection in the middle of a message", host.name()));
}

/// Checks the error on the wire and of the process if a server sends this after the `INIT`.
fn refused(put: impl FnOnce(&mut Vec<u8>), sentence: &str) {
    let host = Host::new();
    let mut tumble = host.start(&[]);
    let mut peer = host.begin("");
    peer.send(put);
    assert_eq!(peer.refusal(), sentence);
    tumble.ends(1, &format!("error: a request of {} was refused: {sentence}", host.name()));
}

#[test]
fn wrong_messages_end_with_1_and_a_sentence_on_both_sides() {
    refused(
        |out| out.extend(b"GET / HTTP/1.1\r\n"),
        "the peer sent \"GET / HTTP/1\" where the header STATUS, INIT, POSDATA, GETFORCE or EXIT was expected: check \
         that it speaks i-PI's protocol",
    );
    for (count, name) in [(-1, "-1"), (4, "4"), (i32::MAX, "2147483647")] {
        refused(
            |out| {
                message::header("POSDATA", out);
                water(0.0).put_cell(out);
                out.extend(i32::to_le_bytes(count));
                water(0.0).put_positions(out);
            },
            &format!(
                "the peer sent {name} atoms where 3 were expected: give the same structure on both sides, and shared memory to both or neither"
            ),
        );
    }
    refused(|out| message::header("GETFORCE", out), "the peer sent GETFORCE before POSDATA");
    refused(|out| message::put_init(0, "batch_size:0", out), "batch_size is \"0\": give a number from 1 to 100000");
}

#[test]
fn failed_evaluations_end_with_1_and_a_sentence_on_both_sides() {
    let mut broken = water(0.0);
    broken.positions[1][2] = f64::NAN;
    refused(
        |out| message::put_positions(&broken, out),
        "the position of atom 2 is not finite (NaN): check the structure, or whether the dynamics has exploded",
    );
    let flat = Structure { cell: [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 9.0, 0.0]], ..water(0.0) };
    refused(
        |out| message::put_positions(&flat, out),
        "the cell is periodic along a but its volume is 0 Å^3: give three independent cell vectors",
    );
}

#[test]
fn a_batch_beyond_ten_million_atoms_is_refused() {
    let host = Host::new();
    host.template(1000);
    let mut tumble = host.start(&[]);
    let mut peer = host.accept();
    peer.init("batch_size:3334");
    let sentence = "batch_size is \"3334\": give a number from 1 to 3333";
    tumble.ends(1, &format!("error: a request of {} was refused: {sentence}", host.name()));
}

#[test]
fn a_server_that_floods_and_never_reads_costs_no_memory() {
    let host = Host::new();
    let mut tumble = host.start(&[]);
    let mut peer = host.begin("");
    peer.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let flood = b"STATUS      ".repeat(10_000);
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(2) {
        match peer.stream.write(&flood) {
            Ok(length) => sent += length,
            Err(_) => break,
        }
    }
    let status = tumble.about("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    let memory: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(sent < 4 << 20 && memory < 400_000, "{sent} bytes, {memory} kB");
    tumble.signal(libc::SIGINT);
    assert_eq!(tumble.end(), Ended::Code(130));
}

#[test]
fn a_server_that_sends_byte_by_byte_is_answered() {
    let host = Host::new();
    let mut tumble = host.start(&[]);
    let mut peer = host.accept();
    let mut bytes = vec![];
    message::header("STATUS", &mut bytes);
    message::put_init(0, "", &mut bytes);
    message::put_positions(&water(0.0), &mut bytes);
    message::header("GETFORCE", &mut bytes);
    message::header("EXIT", &mut bytes);
    for byte in bytes {
        peer.stream.write_all(&[byte]).unwrap();
    }
    peer.expect(&Reply::NeedInit);
    check(&peer.answers()[0], &expected(&Settings::default(), &water(0.0), 0));
    assert_eq!(tumble.end(), Ended::Code(0));
}

#[test]
fn a_signal_ends_an_idle_client_with_130() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let host = Host::new();
        let mut tumble = host.start(&["--log", "json"]);
        let mut peer = host.begin("");
        peer.evaluate(&water(0.0));
        tumble.signal(signal);
        assert_eq!(tumble.end(), Ended::Code(130));
        assert_eq!(lines(&tumble.said()).last().unwrap()["ending"], "interrupted");
        assert_eq!(peer.reply(), None);
    }
    let host = Host::absent();
    let mut waiting = host.start(&[]);
    waiting.says("waiting for the server");
    waiting.signal(libc::SIGINT);
    assert_eq!(waiting.end(), Ended::Code(130));
}

#[test]
fn exit_counts_though_the_server_no_longer_reads() {
    let host = Host::new();
    let (mut tumble, mut peer) = busy(&host, "random:1000");
    peer.header("EXIT");
    drop(peer);
    assert_eq!(tumble.end(), Ended::Code(0), "{}", tumble.said());
}

/// A process in the middle of a long request.
fn busy(host: &Host, rotate: &str) -> (Process, Peer) {
    host.template(100);
    let tumble = host.start(&["--rotate", rotate]);
    let mut peer = host.begin("");
    peer.layout.atoms = 300;
    let before = tumble.seconds();
    peer.ask(&many(100));
    until("work", || tumble.seconds() > before + 0.2);
    (tumble, peer)
}

#[test]
fn another_client_takes_over_for_a_killed_one() {
    let host = Host::new();
    let (mut tumble, mut peer) = busy(&host, SLOW);
    tumble.signal(libc::SIGKILL);
    assert_eq!(peer.reply(), None);
    assert_eq!(tumble.end(), Ended::Signal(libc::SIGKILL));
    host.template(1);
    let mut second = host.start(&[]);
    let mut peer = host.begin("");
    check(&peer.evaluate(&water(0.3)), &expected(&Settings::default(), &water(0.3), 0));
    peer.header("EXIT");
    assert_eq!(second.end(), Ended::Code(0));
}

#[test]
fn client_continues_with_the_next_server() {
    let mut host = Host::new();
    let mut tumble = host.start(&["--reconnect", "--rotate", "random", "--seed", "7"]);
    for step in 0..3 {
        let mut peer = host.begin("");
        check(&peer.evaluate(&water(0.0)), &expected(&random(0), &water(0.0), step));
        match step {
            0 => peer.header("EXIT"),
            1 => peer.send(|out| out.extend(b"POSDATA     half of it")),
            _ => {}
        }
        drop(peer);
        host.close();
        sleep(Duration::from_millis(300));
        host.open();
    }
    let mut peer = host.begin("");
    tumble.signal(libc::SIGINT);
    assert_eq!(peer.reply(), None);
    assert_eq!(tumble.end(), Ended::Code(130));
}

#[test]
fn client_without_a_next_server_ends_as_the_last_one_did() {
    let endings: [(&[u8], i32); 3] = [(b"EXIT        ", 0), (b"", 3), (b"STAT", 1)];
    for (bytes, code) in endings {
        let mut host = Host::new();
        let mut tumble = host.start(&["--reconnect", "--retry", "1"]);
        let mut peer = host.begin("");
        let start = Instant::now();
        host.close();
        peer.send(|out| out.extend(bytes));
        drop(peer);
        assert_eq!(tumble.end(), Ended::Code(code), "{}", tumble.said());
        assert!(start.elapsed() >= Duration::from_secs(1));
    }
}

#[test]
fn a_server_that_only_closes_is_not_flooded_with_connections() {
    let host = Host::new();
    let mut tumble = host.start(&["--reconnect"]);
    drop(host.accept());
    let (start, mut visits) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(1) {
        match host.knock() {
            Some(peer) => (visits += 1, drop(peer)).0,
            None => sleep(Duration::from_millis(1)),
        }
    }
    tumble.signal(libc::SIGINT);
    assert_eq!(tumble.end(), Ended::Code(130));
    assert!((1..=15).contains(&visits), "{visits} connections in a second");
}

#[test]
fn client_without_a_server_in_time_ends_with_1() {
    let host = Host::absent();
    let sentence =
        |reason: &str| format!("error: cannot connect to {}: {reason}: is the server running there?", host.name());
    host.start(&["--retry", "0"]).ends(1, &sentence("No such file or directory (os error 2)"));
    drop(UnixListener::bind(host.socket()).unwrap());
    host.start(&["--retry", "0"]).ends(1, &sentence("Connection refused (os error 111)"));
}

#[test]
fn times_beyond_any_clock_are_refused() {
    let host = Host::absent();
    let mut tumble = host.start(&["--retry", &u64::MAX.to_string()]);
    assert_eq!(tumble.end(), Ended::Code(2));
    assert!(tumble.said().contains("must be a whole number from 0 to 1000000000"), "{}", tumble.said());
    let mut patient = host.start(&["--retry", "1000000000"]);
    patient.says("waiting for the server");
    assert!(patient.lives());
}

/// Six segments of shared memory, removed on drop.
struct Shared(Vec<String>);

impl Shared {
    /// Segments for `structures` structures of 3 atoms; their names begin with `name`.
    fn new(name: &str, structures: usize) -> Self {
        let sizes = [72, 72, 72, 8, 72, 72];
        let names =
            ["pos", "h", "ih", "pot", "force", "vir"].map(|n| format!("tumble-{name}-{n}-{}", std::process::id()));
        for (name, size) in names.iter().zip(sizes) {
            std::fs::write(Self::path(name), vec![0; size * structures]).unwrap();
        }
        Self(names.into())
    }

    fn path(name: &str) -> PathBuf {
        PathBuf::from("/dev/shm").join(name)
    }

    fn put(&self, structures: &[Structure]) {
        let (mut positions, mut cells) = (vec![], vec![]);
        for structure in structures {
            structure.put_positions(&mut positions);
            let mut both = vec![];
            structure.put_cell(&mut both);
            cells.extend(&both[..72]);
        }
        std::fs::write(Self::path(&self.0[0]), positions).unwrap();
        std::fs::write(Self::path(&self.0[1]), cells).unwrap();
    }

    fn answers(&self) -> Vec<Answer> {
        let [energies, forces, virials] = [3, 4, 5].map(|i| std::fs::read(Self::path(&self.0[i])).unwrap());
        let answer = |i: usize| Answer {
            energy: wire::energy(&energies[8 * i..]),
            forces: wire::forces(&forces[72 * i..][..72]),
            virial: wire::virial(&virials[72 * i..][..72]),
            extras: String::new(),
        };
        (0..energies.len() / 8).map(answer).collect()
    }

    fn name_them(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|name| message::text(name, out));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // A test may have removed one.
        self.0.iter().for_each(|name| drop(std::fs::remove_file(Self::path(name))));
    }
}

fn ask_shared(peer: &mut Peer, names: Option<&Shared>) {
    peer.send(|out| {
        message::header("POSDATA", out);
        out.extend(3_i32.to_le_bytes());
        names.into_iter().for_each(|names| names.name_them(out));
        message::header("GETFORCE", out);
    });
}

#[test]
fn structures_and_results_travel_through_shared_memory() {
    let (host, shared) = (Host::new(), Shared::new("right", 2));
    let mut tumble = host.start(&["--shm", "--rotate", "tetrahedral"]);
    let mut peer = host.begin("batch_size:2");
    (peer.layout.batch, peer.layout.transport) = (2, Transport::Shared);
    let settings = Settings { mitigation: "tetrahedral".parse().unwrap(), ..Settings::default() };
    for step in 0..3 {
        let structures = [water(0.1 * step as f64), water(-0.1)];
        shared.put(&structures);
        ask_shared(&mut peer, (step == 0).then_some(&shared));
        assert_eq!(peer.answers().len(), 2);
        let answers = shared.answers();
        assert_eq!(answers.len(), 2);
        answers.iter().zip(&structures).for_each(|(a, s)| check(a, &expected(&settings, s, 0)));
    }
    peer.header("EXIT");
    assert_eq!(tumble.end(), Ended::Code(0));
}

/// Checks the error for faulty shared memory.
fn refused_shared(shared: &Shared, sentence: &str) {
    let host = Host::new();
    let mut tumble = host.start(&["--shm"]);
    let mut peer = host.begin("");
    ask_shared(&mut peer, Some(shared));
    assert_eq!(peer.refusal(), sentence);
    tumble.ends(1, &format!("error: a request of {} was refused: {sentence}", host.name()));
}

fn unusable(reason: &str) -> String {
    format!("cannot use the shared memory ({reason}): run both sides on one machine")
}

#[test]
fn a_segment_too_small_ends_with_1() {
    let small = Shared::new("small", 1);
    std::fs::write(Shared::path(&small.0[0]), [0; 71]).unwrap();
    refused_shared(&small, &unusable("failed to fill whole buffer"));
    small.put(&[water(0.0)]);
    std::fs::write(Shared::path(&small.0[4]), [0; 71]).unwrap();
    let sentence = "cannot write the results to shared memory: a segment of shared memory is too small for the results";
    refused_shared(&small, sentence);
    assert_eq!(std::fs::read(Shared::path(&small.0[4])).unwrap(), [0; 71]);
}

#[test]
fn a_path_as_the_name_of_a_segment_ends_with_1_and_touches_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("precious");
    std::fs::write(&file, [7; 72]).unwrap();
    for name in [format!("..{}", file.display()), format!("/..{}", file.display()), "..".into(), String::new()] {
        let mut shared = Shared::new("elsewhere", 1);
        shared.put(&[water(0.0)]);
        let force = std::mem::replace(&mut shared.0[4], name);
        let found = shared.0[4].strip_prefix('/').unwrap_or(&shared.0[4]);
        refused_shared(&shared, &unusable(&format!("\"{found}\" is not a name of shared memory")));
        shared.0[4] = force;
    }
    assert_eq!(std::fs::read(&file).unwrap(), [7; 72]);
}

#[test]
fn a_link_out_of_shared_memory_is_not_followed() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("precious");
    std::fs::write(&file, [7; 72]).unwrap();
    let shared = Shared::new("link", 1);
    shared.put(&[water(0.0)]);
    std::fs::remove_file(Shared::path(&shared.0[4])).unwrap();
    std::os::unix::fs::symlink(&file, Shared::path(&shared.0[4])).unwrap();
    refused_shared(&shared, &unusable("Too many levels of symbolic links (os error 40)"));
    assert_eq!(std::fs::read(&file).unwrap(), [7; 72]);
}

#[test]
fn a_missing_segment_ends_with_1() {
    let missing = Shared::new("missing", 1);
    std::fs::remove_file(Shared::path(&missing.0[3])).unwrap();
    refused_shared(&missing, &unusable("No such file or directory (os error 2)"));
    assert!(!Shared::path(&missing.0[3]).exists());
}

/// Checks the energies of successive structures against the `(step, stream)` expected for each.
fn drawn(options: &[&str], expected_draws: &[(u64, u32)]) {
    let host = Host::new();
    let _tumble = host.start(&[&["--rotate", "random", "--seed", "7"], options].concat());
    let mut peer = host.begin("");
    for &(step, stream) in expected_draws {
        check(&peer.evaluate(&water(0.0)), &expected(&random(stream), &water(0.0), step));
    }
}

#[test]
fn beads_make_a_step_and_each_has_a_stream_or_all_the_same() {
    drawn(&[], &[(0, 0), (1, 0), (2, 0)]);
    drawn(&["--step", "40"], &[(40, 0), (41, 0)]);
    drawn(&["--beads", "2"], &[(0, 0), (0, 1), (1, 0), (1, 1)]);
    drawn(&["--beads", "2", "--streams", "shared", "--step", "5"], &[(5, 0), (5, 0), (6, 0), (6, 0)]);
}

#[test]
fn the_structures_of_a_message_are_the_beads_of_a_step() {
    for (options, streams) in [(&[][..], [0, 1, 2]), (&["--streams", "shared"], [0; 3])] {
        let host = Host::new();
        let _tumble = host.start(&[&["--rotate", "random", "--seed", "7"], options].concat());
        let mut peer = host.begin("batch_size:3");
        let structures = [water(0.0), water(0.1), water(0.2)];
        for step in 0..2 {
            peer.ask_batch(&structures);
            for ((answer, structure), stream) in peer.answers().iter().zip(&structures).zip(streams) {
                check(answer, &expected(&random(stream), structure, step));
            }
        }
    }
}

#[test]
fn beads_on_connections_of_their_own_make_a_step_too() {
    let host = Host::new();
    let options = ["--rotate", "random", "--seed", "7", "--connections", "2", "--beads", "2"];
    let _tumble = host.start(&options);
    let mut peers = [host.begin(""), host.begin("")];
    for step in 0..2 {
        for (stream, peer) in peers.iter_mut().enumerate() {
            check(&peer.evaluate(&water(0.0)), &expected(&random(stream as u32), &water(0.0), step));
        }
    }
}

#[test]
fn a_correction_is_averaged_minus_bare() {
    let host = Host::new();
    let _tumble = host.start(&["--rotate", "octahedral", "--correction"]);
    let answer = host.begin("").evaluate(&water(0.0));
    let octahedral = Settings { mitigation: "octahedral".parse().unwrap(), ..Settings::default() };
    let [averaged, bare] = [octahedral, Settings::default()].map(|settings| expected(&settings, &water(0.0), 0));
    let minus = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>();
    let rows = |numbers: Vec<f64>| numbers.as_chunks::<3>().0.to_vec();
    let virial = rows(minus(averaged.virial.as_flattened(), bare.virial.as_flattened()));
    let difference = Answer {
        energy: averaged.energy - bare.energy,
        forces: rows(minus(averaged.forces.as_flattened(), bare.forces.as_flattened())),
        virial: [virial[0], virial[1], virial[2]],
        extras: String::new(),
    };
    assert!(difference.energy.abs() > 1e-6);
    check(&answer, &difference);
}

#[test]
fn a_template_needs_a_structure_of_known_elements() {
    let host = Host::absent();
    let template = host.path("template.xyz").display().to_string();
    host.write("");
    let empty = format!(
        "error: {template} holds no structure, the file is empty: give at least one XYZ frame (a line with the number \
         of atoms, a comment line, one line per atom)"
    );
    host.start(&[]).ends(1, &empty);
    host.write("1\n\nHe 0 0 0\n");
    let mut unknown = host.start(&[]);
    assert_eq!(unknown.end(), Ended::Code(1));
    assert!(unknown.said().contains("does not know element He: it knows H, O\n"), "{}", unknown.said());
    host.write("1\n\nQq 0 0 0\n");
    let mut none = host.start(&[]);
    assert_eq!(none.end(), Ended::Code(1));
    assert!(none.said().starts_with(&format!("error: line 3 of {template}: ")), "{}", none.said());
    std::fs::remove_file(host.path("template.xyz")).unwrap();
    host.start(&[]).ends(1, &format!("error: cannot read {template}: No such file or directory (os error 2)"));
}

#[test]
fn client_continues_when_its_log_is_closed() {
    let host = Host::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let (model, template, socket) = (model("harmonic-list-f64"), host.path("template.xyz"), host.socket());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tumble"));
    command.arg("ipi").arg(model).arg("--template").arg(template).arg("--unix").arg(socket).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop((reader, command));
    let mut peer = host.begin("");
    check(&peer.evaluate(&water(0.0)), &expected(&Settings::default(), &water(0.0), 0));
    peer.header("EXIT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
