//! The progress bar: rows, rows a second, and the time left, for work that takes more than a moment.

use std::time::{Duration, Instant};

use dray_engine::run::{Progress, Stage};
use indicatif::{ProgressBar, ProgressStyle};

/// Work shorter than this shows no bar.
const A_MOMENT: Duration = Duration::from_millis(400);

/// A bar on standard error, shown to people only.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    total_bytes: u64,
    begun: Instant,
}

impl Bar {
    /// A bar for a source of this size; `shown` only where a person watches.
    pub(super) fn new(total_bytes: u64, shown: bool) -> Self {
        let bar = shown.then(|| {
            let bar = ProgressBar::new(total_bytes);
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
            bar
        });
        Self { bar, total_bytes, begun: Instant::now() }
    }

    /// Shows where the run is.
    pub(super) fn show(&mut self, progress: Progress) {
        let Some(bar) = &self.bar else { return };
        let passed = self.begun.elapsed();
        if passed < A_MOMENT {
            return;
        }
        if bar.is_hidden() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr_with_hz(10));
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}") {
                bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
            }
            // Drawn by the clock, so that the last word before a long silence is seen.
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        let done_bytes =
            if progress.stage == Stage::Indexes { self.total_bytes } else { progress.bytes_read };
        bar.set_position(done_bytes.min(self.total_bytes));
        let rows = super::print::thousands(progress.rows);
        let rate = super::print::thousands((progress.rows as f64 / passed.as_secs_f64()) as u64);
        bar.set_message(match progress.stage {
            Stage::Rows => {
                let left = match progress.bytes_read {
                    0 => String::new(),
                    read => {
                        let rest = self.total_bytes.saturating_sub(read) as f64 / read as f64;
                        format!(", {} s left", (passed.as_secs_f64() * rest).ceil())
                    }
                };
                format!("{rows} rows, {rate} rows/s{left}")
            }
            Stage::Indexes => format!("{rows} rows, building indexes"),
            Stage::Repeats => format!("{rows} rows, rows that repeat others"),
        });
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
