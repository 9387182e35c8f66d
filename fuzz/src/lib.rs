//! Fuzz targets: functions fed with hostile bytes, and the properties that must hold for any input.
//!
//! The same functions run under libFuzzer (`make fuzz`) and in `tests/fuzz_short.rs`.

mod driver;
mod limits;

use std::path::Path;

pub use driver::driver;
pub use limits::{accept_init, hostile_cells};
use tumble_core::rotation::Draw;
use tumble_core::{Evaluation, Graph, Mitigation};
use tumble_engine::fuzz_support;
use tumble_ipi::init;
use tumble_ipi::message::{self, Answer, Fault, HEADER, Inline, Layout, Positions, Reply, Request, Transport};
use tumble_ipi::wire::Structure;
use tumble_onnx::contract::metadata::Metadata;
use tumble_xyz::{Frame, Frames};

/// A target: it panics if a property is violated.
pub type Target = fn(&[u8]);

/// All targets by name; their seeds are in the folders of the same names in `seeds`.
pub const TARGETS: [(&str, Target); 11] = [
    ("requests", requests),
    ("replies", replies),
    ("init_text", init_text),
    ("xyz", xyz),
    ("metadata", metadata),
    ("onnx_scan", onnx_scan),
    ("driver", driver),
    ("accept_init", accept_init),
    ("hostile_cells", hostile_cells),
    ("onnx_graph", onnx_graph),
    ("mitigation", mitigation),
];

/// Reads the agreed layout from the first two bytes, to reach all transports; returns it and the messages.
fn layout(bytes: &[u8]) -> Option<(Layout, &[u8])> {
    let (&[sizes, max_text], messages) = bytes.split_first_chunk()?;
    let transport = [Transport::Socket, Transport::Unnamed, Transport::Shared][usize::from(sizes >> 4) % 3];
    let (atoms, batch) = (usize::from(sizes & 3), 1 + usize::from(sizes >> 2 & 3));
    Some((Layout { atoms, batch, transport, max_text: max_text.into() }, messages))
}

/// Target: messages of the simulation, one after the other.
pub fn requests(bytes: &[u8]) {
    let Some((layout, mut bytes)) = layout(bytes) else { return };
    let decode =
        |bytes: &[u8]| Ok(message::request(bytes, &layout)?.map(|(request, used)| (check(request, &layout), used)));
    while let Some(used) = check_pieces(bytes, decode) {
        bytes = &bytes[used..];
    }
}

/// Encodes a request again, without the numbers of structures: the conversion of units rounds them.
fn check(request: Request, layout: &Layout) -> Vec<u8> {
    let mut out = Vec::new();
    match request {
        Request::Status => message::header("STATUS", &mut out),
        Request::GetForce => message::header("GETFORCE", &mut out),
        Request::Exit => message::header("EXIT", &mut out),
        Request::Init { id, text } => {
            assert!(text.len() <= layout.max_text);
            message::put_init(id, text, &mut out);
        }
        Request::Positions(Positions::Inline(inline)) => check_structures(&inline, layout),
        Request::Positions(Positions::Shared(names)) => put_names(names, layout, &mut out),
    }
    out
}

fn check_structures(inline: &Inline, layout: &Layout) {
    let structures: Vec<_> = inline.structures().collect();
    assert!(layout.transport == Transport::Socket && structures.len() == layout.batch);
    assert!(structures.iter().all(|structure| structure.positions.len() == layout.atoms));
    let [one] = &structures[..] else { return };
    let mut bytes = Vec::new();
    message::put_positions(one, &mut bytes);
    let Ok(Some((Request::Positions(Positions::Inline(again)), used))) = message::request(&bytes, layout) else {
        panic!("written and refused: {one:?}");
    };
    assert_eq!(used, bytes.len());
    assert!(again.structures().all(|again| close(&again, one)));
}

/// Compares structures up to the rounding of two conversions. Numbers beyond 1e±300 or not finite are not compared.
fn close(a: &Structure, b: &Structure) -> bool {
    let numbers = |s: &Structure| [s.cell.as_flattened(), s.positions.as_flattened()].concat();
    let ordinary = |x: f64| (1e-300..1e300).contains(&x.abs());
    let close = |(a, b): (f64, f64)| !ordinary(b) || (a - b).abs() <= 4e-16 * b.abs();
    numbers(a).len() == numbers(b).len() && numbers(a).into_iter().zip(numbers(b)).all(close)
}

fn put_names(names: Option<[&str; 6]>, layout: &Layout, out: &mut Vec<u8>) {
    message::header("POSDATA", out);
    out.extend((layout.atoms as i32).to_le_bytes());
    for name in names.iter().flatten() {
        assert!(name.len() <= 255);
        message::text(name, out);
    }
    assert_eq!(layout.transport, if names.is_some() { Transport::Unnamed } else { Transport::Shared });
}

/// Target: messages of the driver, one after the other.
pub fn replies(bytes: &[u8]) {
    let Some((layout, mut bytes)) = layout(bytes) else { return };
    let decode =
        |bytes: &[u8]| Ok(message::reply(bytes, &layout)?.map(|(reply, used)| (check_reply(&reply, &layout), used)));
    while let Some(used) = check_pieces(bytes, decode) {
        bytes = &bytes[used..];
    }
}

/// As [`check`], for a reply.
fn check_reply(reply: &Reply, layout: &Layout) -> Vec<u8> {
    let mut out = Vec::new();
    match reply {
        Reply::NeedInit => message::header("NEEDINIT", &mut out),
        Reply::Ready => message::header("READY", &mut out),
        Reply::HaveData => message::header("HAVEDATA", &mut out),
        Reply::Error(text) => message::put_error(text, &mut out),
        Reply::ForceReady(answers) => check_answers(answers, layout, &mut out),
    }
    out
}

fn check_answers(answers: &[Answer], layout: &Layout, out: &mut Vec<u8>) {
    let inline = layout.transport == Transport::Socket;
    let atoms = if inline { layout.atoms } else { 0 };
    assert!(answers.len() == layout.batch && answers.iter().all(|answer| answer.forces.len() == atoms));
    let mut bytes = Vec::new();
    message::put_answers(answers, layout.transport, &mut bytes);
    if inline {
        let Ok(Some((Reply::ForceReady(again), used))) = message::reply(&bytes, layout) else { panic!("{answers:?}") };
        assert!(used == bytes.len() && again.iter().zip(answers).all(|(a, b)| a.extras == b.extras));
    } else {
        *out = bytes;
    }
}

/// Checks that a piece of a message is never an error or another message, only incomplete. Returns the length of the
/// first message.
fn check_pieces(bytes: &[u8], decode: impl Fn(&[u8]) -> Result<Option<(Vec<u8>, usize)>, Fault>) -> Option<usize> {
    let whole = decode(bytes);
    let end = whole.as_ref().ok().and_then(Option::as_ref).map_or(bytes.len(), |(_, used)| *used);
    for length in (0..end).step_by(1 + end / 32).chain(end.checked_sub(1)) {
        let part = decode(&bytes[..length]);
        assert!(part == Ok(None) || part.is_err() && part == whole, "{length} bytes: {part:?}, {end}: {whole:?}");
    }
    let (written, used) = whole.ok()??;
    assert!((HEADER..=bytes.len()).contains(&used));
    assert_eq!(decode(&bytes[..used]), Ok(Some((written.clone(), used))));
    assert!(written.is_empty() || written == bytes[..used]);
    Some(used)
}

/// Target: the text of an `INIT`.
pub fn init_text(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for (key, value) in init::pairs(text) {
        assert!([key, value].iter().all(|part| part.trim() == *part && !part.contains([',', '\n', '\0'])));
        assert!(!key.contains(':') && init::value(text, key).is_some());
    }
    match init::batch(text, 64) {
        Ok(size) => assert!((1..=64).contains(&size)),
        Err(sentence) => assert!(sentence.to_string().starts_with("batch_size is \"")),
    }
    check_species(init::value(text, "species").unwrap_or(text));
}

fn check_species(text: &str) {
    let Ok(species) = init::species(text, 1000) else { return };
    assert!(species.len() <= 1000 && species.iter().all(|z| (1..=118).contains(z)));
    assert_eq!(init::species(text, species.len()).as_ref(), Ok(&species));
    assert!(species.is_empty() || init::species(text, species.len() - 1).is_err());
    assert_eq!(init::species(&init::put_species(&species), 1000), Ok(species));
}

/// Target: an extended XYZ file. Frames can be written and are read back unchanged.
pub fn xyz(bytes: &[u8]) {
    let mut frames = Frames::new(bytes, "f.xyz");
    let mut last = 0;
    for frame in frames.by_ref() {
        let Ok(frame) = frame else { break };
        assert!(frame.line > last);
        last = frame.line;
        check_frame(&frame);
        check_results(&frame);
        check_written(frame);
    }
    assert!(frames.next().is_none());
}

fn check_frame(frame: &Frame) {
    let system = &frame.system;
    assert!(!system.is_empty() && system.positions.len() == system.species.len());
    assert!(system.positions.as_flattened().iter().all(|x| x.is_finite()));
    assert!(system.species.iter().all(|z| (1..=118).contains(z)));
    assert!(frame.arrays.iter().all(|column| column.values.len() == column.width * system.len()));
    assert!(frame.reference_energy().is_none_or(f64::is_finite));
    assert!(frame.reference_forces().is_none_or(|forces| forces.len() == system.len()));
    assert!(!system.cell.periodic().contains(&true) || system.cell.volume() > 0.0);
}

/// Checks that results, even of two evaluations, do not replace the reference.
fn check_results(frame: &Frame) {
    let forces = vec![[0.25; 3]; frame.system.len()];
    let evaluation = Evaluation { energy: -0.5, forces, ..Evaluation::default() };
    let twice = frame.with_results(&evaluation).with_results(&evaluation);
    assert!(frame.reference_energy().is_none_or(|energy| twice.reference_energy() == Some(energy)));
    assert!(frame.reference_forces().is_none_or(|forces| twice.reference_forces() == Some(forces)));
    check_written(twice);
}

fn check_written(frame: Frame) {
    let text = written(&frame);
    // i-PI's own comment lines are refused by this word; escapes may hide it in the input.
    if !frame.arrays.is_empty() && text.contains("CELL") {
        return;
    }
    let again = read(&text);
    assert_eq!(written(&again), text);
    assert_eq!(again, Frame { line: 1, ..frame });
}

fn written(frame: &Frame) -> String {
    let mut text = Vec::new();
    frame.write(&mut text).expect("a vector takes everything");
    String::from_utf8(text).expect("text")
}

fn read(text: &str) -> Frame {
    let mut frames = Frames::new(text.as_bytes(), "f.xyz");
    let frame = frames.next().expect("a frame").unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(frames.next().is_none());
    frame
}

/// Target: the metadata of a model.
pub fn metadata(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match Metadata::parse(Some(text), Path::new("m.onnx")) {
        Ok(metadata) => check_metadata(&metadata),
        Err(error) => assert!(error.to_string().starts_with("the model m.onnx "), "{error}"),
    }
}

fn check_metadata(metadata: &Metadata) {
    let info = metadata.info();
    assert!((1..=tumble_onnx::contract::metadata::CONTRACT_VERSION).contains(&metadata.version));
    assert!(info.cutoff > 0.0 && info.cutoff.is_finite() && info.hops > 0);
    assert!(info.species.is_sorted_by(|a, b| a < b) && info.species.first().is_some_and(|&z| z > 0));
    assert!(info.reference_energies.is_empty() || info.reference_energies.keys().eq(&info.species));
    assert!(info.reference_energies.values().all(|energy| energy.is_finite()));
    assert!(!info.forces.is_empty() && metadata.bytes_per_edge != Some(0));
}

/// Target: the fields of a model file read before ONNX Runtime.
pub fn onnx_scan(bytes: &[u8]) {
    let found = fuzz_support::scan(bytes);
    // An unknown field (number 15, value 0) changes nothing.
    let more = [bytes, b"\x78\0"].concat();
    let Ok((text, scatters)) = &found else { return };
    assert_eq!(found, fuzz_support::scan(&more));
    // An invalid byte of text becomes a replacement character of three bytes.
    let length = text.as_ref().map_or(0, String::len) + scatters.iter().map(String::len).sum::<usize>();
    assert!(length <= 3 * bytes.len() && 2 * scatters.len() <= bytes.len());
    if let Some(text) = text {
        metadata(text.as_bytes());
    }
}

/// Target: edits of the graph of a model file: functions removed, products replaced, weights inserted, a checksum written, layers cut.
pub fn onnx_graph(bytes: &[u8]) {
    let Ok(found) = fuzz_support::scan(bytes) else { return };
    let more = [bytes, b"\x78\0"].concat();
    let counts = |bytes: &[u8]| fuzz_support::stages(bytes).into_iter().map(Result::ok).collect::<Vec<_>>();
    assert_eq!(counts(bytes), counts(&more));
    if let Ok(less) = fuzz_support::without_functions(bytes) {
        assert!(less.len() <= bytes.len());
        assert_eq!(fuzz_support::without_functions(&less).as_ref(), Ok(&less));
        // A removed function may have contained reducing scatters.
        assert!(fuzz_support::scan(&less).is_ok_and(|less| less.0 == found.0));
    }
    check_products(bytes);
    check_weights(bytes);
    check_checksum(bytes);
}

fn check_products(bytes: &[u8]) {
    let (Ok(linear), Ok(weights)) = (fuzz_support::with_linear(bytes), fuzz_support::weights(bytes)) else { return };
    assert_eq!(fuzz_support::with_linear(&linear).as_ref(), Ok(&linear));
    assert_eq!(fuzz_support::weights(&linear), Ok(Vec::new()));
    assert!(weights.len() <= bytes.len());
}

fn check_weights(bytes: &[u8]) {
    let Ok(Some(whole)) = fuzz_support::with_weights(bytes, b"0123456789abcdef") else { return };
    assert_eq!(fuzz_support::with_weights(&whole, b""), Ok(None));
    assert_eq!(fuzz_support::scan(&whole), fuzz_support::scan(bytes));
}

fn check_checksum(bytes: &[u8]) {
    let stamped = fuzz_support::stamped(bytes).expect("its fields were read before");
    assert_eq!(fuzz_support::states_checksum(&stamped), Ok(true));
    assert_eq!(fuzz_support::stamped(&stamped).as_ref(), Ok(&stamped));
    let flipped = [&[stamped[0] ^ 0x80], &stamped[1..]].concat();
    assert_ne!(fuzz_support::states_checksum(&flipped), Ok(true));
}

/// Target: the grammar of `rotate`.
pub fn mitigation(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match text.parse::<Mitigation>() {
        Ok(found) => check_mitigation(&found),
        Err(error) => {
            let error = error.to_string();
            assert!(error.starts_with("the mitigation \"") || error.starts_with("there is no "), "{error}");
            assert!(error.len() < 1500 && !error.contains('\n'), "{error}");
        }
    }
}

fn check_mitigation(found: &Mitigation) {
    let again: Mitigation = found.to_string().parse().expect("its own text");
    assert_eq!((&again, again.to_string()), (found, found.to_string()));
    let [bare, inverted] = [false, true].map(|inversion| again.clone().with_inversion(inversion));
    assert_eq!((inverted.evaluations(), inverted.degree()), (2 * bare.evaluations(), found.degree()));
    assert!((1..=500_000).contains(&bare.evaluations()));
    if found.evaluations() <= 1000 {
        let grid = found.orientations(&Graph::default(), Draw { seed: 1, step: 2, stream: 3 });
        assert_eq!(grid.len(), found.evaluations());
        assert!((grid.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
