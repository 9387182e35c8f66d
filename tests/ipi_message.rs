//! i-PI's messages against literal bytes: whole, in pieces, cut off, and wrong.

use proptest::prelude::*;
use tumble_core::rotation::{Matrix3, Vector3};
use tumble_core::units::{IPI_ANGSTROM as ANGSTROM, IPI_ELECTRON_VOLT as ELECTRON_VOLT};
use tumble_ipi::init;
use tumble_ipi::message::{self, Answer, Fault, Layout, Positions, Reply, Request, Transport};
use tumble_ipi::wire;
use tumble_ipi::wire::Structure;

const ZERO: &[u8] = b"\0\0\0\0\0\0\0\0";
const ONE: &[u8] = b"\0\0\0\0\0\0\xf0\x3f";
const TWO: &[u8] = b"\0\0\0\0\0\0\0\x40";
const MINUS_TWO: &[u8] = b"\0\0\0\0\0\0\0\xc0";

/// The cell vectors (1, 0, 0), (2, 1, 0), (0, 0, 1) as columns, Bohr.
const CELL: [&[u8]; 9] = [ONE, TWO, ZERO, ZERO, ONE, ZERO, ZERO, ZERO, ONE];
/// The inverse of [`CELL`].
const INVERSE: [&[u8]; 9] = [ONE, MINUS_TWO, ZERO, ZERO, ONE, ZERO, ZERO, ZERO, ONE];
const POSITION: [&[u8]; 3] = [ZERO, ONE, MINUS_TWO];
const NAMES: [&str; 6] = ["ipi_pos", "ipi_h", "ipi_ih", "ipi_pot", "ipi_force", "ipi_vir"];

/// A message of either side that owns its contents.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Status,
    Init(i32, String),
    Structures(Vec<Structure>),
    Shared(Option<[String; 6]>),
    GetForce,
    Exit,
    Reply(Reply),
}

type Decoded = Result<Option<(Seen, usize)>, Fault>;

fn request(bytes: &[u8], layout: &Layout) -> Decoded {
    let seen = |request: Request| match request {
        Request::Status => Seen::Status,
        Request::Init { id, text } => Seen::Init(id, text.into()),
        Request::Positions(Positions::Inline(inline)) => Seen::Structures(inline.structures().collect()),
        Request::Positions(Positions::Shared(names)) => Seen::Shared(names.map(|names| names.map(String::from))),
        Request::GetForce => Seen::GetForce,
        Request::Exit => Seen::Exit,
    };
    Ok(message::request(bytes, layout)?.map(|(request, used)| (seen(request), used)))
}

fn reply(bytes: &[u8], layout: &Layout) -> Decoded {
    Ok(message::reply(bytes, layout)?.map(|(reply, used)| (Seen::Reply(reply), used)))
}

/// Bytes and their meaning.
struct Sample {
    decode: fn(&[u8], &Layout) -> Decoded,
    layout: Layout,
    bytes: Vec<u8>,
    seen: Seen,
}

impl Sample {
    fn request(layout: Layout, parts: &[&[u8]], seen: Seen) -> Self {
        Self { decode: request, layout, bytes: parts.concat(), seen }
    }

    fn reply(layout: Layout, parts: &[&[u8]], reply_: Reply) -> Self {
        Self { decode: reply, layout, bytes: parts.concat(), seen: Seen::Reply(reply_) }
    }

    fn decode(&self, bytes: &[u8]) -> Decoded {
        (self.decode)(bytes, &self.layout)
    }

    /// Decodes every message from successive chunks.
    fn receive(&self, chunks: &[&[u8]]) -> Vec<Seen> {
        let (mut buffer, mut seen) = (Vec::new(), Vec::new());
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            while let Some((message, used)) = self.decode(&buffer).unwrap() {
                seen.push(message);
                buffer.drain(..used);
            }
        }
        assert_eq!(buffer, b"");
        seen
    }
}

fn layout(batch: usize, transport: Transport) -> Layout {
    Layout { batch, transport, ..Layout::plain(1) }
}

fn bohr<const N: usize>(vectors: [Vector3; N]) -> [Vector3; N] {
    vectors.map(|vector| vector.map(|x| x / ANGSTROM))
}

fn structure(position: Vector3) -> Structure {
    let cell = bohr([[1.0, 0.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    Structure { cell, positions: bohr([position]).to_vec() }
}

/// Results with a different number at each place; for the structure `turn` they are shifted by `turn` places.
fn answer(turn: usize, extras: &str) -> Answer {
    let mut energies = [-2.0, 1.0, 2.0].map(|x| x / ELECTRON_VOLT);
    let mut force = [1.0, 2.0, 0.0].map(|x| x / (ELECTRON_VOLT / ANGSTROM));
    let mut virial = [1.0, 2.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -2.0].map(|x| x / ELECTRON_VOLT);
    energies.rotate_left(turn);
    force.rotate_left(turn);
    virial.rotate_left(turn);
    let virial = [0, 3, 6].map(|i| [virial[i], virial[i + 1], virial[i + 2]]);
    Answer { energy: energies[0], forces: vec![force], virial, extras: extras.into() }
}

/// The numbers on the wire for structures 0, 1, 2: the given ones, shifted by one place each time.
fn turned(numbers: &[&[u8]]) -> Vec<u8> {
    let turn = |turn| [&numbers[turn..], &numbers[..turn]].concat().concat();
    (0..3).flat_map(turn).collect()
}

fn requests() -> Vec<Sample> {
    let plain = layout(1, Transport::Socket);
    let init = Seen::Init(3, "Zr: é".into());
    vec![
        Sample::request(plain, &[b"STATUS      "], Seen::Status),
        Sample::request(plain, &[b"GETFORCE    "], Seen::GetForce),
        Sample::request(plain, &[b"EXIT        "], Seen::Exit),
        Sample::request(plain, &[b"INIT        \x03\0\0\0\x06\0\0\0Zr: \xc3\xa9"], init),
        Sample::request(plain, &[b"INIT        \xff\xff\xff\xff\0\0\0\0"], Seen::Init(-1, String::new())),
    ]
}

fn structures() -> Vec<Sample> {
    let (cell, inverse, position) = (CELL.concat(), INVERSE.concat(), POSITION.concat());
    let mut cells = [&cell[..], &inverse].concat().repeat(3);
    cells[2 * 144..2 * 144 + 8].copy_from_slice(TWO);
    let positions = [&position[..], &position, &[ONE; 3].concat()].concat();
    let one = structure([0.0, 1.0, -2.0]);
    let mut three = vec![one.clone(), one.clone(), structure([1.0; 3])];
    three[2].cell[0][0] = 2.0 / ANGSTROM;
    let header = b"POSDATA     ";
    let names =
        b"\x07\0\0\0ipi_pos\x05\0\0\0ipi_h\x06\0\0\0ipi_ih\x07\0\0\0ipi_pot\x09\0\0\0ipi_force\x07\0\0\0ipi_vir";
    let parts: [&[u8]; 5] = [header, &cell, &inverse, b"\x01\0\0\0", &position];
    vec![
        Sample::request(layout(1, Transport::Socket), &parts, Seen::Structures(vec![one])),
        Sample::request(
            layout(3, Transport::Socket),
            &[header, b"\x01\0\0\0", &cells, &positions],
            Seen::Structures(three),
        ),
        Sample::request(
            layout(1, Transport::Unnamed),
            &[header, b"\x01\0\0\0", names],
            Seen::Shared(Some(NAMES.map(String::from))),
        ),
        Sample::request(layout(3, Transport::Shared), &[header, b"\x01\0\0\0"], Seen::Shared(None)),
    ]
}

fn replies() -> Vec<Sample> {
    let plain = layout(1, Transport::Socket);
    vec![
        Sample::reply(plain, &[b"NEEDINIT    "], Reply::NeedInit),
        Sample::reply(plain, &[b"READY       "], Reply::Ready),
        Sample::reply(plain, &[b"HAVEDATA    "], Reply::HaveData),
        Sample::reply(plain, &[b"ERROR       \x0d\0\0\0no more atoms"], Reply::Error("no more atoms".into())),
    ]
}

fn answers() -> Vec<Sample> {
    let header = b"FORCEREADY  ";
    let (force, virial) = ([ONE, TWO, ZERO], [ONE, TWO, ZERO, ZERO, ONE, ZERO, ZERO, ZERO, MINUS_TWO]);
    let one: [&[u8]; 6] = [header, MINUS_TWO, b"\x01\0\0\0", &force.concat(), &virial.concat(), b"\x02\0\0\0{}"];
    let many: [Vec<u8>; 3] = [[MINUS_TWO, ONE, TWO].concat(), turned(&force), turned(&virial)];
    let extras: &[u8] = b"\x02\0\0\0{}\0\0\0\0\x01\0\0\0x";
    let three: [&[u8]; 6] = [header, &many[0], b"\x01\0\0\0", &many[1], &many[2], extras];
    let shared = |extras: &str| Answer { extras: extras.into(), ..Answer::default() };
    let inline = vec![answer(0, "{}"), answer(1, ""), answer(2, "x")];
    let apart = ["{}", "", "x"].map(shared).to_vec();
    vec![
        Sample::reply(layout(1, Transport::Socket), &one, Reply::ForceReady(vec![answer(0, "{}")])),
        Sample::reply(layout(3, Transport::Socket), &three, Reply::ForceReady(inline)),
        Sample::reply(layout(1, Transport::Shared), &[header, b"\0\0\0\0"], Reply::ForceReady(vec![shared("")])),
        Sample::reply(layout(3, Transport::Unnamed), &[header, extras], Reply::ForceReady(apart)),
    ]
}

fn samples() -> Vec<Sample> {
    [requests(), structures(), replies(), answers()].into_iter().flatten().collect()
}

#[test]
fn a_structure_is_read_from_literal_bytes() {
    let bytes = b"POSDATA     \
        \0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\x3f\
        \0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\x3f\
        \x01\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0";
    let expected = Seen::Structures(vec![structure([0.0, 1.0, -2.0])]);
    assert_eq!(request(bytes, &Layout::plain(1)), Ok(Some((expected, 184))));
}

#[test]
fn every_message_is_read_whole() {
    for sample in samples() {
        assert_eq!(sample.decode(&sample.bytes), Ok(Some((sample.seen.clone(), sample.bytes.len()))));
    }
}

#[test]
fn incomplete_messages_are_waited_for() {
    for sample in samples() {
        for length in 0..sample.bytes.len() {
            assert_eq!(sample.decode(&sample.bytes[..length]), Ok(None), "{:?}, {length}", sample.seen);
        }
    }
}

#[test]
fn messages_may_come_byte_by_byte_or_in_two_pieces() {
    for sample in samples() {
        let bytes: Vec<&[u8]> = sample.bytes.chunks(1).collect();
        assert_eq!(sample.receive(&bytes), std::slice::from_ref(&sample.seen));
        for middle in 0..=sample.bytes.len() {
            let (head, tail) = sample.bytes.split_at(middle);
            assert_eq!(sample.receive(&[head, tail]), std::slice::from_ref(&sample.seen));
        }
    }
}

#[test]
fn decoder_leaves_bytes_after_a_message_alone() {
    for sample in samples() {
        for next in [&b"S"[..], b"STATUS     ", b"garbage that is no message", &[0xff; 300]] {
            let bytes = [&sample.bytes, next].concat();
            assert_eq!(sample.decode(&bytes), Ok(Some((sample.seen.clone(), sample.bytes.len()))));
        }
    }
}

#[test]
fn two_messages_in_one_piece_are_two_messages() {
    for sample in samples() {
        let status: (&[u8], Seen) = match sample.seen {
            Seen::Reply(_) => (b"READY       ", Seen::Reply(Reply::Ready)),
            _ => (b"GETFORCE    ", Seen::GetForce),
        };
        let both = [&sample.bytes, status.0].concat();
        assert_eq!(sample.receive(&[&both]), [sample.seen.clone(), status.1]);
        assert_eq!(sample.receive(&[&sample.bytes.repeat(2)]), [sample.seen.clone(), sample.seen.clone()]);
    }
}

/// Asserts that the decoder refuses at the last byte and not earlier, with any bytes after it.
fn refused(decode: fn(&[u8], &Layout) -> Decoded, layout: Layout, parts: &[&[u8]], sentence: &str) {
    let bytes = parts.concat();
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length], &layout), Ok(None), "{length}");
    }
    for rest in [&b""[..], &[0; 400], &[0xff; 3]] {
        assert_eq!(decode(&[&bytes, rest].concat(), &layout).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn another_number_of_atoms_is_refused_at_once() {
    let cell = [CELL.concat(), INVERSE.concat()].concat();
    for (number, text) in [(-1, "-1"), (i32::MAX, "2147483647"), (2, "2"), (0, "0"), (i32::MIN, "-2147483648")] {
        let number = &number.to_le_bytes()[..];
        let sentence = format!(
            "sent {text} atoms where 1 were expected: give the same structure on both sides, and shared memory to both or neither"
        );
        refused(request, layout(1, Transport::Socket), &[b"POSDATA     ", &cell, number], &sentence);
        for layout in [layout(3, Transport::Socket), layout(1, Transport::Unnamed), layout(1, Transport::Shared)] {
            refused(request, layout, &[b"POSDATA     ", number], &sentence);
        }
        refused(reply, layout(1, Transport::Socket), &[b"FORCEREADY  ", ONE, number], &sentence);
        refused(reply, layout(3, Transport::Socket), &[b"FORCEREADY  ", &ONE.repeat(3), number], &sentence);
    }
}

#[test]
fn lengths_out_of_bounds_are_refused_at_once() {
    let posdata: &[u8] = b"POSDATA     \x01\0\0\0\x01\0\0\0p";
    let force = &[b"FORCEREADY  ", ONE, b"\x01\0\0\0", &ONE.repeat(12)].concat();
    let cases = [
        (
            request as fn(&[u8], &Layout) -> Decoded,
            Transport::Socket,
            &b"INIT        \0\0\0\0"[..],
            1 << 16,
            "an INIT text",
        ),
        (request, Transport::Unnamed, posdata, 255, "the name of a shared memory segment"),
        (reply, Transport::Socket, b"ERROR       ", 1 << 16, "an error"),
        (reply, Transport::Socket, force, i32::MAX, "extras"),
        (reply, Transport::Shared, b"FORCEREADY  ", i32::MAX, "extras"),
    ];
    for (decode, transport, start, limit, what) in cases {
        let too_large = limit.checked_add(1);
        for length in [Some(-1), Some(i32::MIN), too_large].into_iter().flatten() {
            let sentence = format!("announced {what} of {length} bytes where 0 to {limit} are allowed");
            refused(decode, layout(1, transport), &[start, &length.to_le_bytes()], &sentence);
        }
    }
}

#[test]
fn a_text_of_the_largest_length_is_taken() {
    let mut layout = Layout::plain(1);
    layout.max_text = 5;
    let bytes = b"INIT        \0\0\0\0\x05\0\0\0O H2 ";
    assert_eq!(request(bytes, &layout), Ok(Some((Seen::Init(0, "O H2 ".into()), 25))));
    layout.max_text = 4;
    let sentence = "announced an INIT text of 5 bytes where 0 to 4 are allowed";
    refused(request, layout, &[&bytes[..20]], sentence);
}

#[test]
fn invalid_utf8_is_refused() {
    let force = [b"FORCEREADY  ", ONE, b"\x01\0\0\0", &ONE.repeat(12)].concat();
    let (plain, unnamed) = (layout(1, Transport::Socket), layout(1, Transport::Unnamed));
    let text = b"\x03\0\0\0a\xc3(";
    let sentence = |what: &str| format!("sent {what} that is not UTF-8 text");
    refused(request, plain, &[b"INIT        \0\0\0\0", text], &sentence("an INIT text"));
    let name = sentence("the name of a shared memory segment");
    refused(request, unnamed, &[b"POSDATA     \x01\0\0\0\x01\0\0\0p", text], &name);
    refused(reply, plain, &[b"ERROR       ", text], &sentence("an error"));
    refused(reply, plain, &[&force, text], &sentence("extras"));
}

#[test]
fn unknown_headers_are_refused_and_shown() {
    let cases: [(&[u8; 12], &str); 6] = [
        (b"posdata     ", "posdata     "),
        (b"GET / HTTP/1", "GET / HTTP/1"),
        (b"POSDATA\0\0\0\0\0", "POSDATA\\x00\\x00\\x00\\x00\\x00"),
        (b" STATUS     ", " STATUS     "),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\"", "\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xfc\\x03\\x03\\\""),
        (b"NEEDINITS   ", "NEEDINITS   "),
    ];
    for (header, found) in cases {
        for (decode, expected) in [
            (request as fn(&[u8], &Layout) -> Decoded, "STATUS, INIT, POSDATA, GETFORCE or EXIT"),
            (reply, "NEEDINIT, READY, HAVEDATA, FORCEREADY or ERROR"),
        ] {
            let sentence = format!(
                "sent \"{found}\" where the header {expected} was expected: check that it speaks i-PI's protocol"
            );
            refused(decode, Layout::plain(1), &[header], &sentence);
        }
    }
}

#[test]
fn each_side_refuses_messages_of_the_other() {
    for (decode, other) in [(request as fn(&[u8], &Layout) -> Decoded, replies()), (reply, requests())] {
        for sample in other {
            assert!(matches!(decode(&sample.bytes, &sample.layout), Err(Fault::Header { .. })), "{:?}", sample.seen);
        }
    }
}

#[test]
fn units_on_the_wire_are_i_pi_s() {
    let mut bytes = Vec::new();
    let cell = [[1.0, 2.0, 4.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    message::put_positions(&Structure { cell, positions: vec![[1.0, -1.0, 0.0]] }, &mut bytes);
    let wire: Vec<f64> = bytes[12..].chunks(8).map(|chunk| chunk.try_into().map_or(0.0, f64::from_le_bytes)).collect();
    let columns = [1.0, 0.0, 0.0, 2.0, 1.0, 0.0, 4.0, 0.0, 1.0].map(|x| x * 1.8897261);
    assert_eq!(wire[..9], columns);
    let inverse = [1.0, 0.0, 0.0, -2.0, 1.0, 0.0, -4.0, 0.0, 1.0].map(|x| x * (1.0 / 1.8897261));
    assert_eq!(wire[9..18], inverse);
    assert_eq!(bytes[156..160], [1, 0, 0, 0]);
    assert_eq!(bytes[160..168], 1.8897261_f64.to_le_bytes());
    assert_eq!(bytes[168..176], (-1.8897261_f64).to_le_bytes());
}

#[test]
fn energies_forces_and_virials_have_i_pi_s_units() {
    let mut bytes = Vec::new();
    wire::put_energy(1.0, &mut bytes);
    wire::put_virial(&[[1.0; 3]; 3], &mut bytes);
    assert_eq!(bytes, 0.036749326_f64.to_le_bytes().repeat(10));
    bytes.clear();
    wire::put_forces(&[[1.0; 3]], &mut bytes);
    assert_eq!(bytes, (0.036749326_f64 / 1.8897261).to_le_bytes().repeat(3));
}

#[test]
fn a_cell_without_volume_is_sent_with_numbers_for_its_inverse() {
    let mut bytes = Vec::new();
    Structure::default().put_cell(&mut bytes);
    assert_eq!(bytes[..72], [0; 72]);
    let one = (1.0 / 1.8897261_f64).to_le_bytes();
    assert_eq!(bytes[72..], [&one[..], &[0; 24], &one, &[0; 24], &one].concat());
}

#[test]
fn messages_are_written_literally() {
    let mut bytes = Vec::new();
    message::put_init(-1, "batch_size:3", &mut bytes);
    message::put_error("no", &mut bytes);
    message::header("STATUS", &mut bytes);
    let extras = Answer { extras: "{}".into(), ..Answer::default() };
    message::put_answers(&[extras, Answer::default()], Transport::Shared, &mut bytes);
    assert_eq!(
        bytes.escape_ascii().to_string(),
        "INIT        \\xff\\xff\\xff\\xff\\x0c\\x00\\x00\\x00batch_size:3ERROR       \\x02\\x00\\x00\\x00noSTATUS      \
         FORCEREADY  \\x02\\x00\\x00\\x00{}\\x00\\x00\\x00\\x00"
    );
}

#[test]
fn parameters_are_pairs_with_commas_between() {
    let text = " batch_size: 4 ,species:O H2, flag\n time : 12:30,,\0batch_size:8\0";
    let pairs: Vec<_> = init::pairs(text).collect();
    let expected = [("batch_size", "4"), ("species", "O H2"), ("flag", ""), ("time", "12:30"), ("batch_size", "8")];
    assert_eq!(pairs, expected);
    assert_eq!(init::value(text, "batch_size"), Some("8"));
    assert_eq!(init::value(text, "Species"), None);
}

#[test]
fn a_batch_has_limits() {
    assert_eq!(init::batch("", 8), Ok(1));
    assert_eq!(init::batch("batch_size:8", 8), Ok(8));
    for found in ["9", "0", "-1", "", "x", "1.0", "99999999999999999999999"] {
        let sentence = format!("batch_size is \"{found}\": give a number from 1 to 8");
        assert_eq!(init::batch(&format!("batch_size:{found}"), 8).map_err(String::from), Err(sentence));
    }
}

#[test]
fn species_are_runs_of_symbols() {
    assert_eq!(init::put_species(&[8, 1, 1, 8]), "O H2 O");
    assert_eq!(init::species("O H2 O", 4), Ok(vec![8, 1, 1, 8]));
    assert_eq!(init::species(" \n", 0), Ok(vec![]));
    assert_eq!(init::species("O D2 T H", 5), Ok(vec![8, 1, 1, 1, 1]));
    for piece in ["Xx", "HW1", "H0", "2", "H2O", "H-1", "H1.5", "H²", "H99999999999999999999"] {
        let sentence =
            format!("\"{piece}\" in the species is not a symbol with a count: write O H2 for one O and two H");
        assert_eq!(init::species(&format!("O {piece}"), 10).map_err(String::from), Err(sentence));
    }
}

#[test]
fn too_many_atoms_are_refused_without_listing_them() {
    let sentence = "the structure has more than 3 atoms, the server's limit";
    for text in ["O4", "O H3", "O2 H H", "O18446744073709551615", "O3 H18446744073709551615"] {
        assert_eq!(init::species(text, 3).unwrap_err().to_string(), sentence);
    }
}

fn any_layout() -> impl Strategy<Value = Layout> {
    let transport = prop_oneof![Just(Transport::Socket), Just(Transport::Unnamed), Just(Transport::Shared)];
    let sizes = (0_usize..4, 1_usize..4, 0_usize..64);
    (sizes, transport).prop_map(|((atoms, batch, max_text), transport)| Layout { atoms, batch, transport, max_text })
}

/// Random bytes, most of them after a header, and with small numbers among them.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let headers = ["", "STATUS", "INIT", "POSDATA", "GETFORCE", "FORCEREADY", "ERROR", "EXIT", "READY"];
    let header = prop::sample::select(
        headers.map(|name| if name.is_empty() { name.into() } else { format!("{name:<12}") }).to_vec(),
    );
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (-2_i32..6).prop_map(|number| number.to_le_bytes().to_vec()),
        (0_usize..300).prop_map(|length| vec![b'a'; length]),
    ];
    (header, prop::collection::vec(piece, 0..8))
        .prop_map(|(header, pieces)| [header.into_bytes(), pieces.concat()].concat())
}

fn vector() -> impl Strategy<Value = Vector3> {
    prop::array::uniform3(-1e6..1e6)
}

/// A cell far from flat.
fn cell() -> impl Strategy<Value = Matrix3> {
    let diagonal = |i, x: f64| if i == 0 { 4.0 + x } else { x };
    prop::array::uniform9(-1.0..1.0_f64)
        .prop_map(move |x| [0, 1, 2].map(|i| [0, 1, 2].map(|j| diagonal(i.max(j) - i.min(j), x[3 * i + j]))))
}

fn answers_of(atoms: usize) -> impl Strategy<Value = Answer> {
    let parts = (-1e9..1e9, prop::collection::vec(vector(), atoms), prop::array::uniform3(vector()), any::<String>());
    parts.prop_map(|(energy, forces, virial, extras)| Answer { energy, forces, virial, extras })
}

/// Compares numbers multiplied by a unit and divided by it again: two roundings.
fn close(a: &[Vector3], b: &[Vector3]) -> bool {
    a.len() == b.len() && a.as_flattened().iter().zip(b.as_flattened()).all(|(a, b)| (a - b).abs() <= 4e-16 * b.abs())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in any_bytes(), layout in any_layout()) {
        for decode in [request, reply] {
            let whole = decode(&bytes, &layout);
            if let Ok(Some((_, used))) = &whole {
                prop_assert!((12..=bytes.len()).contains(used));
                prop_assert_eq!(decode(&bytes[..*used], &layout), whole.clone());
            }
            if whole == Ok(None) {
                prop_assert!((0..bytes.len()).all(|length| decode(&bytes[..length], &layout) == Ok(None)));
            }
        }
    }

    #[test]
    fn parameters_are_read_as_written(id in any::<i32>(), text in any::<String>()) {
        let mut bytes = Vec::new();
        message::put_init(id, &text, &mut bytes);
        prop_assert_eq!(request(&bytes, &Layout::plain(1)), Ok(Some((Seen::Init(id, text), bytes.len()))));
    }

    #[test]
    fn errors_are_read_as_written(text in any::<String>()) {
        let mut bytes = Vec::new();
        message::put_error(&text, &mut bytes);
        prop_assert_eq!(reply(&bytes, &Layout::plain(1)), Ok(Some((Seen::Reply(Reply::Error(text)), bytes.len()))));
    }

    #[test]
    fn structures_are_read_as_written(cell in cell(), positions in prop::collection::vec(vector(), 0..6)) {
        let mut bytes = Vec::new();
        message::put_positions(&Structure { cell, positions: positions.clone() }, &mut bytes);
        let (seen, used) = request(&bytes, &Layout::plain(positions.len())).unwrap().unwrap();
        let Seen::Structures(found) = seen else { panic!("{seen:?}") };
        prop_assert_eq!((found.len(), used), (1, bytes.len()));
        prop_assert!(close(&found[0].cell, &cell) && close(&found[0].positions, &positions));
    }

    #[test]
    fn the_inverse_sent_is_the_inverse(cell in cell()) {
        let mut bytes = Vec::new();
        Structure { cell, positions: Vec::new() }.put_cell(&mut bytes);
        let numbers: Vec<f64> = bytes.chunks(8).map(|chunk| chunk.try_into().map_or(0.0, f64::from_le_bytes)).collect();
        for (i, j) in (0..9).map(|k| (k / 3, k % 3)) {
            let product: f64 = (0..3).map(|k| numbers[3 * i + k] * numbers[9 + 3 * k + j]).sum();
            prop_assert!((product - f64::from(i == j)).abs() < 1e-13);
        }
    }

    #[test]
    fn answers_are_read_as_written(
        (atoms, answers) in (0_usize..4).prop_flat_map(|n| (Just(n), prop::collection::vec(answers_of(n), 1..4))),
    ) {
        let mut bytes = Vec::new();
        message::put_answers(&answers, Transport::Socket, &mut bytes);
        let layout = Layout { batch: answers.len(), ..Layout::plain(atoms) };
        let (seen, used) = reply(&bytes, &layout).unwrap().unwrap();
        let Seen::Reply(Reply::ForceReady(found)) = seen else { panic!("{seen:?}") };
        prop_assert_eq!((found.len(), used), (answers.len(), bytes.len()));
        for (a, b) in found.iter().zip(&answers) {
            prop_assert!(close(&[[a.energy; 3]], &[[b.energy; 3]]) && close(&a.forces, &b.forces));
            prop_assert!(close(&a.virial, &b.virial));
            prop_assert_eq!(&a.extras, &b.extras);
        }
    }

    #[test]
    fn extras_beside_shared_memory_are_read_as_written(extras in prop::collection::vec(any::<String>(), 1..4)) {
        let answers: Vec<_> = extras.into_iter().map(|extras| Answer { extras, ..Answer::default() }).collect();
        let mut bytes = Vec::new();
        message::put_answers(&answers, Transport::Shared, &mut bytes);
        let layout = layout(answers.len(), Transport::Shared);
        prop_assert_eq!(reply(&bytes, &layout), Ok(Some((Seen::Reply(Reply::ForceReady(answers)), bytes.len()))));
    }

    #[test]
    fn species_are_read_as_written(species in prop::collection::vec(prop_oneof![Just(1), Just(8), 1_u8..=118], 0..50)) {
        prop_assert_eq!(init::species(&init::put_species(&species), species.len()), Ok(species));
    }
}
