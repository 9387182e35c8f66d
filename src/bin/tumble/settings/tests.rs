//! Every setting of the table, through every frontend that accepts it.

use std::collections::BTreeSet;

use tumble_core::analytic::{HarmonicToy, Legendre};
use tumble_core::conditions::{Condition, Conditions};
use tumble_core::potential::{Forces, ModelInfo, Potential};
use tumble_core::settings::frontend::find;
use tumble_core::settings::table::SETTINGS;
use tumble_ipi::client::Client;
use tumble_ipi::options::Options as TextOptions;
use tumble_lammps::keywords::{Keywords, unknown};
use tumble_server::SessionLimits;

use super::*;

const FRONTENDS: [Frontend; 6] =
    [Frontend::CApi, Frontend::Init, Frontend::Lammps, Frontend::Averaging, Frontend::Running, Frontend::Ipi];

/// Settings required by other settings.
const BESIDE: [(&str, &[(&str, &str)]); 4] = [
    ("correction", &[("rotate", "octahedral")]),
    ("every", &[("rotate", "octahedral")]),
    ("inner", &[("rotate", "octahedral"), ("every", "2")]),
    ("tf32", &[("device", "cuda")]),
];

/// A value other than the default.
fn example(setting: &Setting) -> String {
    match setting.value {
        Value::Mitigation => "octahedral+random".into(),
        Value::Switch(_) => opposite((setting.show)(&Settings::default())).into(),
        Value::Whole { least, .. } => (least + 6).to_string(),
        Value::Real(_) => "1.5".into(),
        Value::Vector(_) => "0 -0.5 0.25".into(),
        Value::Forces(_) => "direct".into(),
        Value::Device(_) => "cuda".into(),
        Value::Path(_) => "/opt/ort".into(),
        Value::Sha256(_) => "0123456789abcdef".repeat(4),
    }
}

fn opposite(switch: Option<String>) -> &'static str {
    if switch.as_deref() == Some("yes") { "no" } else { "yes" }
}

/// Keys and texts to give for a setting to have this value.
fn words(setting: &Setting, text: &str) -> Vec<(String, String)> {
    let beside = BESIDE.iter().find(|(name, _)| *name == setting.name).map_or(&[][..], |(_, beside)| beside);
    beside.iter().copied().chain([(setting.name, text)]).map(owned).collect()
}

fn owned((name, text): (&str, &str)) -> (String, String) {
    (name.into(), text.into())
}

fn through(frontend: Frontend, words: &[(String, String)]) -> Settings {
    let pairs = || words.iter().map(|(name, text)| format!("{name}: {text}")).collect::<Vec<_>>().join(", ");
    match frontend {
        Frontend::CApi => TextOptions::read(&pairs()).unwrap().settings().unwrap(),
        Frontend::Init => session(&pairs()).unwrap(),
        Frontend::Lammps => {
            let words: Vec<_> = words.iter().flat_map(|(name, text)| [name.clone(), text.clone()]).collect();
            Keywords::read(&words).unwrap().settings
        }
        Frontend::Averaging => command_line::<Averaging>(words),
        Frontend::Running => command_line::<Running>(words),
        Frontend::Ipi => command_line::<Ipi>(words),
    }
}

fn model() -> ModelInfo {
    let info = HarmonicToy::new(3.0, &[(8, 1.0)], Legendre::default()).info().clone();
    ModelInfo { forces: vec![Forces::Conservative, Forces::Direct], conditions: Condition::ALL.to_vec(), ..info }
}

/// Settings of a simulation with this `INIT`.
fn session(text: &str) -> Result<Settings, String> {
    // The model needs all conditions.
    let settings = Settings { conditions: Conditions::NEUTRAL, ..Settings::default() };
    let limits = SessionLimits { max_atoms: 10, max_rotations: 100, token: None, settings };
    let policy = limits.accept_init(&format!("species: O, {text}"), &model())?.policy;
    let (mitigation, forces) = (policy.mitigation.clone(), Some(policy.forces));
    Ok(Settings {
        mitigation,
        forces,
        seed: policy.seed,
        stream: policy.stream,
        correction: policy.correction,
        conditions: policy.conditions,
        ..Settings::default()
    })
}

/// Settings of a command line with those `words` that its front ends accept.
fn command_line<D: Frontends>(words: &[(String, String)]) -> Settings {
    let known = words.iter().filter(|(name, _)| all::<D>().any(|setting| setting.name == *name));
    let arguments = known.map(|(name, text)| match text.as_str() {
        "yes" => format!("--{name}"),
        _ => format!("--{name}={text}"),
    });
    let command = Options::<D>::augment_args(Command::new("tumble"));
    let matches = command.try_get_matches_from(["tumble".into()].into_iter().chain(arguments)).unwrap();
    Options::<D>::from_arg_matches(&matches).unwrap().settings(None).unwrap()
}

#[test]
fn every_setting_goes_through_every_door_that_accepts_it() {
    for setting in SETTINGS {
        assert!(!setting.frontends.is_empty(), "{}", setting.name);
        let text = example(setting);
        assert_ne!((setting.show)(&Settings::default()).as_ref(), Some(&text), "{}", setting.name);
        for (frontend, _) in setting.frontends {
            let found = through(*frontend, &words(setting, &text));
            assert_eq!((setting.show)(&found).as_ref(), Some(&text), "{} {frontend:?}", setting.name);
        }
    }
}

#[test]
fn names_and_places_are_unique() {
    let names: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(names.len(), SETTINGS.len());
    for frontend in FRONTENDS {
        let places: Vec<_> =
            SETTINGS.iter().flat_map(|setting| setting.frontends).filter(|(at, _)| *at == frontend).collect();
        let different: BTreeSet<_> = places.iter().map(|(_, place)| place).collect();
        assert_eq!(different.len(), places.len(), "{frontend:?}");
    }
}

#[test]
fn sentences_name_the_keys_of_their_door_in_its_order() {
    let text = "rotate, inversion, seed, stream, step, forces, correction, threads, memory, device, onnxruntime, sha256, \
                tf32, charge, spin and field";
    let sentence = TextOptions::read("rotation: none").unwrap_err();
    assert_eq!(sentence, format!("the key \"rotation\" is unknown: the keys are {text}"));
    let init = "species, rotate, inversion, seed, stream, step, forces, correction, beads, batch_size, token, charge, spin \
                and field";
    let sentence = session("rotation: none").unwrap_err();
    assert_eq!(sentence, format!("the INIT has the unknown key \"rotation\": the keys are {init}"));
    let client = "rotate, inversion, seed, stream, step, forces, correction, charge, spin, field and token";
    let address = "unix:/nowhere".parse().unwrap();
    let sentence = Client::with_options(&address, &[8], "threads: 2", None).unwrap_err().to_string();
    let expected = "the argument options cannot be used: the key \"threads\" is unknown: the keys are";
    assert_eq!(sentence, format!("{expected} {client}"));
    let lammps = "rotate, inversion, seed, every, inner, correction, monitor, uncertainty, forces, threads, memory, \
                  exchange, device, tf32, charge, spin, field";
    assert_eq!(unknown("lambda").to_string(), format!("unknown keyword lambda: the keywords are {lammps}"));
}

#[test]
fn an_inversion_may_be_given_twice_but_not_denied() {
    let refused = "inversion no contradicts rotate octahedral+inversion: leave one of them out";
    let words = |inversion: &str| ["rotate", "octahedral+inversion", "inversion", inversion].map(String::from);
    let texts = |inversion: &str| {
        let [a, b] = ["rotate: octahedral+inversion".to_owned(), format!("inversion: {inversion}")];
        [format!("{a}, {b}"), format!("{b}, {a}")]
    };
    for text in texts("no") {
        assert_eq!(TextOptions::read(&text).unwrap().settings().unwrap_err().to_string(), refused);
        assert_eq!(session(&text).unwrap_err(), refused);
    }
    assert_eq!(Keywords::read(&words("no")).unwrap_err().to_string(), refused);
    let twice = ["rotate", "tetrahedral+inversion", "rotate", "octahedral"].map(String::from);
    assert_eq!(Keywords::read(&twice).unwrap().settings.mitigation, "octahedral".parse().unwrap());
    let mut found: Vec<_> = texts("yes").iter().map(|text| session(text).unwrap()).collect();
    found.extend(texts("yes").iter().map(|text| TextOptions::read(text).unwrap().settings().unwrap()));
    found.push(Keywords::read(&words("yes")).unwrap().settings);
    found.push(command_line::<Averaging>(&[("rotate", "octahedral"), ("inversion", "yes")].map(owned)));
    found.push(command_line::<Averaging>(&[("rotate", "octahedral+inversion")].map(owned)));
    for settings in found {
        assert_eq!(settings.mitigation, "octahedral+inversion".parse().unwrap());
    }
}

/// The sentence of a front end about a setting, without its own words around it.
fn refusal(frontend: Frontend, setting: &Setting, text: &str) -> String {
    let pair = format!("{}: {text}", setting.name);
    match frontend {
        Frontend::CApi => TextOptions::read(&pair).unwrap_err(),
        Frontend::Init => session(&pair).unwrap_err(),
        Frontend::Lammps => Keywords::read(&[setting.name.into(), text.into()]).unwrap_err().to_string(),
        Frontend::Averaging => usage_error::<Averaging>(setting, text),
        Frontend::Running => usage_error::<Running>(setting, text),
        Frontend::Ipi => usage_error::<Ipi>(setting, text),
    }
}

/// The first line of the error of a command line, without `error: --`.
fn usage_error<D: Frontends>(setting: &Setting, text: &str) -> String {
    let command = Options::<D>::augment_args(Command::new("tumble"));
    let error = command.try_get_matches_from(["tumble".into(), format!("--{}={text}", setting.name)]).unwrap_err();
    let text = error.to_string();
    text.lines().next().unwrap().strip_prefix("error: --").unwrap().into()
}

#[test]
fn every_door_refuses_a_value_with_the_same_sentence() {
    let mistakes = |value: &Value| match *value {
        Value::Whole { least, most, .. } => {
            let outside = [i128::from(least) - 1, i128::from(most) + 1].map(|number| number.to_string());
            outside.into_iter().chain(["1.5".into(), "many".into()]).collect()
        }
        Value::Real(_) => vec!["many".into(), "inf".into(), "1 2".into()],
        Value::Vector(_) => vec!["1".into(), "0 0 nan".into(), "1 2 3 4".into()],
        Value::Forces(_) => vec!["Direct".to_owned(), "magic".into()],
        Value::Device(_) => vec!["tpu".into()],
        Value::Sha256(_) => vec!["c0ffee".into()],
        Value::Switch(_) => vec!["maybe".into(), "Yes".into(), "1".into()],
        Value::Mitigation | Value::Path(_) => vec![],
    };
    for setting in SETTINGS {
        for text in mistakes(&setting.value) {
            let expected = format!("{} is \"{text}\": give {}", setting.name, setting.value.words());
            // On the command line, switches have no value.
            let words = [Frontend::CApi, Frontend::Init, Frontend::Lammps];
            let accepts = setting.frontends.iter().map(|(frontend, _)| *frontend);
            for frontend in accepts.filter(|at| words.contains(at) || !matches!(setting.value, Value::Switch(_))) {
                assert_eq!(refusal(frontend, setting, &text), expected, "{frontend:?}");
            }
        }
    }
}

#[test]
fn every_door_accepts_the_spellings_of_switches_and_the_bounds_of_numbers() {
    let pair = |name: &str, text: &str| vec![owned((name, text))];
    for frontend in [Frontend::CApi, Frontend::Init, Frontend::Lammps] {
        for (text, yes) in
            [("yes", true), ("on", true), ("true", true), ("no", false), ("off", false), ("false", false)]
        {
            assert_eq!(through(frontend, &pair("inversion", text)).mitigation.inversion(), yes, "{frontend:?} {text}");
        }
    }
    for (frontend, _) in find(Frontend::CApi, "seed").unwrap().frontends {
        assert_eq!(through(*frontend, &pair("seed", "18446744073709551615")).seed, u64::MAX, "{frontend:?}");
    }
    let refused = "inversion off contradicts rotate octahedral+inversion: leave one of them out";
    assert_eq!(session("rotate: octahedral+inversion, inversion: off").unwrap_err(), refused);
}
