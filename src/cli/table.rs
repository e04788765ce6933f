//! Aligned tables: plain text that fits the terminal, and that a pipe can cut by columns.

use console::{measure_text_width, pad_str, style, truncate_str};

use super::output;

/// Between two columns.
const GAP: &str = "  ";
/// A column is not made narrower than this to fit a terminal.
const LEAST: usize = 12;

/// On which side of its column a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// A table. Its last column is never shortened, because that is the id that the next command takes; where it does not
/// fit the terminal it stands on a line of its own.
pub struct Table {
    titles: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
    least: &'static [usize],
}

impl Table {
    /// A table with these columns.
    pub fn new(titles: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        Self { titles: titles.into_iter().collect(), rows: Vec::new(), least: &[] }
    }

    /// Makes the columns at least so wide, so that tables which follow each other look like one.
    pub fn at_least(mut self, widths: &'static [usize]) -> Self {
        self.least = widths;
        self
    }

    /// Adds a row of as many texts as there are columns.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| output::clean(&cell).into_owned()).collect());
    }

    /// Prints it.
    ///
    /// # Errors
    /// What standard output says.
    pub fn print(&self) -> std::io::Result<()> {
        let lines = self.lines(output::width());
        lines.iter().try_for_each(output::line)
    }

    /// Its lines, within a width where there is one.
    pub fn lines(&self, width: Option<usize>) -> Vec<String> {
        let (widths, wraps) = self.widths(width.unwrap_or(usize::MAX));
        let titles: Vec<String> = self.titles.iter().map(|(title, _)| (*title).to_owned()).collect();
        let mut lines = self.layout(&titles, &widths, wraps);
        if width.is_some() {
            lines = lines.into_iter().map(|line| style(line).bold().to_string()).collect();
        }
        for row in &self.rows {
            lines.extend(self.layout(row, &widths, wraps));
        }
        lines
    }

    /// The columns' widths, and whether the last one stands on its own line.
    fn widths(&self, available: usize) -> (Vec<usize>, bool) {
        let least = |column: usize| self.least.get(column).copied().unwrap_or(0);
        let widest = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| measure_text_width(cell))
                .max()
                .unwrap_or(0)
                .max(self.titles[column].0.len())
                .max(least(column))
        };
        let mut widths: Vec<usize> = (0..self.titles.len()).map(widest).collect();
        let last = widths.pop().unwrap_or(0);
        let needs = |widths: &[usize]| widths.iter().map(|width| width + GAP.len()).sum::<usize>();
        let shrunk = |mut widths: Vec<usize>, room: usize| {
            while needs(&widths) > room {
                let Some(widest) = widths.iter_mut().max().filter(|width| **width > LEAST) else { break };
                *widest -= 1;
            }
            widths
        };
        let narrow = shrunk(widths.clone(), available.saturating_sub(last));
        // Names of a few letters tell nothing apart: rather two lines.
        let wraps = needs(&narrow).saturating_add(last) > available
            || narrow.first().zip(widths.first()).is_some_and(|(now, full)| *now < (*full).min(2 * LEAST));
        let mut widths = if wraps { shrunk(widths, available) } else { narrow };
        widths.push(last);
        (widths, wraps)
    }

    fn layout(&self, cells: &[String], widths: &[usize], wraps: bool) -> Vec<String> {
        let mut line = String::new();
        let last = cells.len().saturating_sub(1);
        for (column, (cell, (_, align))) in cells.iter().zip(&self.titles).enumerate() {
            if column == last {
                break;
            }
            let side = if *align == Align::Right { console::Alignment::Right } else { console::Alignment::Left };
            line += &pad_str(&truncate_str(cell, widths[column], "…"), widths[column], side, None);
            line += GAP;
        }
        let end = cells.last().map(String::as_str).unwrap_or_default();
        if wraps {
            vec![line.trim_end().to_owned(), format!("{GAP}{end}")]
        } else {
            vec![(line + end).trim_end().to_owned()]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([("NAME", Align::Left), ("SIZE", Align::Right), ("ID", Align::Left)]);
        table.row(["a rather long name of a file.txt".into(), "9 B".into(), "bafkr4ihello".into()]);
        table.row(["漢字\u{1b}".into(), "631 MB".into(), "bafkr4iother".into()]);
        table
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let want = "\
NAME                                SIZE  ID
a rather long name of a file.txt     9 B  bafkr4ihello
漢字\u{fffd}                             631 MB  bafkr4iother";
        assert_eq!(table().lines(None).join("\n"), want);
    }

    #[test]
    fn ids_are_whole_in_a_narrow_terminal() {
        for width in [20, 30, 48, 60] {
            let lines = table().lines(Some(width));
            assert!(lines.iter().any(|line| line.ends_with("bafkr4ihello")), "{lines:?}");
            assert!(lines.iter().all(|line| measure_text_width(line) <= width), "{width}: {lines:?}");
        }
        assert_eq!(table().lines(Some(30)).len(), 6);
    }
}
