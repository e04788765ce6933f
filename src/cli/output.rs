//! What verbs print: to standard output, for a person on a terminal or for a script.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

/// Whether a person watches standard output.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Columns of the terminal; none where the output goes elsewhere and may be as wide as it likes.
pub fn width() -> Option<usize> {
    is_terminal().then(|| usize::from(console::Term::stdout().size().1))
}

/// Prints one line.
///
/// # Errors
/// What standard output says, such as that nobody reads it any more.
pub fn line(text: impl AsRef<str>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Prints a record as one JSON document.
///
/// # Errors
/// As [`line`].
pub fn json(record: &impl Serialize) -> anyhow::Result<()> {
    Ok(line(serde_json::to_string_pretty(record)?)?)
}

/// Tells the person something that is no part of the answer, on standard error.
pub fn note(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// A text from the network as it can be shown: what would steer the terminal or turn its line round is replaced.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(steers) {
        Cow::Owned(text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a character does something instead of being seen: controls, line separators and bidirectional marks.
pub fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_the_network_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\u{9b}\n"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}\u{fffd}");
        assert!(matches!(clean("Übung 漢字.txt"), Cow::Borrowed(_)));
    }
}
