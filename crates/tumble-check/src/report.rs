//! The findings as a self-contained HTML page, without network access or scripts.

mod map;
mod plot;
mod style;
mod tables;

use tumble_core::numbers::{plain, short};

use crate::error::{Error, Result};
use crate::findings::Findings;
use crate::recommend::Recommendation;

/// Note for a reference that is too coarse for the errors.
const COARSE: &str = "<p class=\"note\">The reference is coarse for these errors, see the table of structures: raise \
                      <code>--budget</code>, or choose a finer <code>--reference</code> or fewer \
                      structures.</p>\n";

/// Returns the page. `card` holds names and values that describe the model, `model` is its file.
///
/// # Errors
/// [`Internal`](tumble_core::Error::Internal) if a figure cannot be drawn, which no input causes.
pub fn page(findings: &Findings, card: &[(&'static str, String)], model: &str) -> Result<String> {
    let name = card.iter().find(|(key, _)| *key == "name").map_or(model, |(_, name)| name);
    let name = escape(name);
    let sections = [
        header(findings, &name),
        section("Recommendation", &advice(findings, model)),
        section("Remaining error of each mitigation", &convergence(findings)?),
        section("The broken symmetry by angular momentum", &spectrum(findings)?),
        section("Energy over orientations", &map::section(findings)?),
        section("Structure by structure", &tables::structures(findings)?),
        section("The model", &tables::card(card)),
    ];
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Broken symmetry of \
         {name}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
        style::CSS,
        sections.concat()
    ))
}

fn section(title: &str, content: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n{content}</section>\n")
}

/// Title and the most important numbers.
fn header(findings: &Findings, name: &str) -> String {
    let symmetry = &findings.symmetry;
    let spectrum = &findings.spectrum;
    let main = (0..=spectrum.highest()).max_by(|&a, &b| {
        let power = |l: usize| spectrum.forces.power(l).iter().sum::<f64>();
        power(a).total_cmp(&power(b))
    });
    let l = main.unwrap_or(0);
    let share = 100.0 * spectrum.forces.power(l).iter().sum::<f64>() / spectrum.forces.variance();
    let number = |value: String, unit: &str, what: &str| {
        format!("<div class=\"number\"><b>{value}</b> {unit}<span>{what}</span></div>\n")
    };
    let many = match findings.structures.len() {
        1 => "one structure".into(),
        count => format!("{count} structures"),
    };
    let torque = symmetry.torque.map(|torque| number(short(1e3 * torque), "meV", "torque on the whole"));
    format!(
        "<header>\n<p class=\"kind\">tumble check</p>\n<h1>How broken is the symmetry of \
         <em>{name}</em>?</h1>\n<p>The energy of an exactly invariant model does not depend on the orientation of the \
         structure. This model was evaluated for {many} in many \
         orientations, mirrored ones included; the numbers are root mean squares over them.</p>\n\
         <div class=\"numbers\">\n{}{}{}{}</div>\n</header>\n",
        number(short(1e3 * symmetry.energy_spread), "meV/atom", "spread of the energy"),
        number(short(1e3 * symmetry.force_spread), "meV/Å", "spread of the forces"),
        torque.unwrap_or_default(),
        number(format!("ℓ = {l}"), "", &format!("has {share:.0}% of the spread of the forces")),
    )
}

fn advice(findings: &Findings, model: &str) -> String {
    let Some(choice) = &findings.recommendation else { return String::new() };
    let Recommendation { row, every, cost, random, .. } = choice;
    let verdict = if choice.met { "stays below" } else { "comes closest to, but does not stay below," };
    let [energy, forces] = row.errors.map(|error| short(1e3 * error));
    let cheaper = match every {
        1 => String::new(),
        _ => format!(", or <b>{cost:.2}</b> with <code>every {every}</code>"),
    };
    let [style, langevin] = choice.random_lines(&findings.conditions);
    let (target, conditions) = (findings.target, &findings.conditions);
    let coarse = if findings.is_coarse() { COARSE } else { "" };
    let phonons =
        findings.phonons().map(|sentence| format!("<p class=\"note\">{}.</p>\n", escape(&capital(&sentence))));
    let phonons = phonons.unwrap_or_default();
    let left_out =
        findings.left_out().map(|sentence| format!("<p class=\"note\">{}.</p>\n", escape(&capital(&sentence))));
    let left_out = left_out.unwrap_or_default();
    format!(
        "{coarse}{left_out}{phonons}<p><b>{}</b> {verdict} {target}: the error is {energy} meV/atom and {forces} \
         meV/Å, for <b>{}</b> evaluation(s) of the model per step{cheaper}.</p>\n<pre># LAMMPS\n{}\n{}\n\n\
         # i-PI\n{}</pre>\n<p>{}.</p>\n<p>The alternative for one evaluation per step is a new random rotation at each \
         step: no bias, but noise of {} meV/Å. At {} fs it heats by {} K/ps; a thermostat with a damping time of \
         {} ps lets the simulation get {} K warmer than {} K.</p>\n<pre># LAMMPS, units \
         metal\n{style}\n{langevin}</pre>\n",
        row.mitigation,
        row.evaluations(),
        choice.pair_style(),
        escape(&findings.pair_coeff(model)),
        escape(&choice.ipi(model)),
        escape(&findings.order()),
        short(1e3 * findings.symmetry.force_spread),
        plain(conditions.timestep),
        short(random.rate),
        plain(random.damping),
        short(random.excess),
        plain(conditions.temperature),
    )
}

fn convergence(findings: &Findings) -> Result<String> {
    let figures = [(0, "energy error, meV/atom"), (1, "force error, meV/Å")];
    let figures = figures.map(|(quantity, label)| plot::convergence(findings, quantity, label));
    let [energy, forces] = figures;
    Ok(format!(
        "<p>The error of one average against its cost, over random orientations of the grid. With \
         <code>+random</code> it is noise that changes from step to step, without it a bias. Dashed: the target. \
         Dotted: the estimated error of the reference itself.</p>\n\
         <div class=\"figures\">\n{}{}</div>\n{}{}",
        energy?,
        forces?,
        plot::legend(),
        tables::mitigations(findings)
    ))
}

fn spectrum(findings: &Findings) -> Result<String> {
    let spectrum = &findings.spectrum;
    Ok(format!(
        "<p>Shares of the variance. A grid of degree d removes all ℓ up to d, an inversion the odd \
         part.</p>\n<div class=\"figures\">\n{}{}</div>\n{}{}",
        plot::spectrum(&spectrum.energy, "energy, % of the variance")?,
        plot::spectrum(&spectrum.forces, "forces, % of the variance")?,
        "<p class=\"legend\"><i class=\"a\"></i> even under inversion <i class=\"b\"></i> odd</p>\n",
        tables::fractions(findings)
    ))
}

/// Capitalizes the first letter of a sentence.
fn capital(sentence: &str) -> String {
    let (first, rest) = sentence.split_at(sentence.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Converts an error of drawing into a string to an internal error: no input causes one.
fn drawn<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T> {
    result.map_err(|cause| Error::Core(tumble_core::Error::Internal { text: format!("cannot draw: {cause}") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_keeps_names_from_breaking_the_page() {
        assert_eq!(escape("<b> & \"x\""), "&lt;b&gt; &amp; &quot;x&quot;");
    }
}
