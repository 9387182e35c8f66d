use std::error::Error as _;
use std::io;

use tumble_core::Error as Core;
use tumble_core::cancel::CancelReason;
use tumble_ipi::Error as Ipi;
use tumble_ipi::error::Fault;

use super::*;

fn unknown() -> Core {
    Core::UnknownElement { model: "m".into(), element: "Xx".into(), known: "O".into() }
}

fn refused() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionRefused)
}

fn framed(source: Error) -> Error {
    Error::Frame { file: "w.xyz".into(), frame: 2, source: Box::new(source) }
}

fn address() -> Ipi {
    "nowhere".parse::<tumble_ipi::net::Address>().unwrap_err()
}

/// One of each mistake in options or arguments.
fn usage() -> Vec<Error> {
    let core = [
        Core::Argument { name: "COMMAND", problem: "is none".into() },
        Core::Setting { name: "every", value: "4".into(), problem: "changes nothing".into() },
        Core::SettingValue { name: "every", found: "0".into(), expected: "more".into() },
        Core::MitigationEndings { spec: "x".into(), problem: "an ending twice", ordered: "y".into() },
        Core::Mitigation { spec: "x".into(), problem: "is none".into() },
        Core::GridOrder { family: "lebedev", order: 4, expected: "3".into(), example: 3 },
        Core::ForcesNotOffered { model: "m".into(), wanted: "direct", offered: "conservative".into() },
    ];
    let mut all: Vec<Error> = core.map(Error::Core).into();
    all.extend([
        Error::Ipi(address()),
        Error::Server(address().into()),
        Error::OpenServer { address: "tcp:a:1".into() },
        Error::ShortToken { found: 2, address: "tcp:a:1".into(), shortest: 16 },
        Error::Overwrite { path: "a".into() },
    ]);
    all
}

#[test]
fn mistakes_in_options_are_told_from_other_errors() {
    for error in usage() {
        assert!(error.is_usage() && !error.is_late() && !error.is_interruption(), "{error}");
        // In a frame, the same error is a problem of the file.
        assert!(!framed(error).is_usage());
    }
    let signals = Error::Signals { source: refused() };
    let others = [
        unknown().into(),
        Core::Internal { text: "x".into() }.into(),
        Core::Cancelled { reason: CancelReason::Time }.into(),
        Ipi::Connect { address: "a".into(), source: refused() }.into(),
        tumble_xyz::Error::NoFrames { file: "a".into() }.into(),
        tumble_onnx::Error::NoContract { path: "a".into() }.into(),
        tumble_check::Error::Interrupted.into(),
        tumble_server::Error::Listen { address: "a".into(), source: refused() }.into(),
        Error::NoStructures { model: "m".into(), known: "C".into() },
        signals,
    ];
    for error in others {
        assert!(!error.is_usage(), "{error}");
    }
}

#[test]
fn wrapped_errors_are_classified_as_the_original() {
    let late = || Core::Cancelled { reason: CancelReason::Time };
    let ways: [fn(Core) -> Error; 7] = [
        Error::Core,
        |error| tumble_xyz::Error::from(error).into(),
        |error| tumble_onnx::Error::from(error).into(),
        |error| Ipi::from(error).into(),
        |error| tumble_check::Error::from(error).into(),
        |error| tumble_server::Error::from(error).into(),
        |error| tumble_server::Error::from(Ipi::from(error)).into(),
    ];
    for way in ways {
        assert!(way(late()).is_late() && framed(way(late())).is_late() && way(late()).is_interruption());
        assert!(way(Core::Argument { name: "a", problem: "b".into() }).is_usage());
        assert!(!way(Core::Cancelled { reason: CancelReason::Signal }).is_late());
        assert_eq!(way(unknown()).to_string(), unknown().to_string());
    }
    assert!(Error::from(tumble_check::Error::Interrupted).is_interruption());
}

#[test]
fn causes_are_sources_and_parts_of_the_sentence() {
    let error = Error::from(Ipi::Connect { address: "unix:a".into(), source: refused() });
    assert_eq!(error.source().unwrap().to_string(), refused().to_string());
    assert_eq!(error.to_string(), format!("cannot connect to unix:a: {}: is the server running there?", refused()));
    let error = framed(unknown().into());
    assert_eq!(error.source().unwrap().to_string(), unknown().to_string());
    assert!(error.to_string().ends_with(&unknown().to_string()));
}

#[test]
fn model_errors_survive_the_round_trip_through_core() {
    let missing = || tumble_onnx::Error::RuntimeMissing { tried: "a".into() };
    let inside = Core::from(missing());
    assert_eq!(inside.to_string(), missing().to_string());
    assert!(matches!(inside.model(), Some(tumble_onnx::Error::RuntimeMissing { .. })));
    assert!(inside.model::<Ipi>().is_none());
    assert!(matches!(tumble_onnx::Error::from(inside), tumble_onnx::Error::RuntimeMissing { .. }));
    assert!(matches!(Core::from(tumble_onnx::Error::from(unknown())), Core::UnknownElement { .. }));
}

/// Examples in the manual are sentences that the program says.
#[test]
fn examples_are_sentences_of_the_program() {
    let example = |catalog: &[tumble_core::error_catalog::Entry], name: &str| {
        catalog.iter().find(|entry| entry.name == name).and_then(|entry| entry.example()).unwrap()
    };
    let settings = tumble_core::Settings { every: 4, correction: true, ..Default::default() };
    assert_eq!(settings.check().unwrap_err().to_string(), example(Core::CATALOG, "Setting"));
    let address: Ipi = "water".parse::<tumble_ipi::net::Address>().unwrap_err();
    assert_eq!(address.to_string(), example(Ipi::CATALOG, "Address"));
    let peer = Ipi::Peer { peer: "unix:/tmp/water".into(), fault: Fault::Atoms { found: 8, expected: 3 } };
    assert_eq!(peer.to_string(), example(Ipi::CATALOG, "Peer"));
    assert_eq!(peer.to_string(), example(tumble_server::Error::CATALOG, "Peer"));
    let refusal = tumble_server::error::Refusal::from(Fault::PositionsBeforeInit);
    assert_eq!(refusal.to_string(), example(tumble_server::error::Refusal::CATALOG, "Fault"));
}
