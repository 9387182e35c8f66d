//! The tables of the page.

use tumble_core::numbers::short;
use tumble_core::units::MEGAPASCAL;

use crate::convergence::Row;
use crate::error::Result;
use crate::findings::Findings;
use crate::measure::Symmetry;
use crate::report::escape;

/// A table that scrolls horizontally on narrow screens; each row comes with its CSS class.
fn table(header: &[&str], rows: impl Iterator<Item = (&'static str, Vec<String>)>) -> String {
    let head: String = header.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    let line = |(class, cells): (&str, Vec<String>)| {
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr class=\"{class}\">{cells}</tr>\n")
    };
    let body: String = rows.map(line).collect();
    format!("<div class=\"table\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n")
}

/// Error and cost of each mitigation.
pub(super) fn mitigations(findings: &Findings) -> String {
    let best = findings.recommendation.as_ref().map(|choice| &choice.row);
    let header = [
        "rotate",
        "inversion",
        "evaluations",
        "energy<br>meV/atom",
        "forces<br>meV/Å",
        "gain<br>energy",
        "<br>forces",
        "predicted<br>meV/atom",
        "<br>meV/Å",
        "degree",
        "ms",
    ];
    let rows = findings.table.iter().map(|row| {
        let class = if best == Some(row) { "best" } else { "" };
        (class, mitigation(row))
    });
    table(&header, rows)
}

fn mitigation(row: &Row) -> Vec<String> {
    let inversion = if row.inversion() { "yes" } else { "no" };
    let errors = |errors: [f64; 2]| errors.map(|error| short(1e3 * error));
    let gains = row.gains.map(|gain| if gain < 1e4 { short(gain) } else { "–".into() });
    let mut cells = vec![row.name().into(), inversion.into(), row.evaluations().to_string()];
    cells.extend([errors(row.errors), gains, errors(row.predicted)].concat());
    cells.extend([row.degree().to_string(), short(row.ms)]);
    cells
}

/// Remaining fraction of each ℓ for each grid.
pub(super) fn fractions(findings: &Findings) -> String {
    let shown = |row: &&Row| !row.inversion() && row.degree() > 0;
    let mut rows: Vec<&Row> = findings.table.iter().filter(shown).collect();
    rows.sort_by_key(|row| row.evaluations());
    let highest = rows.first().map_or(0, |row| row.fractions.len() - 1);
    let columns: Vec<String> = (1..=highest).map(|l| format!("ℓ = {l}")).collect();
    let header: Vec<&str> = [" "].into_iter().chain(columns.iter().map(String::as_str)).collect();
    let line = |row: &Row| {
        let left = row.fractions[1..].iter().map(|x| if *x < 1e-9 { "–".into() } else { short(100.0 * x) });
        ("", [row.name().to_owned()].into_iter().chain(left).collect())
    };
    let caption =
        "<p>The remaining part of each ℓ, in percent of its variance, for a model without preferred axes:</p>\n";
    caption.to_owned() + &table(&header, rows.into_iter().map(line))
}

/// Broken symmetry of each structure, and the grids of the measurement.
pub(super) fn structures(findings: &Findings) -> Result<String> {
    let header = [
        "structure",
        "atoms",
        "energy<br>meV/atom",
        "forces<br>meV/Å",
        "torque<br>meV",
        "antisymmetric<br>virial, MPa",
        "R against −R<br>meV/atom",
        "<br>meV/Å",
        "reference",
        "checked by",
        "differs by<br>meV/atom",
        "<br>meV/Å",
    ];
    let mut rows = Vec::new();
    for (name, measured) in &findings.structures {
        let mut cells = symmetry(name, &measured.symmetry);
        let plan = measured.plan;
        cells.extend([plan.reference()?.name, plan.comparison()?.name]);
        cells.extend(measured.convergence.map(|x| short(1e3 * x)));
        rows.push(("", cells));
    }
    if rows.len() > 1 {
        let mut cells = symmetry("all (rms)", &findings.symmetry);
        cells.extend(["".into(), "".into()]);
        cells.extend(findings.convergence.map(|x| short(1e3 * x)));
        rows.push(("best", cells));
    }
    let text = "<p>Standard deviations over all rotations and inversions. The reference is a grid with inversion; its \
    difference from a coarser grid bounds its own error.</p>\n";
    Ok(text.to_owned() + &table(&header, rows.into_iter()))
}

fn symmetry(name: &str, symmetry: &Symmetry) -> Vec<String> {
    let dash = |value: Option<f64>, unit: f64| value.map_or_else(|| "–".into(), |x| short(unit * x));
    vec![
        escape(name),
        symmetry.atoms.to_string(),
        short(1e3 * symmetry.energy_spread),
        short(1e3 * symmetry.force_spread),
        dash(symmetry.torque, 1e3),
        dash(symmetry.antisymmetric, MEGAPASCAL),
        short(1e3 * symmetry.energy_parity),
        short(1e3 * symmetry.force_parity),
    ]
}

/// Description of the model.
pub(super) fn card(card: &[(&'static str, String)]) -> String {
    let line = |(name, value): &(&str, String)| format!("<tr><td>{name}</td><td>{}</td></tr>\n", escape(value));
    let rows: String = card.iter().map(line).collect();
    format!("<table class=\"card\">\n{rows}</table>\n")
}
