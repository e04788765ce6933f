//! How the demo looks: headings, requests and answers that a person can tell apart, in colour where the terminal has any.

use console::{StyledObject, style};

use crate::cli::output;

/// The heading of a step.
pub fn heading(number: usize, step: &str) -> anyhow::Result<()> {
    Ok(output::line(format!("\n{} {}", style(format!("{number}.")).cyan().bold(), style(step).bold()))?)
}

/// A line of the demo's own words.
pub fn tell(text: impl AsRef<str>) -> anyhow::Result<()> {
    Ok(output::line(format!("   {}", output::clean(text.as_ref())))?)
}

/// What was shown to be so.
pub fn good(text: impl AsRef<str>) -> anyhow::Result<()> {
    Ok(output::line(format!("   {} {}", style("✓").green().bold(), output::clean(text.as_ref())))?)
}

/// A text that can be pasted.
pub fn paste(text: &str) -> anyhow::Result<()> {
    text.lines().try_for_each(|line| Ok(output::line(style(output::clean(line)).yellow().to_string())?))
}

/// Lines that somebody else wrote: an answer, a file.
pub fn quote(text: &str) -> anyhow::Result<()> {
    text.lines().try_for_each(|line| Ok(output::line(format!("   {} {}", bar(), output::clean(line)))?))
}

/// The same, with those that hold `word` standing out.
pub fn quote_with(text: &str, word: &str) -> anyhow::Result<()> {
    for line in text.lines() {
        let clean = output::clean(line);
        let shown = if clean.contains(word) { style(clean).green() } else { style(clean).dim() };
        output::line(format!("   {} {shown}", bar()))?;
    }
    Ok(())
}

fn bar() -> StyledObject<&'static str> {
    style("│").dim()
}
