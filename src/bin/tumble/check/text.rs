//! The findings as tables for a terminal.

use tumble::Result;
use tumble_check::Plan;
use tumble_check::convergence::Row;
use tumble_check::findings::Findings;
use tumble_check::measure::Symmetry;
use tumble_check::recommend::Recommendation;
use tumble_check::spectrum::Spectrum;
use tumble_core::elements::symbol;
use tumble_core::numbers::{fixed, plain};
use tumble_core::units::MEGAPASCAL;

/// Grids in the columns of the spectrum.
const SHOWN: [&str; 5] = ["tetrahedral", "octahedral", "icosahedral", "legendre:2", "legendre:3"];

/// Returns all tables.
pub fn text(findings: &Findings, model: &str) -> Result<String> {
    let parts = [
        method(findings)?,
        symmetry(findings),
        convergence(findings),
        spectrum(&findings.spectrum, &findings.table),
        recommendation(findings, model),
    ];
    Ok(parts.join("\n"))
}

fn method(findings: &Findings) -> Result<String> {
    let mut lines: Vec<(Plan, String)> = Vec::new();
    for (name, measured) in &findings.structures {
        match lines.iter_mut().find(|(plan, _)| *plan == measured.plan) {
            Some((_, names)) => names.push_str(&format!(", {name}")),
            None => lines.push((measured.plan, name.clone())),
        }
    }
    let line = |(plan, names): &(Plan, String)| {
        let (reference, comparison) = (plan.reference()?, plan.comparison()?);
        Ok(format!(
            "reference {}+inversion ({} evaluations), checked by {}; grids at {} random orientation(s): {names}\n",
            reference.name,
            2 * reference.len(),
            comparison.name,
            plan.orientations
        ))
    };
    lines.iter().map(line).collect()
}

fn symmetry(findings: &Findings) -> String {
    let mut text = String::from(
        "How much is broken: standard deviations over O(3)\n\
         structure             atoms     energy    forces     torque    antisym.    R against -R        reference\n\
         \u{20}                           meV/atom     meV/Å        meV         MPa   meV/atom   meV/Å   meV/atom   \
         meV/Å\n",
    );
    for (name, measured) in &findings.structures {
        text += &symmetry_row(name, &measured.symmetry, measured.convergence);
    }
    if findings.structures.len() > 1 {
        text += &symmetry_row("all (rms)", &findings.symmetry, findings.convergence);
    }
    text
}

fn symmetry_row(name: &str, symmetry: &Symmetry, [energy, forces]: [f64; 2]) -> String {
    let dash = |value: Option<f64>, unit: f64| value.map_or_else(|| "-".into(), |x| format!("{:.4}", unit * x));
    let Symmetry { atoms, energy_spread, force_spread, torque, antisymmetric, .. } = symmetry;
    let (torque, antisymmetric) = (dash(*torque, 1e3), dash(*antisymmetric, MEGAPASCAL));
    format!(
        "{name:<20} {atoms:>6} {:>10.4} {:>9.4} {torque:>10} {antisymmetric:>11} {:>10.4} {:>7.4} {:>10.1e} {:>7.0e}\n",
        1e3 * energy_spread,
        1e3 * force_spread,
        1e3 * symmetry.energy_parity,
        1e3 * symmetry.force_parity,
        1e3 * energy,
        1e3 * forces,
    )
}

fn convergence(findings: &Findings) -> String {
    let mut text = String::from(
        "What each mitigation leaves (with +random the same as noise), as measured and as the spectrum predicts\n\
         rotate        inversion  evaluations   energy error (predicted)    force error (predicted)   gain: E      \
         F          ms\n\
         \u{20}                                             meV/atom                   meV/Å\n",
    );
    for row in &findings.table {
        let [energy, forces] = row.errors.map(|error| 1e3 * error);
        let [energy_predicted, forces_predicted] = row.predicted.map(|error| 1e3 * error);
        let [energy_gain, force_gain] = row.gains.map(factor);
        let inversion = if row.inversion() { "yes" } else { "no" };
        text += &format!(
            "{:<14}{inversion:>9} {:>12} {energy:>14.5} {:>11} {forces:>14.4} {:>11} {energy_gain:>9} {force_gain:>6} \
             {:>11.2}\n",
            row.name(),
            row.evaluations(),
            format!("({energy_predicted:.5})"),
            format!("({forces_predicted:.4})"),
            row.ms,
        );
    }
    text
}

/// A factor to three digits; a dash if it is too large to be meaningful.
fn factor(gain: f64) -> String {
    if gain.is_nan() || gain > 1e4 { "-".into() } else { format!("{gain:.prec$}", prec = usize::from(gain < 99.95)) }
}

fn spectrum(spectrum: &Spectrum, table: &[Row]) -> String {
    let shown: Vec<_> = SHOWN.iter().filter_map(|name| table.iter().find(|row| row.name() == *name)).collect();
    let names: String = shown.iter().map(|row| format!("{:>12}", row.name())).collect();
    let mut text = format!(
        "The broken symmetry by angular momentum, in percent of the variance, and the percentage of it that grids \
         leave\n   \
         ℓ   energy: even     odd   forces: even     odd{names}\n"
    );
    for l in 0..=spectrum.highest() {
        let left = shown.iter().map(|row| percent(row.fractions[l], 12)).collect::<String>();
        text += &format!("{l:>4}{}{left}\n", shares(spectrum, |bands| bands.power(l)));
    }
    text + &format!(" > {}{}\n", spectrum.highest(), shares(spectrum, |bands| bands.rest))
}

fn shares(spectrum: &Spectrum, of: impl Fn(&tumble_check::spectrum::Bands) -> [f64; 2]) -> String {
    let one = |bands: &tumble_check::spectrum::Bands| {
        let [even, odd] = of(bands).map(|power| power / bands.variance());
        format!("{}{}", percent(even, 15), percent(odd, 8))
    };
    one(&spectrum.energy) + &one(&spectrum.forces)
}

/// A share in percent; a dash for none.
fn percent(share: f64, width: usize) -> String {
    if share > 5e-6 { format!("{:>width$.2}", 100.0 * share) } else { format!("{:>width$}", "-") }
}

fn recommendation(findings: &Findings, model: &str) -> String {
    let Some(choice) = &findings.recommendation else { return String::new() };
    let Recommendation { row, every, cost, .. } = choice;
    let (target, mitigation) = (findings.target, &row.mitigation);
    let verdict = if choice.met {
        format!("The cheapest row below {target}: {mitigation}")
    } else {
        format!("No row of the table stays below {target}; the closest is {mitigation}")
    };
    let mut text = format!("{verdict}, {} evaluation(s) a step", row.evaluations());
    if *every > 1 {
        text += &format!(", {cost:.2} with every {every} ({} fs)", plain(*every as f64 * findings.conditions.timestep));
    }
    text += &format!(
        "\n\n    {}\n    {}\n\n{}.\n\n    {}\n\n",
        choice.pair_style(),
        findings.pair_coeff(model),
        findings.order(),
        choice.ipi(model)
    );
    text + &random(findings, choice) + &left_out(findings) + &note(findings) + &phonons(findings)
}

fn random(findings: &Findings, choice: &Recommendation) -> String {
    let heating = &choice.random;
    let conditions = &findings.conditions;
    let elements: Vec<_> =
        heating.rates.iter().map(|(&z, rate)| format!("{} {}", symbol(z), fixed(*rate, 3))).collect();
    let [style, langevin] = choice.random_lines(conditions);
    format!(
        "Or, for 1 evaluation a step, a random rotation: no bias, but noise of {:.3} meV/Å that at {} fs heats by \
         {:.3} K/ps ({}).\nA friction with a damping time of {:.3} ps takes as much at {} K; a thermostat with {} ps \
         lets it get {:.2} K too warm:\n\n    {style}\n    {langevin}\n",
        1e3 * findings.symmetry.force_spread,
        plain(conditions.timestep),
        heating.rate,
        elements.join(", "),
        heating.balance,
        plain(conditions.temperature),
        plain(heating.damping),
        heating.excess,
    )
}

/// Names the grids that the reference is too small for.
fn left_out(findings: &Findings) -> String {
    findings.left_out().map(|sentence| format!("\nnote: {sentence}\n")).unwrap_or_default()
}

/// Warns if the reference is not accurate enough.
fn note(findings: &Findings) -> String {
    if !findings.is_coarse() {
        return String::new();
    }
    let [energy, forces] = findings.convergence.map(|difference| 1e3 * difference);
    format!(
        "\nnote: errors below {energy:.3} meV/atom and {forces:.2} meV/Å may be those of the reference: give more \
         --budget, a finer --reference, or fewer structures\n"
    )
}

/// Warns that phonons of a crystal need more.
fn phonons(findings: &Findings) -> String {
    findings.phonons().map(|sentence| format!("\nnote: {sentence}\n")).unwrap_or_default()
}
