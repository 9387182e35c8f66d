//! Committees of analytic potentials, against their members evaluated alone.

use std::sync::Arc;

use super::*;
use crate::analytic::{DirectToy, HarmonicToy, Legendre, TwoHopToy};
use crate::average::{Evaluation, Request, average};
use crate::conditions::Condition;
use crate::neighbors;
use crate::outputs::{Law, Output, OutputInfo, Per, Unit};
use crate::planner::{Level, SlotRule};
use crate::potential_plan::bytes_per_replica;
use crate::quadrature::Quadrature;
use crate::rotation::Vector3;
use crate::system::{Cell, System};

const CUTOFF: f64 = 2.5;
const PLENTY: usize = 1 << 30;
const TILTED: Legendre = Legendre { l1: 0.3, l2: 0.2, l4: 0.1 };

/// A potential with other properties than those of the toy that it evaluates.
struct Altered {
    toy: Box<dyn Potential>,
    info: ModelInfo,
}

impl Altered {
    fn boxed(toy: Box<dyn Potential>, alter: impl FnOnce(&mut ModelInfo)) -> Box<dyn Potential> {
        let mut info = toy.info().clone();
        alter(&mut info);
        Box::new(Self { toy, info })
    }
}

impl Potential for Altered {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        self.toy.evaluate(graph, rotations, forces)
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        self.toy.costs(level)
    }
}

fn harmonic(charge: f64) -> Box<dyn Potential> {
    Box::new(HarmonicToy::new(CUTOFF, &[(1, charge), (8, -1.1)], TILTED))
}

fn direct(strength: f64) -> Box<dyn Potential> {
    Box::new(DirectToy::new(CUTOFF, strength, TILTED).with_stress())
}

/// Three potentials of different kinds; the second has reference energies.
fn conservative() -> Vec<Box<dyn Potential>> {
    let references = |info: &mut ModelInfo| info.reference_energies = [(1, -13.6), (8, -2000.0)].into();
    vec![harmonic(0.6), Altered::boxed(Box::new(TwoHopToy::new(CUTOFF, 1.3, 0.8)), references), harmonic(-0.2)]
}

fn directs() -> Vec<Box<dyn Potential>> {
    vec![direct(0.9), direct(0.5)]
}

fn crystal() -> Graph {
    let at = |i: usize, k: usize| 5.0 * ((3 * i + k) as f64 * 78.233 + 0.5).sin();
    let positions = (0..10).map(|i| [at(i, 0), at(i, 1), at(i, 2)]).collect();
    let cell = Cell::new([[4.0, 0.0, 0.5], [1.0, 4.5, 0.0], [0.0, -1.0, 5.0]], [true; 3]).unwrap();
    let species = [8, 1, 1].into_iter().cycle().take(10).collect();
    neighbors::graph(&System::new(positions, species, cell).unwrap(), CUTOFF).unwrap()
}

fn evaluate(potential: &mut dyn Potential, kind: Forces, memory: usize) -> Evaluation {
    let request = Request { edge_gradients: true, ..Request::new(kind, memory) };
    average(potential, &crystal(), &Quadrature::tetrahedral(), &request).unwrap()
}

fn flat(vectors: &[Vector3]) -> &[f64] {
    vectors.as_flattened()
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * (1.0 + b.abs());
    assert!(found.iter().zip(expected).all(near), "{found:?} is not {expected:?}");
}

fn mean<'a>(all: &'a [Evaluation], of: impl Fn(&'a Evaluation) -> &'a [f64]) -> Vec<f64> {
    let sum = |i: usize| all.iter().map(|one| of(one)[i]).sum::<f64>();
    (0..of(&all[0]).len()).map(|i| sum(i) / all.len() as f64).collect()
}

/// Compares a committee with its members evaluated alone.
fn compare(committee: &Evaluation, alone: &[Evaluation], tolerance: f64) {
    let close = |found: &[f64], of: fn(&Evaluation) -> &[f64]| assert_near(found, &mean(alone, of), tolerance);
    close(&[committee.energy], |one| std::slice::from_ref(&one.energy));
    close(&committee.atomic_energies, |one| &one.atomic_energies);
    close(flat(&committee.forces), |one| flat(&one.forces));
    close(flat(&committee.edge_gradients), |one| flat(&one.edge_gradients));
    close(&committee.torque, |one| &one.torque);
    close(flat(committee.virial.as_ref().unwrap()), |one| flat(one.virial.as_ref().unwrap()));
    for (number, one) in alone.iter().enumerate() {
        assert_near(&committee.ensemble_energies[number], &one.atomic_energies, tolerance);
        assert_near(flat(&committee.members.forces[number]), flat(&one.forces), tolerance);
        let (found, expected) = (committee.members.virials[number].unwrap(), one.virial.unwrap());
        assert_near(flat(&found), flat(&expected), tolerance);
    }
}

#[test]
fn results_are_those_of_the_members_alone() {
    for (members, kind) in
        [(conservative(), Forces::Conservative), (directs(), Forces::Direct), (directs(), Forces::Conservative)]
    {
        let mut committee = Committee::new(members).unwrap();
        let found = evaluate(&mut committee, kind, PLENTY);
        let alone: Vec<_> =
            committee.members.iter_mut().map(|member| evaluate(member.as_mut(), kind, PLENTY)).collect();
        compare(&found, &alone, 1e-13);
        assert_eq!((found.evaluations, committee.members()), (12, alone.len()));
    }
}

#[test]
fn deviations_are_those_of_their_definition() {
    let found = evaluate(&mut Committee::new(conservative()).unwrap(), Forces::Conservative, PLENTY);
    let members = &found.members.forces;
    let deviation = |atom: usize| {
        let variance = |k: usize| {
            let values: Vec<_> = members.iter().map(|forces| forces[atom][k]).collect();
            let mean = values.iter().sum::<f64>() / 3.0;
            values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3.0
        };
        (variance(0) + variance(1) + variance(2)).sqrt()
    };
    let expected: Vec<_> = (0..10).map(deviation).collect();
    assert_near(&found.force_deviations(), &expected, 1e-13);
    assert_eq!(found.max_force_deviation(), found.force_deviations().into_iter().reduce(f64::max));
    let energies = found.member_energies();
    let mean = energies.iter().sum::<f64>() / 3.0;
    let variance = energies.iter().map(|energy| (energy - mean).powi(2)).sum::<f64>() / 2.0;
    assert_near(&[found.energy_deviation().unwrap()], &[variance.sqrt()], 1e-13);
}

#[test]
fn equal_members_agree() {
    let mut committee = Committee::new(vec![harmonic(0.6), harmonic(0.6)]).unwrap();
    let found = evaluate(&mut committee, Forces::Conservative, PLENTY);
    assert_eq!((found.max_force_deviation(), found.energy_deviation()), (Some(0.0), Some(0.0)));
    assert_eq!(found.energy, evaluate(harmonic(0.6).as_mut(), Forces::Conservative, PLENTY).energy);
}

#[test]
fn a_single_model_has_no_deviations() {
    let found = evaluate(harmonic(0.6).as_mut(), Forces::Conservative, PLENTY);
    assert_eq!((found.max_force_deviation(), found.energy_deviation()), (None, None));
    assert!(found.force_deviations().is_empty());
}

#[test]
fn blocks_give_the_results_of_the_whole() {
    for (members, kind) in [(conservative as fn() -> _, Forces::Conservative), (directs, Forces::Direct)] {
        let mut committee = Committee::new(members()).unwrap();
        let small = bytes_per_replica(&committee, &crystal()) - 1;
        let (whole, parts) = (evaluate(&mut committee, kind, PLENTY), evaluate(&mut committee, kind, small));
        for (whole, part) in whole.members.forces.iter().zip(&parts.members.forces) {
            assert_near(flat(part), flat(whole), 1e-13);
        }
        assert_near(&parts.force_deviations(), &whole.force_deviations(), 1e-13);
        assert_eq!(parts.members.virials.iter().all(Option::is_some), kind == Forces::Conservative);
    }
}

#[test]
fn properties_cover_all_members() {
    let committee = Committee::new(conservative()).unwrap();
    let info = committee.info();
    assert_eq!(info.name, "committee of 3: harmonic toy, two-hop toy");
    assert_eq!((info.hops, info.cutoff, info.whole, info.ensemble), (2, CUTOFF, false, true));
    assert_eq!(info.species, [1, 8]);
}

#[test]
fn costs_are_the_largest() {
    let costs = |slots, bytes_per_slot, level| {
        let partition = crate::planner::Partition { memory: 7, levels: [level; 3] };
        ModelCosts { bytes_per_slot, slots, partition, ..ModelCosts::default() }
    };
    let (pruned, kept) = (SlotRule::Pruned(8), Level::Keeps(5));
    let found = costs::largest([costs(pruned, 3, kept), costs(SlotRule::Pruned(4), 9, Level::Keeps(2))].into_iter());
    assert_eq!(found, costs(pruned, 9, kept));
    let mixed = costs::largest([costs(pruned, 3, kept), costs(SlotRule::Edges, 2, Level::Impossible)].into_iter());
    assert_eq!(mixed, costs(SlotRule::Padded, 3, Level::Impossible));
}

fn refused(members: Vec<Box<dyn Potential>>) -> String {
    Committee::new(members).err().unwrap().to_string()
}

fn with_harmonic(alter: impl FnOnce(&mut ModelInfo)) -> Vec<Box<dyn Potential>> {
    vec![
        harmonic(0.6),
        Altered::boxed(harmonic(0.6), |info| {
            info.name = "other".into();
            alter(info);
        }),
    ]
}

#[test]
fn members_that_do_not_fit_are_refused() {
    assert_eq!(refused(vec![harmonic(0.6)]), "a committee of 1 model(s) cannot disagree: give two or more models");
    assert_eq!(
        refused(with_harmonic(|info| info.cutoff = 3.0)),
        "the model \"other\" does not fit into the committee: it has a cutoff of 3 Å, but \"harmonic toy\" has 2.5 Å: \
         give models with the same cutoff"
    );
    assert_eq!(
        refused(with_harmonic(|info| info.ensemble = true)),
        "the model \"other\" does not fit into the committee: it is an ensemble itself: give models with one energy \
         each, or the ensemble alone"
    );
    assert_eq!(
        refused(with_harmonic(|info| info.forces = vec![Forces::Direct])),
        "the model \"other\" does not fit into the committee: it offers direct forces, but the members before it \
         conservative forces: give models with a kind of forces in common"
    );
    assert_eq!(
        refused(with_harmonic(|info| info.species = vec![6, 14])),
        "the model \"other\" does not fit into the committee: it knows C, Si, but the members before it know H, O: \
         give models that share elements"
    );
    assert_eq!(
        refused(with_harmonic(|info| info.conditions = vec![Condition::Charge])),
        "the model \"other\" does not fit into the committee: it knows charge only, but \"harmonic toy\" knows no \
         conditions: give models that need the same conditions"
    );
}

#[test]
fn whole_numbers_are_those_that_all_members_know() {
    let known = |range| {
        Altered::boxed(harmonic(0.6), move |info| {
            info.conditions = vec![Condition::Charge];
            info.whole_numbers = vec![(Condition::Charge, range)];
        })
    };
    let committee = Committee::new(vec![known([-2, 3]), known([-1, 5])]).unwrap();
    assert_eq!(committee.info().whole_numbers, [(Condition::Charge, [-1, 3])]);
    assert_eq!(
        refused(vec![known([-2, -1]), known([0, 1])]),
        "the model \"harmonic toy\" does not fit into the committee: it knows a charge from 0 to 1, but the members \
         before it from -2 to -1: give models that share whole numbers"
    );
}

#[test]
fn cutoffs_may_differ_by_the_rounding_of_units() {
    let other = Altered::boxed(harmonic(0.6), |info| info.cutoff = CUTOFF * (1.0 + 2.0 * f64::EPSILON));
    assert_eq!(Committee::new(vec![harmonic(0.6), other]).unwrap().info().cutoff, CUTOFF);
}

/// A potential that adds an output to the responses of its toy: its value on each center, times the center's number.
struct WithOutput {
    toy: Box<dyn Potential>,
    info: ModelInfo,
    value: f64,
}

impl WithOutput {
    fn boxed(name: &str, law: Law, value: f64) -> Box<dyn Potential> {
        let toy = harmonic(value);
        let output = OutputInfo { name: name.into(), per: Per::Atom, law, unit: Unit::named("e") };
        let info = ModelInfo { outputs: vec![Arc::new(output)], ..toy.info().clone() };
        Box::new(Self { toy, info, value })
    }
}

impl Potential for WithOutput {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn evaluate(&mut self, graph: &Graph, rotations: &[Matrix3], forces: Forces) -> Result<Vec<Response>> {
        let mut responses = self.toy.evaluate(graph, rotations, forces)?;
        let values: Vec<_> = (0..graph.n_centers()).map(|center| self.value * center as f64).collect();
        let output = |info| Output { info: Arc::clone(info), values: values.clone() };
        responses.iter_mut().for_each(|response| response.outputs = self.info.outputs.iter().map(output).collect());
        Ok(responses)
    }

    fn costs(&self, level: Option<RecomputeLevel>) -> ModelCosts {
        self.toy.costs(level)
    }
}

#[test]
fn outputs_are_means_over_the_members() {
    let charges = |value| WithOutput::boxed("charges", Law::Scalar, value);
    let mut committee = Committee::new(vec![charges(0.5), charges(0.9)]).unwrap();
    let found = evaluate(&mut committee, Forces::Conservative, PLENTY);
    let expected: Vec<_> = (0..10).map(|center| 0.7 * f64::from(center)).collect();
    assert_near(&found.outputs[0].values, &expected, 1e-13);
    assert_eq!(found.outputs[0].info.name, "charges");
}

#[test]
fn outputs_of_some_members_are_not_those_of_the_committee() {
    let committee = Committee::new(vec![WithOutput::boxed("charges", Law::Scalar, 0.5), harmonic(0.9)]).unwrap();
    assert!(committee.info().outputs.is_empty());
    let pair = vec![WithOutput::boxed("q", Law::Scalar, 0.5), WithOutput::boxed("q", Law::Vector, 0.9)];
    assert_eq!(
        refused(pair),
        "the model \"harmonic toy\" does not fit into the committee: it has q as a vector per atom in e, but the first \
         model as a scalar per atom in e: give models with the same outputs"
    );
}
