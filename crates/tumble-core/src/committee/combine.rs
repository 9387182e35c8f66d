//! The response of a committee, from those of its members.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::outputs::{Output, OutputInfo};
use crate::potential::{Derivative, Replicas, Response};
use crate::rotation::{Matrix3, Vector3};

/// Adds to each center's energy the shift of its species, eV.
pub(super) fn shift(responses: &mut [Response], work: &[Replicas], shifts: &BTreeMap<u8, f64>) {
    if shifts.is_empty() {
        return;
    }
    let graphs = work.iter().flat_map(|part| part.rotations.iter().map(|_| part.graph));
    for (response, graph) in responses.iter_mut().zip(graphs) {
        let centers = response.atomic_energies.iter_mut().zip(&graph.species);
        centers.for_each(|(energy, z)| *energy += shifts.get(z).copied().unwrap_or(0.0));
    }
}

/// Returns the mean of the members' responses to one replica, and their own. `outputs`: those that all members have.
pub(super) fn mean(members: Vec<Response>, outputs: &[Arc<OutputInfo>]) -> Response {
    let outputs = outputs.iter().map(|info| mean_output(&members, info)).collect();
    let (energies, derivatives): (Vec<_>, Vec<_>) =
        members.into_iter().map(|member| (member.atomic_energies, member.derivative)).unzip();
    Response {
        atomic_energies: mean_of(&energies.iter().map(Vec::as_slice).collect::<Vec<_>>()),
        ensemble_energies: energies,
        derivative: mean_derivative(&derivatives),
        member_derivatives: derivatives,
        outputs,
    }
}

fn mean_output(members: &[Response], info: &Arc<OutputInfo>) -> Output {
    let outputs = members.iter().flat_map(|member| &member.outputs);
    let of_name: Vec<_> =
        outputs.filter(|output| output.info.name == info.name).map(|output| output.values.as_slice()).collect();
    Output { info: Arc::clone(info), values: mean_of(&of_name) }
}

fn mean_derivative(members: &[Derivative]) -> Derivative {
    let vectors = |derivative| match derivative {
        &Derivative::EdgeGradients(ref vectors) | &Derivative::Direct { forces: ref vectors, .. } => vectors,
    };
    let mean = mean_vectors(&members.iter().map(vectors).collect::<Vec<&Vec<Vector3>>>());
    match members[0] {
        Derivative::EdgeGradients(_) => Derivative::EdgeGradients(mean),
        Derivative::Direct { .. } => Derivative::Direct { forces: mean, stress: mean_stress(members) },
    }
}

/// Returns the mean stress, if every member gives one.
fn mean_stress(members: &[Derivative]) -> Option<Matrix3> {
    let stress = |member: &Derivative| match member {
        Derivative::Direct { stress, .. } => *stress,
        Derivative::EdgeGradients(_) => None,
    };
    let all: Vec<Matrix3> = members.iter().map(stress).collect::<Option<_>>()?;
    mean_vectors(&all.iter().collect::<Vec<_>>()).try_into().ok()
}

fn mean_vectors<V: AsRef<[Vector3]>>(members: &[&V]) -> Vec<Vector3> {
    let flat: Vec<_> = members.iter().map(|vectors| vectors.as_ref().as_flattened()).collect();
    mean_of(&flat).as_chunks::<3>().0.to_vec()
}

fn mean_of(members: &[&[f64]]) -> Vec<f64> {
    let of = |i: usize| members.iter().map(|values| values[i]).sum::<f64>() / members.len() as f64;
    (0..members[0].len()).map(of).collect()
}
