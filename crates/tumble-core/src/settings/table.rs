//! All settings that a user may write, in one table: how each is called, where it may be given, what it takes, and where
//! that goes. What is not text there (ONNX Runtime's path on the command line, profiles) is set by itself.
//!
//! A setting more is a field of [`Settings`], an entry here, and its use.

use crate::error::{Error, Result};
use crate::quadrature::Mitigation;
use crate::settings::value::Value;
use crate::settings::{Given, MAX_STREAM, MOST, Settings};

/// Where settings are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The options of C, Fortran and Python, for a model that is still to be loaded.
    Text,
    /// The `INIT` of a simulation, for a model that runs already.
    Session,
    /// `pair_style tumble`.
    Lammps,
    /// The command line, of commands that average over rotations.
    Averaging,
    /// The command line, of all commands that run a model.
    Running,
    /// The command line, of `tumble ipi` only.
    Ipi,
}

use Door::{Averaging, Ipi, Lammps, Running, Session, Text};

/// One setting, as its users know it.
#[derive(Debug)]
pub struct Setting {
    /// The word before the value; with `--` on the command line.
    pub name: &'static str,
    /// The doors that accept it, each with its place in the lists of that door: help, and sentences that name all.
    pub doors: &'static [(Door, u8)],
    /// What may be given.
    pub value: Value,
    /// What stands for the value in help: `N`, `MB`.
    pub placeholder: &'static str,
    /// What it does, as help says it.
    pub help: &'static str,
    /// Its value as a user would write it, if there is one.
    pub show: fn(&Settings) -> Option<String>,
}

/// All of them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "rotate",
        doors: &[(Text, 1), (Session, 1), (Lammps, 1), (Averaging, 1)],
        value: Value::Mitigation,
        placeholder: "SPEC",
        help: "Rotations to average over: none, random, random:N, tetrahedral, octahedral, icosahedral, degree:N, \
               legendre:L, lebedev:L; a grid may be followed by +random",
        show: |settings| Some(settings.mitigation.name().into()),
    },
    Setting {
        name: "inversion",
        doors: &[(Text, 2), (Session, 2), (Lammps, 2), (Averaging, 2)],
        value: Value::Switch(|settings, yes| settings.mitigation = settings.mitigation.clone().with_inversion(yes)),
        placeholder: "",
        help: "Add the inverted structure for every rotation",
        show: |settings| shown(settings.mitigation.inversion()),
    },
    Setting {
        name: "seed",
        doors: &[(Text, 3), (Session, 3), (Lammps, 3), (Running, 1)],
        value: Value::Whole {
            least: 0,
            most: u64::MAX,
            words: "a whole number, not negative and not too large",
            set: |settings, seed| settings.seed = seed,
        },
        placeholder: "N",
        help: "Seed of random rotations",
        show: |settings| Some(settings.seed.to_string()),
    },
    Setting {
        name: "stream",
        doors: &[(Text, 4), (Session, 4)],
        value: Value::Whole {
            least: 0,
            most: MAX_STREAM as u64,
            words: "a whole number, not negative and not too large",
            set: |settings, stream| settings.stream = stream.try_into().unwrap_or(u32::MAX),
        },
        placeholder: "N",
        help: "Sets simulations with one seed apart",
        show: |settings| Some(settings.stream.to_string()),
    },
    Setting {
        name: "every",
        doors: &[(Lammps, 4)],
        value: Value::Whole {
            least: 1,
            most: u64::MAX,
            words: "a whole number from 1",
            set: |settings, every| settings.every = every,
        },
        placeholder: "M",
        help: "Average at every M-th step, the bare model in between",
        show: |settings| Some(settings.every.to_string()),
    },
    Setting {
        name: "inner",
        doors: &[(Lammps, 5)],
        value: Value::Forces(|settings, kind| settings.inner = Some(kind)),
        placeholder: "KIND",
        help: "Kind of forces of the bare model between averages, and of what the correction takes away",
        show: |settings| settings.inner.map(|kind| kind.name().into()),
    },
    Setting {
        name: "forces",
        doors: &[(Text, 6), (Session, 6), (Lammps, 9), (Running, 4)],
        value: Value::Forces(|settings, kind| settings.forces = Some(kind)),
        placeholder: "KIND",
        help: "Kind of forces [default: what the model prefers]",
        show: |settings| settings.forces.map(|kind| kind.name().into()),
    },
    Setting {
        name: "correction",
        doors: &[(Text, 7), (Session, 7), (Lammps, 6), (Ipi, 1)],
        value: Value::Switch(|settings, yes| settings.correction = yes),
        placeholder: "",
        help: "Give averaged minus bare, for i-PI's multiple time stepping",
        show: |settings| shown(settings.correction),
    },
    Setting {
        name: "threads",
        doors: &[(Text, 8), (Lammps, 10), (Running, 2)],
        value: Value::Whole {
            least: 1,
            most: MOST as u64,
            words: "a whole number from 1 to 1000000",
            set: |settings, threads| settings.threads = threads as usize,
        },
        placeholder: "N",
        help: "Threads of the model: each evaluates other replicas, or all share one",
        show: |settings| Some(settings.threads.to_string()),
    },
    Setting {
        name: "memory",
        doors: &[(Text, 9), (Lammps, 11), (Running, 3)],
        value: Value::Whole {
            least: 1,
            most: MOST as u64,
            words: "a whole number from 1 to 1000000",
            set: |settings, memory| settings.memory_mb = memory as usize,
        },
        placeholder: "MB",
        help: "Memory that the model may take, MB; bigger structures are evaluated in parts",
        show: |settings| Some(settings.memory_mb.to_string()),
    },
    Setting {
        name: "device",
        doors: &[(Text, 10), (Lammps, 12), (Running, 5)],
        value: Value::Device(|settings, device| settings.device = device),
        placeholder: "DEVICE",
        help: "Where the model runs",
        show: |settings| Some(settings.device.name().into()),
    },
    Setting {
        name: "onnxruntime",
        doors: &[(Text, 11)],
        value: Value::Path(|settings, path| settings.library = Some(path)),
        placeholder: "PATH",
        help: "The ONNX Runtime library, or the folder that it is in; looked for in the usual places if not given",
        show: |settings| settings.library.as_ref().map(|path| path.display().to_string()),
    },
    Setting {
        name: "sha256",
        doors: &[(Text, 12), (Running, 7)],
        value: Value::Sha256(|settings, hash| settings.sha256 = Some(hash)),
        placeholder: "HEX",
        help: "SHA-256 that the model must have, as tumble info shows it: any other file is refused",
        show: |settings| settings.sha256.clone(),
    },
    Setting {
        name: "tf32",
        doors: &[(Text, 13), (Lammps, 13), (Running, 6)],
        value: Value::Switch(|settings, yes| settings.tf32 = yes),
        placeholder: "",
        help: "Let a GPU round products in single precision to TF32: faster, to about 3 digits",
        show: |settings| shown(settings.tf32),
    },
];

fn shown(yes: bool) -> Option<String> {
    Some(if yes { "yes" } else { "no" }.into())
}

impl Setting {
    /// Takes in what was written after the name. A number may be out of its range, which [`Settings::check`] refuses.
    /// An inversion that is there stays beside new rotations.
    ///
    /// # Errors
    /// [`Error::KeywordValue`] for a text that is not in the grammar; for a mitigation [`Error::Mitigation`] and
    /// [`Error::GridOrder`].
    pub fn set(&self, settings: &mut Settings, text: &str) -> Result<()> {
        if let Value::Mitigation = self.value {
            return settings.rotate(text);
        }
        let (keyword, found, expected) = (self.name, text.into(), self.value.words());
        self.value.set(settings, text).ok_or(Error::KeywordValue { keyword, found, expected })
    }

    /// Refuses what is not in the grammar, as `key: value` pairs do; a mitigation is looked at when it is set.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self, text: &str) -> Result<(), String> {
        match self.value.accepts(text) {
            true => Ok(()),
            false => Err(format!("{} is \"{text}\": give {}", self.name, self.value.words())),
        }
    }

    fn place(&self, door: Door) -> Option<u8> {
        self.doors.iter().find(|(accepts, _)| *accepts == door).map(|(_, place)| *place)
    }
}

impl Settings {
    /// An inversion that was asked for stays, as does a grid that is there already: large ones take a second.
    fn rotate(&mut self, text: &str) -> Result<()> {
        if text != self.mitigation.name() {
            let found: Mitigation = text.parse()?;
            let inversion = found.inversion() || self.mitigation.inversion();
            self.mitigation = found.with_inversion(inversion);
        }
        Ok(())
    }
}

/// The settings that a door accepts, in its order.
pub fn accepted(door: Door) -> Vec<&'static Setting> {
    let mut found: Vec<_> = SETTINGS.iter().filter_map(|setting| Some((setting.place(door)?, setting))).collect();
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, setting)| setting).collect()
}

/// The setting of a name, if the door accepts it.
pub fn find(door: Door, name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name && setting.place(door).is_some())
}

/// The names that a door accepts, in its order, with names of its own at their places among them.
pub fn names(door: Door, own: &[(u8, &'static str)]) -> Vec<&'static str> {
    let settings = SETTINGS.iter().filter_map(|setting| Some((setting.place(door)?, setting.name)));
    let mut all: Vec<_> = settings.chain(own.iter().copied()).collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, name)| name).collect()
}

/// The pair of a name and a text, if the door accepts it and the text is in the grammar; `None` for another name.
///
/// # Errors
/// A sentence, as of [`Setting::check`].
pub fn given<'a>(door: Door, name: &str, text: &'a str) -> Result<Option<Given<'a>>, String> {
    let Some(setting) = find(door, name) else { return Ok(None) };
    setting.check(text)?;
    Ok(Some((setting, text)))
}

/// "a, b and c", the keys of a sentence.
pub fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).into(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
