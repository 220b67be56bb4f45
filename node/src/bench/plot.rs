//! A picture of a run: committed acts of each second, beside the floor.

use std::fmt::Write;

use super::Report;

/// The picture's size.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
/// Where the axes stand.
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 280.0;
const TOP: f64 = 40.0;

/// An SVG of a report, without anything that depends on where it is shown.
pub fn plot(report: &Report) -> String {
    let most = report.acts_of_second.iter().map(|acts| *acts as f64).fold(0.0, f64::max);
    let scale = most.max(report.floor_acts_per_s).max(1.0);
    let y = |acts: f64| (BOTTOM - TOP).mul_add(-acts / scale, BOTTOM);
    let step = (WIDTH - LEFT - 16.0) / report.acts_of_second.len().max(1) as f64;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>"##
    );
    let mut line = |y: f64, colour: &str, words: &str| {
        let _ = write!(
            svg,
            r##"<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1}" y2="{y:.1}" stroke="{colour}"/><text x="4" y="{:.1}" fill="#333">{words}</text>"##,
            y + 4.0
        );
    };
    line(BOTTOM, "#333", "0");
    line(y(report.floor_acts_per_s), "#c33", &format!("{:.0}", report.floor_acts_per_s));
    for (second, acts) in report.acts_of_second.iter().enumerate() {
        let (x, top) = (step.mul_add(second as f64, LEFT), y(*acts as f64));
        let _ = write!(
            svg,
            r##"<rect x="{x:.1}" y="{top:.1}" width="{:.1}" height="{:.1}" fill="#27a"/>"##,
            (step - 1.0).max(0.5),
            BOTTOM - top
        );
    }
    let _ = write!(
        svg,
        r##"<text x="{LEFT}" y="20">n = {} · {:.0} acts/s · floor {:.0} · efficiency {:.2} · p50 {:.0} ms · p99 {:.0} ms</text><text x="{LEFT}" y="304" fill="#333">s</text></svg>"##,
        report.validators,
        report.committed_acts_per_s,
        report.floor_acts_per_s,
        report.efficiency,
        report.latency_ms.p50,
        report.latency_ms.p99,
    );
    svg
}
