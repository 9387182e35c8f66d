//! The findings as one JSON document; eV, Å, ps, K.

use serde_json::{Map, Value, json};
use tumble::Result;
use tumble_check::Measured;
use tumble_check::convergence::Row;
use tumble_check::findings::Findings;
use tumble_check::measure::Symmetry;
use tumble_check::recommend::Recommendation;
use tumble_check::spectrum::{Bands, Spectrum};
use tumble_core::elements::symbol;
use tumble_core::numbers::tidy;

/// Returns all findings; docs/check.md explains the keys.
pub fn document(findings: &Findings, card: &[(&'static str, String)], model: &str) -> Result<Value> {
    let card: Map<_, _> = card.iter().map(|(key, value)| (key.replace(' ', "_"), json!(value))).collect();
    let structures: Result<Vec<_>> = findings.structures.iter().map(structure).collect();
    let Findings { target, conditions, .. } = findings;
    let finite = |value: f64| value.is_finite().then(|| tidy(value));
    Ok(json!({
        "model": card,
        "structures": structures?,
        "all": {
            "symmetry": symmetry(&findings.symmetry),
            "reference_difference": pair(findings.convergence),
            "spectrum": spectrum(&findings.spectrum),
        },
        "table": findings.table.iter().map(row).collect::<Vec<_>>(),
        "target": { "energy": finite(target.energy), "forces": finite(target.forces) },
        "timestep": conditions.timestep,
        "temperature": conditions.temperature,
        "notes": findings.phonons().into_iter().collect::<Vec<_>>(),
        "recommendation": findings.recommendation.as_ref().map(|choice| recommendation(findings, choice, model)),
    }))
}

fn structure((name, measured): &(String, Measured)) -> Result<Value> {
    let plan = measured.plan;
    Ok(json!({
        "name": name,
        "reference": { "grid": plan.reference()?.name, "checked_by": plan.comparison()?.name },
        "orientations": plan.orientations,
        "evaluations": plan.evaluations()?,
        "symmetry": symmetry(&measured.symmetry),
        "reference_difference": pair(measured.convergence),
        "spectrum": spectrum(&measured.spectrum),
    }))
}

fn pair([energy, forces]: [f64; 2]) -> Value {
    json!({ "energy": energy, "forces": forces })
}

fn symmetry(symmetry: &Symmetry) -> Value {
    let powers: Map<_, _> = symmetry.noise_powers.iter().map(|(&z, p)| (symbol(z).into(), json!(p))).collect();
    json!({
        "atoms": symmetry.atoms,
        "mean_energy": symmetry.energy,
        "mean_force_rms": symmetry.force,
        "energy_spread": symmetry.energy_spread,
        "force_spread": symmetry.force_spread,
        "torque": symmetry.torque,
        "antisymmetric_virial": symmetry.antisymmetric,
        "energy_parity": symmetry.energy_parity,
        "force_parity": symmetry.force_parity,
        "noise_power": symmetry.noise_power,
        "noise_powers": powers,
    })
}

fn spectrum(spectrum: &Spectrum) -> Value {
    json!({ "highest": spectrum.highest(), "energy": bands(&spectrum.energy), "forces": bands(&spectrum.forces) })
}

fn bands(bands: &Bands) -> Value {
    let of = |parity: usize| (0..=bands.highest()).map(|l| bands.power(l)[parity]).collect::<Vec<_>>();
    json!({
        "variance": bands.variance(),
        "even": of(0),
        "odd": of(1),
        "above": { "even": bands.rest[0], "odd": bands.rest[1] },
    })
}

fn row(row: &Row) -> Value {
    // Without an error the gain is infinite, and JSON has no infinity.
    let gains = row.gains.map(|gain| gain.is_finite().then_some(gain));
    json!({
        "rotate": row.name(),
        "turned": row.random_name,
        "inversion": row.inversion(),
        "degree": row.degree(),
        "evaluations": row.evaluations(),
        "error": pair(row.errors),
        "predicted": pair(row.predicted),
        "gain": { "energy": gains[0], "forces": gains[1] },
        "ms": row.ms,
        "left": row.fractions,
    })
}

fn recommendation(findings: &Findings, choice: &Recommendation, model: &str) -> Value {
    let heating = &choice.random;
    let rates: Map<_, _> = heating.rates.iter().map(|(&z, rate)| (symbol(z).into(), json!(rate))).collect();
    let [style, langevin] = choice.random_lines(&findings.conditions);
    json!({
        "met": choice.met,
        "rotate": choice.row.name(),
        "inversion": choice.row.inversion(),
        "evaluations": choice.row.evaluations(),
        "every": choice.every,
        "cost": choice.cost,
        "lammps": choice.pair_style(),
        "pair_coeff": findings.pair_coeff(model),
        "ipi": choice.ipi(model),
        "random": {
            "heating": heating.rate,
            "heating_by_element": rates,
            "balance": heating.balance.is_finite().then_some(heating.balance),
            "damping": heating.damping,
            "excess": heating.excess,
            "lammps": [style, langevin],
        },
    })
}
