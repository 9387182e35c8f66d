//! Figures as SVG, in the colors of the page.

use plotters::chart::ChartBuilder;
use plotters::coord::ranged1d::IntoSegmentedCoord;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use tumble_core::numbers::plain;

use crate::convergence::Row;
use crate::error::Result;
use crate::findings::Findings;
use crate::report::drawn;
use crate::spectrum::Bands;

/// Size of a figure in pixels; small, so that its text is legible on a phone.
const SIZE: (u32, u32) = (380, 300);

/// Width of the plot area: without the labels on the left and the margins.
const PLOT_WIDTH: f64 = 380.0 - 66.0 - 12.0;

/// Smallest share to show, percent.
const LEAST: f64 = 1e-3;

/// Placeholders, replaced by the colors of the page in [`figure`].
pub(super) const INK: RGBColor = RGBColor(1, 2, 3);
const GRID: RGBColor = RGBColor(4, 5, 6);
const FIRST: RGBColor = RGBColor(7, 8, 9);
const SECOND: RGBColor = RGBColor(10, 11, 12);
pub(super) const WARM: RGBColor = RGBColor(13, 14, 15);
pub(super) const COLD: RGBColor = RGBColor(16, 17, 18);
const NAMES: [(RGBColor, &str); 6] = [
    (INK, "currentColor"),
    (GRID, "var(--grid)"),
    (FIRST, "var(--a)"),
    (SECOND, "var(--b)"),
    (WARM, "var(--warm)"),
    (COLD, "var(--cold)"),
];

/// Labels of the mitigations in a figure.
const SHORT: [(&str, &str); 9] = [
    ("none", "none"),
    ("random:10", "r10"),
    ("tetrahedral", "T"),
    ("legendre:2", "g2"),
    ("lebedev:3", "b3"),
    ("octahedral", "O"),
    ("icosahedral", "I"),
    ("lebedev:5", "b5"),
    ("legendre:3", "g3"),
];

/// Legend of the figures of [`convergence`]: colors and labels.
pub(super) fn legend() -> String {
    "<p class=\"legend\"><i class=\"a\"></i> rotations only <i class=\"b\"></i> with inversion. T, O, I: tetrahedral, \
     octahedral, icosahedral; g2, g3: legendre:2 and 3; b3, b5: lebedev:3 and 5; r10: random:10</p>\n"
        .into()
}

/// A figure from an SVG with the colors of this file; `label` describes it to screen readers.
pub(super) fn figure(svg: &str, label: &str, class: &str, caption: &str) -> String {
    let mut svg = svg.to_owned();
    for (color, name) in NAMES {
        svg = svg.replace(&format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2), name);
    }
    // CSS sets the size, and SVG inside HTML needs no namespace.
    let start = svg.find("viewBox").unwrap_or(0);
    let svg = format!("<svg role=\"img\" aria-label=\"{label}\" class=\"{class}\" {}", &svg[start..]);
    let svg = svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    format!("<figure>\n{svg}<figcaption>{caption}</figcaption>\n</figure>\n")
}

pub(super) fn text_style(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// Plots the error of the energy (`quantity` 0) or the forces (1) against the cost, log-log.
pub(super) fn convergence(findings: &Findings, quantity: usize, label: &str) -> Result<String> {
    let mut svg = String::new();
    drawn(draw_convergence(&mut svg, findings, quantity, label))?;
    Ok(figure(&svg, &format!("evaluations per step against {label}"), "plot", ""))
}

/// Result of drawing into a string.
pub(super) type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw_convergence(svg: &mut String, findings: &Findings, quantity: usize, label: &str) -> Drawn {
    let rows: Vec<_> = findings.table.iter().filter(|row| row.errors[quantity] > 0.0).collect();
    let error = |row: &Row| 1e3 * row.errors[quantity];
    let limit = 1e3 * [findings.target.energy, findings.target.forces][quantity];
    let floor = 1e3 * findings.convergence[quantity];
    let highest = rows.iter().map(|row| error(row)).fold(f64::MIN_POSITIVE, f64::max);
    // A vanishing error would stretch the logarithmic axis beyond all use.
    let lowest = rows.iter().map(|row| error(row)).fold(highest, f64::min).max(1e-6 * highest);
    let most = rows.iter().map(|row| row.evaluations()).max().unwrap_or(1) as f64;
    let (left, right, low, high) = (0.7, 1.8 * most, 0.5 * lowest, 2.0 * highest);
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(6)
        .x_label_area_size(46)
        .y_label_area_size(66)
        .build_cartesian_2d((left..right).log_scale(), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text_style(16))
        .axis_desc_style(text_style(17))
        .x_desc("evaluations per step")
        .y_desc(label)
        .x_label_formatter(&|x| plain(*x))
        .y_label_formatter(&|y| plain(*y))
        .draw()?;
    let level = |y: f64| (y > low && y < high).then_some(y);
    if let Some(y) = level(limit) {
        chart.draw_series([DashedPathElement::new([(left, y), (right, y)], 6, 5, INK.stroke_width(1))])?;
    }
    if let Some(y) = level(floor) {
        chart.draw_series([DashedPathElement::new([(left, y), (right, y)], 1, 5, INK.stroke_width(1))])?;
    }
    for row in rows.iter().filter(|row| error(row) >= low) {
        let color = if row.inversion() { SECOND } else { FIRST };
        let (offset, place) = beside(row);
        let style = ("sans-serif", 16).into_font().color(&color).pos(place);
        let name = SHORT.iter().find(|(name, _)| *name == row.name()).map_or("", |(_, short)| short);
        let point = EmptyElement::at((row.evaluations() as f64, error(row)))
            + Circle::new((0, 0), 4, color.filled())
            + Text::new(name, offset, style);
        chart.draw_series([point])?;
    }
    drop(chart);
    root.present()
}

/// Position of a point's label: above and below for grids of the same size.
fn beside(row: &Row) -> ((i32, i32), Pos) {
    match (row.name().split(':').next(), row.inversion()) {
        (Some("legendre"), _) => ((0, -6), Pos::new(HPos::Center, VPos::Bottom)),
        (Some("lebedev"), _) => ((0, 6), Pos::new(HPos::Center, VPos::Top)),
        (Some("none"), false) | (_, true) => ((8, 0), Pos::new(HPos::Left, VPos::Center)),
        _ => ((-8, 0), Pos::new(HPos::Right, VPos::Center)),
    }
}

/// Plots the share of each ℓ in the variance, even and odd, on a logarithmic scale.
pub(super) fn spectrum(bands: &Bands, label: &str) -> Result<String> {
    let mut svg = String::new();
    drawn(draw_spectrum(&mut svg, bands, label))?;
    Ok(figure(&svg, &format!("spectrum of the broken symmetry: {label}"), "plot", ""))
}

fn draw_spectrum(svg: &mut String, bands: &Bands, label: &str) -> Drawn {
    let highest = bands.highest();
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(6)
        .x_label_area_size(46)
        .y_label_area_size(66)
        .build_cartesian_2d((0..highest + 1).into_segmented(), (LEAST..150.0).log_scale())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text_style(16))
        .axis_desc_style(text_style(17))
        .x_labels(highest + 2)
        .x_desc("angular momentum ℓ")
        .y_desc(label)
        .x_label_formatter(&|place| match place {
            SegmentValue::CenterOf(l) if *l > highest => format!(">{highest}"),
            SegmentValue::CenterOf(l) => l.to_string(),
            _ => String::new(),
        })
        .y_label_formatter(&|y| plain(*y))
        .draw()?;
    for l in 0..=highest + 1 {
        let power = if l > highest { bands.rest } else { bands.power(l) };
        for (parity, color) in [FIRST, SECOND].into_iter().enumerate() {
            let share = 100.0 * power[parity] / bands.variance();
            if share > LEAST {
                let ends = [(SegmentValue::Exact(l), LEAST), (SegmentValue::Exact(l + 1), share)];
                let mut bar = Rectangle::new(ends, color.filled());
                // The even bar on the left half of its segment, the odd one on the right.
                let half = (PLOT_WIDTH / (highest as f64 + 2.0) / 2.0).round() as u32;
                if parity == 0 {
                    bar.set_margin(0, 0, 6, half)
                } else {
                    bar.set_margin(0, 0, half, 6)
                };
                chart.draw_series([bar])?;
            }
        }
    }
    drop(chart);
    root.present()
}
