//! Measures of broken symmetry on the analytic toys, with known exact values.

use std::collections::BTreeMap;

use tumble_check::convergence::{GridError, table};
use tumble_check::findings::Findings;
use tumble_check::measure::{Evaluator, Reference, Symmetry};
use tumble_check::recommend::{Conditions, Heating, Target, recommend};
use tumble_check::spectrum::{Filter, Spectrum};
use tumble_check::{Measured, Plan, measure};
use tumble_core::Cell;
use tumble_core::Graph;
use tumble_core::Quadrature;
use tumble_core::System;
use tumble_core::analytic::{DirectToy, HarmonicToy, Legendre, PairToy};
use tumble_core::elements::mass;
use tumble_core::neighbors;
use tumble_core::potential::{Forces, Potential};
use tumble_core::rotation::{Vector3, apply_transposed, dot, draw};

const CUTOFF: f64 = 3.5;
const PLENTY: usize = 1 << 30;
const CHARGES: [(u8, f64); 2] = [(1, 0.5), (8, -1.0)];
const STRENGTHS: Legendre = Legendre { l1: 0.3, l2: 0.2, l4: 0.1 };

/// Six atoms in a skewed cell, with neighbors beyond the adjacent images.
fn graph() -> Graph {
    let fractional = |i: usize| {
        let t = i as f64;
        [0.5 + 0.13 * t + 0.02 * (3.1 * t).sin(), 0.29 * t, 0.61 * t].map(f64::fract)
    };
    let cell = [[4.1, 0.2, -0.3], [1.4, 3.8, 0.1], [-0.9, 1.1, 4.3]];
    let positions = (0..6).map(|i| apply_transposed(&cell, fractional(i))).collect();
    let species = vec![8, 1, 1, 8, 1, 1];
    let system = System::new(positions, species, Cell::new(cell, [true; 3]).unwrap()).unwrap();
    neighbors::graph(&system, CUTOFF).unwrap()
}

/// An O and an H.
fn pair(distance: f64) -> Graph {
    let positions = vec![[0.0; 3], [0.6 * distance, 0.0, 0.8 * distance]];
    neighbors::graph(&System::new(positions, vec![8, 1], Cell::isolated()).unwrap(), CUTOFF).unwrap()
}

fn toy(strengths: Legendre) -> HarmonicToy {
    HarmonicToy::new(CUTOFF, &CHARGES, strengths)
}

/// The toys with one angular momentum each.
fn parts() -> [(usize, HarmonicToy); 3] {
    let Legendre { l1, l2, l4 } = STRENGTHS;
    let none = Legendre::default();
    [(1, Legendre { l1, ..none }), (2, Legendre { l2, ..none }), (4, Legendre { l4, ..none })].map(|(l, s)| (l, toy(s)))
}

fn with<T>(potential: &mut dyn Potential, forces: Forces, run: impl FnOnce(&mut Evaluator) -> T) -> T {
    let mut go_on = |_| true;
    run(&mut Evaluator::new(potential, forces, PLENTY, &mut go_on).unwrap())
}

fn reference(potential: &mut dyn Potential, graph: &Graph, degree: usize) -> Reference {
    let grid = Quadrature::degree(degree).unwrap().rotated(&draw(5, 0, 0));
    with(potential, Forces::Conservative, |bench| Reference::measure(bench, graph, grid).unwrap())
}

fn symmetry(potential: &mut dyn Potential, graph: &Graph, degree: usize) -> Symmetry {
    let reference = reference(potential, graph, degree);
    Symmetry::of(&reference, graph, potential.info())
}

#[track_caller]
fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * b.abs() + 1e-15, "{a} is not {b}");
}

fn measured(plan: Plan) -> Measured {
    with(&mut toy(STRENGTHS), Forces::Conservative, |bench| measure(bench, &graph(), plan, 3).unwrap())
}

#[test]
fn the_spread_of_the_energy_is_the_exact_one() {
    let (graph, mut toy) = (graph(), toy(STRENGTHS));
    let symmetry = symmetry(&mut toy, &graph, 8);
    close(symmetry.energy_spread, toy.energy_variance(&graph).sqrt() / 6.0);
    close(symmetry.energy, toy.mean_atomic_energies(&graph).iter().sum());
}

/// Only ℓ = 1 is odd, and f(R) - f(-R) is twice the odd part.
#[test]
fn the_parity_error_is_twice_the_odd_part() {
    let (graph, [(_, mut odd), ..]) = (graph(), parts());
    let whole = symmetry(&mut toy(STRENGTHS), &graph, 8);
    let alone = symmetry(&mut odd, &graph, 8);
    close(whole.energy_parity, 2.0 * odd.energy_variance(&graph).sqrt() / 6.0);
    close(whole.force_parity, 2.0 * alone.force_spread);
}

/// r × g = A Σ a_ℓ P_ℓ'(cos θ) r̂ × z, summed over the two directions of the edge.
#[test]
fn the_torque_on_a_pair_is_the_exact_one() {
    let distance = 1.3;
    let f = (1.0 - (distance / CUTOFF).powi(2)).powi(3);
    let Legendre { l1, l2, l4 } = STRENGTHS;
    let share = |l: f64, a: f64, amplitude: f64| (f * amplitude * a).powi(2) * l * (l + 1.0) / (2.0 * l + 1.0);
    let square = share(1.0, l1, -1.5) + share(2.0, l2, -0.5) + share(4.0, l4, -0.5);
    let symmetry = symmetry(&mut toy(STRENGTHS), &pair(distance), 8);
    close(symmetry.torque.unwrap(), square.sqrt());
    assert_eq!(symmetry.antisymmetric, None);
}

#[test]
fn half_the_torque_over_the_volume_is_the_antisymmetric_part() {
    let graph = graph();
    let symmetry = symmetry(&mut toy(STRENGTHS), &graph, 8);
    close(symmetry.antisymmetric.unwrap(), 0.5 * symmetry.torque.unwrap() / graph.volume.unwrap());
    assert!(symmetry.torque.unwrap() > 1e-3);
}

#[test]
fn an_invariant_model_has_nothing_broken() {
    let mut toy = PairToy::new(CUTOFF, 2.0);
    let reference = reference(&mut toy, &graph(), 5);
    let symmetry = Symmetry::of(&reference, &graph(), toy.info());
    let broken = [symmetry.energy_spread, symmetry.force_spread, symmetry.energy_parity, symmetry.noise_power];
    assert!(broken.iter().all(|x| *x < 1e-12), "{broken:?}");
    assert!(symmetry.torque.unwrap() < 1e-12);
    assert!(Spectrum::of(&reference, 2).forces.variance() < 1e-24);
}

/// The energy and the forces of P_ℓ have angular momentum ℓ, and the parity of ℓ.
#[test]
fn the_spectrum_is_that_of_the_parts() {
    let graph = graph();
    let spectrum = Spectrum::of(&reference(&mut toy(STRENGTHS), &graph, 8), 4);
    let mut expected = [[[0.0; 2]; 2]; 5];
    for (l, mut part) in parts() {
        let forces = symmetry(&mut part, &graph, 8).force_spread.powi(2);
        expected[l][l % 2] = [part.energy_variance(&graph) / 36.0, forces];
    }
    for (l, [even, odd]) in expected.into_iter().enumerate() {
        for (quantity, bands) in [&spectrum.energy, &spectrum.forces].into_iter().enumerate() {
            let power = bands.power(l);
            let scale = bands.variance();
            assert!((power[0] - even[quantity]).abs() < 1e-9 * scale, "{l} even: {power:?} {even:?}");
            assert!((power[1] - odd[quantity]).abs() < 1e-9 * scale, "{l} odd: {power:?} {odd:?}");
            assert!(bands.rest.iter().all(|rest| *rest < 1e-9 * scale), "{:?}", bands.rest);
        }
    }
}

/// P_ℓ = (2ℓ + 1) Σ_ij w_i w_j f_i · f_j χ_ℓ(R_i R_jᵀ), the projection with characters.
#[test]
fn the_spectrum_is_the_projection_with_characters() {
    let reference = reference(&mut toy(STRENGTHS), &graph(), 8);
    let spectrum = Spectrum::of(&reference, 4);
    let grid = &reference.grid;
    let forces = (&reference.proper.forces - &reference.mean.forces) / (reference.mean.forces.len() as f64).sqrt();
    let inverted = (&reference.inverted.forces - &reference.mean.forces) / (reference.mean.forces.len() as f64).sqrt();
    let parities = [0.5 * (&forces + &inverted), 0.5 * (&forces - &inverted)];
    for (parity, values) in parities.iter().enumerate() {
        let gram = values.dot(&values.t());
        let mut sums = [0.0; 5];
        for (i, a) in grid.rotations.iter().enumerate() {
            for (j, b) in grid.rotations.iter().enumerate() {
                let cosine = 0.5 * ((0..3).map(|k| dot(a[k], b[k])).sum::<f64>() - 1.0);
                let (angle, weight) = (cosine.clamp(-1.0, 1.0).acos(), grid.weights[i] * grid.weights[j]);
                for (l, sum) in sums.iter_mut().enumerate() {
                    let character = 1.0 + 2.0 * (1..=l).map(|m| (m as f64 * angle).cos()).sum::<f64>();
                    *sum += (2 * l + 1) as f64 * weight * gram[[i, j]] * character;
                }
            }
        }
        for (l, sum) in sums.into_iter().enumerate() {
            let power = spectrum.forces.power(l)[parity];
            assert!((power - sum).abs() < 1e-9 * spectrum.forces.variance(), "{l}: {power} and {sum}");
        }
    }
}

/// Power beyond the band limit is not lost: with a reference through ℓ = 3, the part of ℓ = 4 is in the rest.
#[test]
fn rest_of_the_spectrum_is_all_above_the_highest_degree() {
    let graph = graph();
    let [.., (_, fourth)] = parts();
    let spectrum = Spectrum::of(&reference(&mut toy(STRENGTHS), &graph, 8), 3);
    close(spectrum.energy.rest[0], fourth.energy_variance(&graph) / 36.0);
    let cut = Spectrum::mean(&[&Spectrum::of(&reference(&mut toy(STRENGTHS), &graph, 8), 4), &spectrum]);
    assert_eq!(cut.highest(), 3);
    close(cut.energy.rest[0], spectrum.energy.rest[0]);
    close(cut.forces.variance(), spectrum.forces.variance());
}

/// The mean over a grid of orientations that is exact for squares is that over all orientations.
#[test]
fn the_prediction_is_exact() {
    let graph = graph();
    let mut toy = toy(STRENGTHS);
    let reference = reference(&mut toy, &graph, 8);
    let spectrum = Spectrum::of(&reference, 4);
    let turns = Quadrature::degree(8).unwrap();
    let grids = [Quadrature::tetrahedral(), Quadrature::octahedral(), Quadrature::legendre(2).unwrap()];
    for grid in grids {
        for inversion in [false, true] {
            let used = if inversion { grid.with_inversion() } else { grid.clone() };
            let mut squares = [0.0; 2];
            for (turn, weight) in turns.with_inversion().rotations.iter().zip(turns.with_inversion().weights) {
                let turned = used.rotated(turn);
                let mean = with(&mut toy, Forces::Conservative, |bench| {
                    bench.samples(&graph, &turned.rotations).unwrap().mean(&turned.weights)
                });
                squares.iter_mut().zip(mean.squares(&reference.mean)).for_each(|(sum, s)| *sum += weight * s);
            }
            let filter = Filter::new(&grid, 4);
            for (bands, square) in [&spectrum.energy, &spectrum.forces].into_iter().zip(squares) {
                let predicted = bands.residual(&filter, inversion);
                assert!((predicted - square).abs() < 1e-9 * bands.variance(), "{}: {predicted}, {square}", grid.name);
            }
        }
    }
}

/// Invariants of the groups: Wigner's character sums, as tabulated for the cubic and icosahedral harmonics.
#[test]
fn groups_leave_the_angular_momenta_of_their_invariants() {
    let invariants = [
        (Quadrature::tetrahedral(), [1, 0, 0, 1, 1, 0, 2, 1]),
        (Quadrature::octahedral(), [1, 0, 0, 0, 1, 0, 1, 0]),
        (Quadrature::icosahedral(), [1, 0, 0, 0, 0, 0, 1, 0]),
    ];
    for (group, counts) in invariants {
        let filter = Filter::new(&group, 7);
        for (l, count) in counts.into_iter().enumerate() {
            assert!((filter.fraction(l) * (2 * l + 1) as f64 - f64::from(count)).abs() < 1e-9, "{} {l}", group.name);
        }
    }
}

#[test]
fn the_spectrum_reproduces_the_energy_of_a_rotation() {
    let graph = graph();
    let reference = reference(&mut toy(STRENGTHS), &graph, 8);
    let spectrum = Spectrum::of(&reference, 4);
    let octahedral = Quadrature::octahedral();
    let rotation = draw(8, 1, 2);
    let energy = |grid: &Quadrature| {
        with(&mut toy(STRENGTHS), Forces::Conservative, |bench| {
            bench.samples(&graph, &grid.rotations).unwrap().mean(&grid.weights).energy
        })
    };
    let bare = energy(&Quadrature::identity().rotated(&rotation));
    let averaged = energy(&octahedral.rotated(&rotation));
    let inverted = energy(&octahedral.with_inversion().rotated(&rotation));
    let deviation = |filter, inversion| reference.mean.energy + 6.0 * spectrum.energy_at(&rotation, filter, inversion);
    let filter = Filter::new(&octahedral, 4);
    assert!((deviation(None, false) - bare).abs() < 1e-9);
    assert!((deviation(Some(&filter), false) - averaged).abs() < 1e-9);
    assert!((deviation(Some(&filter), true) - inverted).abs() < 1e-9);
}

#[test]
fn the_table_knows_what_is_exact() {
    let plan = Plan { degree: 8, orientations: 2 };
    let measured = measured(plan);
    let rows = table(&[&measured.grid_errors], plan.highest()).unwrap();
    let row = |name: &str, inversion| rows.iter().find(|r| r.name() == name && r.inversion() == inversion).unwrap();
    let spread = [measured.symmetry.energy_spread, measured.symmetry.force_spread];
    for (quantity, spread) in spread.into_iter().enumerate() {
        close(row("none", false).errors[quantity], spread);
        close(row("random:10", false).errors[quantity], spread / 10.0_f64.sqrt());
        // Of ℓ = 1, 2 and 4 an inversion takes 1, and T, of degree 2, leaves 4; I and those of degree 4 leave nothing.
        let even: f64 = measured.spectrum_parts(quantity)[0];
        close(row("none", true).errors[quantity], even.sqrt());
        for name in ["icosahedral", "legendre:3", "lebedev:5"] {
            assert!(row(name, false).errors[quantity] < 1e-9 * spread, "{name}");
        }
        assert!(row("octahedral", false).errors[quantity] > 0.01 * spread);
        close(row("none", true).gains[quantity], spread / even.sqrt());
    }
    assert_eq!((row("octahedral", true).evaluations(), row("octahedral", true).degree()), (48, 3));
    assert_eq!(
        (&row("none", false).random_name[..], &row("icosahedral", true).random_name[..]),
        ("random", "icosahedral+random")
    );
    assert!(measured.convergence.iter().all(|difference| *difference < 1e-9), "{:?}", measured.convergence);
}

trait Parts {
    fn spectrum_parts(&self, quantity: usize) -> [f64; 2];
}

impl Parts for Measured {
    fn spectrum_parts(&self, quantity: usize) -> [f64; 2] {
        [&self.spectrum.energy, &self.spectrum.forces][quantity].parts()
    }
}

fn heating(noise_power: f64) -> Heating {
    Heating::new(noise_power, &BTreeMap::new(), &Conditions::default())
}

#[test]
fn the_cheapest_that_meets_the_target_is_recommended() {
    let plan = Plan { degree: 8, orientations: 2 };
    let grid_errors = measured(plan).grid_errors;
    let rows = table(&[&grid_errors], plan.highest()).unwrap();
    let choose = |target: Target| recommend(&rows, &target, &Conditions::default(), heating(1e-4)).unwrap();
    let loose = choose(Target { energy: 1.0, forces: f64::INFINITY });
    assert_eq!((loose.row.name(), loose.row.inversion(), loose.every, loose.met), ("none", false, 1, true));
    assert_eq!((loose.cost, loose.pair_style()), (1.0, "pair_style tumble rotate none".into()));
    let tight = choose(Target { energy: 1e-9, forces: 1e-9 });
    assert_eq!((tight.row.name(), tight.row.evaluations(), tight.every, tight.met), ("icosahedral", 60, 4, true));
    close(tight.cost, 63.0 / 4.0);
    assert_eq!(tight.pair_style(), "pair_style tumble rotate icosahedral every 4");
    assert_eq!(tight.ipi("m.onnx"), "tumble ipi m.onnx --template start.xyz --unix driver --rotate icosahedral");
    let impossible = choose(Target { energy: 0.0, forces: 0.0 });
    assert!(!impossible.met);
}

/// Without noise there is nothing to balance; 1 meV/Å on hydrogen with 0.5 fs is 0.5e-6 · 0.5 / 1.008 in these units.
#[test]
fn heating_is_that_of_the_noise_law() {
    let still = heating(0.0);
    assert_eq!((still.rate, still.balance, still.damping, still.excess), (0.0, f64::INFINITY, 1.0, 0.0));
    let power = 1e-6 / mass(1);
    let noisy = Heating::new(power, &BTreeMap::from([(1, power)]), &Conditions { timestep: 0.5, temperature: 300.0 });
    // σ² dt / 2m in SI, over 3k/2.
    let (force, u) = (1e-3 * 1.602_176_634e-19 * 1e10, 1.660_539_068_92e-27);
    let expected = force * force * 0.5e-15 / (2.0 * 1.008 * u) / (1.5 * 1.380_649e-23) * 1e-12;
    close(noisy.rate, expected);
    close(noisy.rates[&1], expected);
    // Friction takes 2 K / t from K = 3kT/2; this balances the heating.
    close(2.0 * 300.0 / noisy.balance, noisy.rate);
    assert!(noisy.excess <= 3.0);
}

/// A free atom kicked by forces of random orientation gains σ² dt² / 2m a step, within the statistical error of 400
/// runs of 50 steps.
#[test]
fn the_noise_law_holds_on_a_toy() {
    let graph = pair(1.3);
    let mut toy = toy(STRENGTHS);
    let reference = reference(&mut toy, &graph, 8);
    let symmetry = Symmetry::of(&reference, &graph, toy.info());
    let (runs, steps, dt) = (400, 50, 0.5);
    let mut gains = Vec::new();
    for run in 0..runs {
        let rotations: Vec<_> = (0..steps).map(|step| draw(17, step, run)).collect();
        let samples = with(&mut toy, Forces::Conservative, |bench| bench.samples(&graph, &rotations).unwrap());
        let mut gain = 0.0;
        for (atom, &z) in graph.species.iter().enumerate() {
            let mut velocity: Vector3 = [0.0; 3];
            for forces in samples.forces.rows() {
                let kick = |k: usize| (forces[3 * atom + k] - reference.mean.forces[3 * atom + k]) * dt / mass(z);
                velocity = [0, 1, 2].map(|k| velocity[k] + kick(k));
            }
            gain += 0.5 * mass(z) * dot(velocity, velocity) / graph.n_atoms() as f64;
        }
        gains.push(gain);
    }
    let count = gains.len() as f64;
    let mean = gains.iter().sum::<f64>() / count;
    let error = (gains.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (count - 1.0) / count).sqrt();
    let expected = symmetry.noise_power * dt * dt / 2.0 * steps as f64;
    assert!((mean - expected).abs() < 4.0 * error, "{mean} ± {error}, expected {expected}");
    assert!(error < 0.1 * mean, "{error} of {mean}");
}

#[test]
fn noise_is_counted_by_element() {
    let symmetry = symmetry(&mut toy(STRENGTHS), &graph(), 8);
    let mean = (symmetry.noise_powers[&1] * 4.0 + symmetry.noise_powers[&8] * 2.0) / 6.0;
    close(symmetry.noise_power, mean);
}

/// Direct forces have no torque without a stress, and break symmetry in the forces alone.
#[test]
fn direct_forces_are_measured_too() {
    let (graph, mut toy) = (graph(), DirectToy::new(CUTOFF, 0.9, STRENGTHS));
    let grid = Quadrature::degree(8).unwrap();
    let reference = with(&mut toy, Forces::Direct, |bench| Reference::measure(bench, &graph, grid).unwrap());
    let symmetry = Symmetry::of(&reference, &graph, toy.info());
    assert_eq!((symmetry.torque, symmetry.antisymmetric), (None, None));
    assert!(symmetry.force_spread > 1e-3 && symmetry.energy_spread < 1e-12);
}

#[test]
fn forces_not_offered_by_the_model_are_refused() {
    let (mut potential, mut go_on) = (toy(STRENGTHS), |_| true);
    let error = Evaluator::new(&mut potential, Forces::Direct, PLENTY, &mut go_on).err().unwrap();
    assert!(error.to_string().contains("offers no direct forces"), "{error}");
}

#[test]
fn watcher_can_interrupt_a_check() {
    let (mut potential, mut count) = (toy(STRENGTHS), 0);
    let mut watch = |evaluations| {
        count += evaluations;
        false
    };
    let mut bench = Evaluator::new(&mut potential, Forces::Conservative, PLENTY, &mut watch).unwrap();
    let error = measure(&mut bench, &pair(1.3), Plan { degree: 5, orientations: 1 }, 0).unwrap_err();
    assert_eq!(error.to_string(), "interrupted");
    assert_eq!(count, 60);
}

#[test]
fn plans_keep_within_the_budget() {
    let budget_plans = |seconds: &[f64], budget| Plan::budget_plans(seconds, budget, None, None).unwrap();
    let seconds = [1e-4, 1e-3, 1e-2];
    for budget in [10.0, 30.0, 60.0] {
        let plans = budget_plans(&seconds, budget);
        let total = plans.iter().zip(seconds).map(|(plan, s)| s * plan.evaluations().unwrap() as f64).sum::<f64>();
        assert!(total <= budget && total > 0.3 * budget, "{budget}: {total}, {plans:?}");
        assert!(plans.is_sorted_by(|a, b| a.degree >= b.degree), "{plans:?}");
    }
    assert_eq!(budget_plans(&[1.0], 1e9), [Plan { degree: 14, orientations: 8 }]);
    assert_eq!(budget_plans(&[1.0, 2.0], 0.0), [Plan { degree: 5, orientations: 1 }; 2]);
    assert_eq!(
        budget_plans(&[1e-4, 1.0], 0.0),
        [Plan { degree: 14, orientations: 8 }, Plan { degree: 5, orientations: 1 }]
    );
    assert_eq!(Plan::budget_plans(&[1.0], 0.0, Some(8), Some(3)).unwrap(), [Plan { degree: 8, orientations: 3 }]);
    let refusal = Plan::budget_plans(&[], 0.0, Some(200), None).unwrap_err().to_string();
    assert_eq!(refusal, "there is no degree grid of order 200: give a whole number from 1 to 101, as in degree:3");
    // The reference is finer than every grid.
    let names = |degree| {
        let grids = Plan { degree, orientations: 1 }.grids().unwrap();
        grids.iter().map(|grid| grid.mitigation.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(5), ["none", "random:10", "tetrahedral", "legendre:2", "lebedev:3", "octahedral"]);
    assert_eq!(names(7).len(), 9);
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let plan = Plan { degree: 6, orientations: 1 };
    let squares = |grid_errors: &[GridError]| grid_errors.iter().map(|tally| tally.squares).collect::<Vec<_>>();
    assert_eq!(squares(&measured(plan).grid_errors), squares(&measured(plan).grid_errors));
}

#[test]
fn findings_combine_all_structures() {
    let plan = Plan { degree: 8, orientations: 1 };
    let one = measured(plan);
    let two = Measured { plan: Plan { degree: 7, ..plan }, ..measured(Plan { degree: 7, ..plan }) };
    let findings = |all| Findings::new(all, Target::default(), Conditions::default()).unwrap();
    assert!(findings(vec![]).is_none());
    let both = findings(vec![("one".into(), one.clone()), ("two".into(), two.clone())]).unwrap();
    assert_eq!(
        (both.symmetry.atoms, both.spectrum.highest(), both.pair_coeff("m.onnx")),
        (12, 3, "pair_coeff * * m.onnx O H".into())
    );
    let spreads = [&one, &two].map(|measured| measured.symmetry.energy_spread);
    close(both.symmetry.energy_spread, (0.5 * (spreads[0].powi(2) + spreads[1].powi(2))).sqrt());
    close(both.spectrum.energy.variance(), both.symmetry.energy_spread.powi(2));
    close(both.spectrum.forces.variance(), both.symmetry.force_spread.powi(2));
    assert_eq!(both.table.len(), 18);
    assert_eq!(both.recommendation.as_ref().unwrap().row.name(), "icosahedral");
    assert!(!both.is_coarse());
}

#[test]
fn periodic_structures_bring_a_note_on_phonons() {
    let mut molecule = measured(Plan { degree: 5, orientations: 1 });
    assert!(molecule.symmetry.periodic);
    molecule.symmetry.periodic = false;
    let findings = |all| Findings::new(all, Target::default(), Conditions::default()).unwrap().unwrap();
    assert_eq!(findings(vec![("one".into(), molecule.clone())]).phonons(), None);
    let mut crystal = molecule.clone();
    crystal.symmetry = Symmetry { periodic: true, force_spread: 0.25, ..crystal.symmetry };
    let note = findings(vec![("one".into(), molecule), ("two".into(), crystal.clone())]).phonons().unwrap();
    assert!(note.starts_with("forces of a periodic structure spread by 250 meV/Å: phonons of a crystal"), "{note}");
    crystal.symmetry.force_spread = 5e-4;
    assert_eq!(findings(vec![("two".into(), crystal)]).phonons(), None);
}

/// T is exact for ℓ = 1 and 2 only, so it cannot measure the remaining error.
#[test]
fn a_coarse_reference_is_noticed() {
    let measured = measured(Plan { degree: 3, orientations: 1 });
    let findings = Findings::new(vec![("one".into(), measured)], Target::default(), Conditions::default()).unwrap();
    assert!(findings.unwrap().is_coarse());
}
