//! `tumble serve` among peers that have shown no token, say nothing, talk without end, or guess.
//!
//! ONNX Runtime must be findable: `make test` sees to it.

#[allow(dead_code)]
#[path = "support/ipi_peer.rs"]
mod ipi_peer;
#[allow(dead_code)]
#[path = "support/process.rs"]
mod process;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use process::{Ended, Process, model, until, water};
use tumble_ipi::client::{Client, ClientSettings};
use tumble_ipi::message::{self, Layout, Reply};

const TOKEN: &str = "0123456789abcdef";

/// A server on a port of this machine, with a token.
struct Server {
    process: Process,
    port: u16,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
        command.arg("serve").arg(model("harmonic-list-f64")).args(["--listen", "tcp:127.0.0.1:0"]).args(options);
        let process = Process::of(command.env("TUMBLE_TOKEN", TOKEN));
        process.says("listening");
        let port = process.said().split(':').nth(2).unwrap().parse().unwrap();
        Self { process, port }
    }

    fn connect(&self) -> Stranger {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(process::LIMIT)).unwrap();
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        stream.set_nodelay(true).unwrap();
        Stranger { stream }
    }

    /// Somebody with the token.
    fn client(&self) -> Client {
        let settings =
            ClientSettings { species: vec![8, 1, 1], token: Some(TOKEN.into()), ..ClientSettings::default() };
        Client::connect(&format!("tcp:127.0.0.1:{}", self.port).parse().unwrap(), &settings).unwrap()
    }

    fn stop(&mut self) -> String {
        self.process.signal(libc::SIGINT);
        assert_eq!(self.process.end(), Ended::Code(0), "{}", self.process.said());
        self.process.said()
    }
}

struct Stranger {
    stream: TcpStream,
}

impl Stranger {
    fn send(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        let mut out = vec![];
        put(&mut out);
        self.stream.write_all(&out).unwrap();
    }

    fn init(&mut self, text: &str) {
        self.send(|out| message::put_init(0, text, out));
    }

    /// The sentence with which the server ends it.
    fn refusal(&mut self) -> String {
        let mut bytes = vec![];
        self.stream.read_to_end(&mut bytes).unwrap();
        let (mut rest, layout) = (&bytes[..], Layout::plain(3));
        while let Some((reply, used)) = message::reply(rest, &layout).unwrap() {
            if let Reply::Error(sentence) = reply {
                return sentence;
            }
            rest = &rest[used..];
        }
        panic!("no refusal in {bytes:?}");
    }
}

fn evaluate(client: &mut Client) {
    assert!(client.evaluate(None, &water(0.0).positions).unwrap().energy.is_finite());
}

/// The median of the round trips of some time.
fn median(client: &mut Client, time: Duration) -> Duration {
    let (start, mut trips) = (Instant::now(), vec![]);
    while start.elapsed() < time {
        let begin = Instant::now();
        evaluate(client);
        trips.push(begin.elapsed());
    }
    trips.sort();
    trips[trips.len() / 2]
}

/// That a client is answered hardly later while others do this again and again: the machine may be busy besides.
fn stays_quick(server: &Server, bother: impl Fn(&AtomicBool) + Sync, threads: usize) {
    let mut client = server.client();
    let alone = median(&mut client, Duration::from_millis(500));
    let done = AtomicBool::new(false);
    let among = scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(|| bother(&done))));
        sleep(Duration::from_millis(200));
        let among = median(&mut client, Duration::from_secs(1));
        done.store(true, Ordering::Relaxed);
        among
    });
    println!("{alone:?} alone, {among:?} among others");
    assert!(among < 2 * alone + Duration::from_millis(2), "{alone:?} became {among:?}");
    evaluate(&mut server.client());
}

#[test]
fn silent_connections_do_not_take_the_places_of_clients_with_the_token() {
    let mut server = Server::start(&["--max-connections", "4", "--max-pending", "8"]);
    let mut first = server.client();
    evaluate(&mut first);
    let files = server.process.files();
    let mut silent: Vec<_> = (0..256).map(|_| server.connect()).collect();
    until("the last ones to be there", || server.process.files() >= files + 8);
    assert!(server.process.files() <= files + 16 + 8, "{} files", server.process.files());
    let mut clients: Vec<_> = (0..3).map(|_| server.client()).collect();
    clients.iter_mut().chain([&mut first]).for_each(evaluate);
    let sentence = "the server has 8 connections without an INIT already: connect again and send it at once";
    silent.iter_mut().take(240).for_each(|stranger| assert_eq!(stranger.refusal(), sentence));
    // Simulations have slots of their own.
    let mut more = server.connect();
    more.init(&format!("species: O H2, token: {TOKEN}"));
    assert_eq!(more.refusal(), "the server has 4 connections already, its limit");
    let said = server.stop();
    // Not a line for each.
    assert!((1..3).contains(&said.matches("without an INIT had to make room for others").count()), "{said}");
    assert!(said.lines().count() < 20, "{said}");
}

#[test]
fn an_init_is_waited_for_as_long_as_the_grace_lasts_however_it_comes() {
    let server = Server::start(&["--grace", "1"]);
    let start = Instant::now();
    let (mut silent, mut slow) = (server.connect(), server.connect());
    let mut out = vec![];
    message::put_init(0, &format!("species: O H2, token: {TOKEN}"), &mut out);
    for byte in out.iter().cycle() {
        if slow.stream.write_all(&[*byte]).is_err() || start.elapsed() > Duration::from_millis(900) {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!(silent.refusal(), "no INIT came in time");
    assert!((1.0..5.0).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
    assert_eq!(slow.refusal(), "the rest of a message did not come in time");
}

#[test]
fn an_init_of_the_greatest_length_is_taken_and_a_longer_one_is_not_waited_for() {
    let server = Server::start(&["--max-atoms", "1000"]);
    let text = |length: usize| {
        let text = format!("species: O H2, token: {TOKEN}");
        let rest = length - text.len();
        text + &" ".repeat(rest)
    };
    let mut longest = server.connect();
    longest.init(&text(8096));
    longest.send(|out| message::header("STATUS", out));
    let mut ready = [0; 12];
    longest.stream.read_exact(&mut ready).unwrap();
    assert_eq!(&ready, b"READY       ");
    let mut longer = server.connect();
    longer.send(|out| out.extend(b"INIT        \0\0\0\0\xa1\x1f\0\0"));
    assert_eq!(longer.refusal(), "the peer announced an INIT text of 8097 bytes where 0 to 8096 are allowed");
    let mut chatty = server.connect();
    chatty.send(|out| (0..200).for_each(|_| message::header("STATUS", out)));
    assert_eq!(chatty.refusal(), "the peer sent 100 messages before an INIT");
}

#[test]
fn guesses_are_answered_ever_more_slowly_and_the_right_token_at_once() {
    let server = Server::start(&[]);
    let mut witness = server.client();
    for delay in [250, 500, 1000] {
        let (start, mut stranger) = (Instant::now(), server.connect());
        stranger.init("species: O H2, token: guess");
        (0..20).for_each(|_| evaluate(&mut witness));
        assert_eq!(stranger.refusal(), "the token is wrong or missing: give the one that the server was started with");
        let took = start.elapsed().as_millis();
        assert!((delay..delay + 5000).contains(&took), "{took} ms for {delay}");
        let start = Instant::now();
        evaluate(&mut server.client());
        assert!(start.elapsed() < Duration::from_millis(200) + Duration::from_millis(delay as u64), "{start:?}");
    }
}

#[test]
fn many_clients_that_guess_tokens_do_not_delay_others() {
    let server = Server::start(&[]);
    let guess = |done: &AtomicBool| {
        while !done.load(Ordering::Relaxed) {
            let mut strangers: Vec<_> = (0..8).map(|_| server.connect()).collect();
            strangers.iter_mut().for_each(|stranger| stranger.init("species: O H2, token: guess"));
            sleep(Duration::from_millis(50));
        }
    };
    stays_quick(&server, guess, 8);
}

#[test]
fn statuses_without_end_hold_up_nobody_with_the_token_or_without() {
    let server = Server::start(&[]);
    let flood = |text: Option<String>, done: &AtomicBool| {
        while !done.load(Ordering::Relaxed) {
            let mut stranger = server.connect();
            text.iter().for_each(|text| stranger.init(text));
            stranger.stream.set_nonblocking(true).unwrap();
            let (statuses, mut sink) = (b"STATUS      ".repeat(100), [0; 4096]);
            let end = Instant::now() + Duration::from_millis(300);
            while !done.load(Ordering::Relaxed) && Instant::now() < end {
                let (written, read) = (stranger.stream.write(&statuses), stranger.stream.read(&mut sink));
                if matches!(read, Ok(0)) {
                    break;
                }
                sleep(if written.and(read).is_err() { Duration::from_millis(1) } else { Duration::ZERO });
            }
        }
    };
    stays_quick(&server, |done| flood(None, done), 8);
    stays_quick(&server, |done| flood(Some(format!("species: O H2, token: {TOKEN}")), done), 8);
}

#[test]
fn clients_that_begin_again_and_again_do_not_delay_others() {
    let server = Server::start(&[]);
    let mut out = vec![];
    let text = format!("token: {TOKEN}, species: O H2, rotate: lebedev:3, beads: 65535");
    (0..10).for_each(|_| message::put_init(0, &text, &mut out));
    let again = |done: &AtomicBool| {
        let mut peer = server.connect();
        while !done.load(Ordering::Relaxed) {
            // A full buffer is tried again.
            let _ = peer.stream.write_all(&out);
        }
    };
    stays_quick(&server, again, 2);
}

#[test]
fn memory_is_not_allocated_for_announced_sizes() {
    let server = Server::start(&[]);
    let memory = || {
        let status = server.process.about("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()
    };
    evaluate(&mut server.client());
    let before = memory();
    // 100,000 atoms each, of which nothing comes.
    let mut peers: Vec<_> = (0..32).map(|_| server.connect()).collect();
    for peer in &mut peers {
        peer.init(&format!("species: H100000, token: {TOKEN}"));
        peer.send(|out| out.extend([b"POSDATA     ", &[0; 144][..], &100_000i32.to_le_bytes()].concat()));
    }
    let mut client = server.client();
    (0..20).for_each(|_| evaluate(&mut client));
    let after = memory();
    // Species are a byte each, twice.
    assert!(after < before + 32 * 400 + 4000, "{before} kB became {after} kB");
}
