//! Bars and spinners on standard error; indicatif shows them only where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// A bar over so many bytes, with the rate and the time that is left.
pub fn bar(label: &str, bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes).with_message(super::output::clean(label).into_owned());
    bar.with_style(style("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"))
}

/// A bar whose numbers the node tells, so that only the bytes are the bar's own.
pub fn told(label: &str) -> ProgressBar {
    let bar = ProgressBar::new(0).with_prefix(super::output::clean(label).into_owned());
    bar.with_style(style("{prefix} {wide_bar} {bytes}/{total_bytes} {msg}"))
}

/// Something that takes a while, without a measure.
pub fn spinner(label: &str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(super::output::clean(label).into_owned());
    spinner.enable_steady_tick(TICK);
    spinner
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
