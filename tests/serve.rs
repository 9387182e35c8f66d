//! `tumble serve` as a process: killed clients, a killed server, too many clients, and secrets.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

#[allow(dead_code)]
#[path = "support/ipi_peer.rs"]
mod ipi_peer;
#[allow(dead_code)]
#[path = "support/process.rs"]
mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep, spawn};
use std::time::{Duration, Instant};

use process::{Ended, LIMIT, Peer, Process, check, expected, many, model, until, water};
use serde_json::Value;
use tempfile::TempDir;
use tumble_core::Settings;
use tumble_ipi::client::{Client, ClientSettings};
use tumble_ipi::message::{self, Reply};

const WATER: &str = "species: O H2";

/// A server in its own folder.
struct Server {
    folder: TempDir,
    process: Process,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let process = serve(&folder.path().join("s"), options);
        process.says("listening");
        Self { folder, process }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Name of the server in messages.
    fn name(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    fn connect(&self) -> Peer {
        Peer::new(UnixStream::connect(self.socket()).unwrap(), 3)
    }

    fn begin(&self, text: &str) -> Peer {
        let mut peer = self.connect();
        peer.init(text);
        peer
    }

    /// Checks that the server still works.
    fn check(&self) {
        right(&mut self.begin(WATER), 0.0);
    }

    /// Ends it as Ctrl-C does; returns its log.
    fn stop(&mut self) -> String {
        self.process.signal(libc::SIGINT);
        assert_eq!(self.process.end(), Ended::Code(0), "{}", self.process.said());
        assert!(!self.socket().exists());
        self.process.said()
    }
}

fn command(listen: &str, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
    command.arg("serve").arg(model("harmonic-list-f64")).args(["--listen", listen]).args(options);
    command.env_remove("TUMBLE_TOKEN");
    command
}

fn serve(socket: &Path, options: &[&str]) -> Process {
    Process::of(&mut command(&format!("unix:{}", socket.display()), options))
}

/// Requests one molecule and checks the answer.
fn right(peer: &mut Peer, shift: f64) {
    let answer = peer.evaluate(&water(shift));
    check(&answer, &expected(&Settings::default(), &water(shift), 0));
}

/// A client in another process that has sent these bytes and waits to be killed.
fn victim(server: &Server, put: impl FnOnce(&mut Vec<u8>)) -> Child {
    let script = "import socket, sys, time\n\
                  s = socket.socket(socket.AF_UNIX)\n\
                  s.connect(sys.argv[1])\n\
                  s.sendall(bytes.fromhex(sys.argv[2]))\n\
                  print('sent', flush=True)\n\
                  time.sleep(1000)";
    let mut bytes = vec![];
    put(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(server.socket()).arg(hex);
    let mut child = python.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "sent\n");
    child
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn client_killed_in_the_middle_of_a_message_does_not_disturb_others() {
    let mut server = Server::start(&[]);
    let mut witness = server.begin(WATER);
    right(&mut witness, 0.0);
    let child = victim(&server, |out| {
        message::put_init(0, WATER, out);
        message::put_positions(&water(0.0), out);
        out.truncate(out.len() - 9);
    });
    right(&mut witness, 0.1);
    kill(child);
    server.process.says("closed the connection in the middle of a message");
    right(&mut witness, 0.2);
    server.check();
    server.stop();
}

#[test]
fn client_killed_while_it_waits_does_not_disturb_others() {
    let mut server = Server::start(&[]);
    let mut witness = server.begin(WATER);
    right(&mut witness, 0.0);
    let long = format!("species: {}, rotate: random:1000", "O H2 ".repeat(100));
    let before = server.process.seconds();
    // The client being served, and the next one.
    let first = victim(&server, |out| {
        message::put_init(0, &long, out);
        message::put_positions(&many(100), out);
        message::header("GETFORCE", out);
    });
    until("work", || server.process.seconds() > before + 0.2);
    let second = victim(&server, |out| {
        message::put_init(0, WATER, out);
        message::put_positions(&water(0.0), out);
        message::header("GETFORCE", out);
    });
    witness.ask(&water(0.1));
    kill(second);
    kill(first);
    check(&witness.answers()[0], &expected(&Settings::default(), &water(0.1), 0));
    server.check();
    server.stop();
}

#[test]
fn clients_of_a_killed_server_get_an_error_and_the_next_server_takes_its_socket() {
    let mut server = Server::start(&[]);
    let settings = ClientSettings { species: vec![8, 1, 1], ..ClientSettings::default() };
    let mut client = Client::connect(&server.name().parse().unwrap(), &settings).unwrap();
    let mut ask = move || client.evaluate(None, &water(0.0).positions);
    assert!(ask().unwrap().energy.is_finite());
    server.process.signal(libc::SIGKILL);
    assert_eq!(server.process.end(), Ended::Signal(libc::SIGKILL));
    let broken = format!("the connection to the server at {} broke: ", server.name());
    assert!(ask().unwrap_err().to_string().starts_with(&broken));
    assert!(ask().unwrap_err().to_string().ends_with("broke: an earlier error ended it: connect again"));
    assert!(server.socket().exists());
    let refused = Client::connect(&server.name().parse().unwrap(), &settings).unwrap_err().to_string();
    assert_eq!(
        refused,
        format!("cannot connect to {}: Connection refused (os error 111): is the server running there?", server.name())
    );
    server.process = serve(&server.socket(), &[]);
    server.process.says("listening");
    server.check();
    server.stop();
}

#[test]
fn a_waiting_client_of_a_killed_server_gets_an_error() {
    let server = Server::start(&["--max-rotations", "100000"]);
    let settings = ClientSettings {
        species: [8, 1, 1].repeat(100),
        rotate: Some(process::SLOW.into()),
        ..ClientSettings::default()
    };
    let mut client = Client::connect(&server.name().parse().unwrap(), &settings).unwrap();
    let before = server.process.seconds();
    let thread = spawn(move || client.evaluate(None, &many(100).positions).unwrap_err().to_string());
    until("work", || server.process.seconds() > before + 0.2);
    server.process.signal(libc::SIGKILL);
    let broken = format!("the connection to the server at {} broke: the server has closed it", server.name());
    assert_eq!(thread.join().unwrap(), broken);
}

#[test]
fn the_socket_is_private_and_a_living_server_keeps_it() {
    let mut server = Server::start(&[]);
    let found = std::fs::metadata(server.socket()).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o7777, 0o600);
    let taken = format!("error: cannot listen on {}: another process answers there", server.name());
    serve(&server.socket(), &[]).ends(1, &taken);
    server.check();
    assert_eq!(std::fs::read_dir(server.folder.path()).unwrap().count(), 1);
    server.process.signal(libc::SIGTERM);
    assert_eq!(server.process.end(), Ended::Code(0));
    assert_eq!(std::fs::read_dir(server.folder.path()).unwrap().count(), 0);
}

#[test]
fn sockets_and_files_of_other_programs_are_not_replaced() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("s");
    let living = UnixDatagram::bind(&path).unwrap();
    let mut tumble = serve(&path, &[]);
    let sentence = "Protocol wrong type for socket (os error 91)";
    tumble.ends(1, &format!("error: cannot listen on unix:{}: {sentence}", path.display()));
    UnixDatagram::unbound().unwrap().send_to(b"hello", &path).unwrap();
    living.recv(&mut [0; 8]).unwrap();
    drop(living);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "precious").unwrap();
    assert_eq!(serve(&path, &[]).end(), Ended::Code(1));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_server_leaves_the_socket_of_another_alone() {
    let mut server = Server::start(&[]);
    std::fs::remove_file(server.socket()).unwrap();
    let next = serve(&server.socket(), &[]);
    next.says("listening");
    server.process.signal(libc::SIGINT);
    assert_eq!(server.process.end(), Ended::Code(0));
    server.check();
    drop(next);
}

/// Two working clients and a refused one.
fn three_visits(server: &Server) {
    let mut first = server.begin("species: O H2, rotate: octahedral");
    first.evaluate(&water(0.0));
    first.evaluate(&water(0.1));
    first.header("EXIT");
    assert_eq!(first.reply(), None);
    server.check();
    server.begin("species: He").refusal();
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// Checks the statistics after [`three_visits`].
fn check_sums(lines: &[Value]) {
    let last = lines.last().unwrap();
    let expected = [
        ("batches", 3),
        ("requests", 3),
        ("structures", 3),
        ("evaluations", 49),
        ("atoms", 9),
        ("accepted", 3),
        ("refused", 1),
    ];
    for (name, count) in expected {
        assert_eq!(last["total"][name], count, "{name} in {last}");
        let recent: u64 = lines.iter().map(|line| line["recent"][name].as_u64().unwrap()).sum();
        assert_eq!(recent, count, "{name}");
    }
    let seconds = |line: &Value, name: &str| line["recent"][name].as_f64().unwrap();
    for name in ["busy", "waited"] {
        let sum: f64 = lines.iter().map(|line| seconds(line, name)).sum();
        let total = last["total"][name].as_f64().unwrap();
        assert!((sum - total).abs() < 1e-9 && total >= 0.0, "{name}");
    }
    let intervals: f64 = lines.iter().map(|line| line["interval"].as_f64().unwrap()).sum();
    assert!((intervals - last["time"].as_f64().unwrap()).abs() < 1e-6);
}

#[test]
fn statistics_in_a_file_come_every_ten_seconds_and_at_the_end() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("stats");
    let mut server = Server::start(&["--stats", file.to_str().unwrap()]);
    let read = || std::fs::read_to_string(&file).unwrap();
    server.check();
    until("a line", || read().ends_with('\n'));
    let (mut peer, first) = (server.begin("species: O H2, rotate: octahedral"), lines(&read()));
    assert_eq!(first[0]["total"]["structures"], 1);
    assert!(first[0]["time"].as_f64().unwrap() >= 10.0);
    (0..2).for_each(|_| drop(peer.evaluate(&water(0.0))));
    drop(server.begin("species: He").refusal());
    server.stop();
    check_sums(&lines(&read()));
    assert!(read().lines().count() >= 2);
}

#[test]
fn statistics_on_the_standard_output_are_nothing_but_lines_of_json() {
    let mut server = Server::start(&["--stats", "-"]);
    three_visits(&server);
    server.stop();
    check_sums(&lines(&server.process.written()));
}

#[test]
fn unwritable_statistics_end_the_server_at_the_start() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("s");
    let mut tumble = serve(&socket, &["--stats", "/nowhere/at/all"]);
    tumble.ends(1, "error: cannot write /nowhere/at/all: No such file or directory (os error 2)");
    assert!(!socket.exists());
}

#[test]
fn a_batch_of_one_is_one_at_a_time() {
    let mut server = Server::start(&["--max-batch", "1", "--stats", "-"]);
    let mut peers: Vec<_> = (0..8).map(|_| server.begin(WATER)).collect();
    for step in 0..3 {
        peers.iter_mut().for_each(|peer| peer.ask(&water(0.1 * step as f64)));
        let expected = expected(&Settings::default(), &water(0.1 * step as f64), 0);
        peers.iter_mut().for_each(|peer| check(&peer.answers()[0], &expected));
    }
    server.stop();
    let total = &lines(&server.process.written()).pop().unwrap()["total"];
    assert_eq!([&total["batches"], &total["structures"]], [24, 24]);
}

#[test]
fn a_token_in_the_variable_is_required_and_never_shown() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("s");
    let mut command = command(&format!("unix:{}", socket.display()), &["--stats", "-"]);
    let process = Process::of(command.env("TUMBLE_TOKEN", "sesame-4711"));
    process.says("listening");
    let mut server = Server { folder, process };
    assert!(!server.process.about("cmdline").contains("4711"));
    let refused = "the token is wrong or missing: give the one that the server was started with";
    for text in [WATER, "species: O H2, token: sesame-4712", "species: O H2, token:", "token: sesame-471"] {
        assert_eq!(server.begin(text).refusal(), refused);
    }
    right(&mut server.begin("species: O H2, token: sesame-4711"), 0.0);
    let wrong = server.begin("token: sesame-4711, species: O H2, seed: x").refusal();
    assert!(wrong.starts_with("seed is \"x\""), "{wrong}");
    let said = server.stop() + &server.process.written();
    assert!(!said.contains("4711"), "{said}");
    let help = Process::of(command.arg("--help")).finished();
    assert!(help.contains("TUMBLE_TOKEN") && !help.contains("4711"), "{help}");
}

#[test]
fn an_empty_or_unsendable_token_is_refused() {
    let folder = TempDir::new().unwrap();
    let sentence =
        "error: the argument token is empty, or has a comma, a line break or spaces around it: leave these out";
    for token in ["", " ", "a, b", "sesame\n"] {
        let listen = format!("unix:{}", folder.path().join("s").display());
        let mut tumble = Process::of(command(&listen, &[]).env("TUMBLE_TOKEN", token));
        tumble.ends(2, sentence);
    }
    Process::of(&mut command("tcp:0.0.0.0:0", &["--token", ""])).ends(2, sentence);
}

#[test]
fn other_machines_need_a_token_or_the_option_open() {
    let refused = "error: tcp:0.0.0.0:0 can be reached from other machines: give a token (TUMBLE_TOKEN), listen on \
                   unix:PATH or tcp:localhost:PORT, or say --open if everybody may use it";
    Process::of(&mut command("tcp:0.0.0.0:0", &[])).ends(2, refused);
    let short = "error: the token has 15 characters, and tcp:0.0.0.0:0 can be reached from other machines, where it would be \
                 guessed: give at least 16 random ones, as `openssl rand -hex 16` makes them";
    Process::of(&mut command("tcp:0.0.0.0:0", &["--token", "sesame-sesame-s"])).ends(2, short);
    Process::of(&mut command("tcp:0.0.0.0:0", &["--open", "--token", "sesame-sesame-s"])).ends(2, short);
    let token = "sesame-sesame-se";
    for options in [&["--open"][..], &["--token", token]] {
        let mut open = Process::of(&mut command("tcp:0.0.0.0:0", options));
        open.says("listening");
        let said = open.said();
        let port = said.split(':').nth(2).unwrap();
        let settings =
            ClientSettings { species: vec![8, 1, 1], token: Some(token.into()), ..ClientSettings::default() };
        let mut client = Client::connect(&format!("tcp:127.0.0.1:{port}").parse().unwrap(), &settings).unwrap();
        assert!(client.evaluate(None, &water(0.0).positions).unwrap().energy.is_finite());
        drop(client);
        open.signal(libc::SIGINT);
        assert_eq!(open.end(), Ended::Code(0));
        assert!(!open.said().contains("sesame"), "{}", open.said());
    }
}

#[test]
fn server_without_file_descriptors_continues_and_does_not_spin() {
    let folder = TempDir::new().unwrap();
    let inner = command(&format!("unix:{}", folder.path().join("s").display()), &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    let process = Process::of(&mut shell);
    process.says("listening");
    let mut server = Server { folder, process };
    let mut peers: Vec<_> = (0..100).map(|_| server.begin(WATER)).collect();
    server.process.says("cannot accept a connection: ");
    right(&mut peers[0], 0.0);
    let before = server.process.seconds();
    sleep(Duration::from_secs(1));
    let spent = server.process.seconds() - before;
    assert!(spent < 0.3, "{spent} s of a second");
    right(&mut peers[0], 0.1);
    // Later clients are served when the first ones leave.
    peers.drain(..80);
    peers.iter_mut().for_each(|peer| right(peer, 0.2));
    server.check();
    let said = server.stop();
    let complaints = said.matches("cannot accept").count();
    assert!(complaints < 8, "it complains {complaints} times");
}

/// Connects, sends garbage, and leaves.
fn bother(socket: &Path) {
    if let Ok(mut stream) = UnixStream::connect(socket) {
        // The server may already have refused the connection.
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
    }
}

#[test]
fn clients_sending_garbage_do_not_delay_others() {
    let mut server = Server::start(&[]);
    let mut peer = server.begin(WATER);
    let wanted = expected(&Settings::default(), &water(0.0), 0);
    let (socket, left) = (server.socket(), AtomicUsize::new(4));
    let mut trips = vec![];
    scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..125).for_each(|_| bother(&socket));
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        while left.load(Ordering::Relaxed) > 0 {
            let start = Instant::now();
            check(&peer.evaluate(&water(0.0)), &wanted);
            trips.push(start.elapsed());
        }
    });
    println!("{} round trips, the worst {:?}", trips.len(), trips.iter().max());
    server.check();
    server.stop();
}

#[test]
fn endless_connections_do_not_delay_others() {
    let mut server = Server::start(&[]);
    let mut peer = server.begin(WATER);
    let wanted = expected(&Settings::default(), &water(0.0), 0);
    let (socket, done) = (server.socket(), AtomicBool::new(false));
    let (mut worst, start) = (Duration::ZERO, Instant::now());
    scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) && start.elapsed() < LIMIT {
                    bother(&socket);
                }
            });
        }
        for _ in 0..100 {
            let start = Instant::now();
            check(&peer.evaluate(&water(0.0)), &wanted);
            worst = worst.max(start.elapsed());
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("the worst round trip took {worst:?}, all took {:?}", start.elapsed());
    assert!(start.elapsed() < LIMIT);
    server.stop();
}

/// Connects, sends a STATUS, then an INIT or not, and leaves in one of four ways.
fn visit(server: &Server, manner: usize) {
    let mut peer = server.connect();
    match manner {
        0 => peer.header("STATUS"),
        1 => peer.init("species: O H2, rotate: octahedral"),
        2 => return peer.send(|out| out.extend(b"STATU")),
        _ => {
            peer.init(WATER);
            peer.evaluate(&water(0.0));
            return peer.header("EXIT");
        }
    }
    if manner == 1 {
        return peer.stream.shutdown(Shutdown::Both).unwrap();
    }
    peer.expect(&Reply::NeedInit);
}

/// Resident memory in kB and number of open files, when all visitors have left.
fn footprint(server: &Server, files: usize) -> (usize, usize) {
    until("all to have left", || server.process.files() <= files);
    let status = server.process.about("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    (line.split_whitespace().nth(1).unwrap().parse().unwrap(), server.process.files())
}

#[test]
fn three_thousand_visitors_leave_nothing_behind() {
    let mut server = Server::start(&["--stats", "-"]);
    let files = server.process.files();
    (0..500).for_each(|i| visit(&server, i % 4));
    let (memory, files) = footprint(&server, files);
    (0..3000).for_each(|i| visit(&server, i % 4));
    let (memory_after, files_after) = footprint(&server, files);
    println!("{memory} kB became {memory_after} kB, {files} files {files_after}");
    assert_eq!(files_after, files);
    assert!(memory_after < memory + 2000, "{memory} kB became {memory_after} kB");
    server.stop();
    assert_eq!(lines(&server.process.written()).pop().unwrap()["total"]["accepted"], 3500);
}

#[test]
fn server_continues_when_its_log_is_closed() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("s");
    let mut command = command(&format!("unix:{}", socket.display()), &[]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut line = [0; 1];
    child.stderr.take().unwrap().read_exact(&mut line).unwrap();
    let begin = || {
        let mut peer = Peer::new(UnixStream::connect(&socket).unwrap(), 3);
        peer.init(WATER);
        peer
    };
    (0..3).for_each(|_| right(&mut begin(), 0.0));
    kill(child);
}

#[test]
fn log_escapes_control_characters_of_strangers() {
    let mut server = Server::start(&[]);
    server.begin("species: O, \u{1b}[2Jcolor: blue").refusal();
    server.process.says("was refused: the INIT has the unknown key");
    assert!(!server.stop().contains('\u{1b}'));
}

#[test]
fn the_longest_times_are_accepted() {
    let mut server = Server::start(&["--idle-timeout", "1000000000", "--io-timeout", "1000000000"]);
    server.check();
    server.stop();
    let mut beyond = Process::of(&mut command("unix:s", &["--idle-timeout", &u64::MAX.to_string()]));
    assert_eq!(beyond.end(), Ended::Code(2));
}
