//! The table of all settings that users write: their names, front ends, grammars, help, and fields of
//! [`Settings`](crate::Settings). ONNX Runtime's path on the command line and profiles are set elsewhere.
//!
//! To add a setting, add a field to [`Settings`](crate::Settings), an entry here, and its use.

use crate::settings::Frontend::{Averaging, CApi, Init, Ipi, Lammps, Running};
use crate::settings::{MAX_STREAM, MOST, Setting, Value};

/// All settings.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "rotate",
        frontends: &[(CApi, 1), (Init, 1), (Lammps, 1), (Averaging, 1)],
        value: Value::Mitigation,
        placeholder: "SPEC",
        help: "Rotations to average over: none, random, random:N, tetrahedral, octahedral, icosahedral, degree:N, \
               legendre:L, lebedev:L; a grid may be followed by +random",
        show: |settings| Some(settings.mitigation.name().into()),
    },
    Setting {
        name: "inversion",
        frontends: &[(CApi, 2), (Init, 2), (Lammps, 2), (Averaging, 2)],
        value: Value::Switch(|settings, yes| settings.mitigation = settings.mitigation.clone().with_inversion(yes)),
        placeholder: "",
        help: "Add the inverted structure for every rotation",
        show: |settings| shown(settings.mitigation.inversion()),
    },
    Setting {
        name: "seed",
        frontends: &[(CApi, 3), (Init, 3), (Lammps, 3), (Running, 1)],
        value: Value::Whole { least: 0, most: u64::MAX, set: |settings, seed| settings.seed = seed },
        placeholder: "N",
        help: "Seed of random rotations",
        show: |settings| Some(settings.seed.to_string()),
    },
    Setting {
        name: "stream",
        frontends: &[(CApi, 4), (Init, 4)],
        value: Value::Whole {
            least: 0,
            most: MAX_STREAM as u64,
            set: |settings, stream| settings.stream = stream as u32,
        },
        placeholder: "N",
        help: "Random stream: simulations with the same seed and different streams are independent",
        show: |settings| Some(settings.stream.to_string()),
    },
    Setting {
        name: "every",
        frontends: &[(Lammps, 4)],
        value: Value::Whole { least: 1, most: MOST as u64, set: |settings, every| settings.every = every },
        placeholder: "M",
        help: "Average at every M-th step, the bare model in between",
        show: |settings| Some(settings.every.to_string()),
    },
    Setting {
        name: "inner",
        frontends: &[(Lammps, 5)],
        value: Value::Forces(|settings, kind| settings.inner = Some(kind)),
        placeholder: "KIND",
        help: "Kind of forces of the bare model, between averages and in the correction",
        show: |settings| settings.inner.map(|kind| kind.name().into()),
    },
    Setting {
        name: "forces",
        frontends: &[(CApi, 6), (Init, 6), (Lammps, 9), (Running, 4)],
        value: Value::Forces(|settings, kind| settings.forces = Some(kind)),
        placeholder: "KIND",
        help: "Kind of forces [default: the model's preferred one]",
        show: |settings| settings.forces.map(|kind| kind.name().into()),
    },
    Setting {
        name: "correction",
        frontends: &[(CApi, 7), (Init, 7), (Lammps, 6), (Ipi, 1)],
        value: Value::Switch(|settings, yes| settings.correction = yes),
        placeholder: "",
        help: "Return averaged minus bare results, for i-PI's multiple time stepping",
        show: |settings| shown(settings.correction),
    },
    Setting {
        name: "exchange",
        frontends: &[(Lammps, 12)],
        value: Value::Switch(|settings, yes| settings.exchange = yes),
        placeholder: "",
        help: "Let MPI ranks exchange messages between the layers of the model, where that is possible; no: each rank \
               evaluates its ghosts again",
        show: |settings| shown(settings.exchange),
    },
    Setting {
        name: "threads",
        frontends: &[(CApi, 8), (Lammps, 10), (Running, 2)],
        value: Value::Whole {
            least: 1,
            most: MOST as u64,
            set: |settings, threads| settings.threads = threads as usize,
        },
        placeholder: "N",
        help: "CPU threads of the model: each evaluates different replicas, or all work on one replica",
        show: |settings| Some(settings.threads.to_string()),
    },
    Setting {
        name: "memory",
        frontends: &[(CApi, 9), (Lammps, 11), (Running, 3)],
        value: Value::Whole {
            least: 1,
            most: MOST as u64,
            set: |settings, memory| settings.memory_mb = memory as usize,
        },
        placeholder: "MB",
        help: "Working memory of the model, MB; larger structures are evaluated in parts",
        show: |settings| Some(settings.memory_mb.to_string()),
    },
    Setting {
        name: "device",
        frontends: &[(CApi, 10), (Lammps, 13), (Running, 5)],
        value: Value::Device(|settings, device| settings.device = device),
        placeholder: "DEVICE",
        help: "Where the model runs",
        show: |settings| Some(settings.device.name().into()),
    },
    Setting {
        name: "onnxruntime",
        frontends: &[(CApi, 11)],
        value: Value::Path(|settings, path| settings.library = Some(path)),
        placeholder: "PATH",
        help: "The ONNX Runtime library or its folder [default: searched for in the usual places]",
        show: |settings| settings.library.as_ref().map(|path| path.display().to_string()),
    },
    Setting {
        name: "sha256",
        frontends: &[(CApi, 12), (Running, 7)],
        value: Value::Sha256(|settings, hash| settings.sha256 = Some(hash)),
        placeholder: "HEX",
        help: "SHA-256 that the model must have, as tumble info shows it: any other file is refused",
        show: |settings| settings.sha256.clone(),
    },
    Setting {
        name: "tf32",
        frontends: &[(CApi, 13), (Lammps, 14), (Running, 6)],
        value: Value::Switch(|settings, yes| settings.tf32 = yes),
        placeholder: "",
        help: "Let a GPU round products in single precision to TF32: faster, but accurate to only about 3 \
               digits",
        show: |settings| shown(settings.tf32),
    },
    Setting {
        name: "charge",
        frontends: &[(CApi, 14), (Init, 11), (Running, 8)],
        value: Value::Real(|settings, charge| settings.conditions.charge = Some(charge)),
        placeholder: "Q",
        help: "Total charge of structures that have none of their own, e; for models that know it",
        show: |settings| settings.conditions.charge.map(|charge| charge.to_string()),
    },
    Setting {
        name: "spin",
        frontends: &[(CApi, 15), (Init, 12), (Running, 9)],
        value: Value::Real(|settings, spin| settings.conditions.spin = Some(spin)),
        placeholder: "M",
        help: "Spin multiplicity 2S + 1 of structures that have none of their own; for models that know it",
        show: |settings| settings.conditions.spin.map(|spin| spin.to_string()),
    },
    Setting {
        name: "field",
        frontends: &[(CApi, 16), (Init, 13), (Running, 10)],
        value: Value::Vector(|settings, field| settings.conditions.field = Some(field)),
        placeholder: "\"X Y Z\"",
        help: "Electric field at structures that have none of their own, V/Å; for models that know it",
        show: |settings| settings.conditions.field.map(|[x, y, z]| format!("{x} {y} {z}")),
    },
];

fn shown(yes: bool) -> Option<String> {
    Some(if yes { "yes" } else { "no" }.into())
}
