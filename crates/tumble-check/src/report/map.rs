//! Maps of the energy over the directions of one axis of a structure, before and after averaging.

use std::f64::consts::TAU;

use plotters::prelude::*;
use tumble_core::numbers::short;
use tumble_core::quadrature::Mitigation;
use tumble_core::rotation::{Matrix3, about, multiply};

use crate::error::Result;
use crate::findings::Findings;
use crate::report::plot::{COLD, Drawn, INK, WARM, figure, text_style};
use crate::report::{drawn, escape};
use crate::spectrum::{Filter, Spectrum};

/// Size of a map in pixels, and its numbers of fields along azimuth and height.
const SIZE: (u32, u32) = (380, 235);
const FIELDS: (usize, usize) = (48, 24);

/// Maps of the structure with the largest spread of the energy.
pub(super) fn section(findings: &Findings) -> Result<String> {
    let (name, measured) = findings.most_broken();
    let spectrum = &measured.spectrum;
    let mitigation = choice(findings)?;
    let averaged = mitigation.to_string();
    let filter = Filter::new(mitigation.clone().with_inversion(false).at_rest(), spectrum.highest());
    let bare = fields(spectrum, None, false);
    let mended = fields(spectrum, Some(&filter), mitigation.inversion());
    let largest = bare.iter().fold(f64::MIN_POSITIVE, |largest, x| x.abs().max(largest));
    let maps = [(&bare, "bare"), (&mended, averaged.as_str())].map(|(fields, caption)| map(fields, largest, caption));
    let [before, after] = maps;
    let resolved = 100.0 * (1.0 - spectrum.energy.rest.iter().sum::<f64>() / spectrum.energy.variance());
    Ok(format!(
        "<p>Energy of the {}, by the direction of its z axis: azimuth to the right, the cosine of the \
         polar angle upward, so that equal areas are equally many orientations. Drawn from the part through ℓ = {}, \
         which has {resolved:.2}% of the variance.</p>\n<div class=\"figures\">\n{}{}</div>\n<div \
         class=\"scale\">−{m} <i></i> +{m} meV/atom</div>\n",
        escape(name),
        spectrum.highest(),
        before?,
        after?,
        m = short(1e3 * largest)
    ))
}

/// The recommended mitigation; octahedral if it is none.
fn choice(findings: &Findings) -> Result<Mitigation> {
    let recommended = findings.recommendation.as_ref().map(|choice| choice.row.mitigation.clone());
    recommended.filter(|mitigation| mitigation.name() != "none").map_or_else(|| Ok("octahedral".parse()?), Ok)
}

/// The rotation that takes z to the middle of a field.
fn rotation(column: usize, row: usize) -> Matrix3 {
    let azimuth = TAU * (column as f64 + 0.5) / FIELDS.0 as f64;
    let cosine = 2.0 * (row as f64 + 0.5) / FIELDS.1 as f64 - 1.0;
    multiply(&about([0.0, 0.0, 1.0], azimuth), &about([0.0, 1.0, 0.0], cosine.acos()))
}

/// Deviations of the energy per atom, eV, row by row from below.
fn fields(spectrum: &Spectrum, filter: Option<&Filter>, inversion: bool) -> Vec<f64> {
    let places = (0..FIELDS.1).flat_map(|row| (0..FIELDS.0).map(move |column| (column, row)));
    places.map(|(column, row)| spectrum.energy_at(&rotation(column, row), filter, inversion)).collect()
}

fn map(fields: &[f64], largest: f64, caption: &str) -> Result<String> {
    let mut svg = String::new();
    drawn(draw(&mut svg, fields, largest))?;
    let deviation = (fields.iter().map(|x| x * x).sum::<f64>() / fields.len() as f64).sqrt();
    let caption = format!("{caption}: {} meV/atom (root mean square of this map)", short(1e3 * deviation));
    Ok(figure(&svg, "map of the energy over orientations", "map", &caption))
}

fn draw(svg: &mut String, fields: &[f64], largest: f64) -> Drawn {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..360.0, -1.0..1.0)?;
    let (wide, high) = (360.0 / FIELDS.0 as f64, 2.0 / FIELDS.1 as f64);
    chart.draw_series(fields.iter().enumerate().map(|(k, value)| {
        let (x, y) = (wide * (k % FIELDS.0) as f64, high * (k / FIELDS.0) as f64 - 1.0);
        let color = if *value > 0.0 { WARM } else { COLD };
        // Zero is the color of the page, light or dark.
        Rectangle::new([(x, y), (x + wide, y + high)], color.mix((value / largest).abs().min(1.0)).filled())
    }))?;
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(INK)
        .label_style(text_style(16))
        .x_labels(4)
        .y_labels(5)
        .x_label_formatter(&|x| format!("{x:.0}°"))
        .draw()?;
    drop(chart);
    root.present()
}
