//! The texts that people give to contents: names, descriptions, tags and media types, and their bounds.
//!
//! What this node's callers give is refused with the field's name when it is out of bounds; what strangers send is
//! cut to the same bounds instead. Either way a name is text for people and never becomes a path.

use crate::model::{Fault, Outcome};

/// Longest name in characters, which UTF-8 writes in less than 1 KiB.
pub const MAX_NAME_CHARS: usize = 255;
/// Longest description in bytes of UTF-8.
pub const MAX_DESCRIPTION_BYTES: usize = 4096;
/// Most tags of one content.
pub const MAX_TAGS: usize = 64;
/// Longest tag in characters.
pub const MAX_TAG_CHARS: usize = 64;
/// Longest media type in bytes.
pub const MAX_MEDIA_TYPE: usize = 255;
/// The media type of bytes of which nothing is known.
pub const OCTETS: &str = "application/octet-stream";
/// The name of a content that came with none.
const NAMELESS: &str = "unnamed";

/// Checks a name: 1 to 255 characters, none of them a control character.
///
/// # Errors
/// InvalidRequest that names `name` and the limit.
pub fn check_name(name: &str) -> Outcome<()> {
    let chars = name.chars().count();
    if name.trim().is_empty() {
        return Err(Fault::invalid("name is empty, want a text for people such as report.pdf"));
    }
    if chars > MAX_NAME_CHARS {
        return Err(Fault::invalid(format!("name has {chars} characters, the limit is {MAX_NAME_CHARS}")));
    }
    refuse_controls("name", name, |_| false)
}

/// Checks a description: at most 4 KiB, no control characters but tabs and line ends.
///
/// # Errors
/// InvalidRequest that names `description` and the limit.
pub fn check_description(text: &str) -> Outcome<()> {
    if text.len() > MAX_DESCRIPTION_BYTES {
        let message = format!("description has {} bytes, the limit is {MAX_DESCRIPTION_BYTES}", text.len());
        return Err(Fault::invalid(message));
    }
    refuse_controls("description", text, is_layout)
}

/// Checks tags: at most 64, of 1 to 64 characters each, none of them a control character.
///
/// # Errors
/// InvalidRequest that names `tags` and the limit.
pub fn check_tags(tags: &[String]) -> Outcome<()> {
    if tags.len() > MAX_TAGS {
        return Err(Fault::invalid(format!("tags holds {} texts, the limit is {MAX_TAGS}", tags.len())));
    }
    for tag in tags {
        let chars = tag.chars().count();
        if tag.trim().is_empty() {
            return Err(Fault::invalid("tags holds an empty text"));
        }
        if chars > MAX_TAG_CHARS {
            let message = format!("tags holds a text of {chars} characters, the limit is {MAX_TAG_CHARS}");
            return Err(Fault::invalid(message));
        }
        refuse_controls("tags", tag, |_| false)?;
    }
    Ok(())
}

/// Checks a media type: `type/subtype` with optional parameters, at most 255 bytes (RFC 6838, section 4.2).
///
/// # Errors
/// InvalidRequest that names `mediaType` and the limit.
pub fn check_media_type(media_type: &str) -> Outcome<()> {
    if media_type.len() > MAX_MEDIA_TYPE {
        let message = format!("mediaType has {} bytes, the limit is {MAX_MEDIA_TYPE}", media_type.len());
        return Err(Fault::invalid(message));
    }
    if is_media_type(media_type) {
        return Ok(());
    }
    Err(Fault::invalid(format!("mediaType {media_type:?} is none, want type/subtype such as text/plain")))
}

/// The media type that a name's extension stands for, `application/octet-stream` when it stands for none.
pub fn guess_media_type(name: &str) -> String {
    mime_guess::from_path(name).first_raw().unwrap_or(OCTETS).to_owned()
}

/// A stranger's name within this node's bounds: cut, without control characters, never empty.
pub fn sanitize_name(name: &str) -> String {
    let clean = cut(name, MAX_NAME_CHARS, usize::MAX, |_| false);
    if clean.trim().is_empty() { NAMELESS.to_owned() } else { clean }
}

/// A stranger's description within this node's bounds.
pub fn sanitize_description(text: &str) -> String {
    cut(text, usize::MAX, MAX_DESCRIPTION_BYTES, is_layout)
}

/// A stranger's tags within this node's bounds.
pub fn sanitize_tags(tags: &[String]) -> Vec<String> {
    let clean = tags.iter().take(MAX_TAGS).map(|tag| cut(tag, MAX_TAG_CHARS, usize::MAX, |_| false));
    clean.filter(|tag| !tag.trim().is_empty()).collect()
}

/// A stranger's media type if it is one, otherwise `application/octet-stream`.
pub fn sanitize_media_type(media_type: &str) -> String {
    let sound = media_type.len() <= MAX_MEDIA_TYPE && is_media_type(media_type);
    if sound { media_type.to_owned() } else { OCTETS.to_owned() }
}

fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or(text).trim_end();
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let shaped = essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype));
    shaped && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn is_layout(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r')
}

fn refuse_controls(field: &str, text: &str, allowed: fn(char) -> bool) -> Outcome<()> {
    match text.chars().find(|c| c.is_control() && !allowed(*c)) {
        Some(c) => Err(Fault::invalid(format!("{field} holds the control character U+{:04X}", u32::from(c)))),
        None => Ok(()),
    }
}

fn cut(text: &str, chars: usize, bytes: usize, allowed: fn(char) -> bool) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !c.is_control() || allowed(*c)).take(chars) {
        if out.len() + c.len_utf8() > bytes {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_any_text_within_bounds() {
        for name in ["a", "../../etc/passwd", "C:\\x", "Übersicht 年次.pdf", &"x".repeat(255)] {
            check_name(name).unwrap();
        }
        for (name, says) in [
            (String::new(), "name is empty"),
            ("a\0b".into(), "name holds the control character U+0000"),
            ("a\nb".into(), "U+000A"),
            ("x".repeat(4096), "name has 4096 characters, the limit is 255"),
            ("😀".repeat(256), "name has 256 characters"),
        ] {
            let fault = check_name(&name).unwrap_err();
            assert!(fault.message.contains(says), "{fault}");
        }
    }

    #[test]
    fn other_labels_are_bounded_by_name() {
        assert!(check_description(&"x".repeat(4097)).unwrap_err().message.starts_with("description has 4097"));
        check_description("two\nlines").unwrap();
        assert!(check_tags(&vec!["t".into(); 65]).unwrap_err().message.starts_with("tags holds 65"));
        assert!(check_tags(&["t".repeat(65)]).unwrap_err().message.contains("65 characters"));
        check_media_type("text/html; charset=utf-8").unwrap();
        for bad in ["text", "/x", "a/", "text/ht ml", "te\u{e9}/x", "a/b\r\nX: y"] {
            assert!(check_media_type(bad).unwrap_err().message.starts_with("mediaType"), "{bad}");
        }
    }

    #[test]
    fn labels_of_strangers_are_cut_and_pass_the_checks() {
        let name = sanitize_name(&"é\u{7}".repeat(5000));
        check_name(&name).unwrap();
        assert_eq!(sanitize_name("\u{1}\u{2}"), "unnamed");
        check_description(&sanitize_description(&"é".repeat(5000))).unwrap();
        check_tags(&sanitize_tags(&vec!["\u{1}tag ".repeat(40); 90])).unwrap();
        assert_eq!(sanitize_media_type("nonsense"), OCTETS);
    }

    #[test]
    fn media_types_come_from_the_extension() {
        assert_eq!(guess_media_type("a.pdf"), "application/pdf");
        assert_eq!(guess_media_type("README"), OCTETS);
    }
}
