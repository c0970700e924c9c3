//! Pictures where people look rather than read, drawn as SVG: the style says the colours by the classes, and
//! words beside each say the same.

use dray_model::ledger::Fate;
use maud::{Markup, html};
use serde_json::Value;

use super::words::{Words, count};

/// The width of a ledger's bar, in the units of its picture.
const WIDTH: f64 = 1_000.0;
/// The least width of a part, so that it is seen.
const LEAST: f64 = 4.0;
/// The size of a histogram.
const HISTOGRAM: (f64, f64) = (100.0, 24.0);

/// What a fate is called.
pub fn fate_word(words: &Words, fate: Fate) -> &'static str {
    match fate {
        Fate::Created => words.fate_created,
        Fate::Updated => words.fate_updated,
        Fate::Unchanged => words.fate_unchanged,
        Fate::Duplicate => words.fate_duplicate,
        Fate::Filtered => words.fate_filtered,
        Fate::Rejected => words.fate_rejected,
        Fate::Conflicted => words.fate_conflicted,
        Fate::NotReached => words.fate_not_reached,
    }
}

/// The fates of an import's rows (fate → rows, and `read`) as one bar, a legend, and the sum that must be right.
pub fn ledger(words: &Words, fates: &Value) -> Markup {
    let number = |name: &str| fates.get(name).and_then(Value::as_u64).unwrap_or(0);
    let parts: Vec<(Fate, u64)> =
        Fate::ALL.into_iter().map(|fate| (fate, number(fate.word()))).filter(|(_, rows)| *rows > 0).collect();
    let total: u64 = parts.iter().map(|(_, rows)| rows).sum();
    let widths: Vec<f64> =
        parts.iter().map(|(_, rows)| (*rows as f64 / total.max(1) as f64 * WIDTH).max(LEAST)).collect();
    let begins = widths.iter().scan(0.0, |begin, width| {
        let own = *begin;
        *begin += width;
        Some(own)
    });
    let whole: f64 = widths.iter().sum::<f64>().max(1.0);
    let sentences: Vec<String> =
        parts.iter().map(|(fate, rows)| format!("{} {}", count(*rows), fate_word(words, *fate))).collect();
    html! {
        svg.ledger viewBox=(format!("0 0 {whole:.1} 14")) preserveAspectRatio="none" role="img" aria-label=(sentences.join(", ")) {
            @for (((fate, _), begin), width) in parts.iter().zip(begins).zip(&widths) {
                rect class=(fate.word()) x=(format!("{begin:.1}")) y="0" width=(format!("{width:.1}")) height="14" {}
            }
        }
        ul.legend {
            @for (fate, rows) in &parts {
                li { span class={ "swatch " (fate.word()) } {} b { (count(*rows)) } " " (fate_word(words, *fate)) }
            }
        }
        p.equation { b { (count(number("read"))) " " (words.read) } " = " (sentences.join(" + ")) }
    }
}

/// Bars as high as these numbers.
pub fn histogram(bars: &[usize]) -> Markup {
    let most = bars.iter().copied().max().unwrap_or(0).max(1) as f64;
    let (width, height) = HISTOGRAM;
    let step = width / bars.len().max(1) as f64;
    html! {
        svg.histogram viewBox=(format!("0 0 {width} {height}")) preserveAspectRatio="none" aria-hidden="true" {
            @for (index, rows) in bars.iter().enumerate() {
                @let tall = (*rows as f64 / most * (height - 2.0)).max(1.0);
                rect x=(format!("{:.1}", index as f64 * step + 0.6)) y=(format!("{:.1}", height - tall))
                    width=(format!("{:.1}", step - 1.2)) height=(format!("{tall:.1}")) {}
            }
        }
    }
}

/// The size of a chart, in the units of its picture.
const CHART: (f64, f64) = (1_000.0, 96.0);

/// One bar of a chart: the class of each part and how much it is, the lowest first.
pub type Bar = Vec<(&'static str, u64)>;

/// Bars of stacked parts, one for each day or so; `said` says the same in words.
pub fn chart(bars: &[Bar], said: &str) -> Markup {
    let (width, height) = CHART;
    let whole = |bar: &Bar| bar.iter().map(|(_, rows)| rows).sum::<u64>();
    let most = bars.iter().map(whole).max().unwrap_or(0).max(1) as f64;
    let step = width / bars.len().max(1) as f64;
    html! {
        svg.chart viewBox=(format!("0 0 {width} {height}")) preserveAspectRatio="none" role="img" aria-label=(said) {
            @for (index, bar) in bars.iter().enumerate() {
                @for (class, top, tall) in stacked(bar, most) {
                    rect class=(class) x=(format!("{:.1}", index as f64 * step + step * 0.12)) y=(format!("{top:.1}"))
                        width=(format!("{:.1}", step * 0.76)) height=(format!("{tall:.1}")) {}
                }
            }
        }
    }
}

/// Where each part of a bar begins and how tall it is.
fn stacked(bar: &Bar, most: f64) -> Vec<(&'static str, f64, f64)> {
    let mut top = CHART.1;
    let mut parts = Vec::with_capacity(bar.len());
    for (class, rows) in bar.iter().filter(|(_, rows)| *rows > 0) {
        let tall = (*rows as f64 / most * CHART.1).max(1.0);
        top -= tall;
        parts.push((*class, top.max(0.0), tall));
    }
    parts
}

/// The words for the parts of a chart, with how much each is.
pub fn legend(parts: &[(&'static str, &str, u64)]) -> Markup {
    html! {
        ul.legend {
            @for (class, text, rows) in parts {
                li { span class={ "swatch " (class) } {} b { (count(*rows)) } " " (text) }
            }
        }
    }
}

/// How many of all passed and failed, as a bar for a cell; those that failed are of this class.
pub fn share(passed: u64, failed: u64, all: u64, class: &str) -> Markup {
    let width = |rows: u64| rows as f64 / all.max(1) as f64 * WIDTH;
    html! {
        svg.ledger viewBox=(format!("0 0 {WIDTH} 14")) preserveAspectRatio="none" aria-hidden="true" {
            rect.created x="0" y="0" width=(format!("{:.1}", width(passed))) height="14" {}
            @if failed > 0 {
                rect class=(class) x=(format!("{:.1}", width(passed))) y="0" width=(format!("{:.1}", width(failed).max(LEAST))) height="14" {}
            }
        }
    }
}
