//! A picture of a run: for each case, what a request costs in CPU over what it costs Envoy, one bar for each proxy.

use std::fmt::{Arguments, Write};

use super::case::{CASES, Case};
use super::machine::Machine;
use super::proxy::Proxy;
use super::report::Report;
use super::sample::Figure;
use super::statistics::{Estimate, estimate};
use super::work::Kind;

/// Pixels.
const LEFT: f64 = 280.0;
const WIDTH: f64 = 560.0;
const RIGHT: f64 = 80.0;
const TOP: f64 = 60.0;
const BAR: f64 = 13.0;
const BETWEEN: f64 = 14.0;
/// What the axis ends with; a longer bar is cut and says its value.
const MOST: f64 = 2.0;

/// The proxies that are drawn, each with its colour; Envoy is the line at 1.
const BARS: [(Proxy, &str); 5] = [
    (Proxy::Sluice, "#0b6e99"),
    (Proxy::Nginx, "#9aa5ad"),
    (Proxy::Haproxy, "#c2cad0"),
    (Proxy::Agentgateway, "#d9a441"),
    (Proxy::Floor, "#e4e8eb"),
];

/// As SVG.
pub(crate) fn svg(report: &Report) -> String {
    let busy = CASES.iter().filter(|case| case.kind != Kind::Idle);
    let cases = busy.map(|case| (case, bars(report, case)));
    let cases: Vec<(&Case, Vec<Bar>)> = cases.filter(|(_, bars)| !bars.is_empty()).collect();
    let heights = cases.iter().map(|(_, bars)| bars.len() as f64 * BAR + BETWEEN);
    let bottom = TOP + heights.sum::<f64>();
    let mut text = head(report, bottom);
    // Under the bars.
    axis(&mut text, bottom);
    let mut y = TOP;
    for (case, bars) in &cases {
        let middle = y + bars.len() as f64 * BAR / 2.0 + 4.0;
        put(
            &mut text,
            format_args!(r#"<text x="{}" y="{middle}" text-anchor="end">{}</text>"#, LEFT - 8.0, case.title),
        );
        for bar in bars {
            bar.draw(&mut text, y);
            y += BAR;
        }
        y += BETWEEN;
    }
    text.push_str("</svg>\n");
    text
}

struct Bar {
    proxy: Proxy,
    colour: &'static str,
    value: Estimate,
}

fn bars(report: &Report, case: &Case) -> Vec<Bar> {
    let bars = BARS.iter().filter_map(|(proxy, colour)| {
        let values: Vec<f64> = report.over_envoy(case.name, *proxy, Figure::Cpu).into_values().collect();
        Some(Bar { proxy: *proxy, colour, value: estimate(&values)? })
    });
    bars.collect()
}

impl Bar {
    /// With its interval as a line, and its value behind both.
    fn draw(&self, text: &mut String, y: f64) {
        let Self { proxy, colour, value: Estimate { middle, low, high, .. } } = self;
        let (width, height, line) = (x(*middle) - LEFT, BAR - 2.0, y + BAR / 2.0 - 1.0);
        put(text, format_args!(r#"<rect x="{LEFT}" y="{y}" width="{width:.1}" height="{height}" fill="{colour}"/>"#));
        put(text, format_args!(r##"<path d="M{:.1} {line}H{:.1}" stroke="#333"/>"##, x(*low), x(*high)));
        let (end, base) = (x(*high) + 5.0, y + BAR - 3.0);
        put(text, format_args!(r#"<text x="{end:.1}" y="{base}" class="s">{} {middle:.2}</text>"#, proxy.name()));
    }
}

fn x(value: f64) -> f64 {
    LEFT + value.clamp(0.0, MOST) / MOST * WIDTH
}

fn head(report: &Report, bottom: f64) -> String {
    let Machine { date, commit, processor, processors, .. } = &report.machine;
    let (width, height) = (LEFT + WIDTH + RIGHT, bottom + 30.0);
    let mut text = String::new();
    put(
        &mut text,
        format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="12">"#
        ),
    );
    put(&mut text, format_args!("<style>.s{{font-size:10px;fill:#444}}</style>"));
    put(&mut text, format_args!(r##"<rect width="{width}" height="{height}" fill="#fff"/>"##));
    put(
        &mut text,
        format_args!(
            r#"<text x="{LEFT}" y="24" font-size="15">CPU time for each answer, over Envoy's in the same round (less is better)</text>"#
        ),
    );
    put(
        &mut text,
        format_args!(r#"<text x="{LEFT}" y="41" class="s">{date}, commit {commit}, {processors} × {processor}</text>"#),
    );
    text
}

fn axis(text: &mut String, bottom: f64) {
    for tenth in [0_u8, 5, 10, 15, 20] {
        let value = f64::from(tenth) / 10.0;
        let (x, top, stroke) = (x(value), TOP - 10.0, if tenth == 10 { "#c0392b" } else { "#ddd" });
        put(text, format_args!(r#"<path d="M{x:.1} {top}V{bottom:.1}" stroke="{stroke}" stroke-dasharray="3"/>"#));
        let name = if tenth == 10 { "1 = Envoy".to_owned() } else { format!("{value}") };
        put(
            text,
            format_args!(r#"<text x="{x:.1}" y="{:.1}" text-anchor="middle" class="s">{name}</text>"#, bottom + 14.0),
        );
    }
}

/// A line.
fn put(text: &mut String, what: Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = text.write_fmt(what);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side_by_side::report::tests::report;

    #[test]
    fn a_bar_is_as_long_as_its_value() {
        let text = svg(&report());
        // 0.36 of Envoy is 0.18 of the axis.
        let bar = r##"<rect x="280" y="60" width="100.8" height="11" fill="#0b6e99"/>"##;
        assert!(text.contains(bar), "{text}");
        assert!(
            text.contains(">Sluice 0.36</text>") && text.contains(">small requests, 64 connections</text>"),
            "{text}"
        );
        assert_eq!(text.matches("<rect").count(), 2, "one bar, and the ground: {text}");
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(x(50.0), LEFT + WIDTH);
        assert_eq!(x(-1.0), LEFT);
    }

    #[test]
    fn an_empty_run_is_a_picture_still() {
        let mut report = report();
        report.samples.clear();
        let text = svg(&report);
        assert!(text.starts_with("<svg") && text.ends_with("</svg>\n"));
    }
}
