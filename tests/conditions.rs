//! Charge, spin and electric field of a structure, with the toy `conditions` of tests/data/generate.py:
//! E_c = Σ ½ φ (1 + 0.3 charge + 0.2 (spin - 1)) - Σ q_n u³ v · field, which is invariant if the field turns with v.

use std::ops::ControlFlow;
use std::path::Path;

use tumble_core::conditions::{Condition, Conditions};
use tumble_core::neighbors;
use tumble_core::rotation::{Matrix3, Vector3, apply, dot, draw};
use tumble_core::{Calculator, Cell, Evaluation, Settings, System};
use tumble_engine::load;

const CUTOFF: f64 = 3.5;
const FIELD: Vector3 = [0.3, -0.2, 0.5];
const NAMES: [&str; 2] = ["conditions-list-f64", "conditions-padded-f64"];

fn calculator(name: &str, settings: &Settings) -> Calculator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/models/{name}.onnx"));
    load(&path, settings).unwrap_or_else(|error| panic!("{error}"))
}

fn plain(name: &str) -> Calculator {
    calculator(name, &Settings::default())
}

fn rotating(name: &str, rotate: &str) -> Calculator {
    calculator(name, &Settings { mitigation: rotate.parse().unwrap(), seed: 5, ..Settings::default() })
}

fn given(charge: f64, spin: f64, field: Vector3) -> Conditions {
    Conditions { charge: Some(charge), spin: Some(spin), field: Some(field) }
}

/// Two H2O, in vacuum or in a small cell.
fn water(periodic: bool, conditions: Conditions) -> System {
    let one = [[0.0, 0.1, -0.2], [0.9, 0.3, 0.1], [-0.4, 0.9, 0.2]];
    let positions = one.iter().copied().chain(one.map(|x| [x[0] + 2.1, -x[1], x[2] + 0.7])).collect();
    let cell = Cell::new([[4.6, 0.3, 0.0], [0.0, 5.0, -0.4], [0.5, 0.0, 4.8]], [true; 3]).unwrap();
    let cell = if periodic { cell } else { Cell::isolated() };
    System { conditions, ..System::new(positions, vec![8, 1, 1, 8, 1, 1], cell).unwrap() }
}

fn evaluate(calculator: &mut Calculator, system: &System) -> Evaluation {
    calculator.evaluate_system(system, 3).unwrap()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-11 * (1.0 + b.abs()), "{a} is not {b}");
}

/// Σ q_n u³ v over all edges: minus the derivative of the energy by the field.
fn dipole(system: &System) -> Vector3 {
    let graph = neighbors::graph(system, CUTOFF).unwrap();
    let mut dipole = [0.0; 3];
    for (_, edge) in graph.center_edges() {
        let (v, q) = (graph.vectors[edge], if graph.species[graph.neighbors[edge]] == 8 { -0.6 } else { 0.4 });
        let u = 1.0 - dot(v, v) / CUTOFF.powi(2);
        (0..3).for_each(|k| dipole[k] += q * u.powi(3) * v[k]);
    }
    dipole
}

#[test]
fn energy_depends_on_charge_spin_and_field_as_the_formula_says() {
    let references = 2.0 * (-432.0 - 2.0 * 13.6);
    for (name, periodic) in NAMES.into_iter().flat_map(|name| [(name, false), (name, true)]) {
        let mut model = plain(name);
        let mut energy = |conditions| evaluate(&mut model, &water(periodic, conditions)).energy - references;
        let neutral = energy(given(0.0, 1.0, [0.0; 3]));
        close(energy(given(-2.0, 1.0, [0.0; 3])), 0.4 * neutral);
        close(energy(given(1.0, 3.0, [0.0; 3])), 1.7 * neutral);
        let system = water(periodic, given(-2.0, 1.0, FIELD));
        close(energy(system.conditions), 0.4 * neutral - dot(dipole(&system), FIELD));
        assert!(dot(dipole(&system), FIELD).abs() > 0.05);
    }
}

#[test]
fn forces_in_a_field_are_derivatives_of_the_energy() {
    for name in NAMES {
        let (mut model, system, h) = (rotating(name, "octahedral+random"), water(true, given(-1.0, 2.0, FIELD)), 1e-5);
        let forces = evaluate(&mut model, &system).forces;
        for (atom, axis) in [(0, 0), (2, 1), (4, 2)] {
            let mut energy = |shift: f64| {
                let mut moved = system.clone();
                moved.positions[atom][axis] += shift;
                evaluate(&mut model, &moved).energy
            };
            let slope = (energy(h) - energy(-h)) / (2.0 * h);
            assert!((slope + forces[atom][axis]).abs() < 1e-7, "{slope} {}", forces[atom][axis]);
        }
    }
}

/// Every rotation of the model's input turns the field too: the toy has no spread over rotations, and neither energy nor
/// forces change. A field that stayed behind would change both.
#[test]
fn field_turns_with_the_structure_under_every_mitigation() {
    for name in NAMES {
        let system = water(true, given(-1.0, 2.0, FIELD));
        let bare = evaluate(&mut plain(name), &system);
        for rotate in ["random", "random:5", "octahedral", "octahedral+inversion", "degree:5+random"] {
            let found = evaluate(&mut rotating(name, rotate), &system);
            close(found.energy, bare.energy);
            let pairs = found.forces.as_flattened().iter().zip(bare.forces.as_flattened());
            pairs.for_each(|(a, b)| close(*a, *b));
            assert!(found.spread.energy < 1e-11, "{rotate}: {}", found.spread.energy);
        }
    }
}

#[test]
fn turned_structure_in_a_turned_field_has_turned_forces() {
    let turn: Matrix3 = draw(1, 2, 3);
    let system = water(false, given(0.0, 1.0, FIELD));
    let mut turned = water(false, given(0.0, 1.0, apply(&turn, FIELD)));
    turned.positions.iter_mut().for_each(|x| *x = apply(&turn, *x));
    for name in NAMES {
        let (one, other) = (evaluate(&mut plain(name), &system), evaluate(&mut plain(name), &turned));
        close(one.energy, other.energy);
        for (force, expected) in other.forces.iter().zip(&one.forces) {
            force.iter().zip(apply(&turn, *expected)).for_each(|(a, b)| close(*a, b));
        }
    }
}

/// Structures that share a run of the model have conditions of their own.
#[test]
fn structures_of_one_run_have_their_own_conditions() {
    let all = [given(0.0, 1.0, FIELD), given(2.0, 1.0, FIELD), given(-1.0, 2.0, [0.0; 3]), given(0.0, 3.0, [1.0; 3])];
    let systems: Vec<_> = (0..40).map(|number| water(number % 3 == 0, all[number % 4])).collect();
    let structures: Vec<_> = systems.iter().map(|system| (system, 3)).collect();
    for name in NAMES {
        let (mut many, mut model) = (Vec::new(), rotating(name, "tetrahedral+random"));
        model.evaluate_many(&structures, |portion| {
            many.extend(portion);
            ControlFlow::Continue(())
        });
        for (found, system) in many.into_iter().zip(&systems) {
            close(found.unwrap().energy, evaluate(&mut model, system).energy);
        }
    }
}

/// Tiles and blocks of a structure have its conditions.
#[test]
fn little_memory_changes_nothing() {
    let cell = Cell::new([[18.4, 0.0, 0.0], [0.0, 18.0, 0.0], [0.0, 0.0, 18.0]], [true; 3]).unwrap();
    let one = water(true, Conditions::default());
    let shifts = (0..64).map(|i| [i % 4, i / 4 % 4, i / 16].map(|k| 4.5 * f64::from(k)));
    let positions = shifts.flat_map(|s| one.positions.iter().map(move |x| [x[0] + s[0], x[1] + s[1], x[2] + s[2]]));
    let system = System::new(positions.collect(), one.species.repeat(64), cell).unwrap();
    let system = System { conditions: given(-1.0, 2.0, FIELD), ..system };
    for name in NAMES {
        let expected = evaluate(&mut plain(name), &system);
        let little = Settings { memory_mb: 1, ..Settings::default() };
        let found = evaluate(&mut calculator(name, &little), &system);
        close(found.energy, expected.energy);
        found.forces.as_flattened().iter().zip(expected.forces.as_flattened()).for_each(|(a, b)| close(*a, *b));
    }
}

#[test]
fn settings_hold_for_structures_without_conditions_of_their_own() {
    let settings = Settings { conditions: given(1.0, 2.0, FIELD), ..Settings::default() };
    for name in NAMES {
        let mut model = calculator(name, &settings);
        assert_eq!(model.info().conditions, Condition::ALL);
        let own = Conditions { charge: Some(-1.0), ..Conditions::default() };
        let expected = evaluate(&mut plain(name), &water(true, given(-1.0, 2.0, FIELD))).energy;
        close(evaluate(&mut model, &water(true, own)).energy, expected);
    }
}

/// A stress that the model divides by the volume is turned back and averaged, and gives the virial of the gradients.
#[test]
fn stress_divided_by_the_volume_is_that_of_the_gradients() {
    let system = water(true, Conditions::default());
    let expected = evaluate(&mut plain("pair-padded-f64"), &system).virial.unwrap();
    for rotate in ["none", "octahedral", "random:3"] {
        let found = evaluate(&mut rotating("stressed-padded-f64", rotate), &system).virial.unwrap();
        found.as_flattened().iter().zip(expected.as_flattened()).for_each(|(a, b)| close(*a, *b));
    }
    assert!(evaluate(&mut plain("stressed-padded-f64"), &water(false, Conditions::default())).virial.is_none());
}

#[test]
fn missing_and_unknown_conditions_are_refused_with_a_sentence() {
    let refusal = |model: &mut Calculator, conditions| {
        model.evaluate_system(&water(false, conditions), 0).unwrap_err().to_string()
    };
    let mut model = plain(NAMES[0]);
    let missing = refusal(&mut model, Conditions { spin: Some(1.0), field: Some(FIELD), charge: None });
    assert_eq!(missing, "the model \"conditions\" needs the charge of the structure: give, for instance, charge 0");
    let mut pair = plain("pair-list-f64");
    let unknown = refusal(&mut pair, Conditions { charge: Some(-1.0), ..Conditions::default() });
    assert_eq!(
        unknown,
        "the structure has charge -1, but the model \"pair\" knows no conditions: leave it out, or take another model"
    );
    pair.evaluate_system(&water(false, given(0.0, 1.0, [0.0; 3])), 0).unwrap();
    let settings = Settings { conditions: given(0.0, 1.0, FIELD), ..Settings::default() };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/models/pair-list-f64.onnx");
    let refused = load(&path, &settings).err().unwrap().to_string();
    assert!(refused.starts_with("the structure has field 0.3 -0.2 0.5, but the model \"pair\" knows no"), "{refused}");
}
