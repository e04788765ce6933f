//! A name from the network made into a file name: it never names a folder, a device or an option, and never hides.

use super::output;

/// Most bytes of a file name; file systems allow 255, and a temporary name has to fit as well.
const MAX_BYTES: usize = 200;
/// Most bytes that are kept as the extension when a name is shortened.
const MAX_EXTENSION: usize = 16;
/// The name where nothing of the given one can be kept.
const FALLBACK: &str = "download";
/// Names that are devices on Windows, with any extension.
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];

/// The file name for a name that somebody else chose.
pub fn safe(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| part.chars().any(char::is_alphanumeric)).unwrap_or_default();
    let plain = last.chars().map(|c| if forbidden(c) { '_' } else { c }).collect::<String>();
    // A leading dot hides a file, a leading dash is an option, and Windows drops dots and blanks at the end.
    let shown = plain.trim_start_matches(|c: char| c == '.' || c == '-' || c.is_whitespace());
    let name = shortened(shown.trim_end_matches(|c: char| c == '.' || c.is_whitespace()));
    if name.is_empty() {
        FALLBACK.to_owned()
    } else if is_device(&name) {
        format!("_{name}")
    } else {
        name
    }
}

/// At most [`MAX_BYTES`] of it, with its extension.
fn shortened(name: &str) -> String {
    if name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let extension = name.rfind('.').map(|dot| &name[dot..]).filter(|rest| rest.len() <= MAX_EXTENSION).unwrap_or("");
    let stem = &name[..name.floor_char_boundary(MAX_BYTES - extension.len())];
    format!("{}{extension}", stem.trim_end())
}

fn forbidden(character: char) -> bool {
    output::steers(character) || matches!(character, ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |port: &str| stem.strip_prefix(port).is_some_and(|rest| rest.chars().count() == 1 && rest != "0");
    DEVICES.contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path() {
        for (name, want) in [
            ("../x", "x"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("a/b/..", "b"),
            ("..", "download"),
            ("/", "download"),
            ("", "download"),
            ("   ", "download"),
            ("C:x", "C_x"),
        ] {
            assert_eq!(safe(name), want, "{name:?}");
        }
    }

    #[test]
    fn a_name_neither_hides_nor_names_a_device_or_an_option() {
        for (name, want) in [
            ("...profile", "profile"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("com1", "_com1"),
            ("COM0", "COM0"),
            ("console", "console"),
            ("a\0b\nc\u{1b}[d\u{202e}e", "a_b_c_[d_e"),
            ("report. . ", "report"),
            ("Übung 漢字.pdf", "Übung 漢字.pdf"),
        ] {
            assert_eq!(safe(name), want, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_is_shortened_and_keeps_its_extension() {
        let name = safe(&("漢".repeat(1365) + ".tar"));
        assert!(name.len() <= MAX_BYTES && name.ends_with("漢.tar"), "{name}");
        assert!(safe(&"x".repeat(4096)).len() <= MAX_BYTES);
        assert!(safe(&("x.".to_owned() + &"y".repeat(4096))).len() <= MAX_BYTES);
    }
}
