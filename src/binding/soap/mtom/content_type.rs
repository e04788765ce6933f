//! A content type with its parameters, as leniently as real stacks need it read.
//!
//! RFC 2045 section 5.1 wants a value with `= / + :` in quotes; Axis 1.4 and others send such boundaries bare. A parameter
//! therefore ends at the next semicolon, and everything behind its first equals sign is its value.

/// What a Content-Type header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentType {
    /// The media type in lower case, without parameters.
    pub media_type: String,
    /// Names in lower case, and values without their quotes.
    parameters: Vec<(String, String)>,
}

impl ContentType {
    /// Reads the header's text, in which nothing is a mistake: what cannot be read is not there.
    pub fn parse(text: &str) -> Self {
        let (media_type, mut rest) = text.split_once(';').unwrap_or((text, ""));
        let mut read = Self { media_type: media_type.trim().to_ascii_lowercase(), parameters: Vec::new() };
        while let Some((name, value)) = rest.split_once('=') {
            let (value, behind) = value_of(value.trim_start());
            // A piece without an equals sign stands in front of the name, such as a doubled semicolon.
            let name = name.rsplit(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            read.parameters.push((name, value));
            rest = behind;
        }
        read
    }

    /// The value of a parameter, the first one where it is given twice.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it, or the root part that it announces, is the envelope of SOAP 1.2.
    pub fn is_soap12(&self) -> bool {
        const SOAP12: &str = "application/soap+xml";
        let says = |name| self.parameter(name).is_some_and(|value| Self::parse(value).media_type == SOAP12);
        self.media_type == SOAP12 || says("type") || says("start-info")
    }
}

/// A parameter's value, and what follows it from the next semicolon on.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, behind) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim_end().to_owned(), behind);
    };
    let (mut value, mut characters) = (String::new(), quoted.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let behind = &quoted[at + 1..];
                return (value, behind.split_once(';').map_or("", |(_, behind)| behind));
            }
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_2045_section_5_1_parameters_come_in_any_order_quoted_or_not() {
        for text in [
            "multipart/related; boundary=\"b\"; type=\"text/xml\"; start=\"<r@x>\"",
            "Multipart/Related;start=<r@x>;TYPE=text/xml;Boundary=b",
            "multipart/related ; type = text/xml ; ; boundary = b ; junk; start=\"<r\\@x>\" ; boundary=second",
        ] {
            let read = ContentType::parse(text);
            assert_eq!(read.media_type, "multipart/related", "{text}");
            let parameters = ["boundary", "type", "start", "none"].map(|name| read.parameter(name));
            assert_eq!(parameters, [Some("b"), Some("text/xml"), Some("<r@x>"), None], "{text}");
        }
    }

    #[test]
    fn axis_1_4_boundaries_with_specials_need_no_quotes() {
        for boundary in ["----=_Part_0_1330.1164", "uuid:0ca0e16e+id=1", "a/b+c:d=e", "==odd=="] {
            let read = ContentType::parse(&format!("multipart/related; boundary={boundary}; type=text/xml"));
            assert_eq!((read.parameter("boundary"), read.parameter("type")), (Some(boundary), Some("text/xml")));
        }
        let quoted = ContentType::parse("multipart/related; start-info=\"text/xml; charset=utf-8\"; boundary=\"a;b\"");
        assert_eq!(quoted.parameter("boundary"), Some("a;b"));
        assert_eq!(ContentType::parse("multipart/related; boundary=\"open").parameter("boundary"), Some("open"));
    }

    #[test]
    fn the_announced_root_says_the_version() {
        let is_soap12 = |text| ContentType::parse(text).is_soap12();
        assert!(is_soap12("Application/SOAP+xml; charset=utf-8; action=\"x\""));
        assert!(is_soap12("multipart/related; type=\"application/xop+xml\"; start-info=\"application/soap+xml\""));
        assert!(is_soap12("application/xop+xml; type=\"application/soap+xml; action=x\""));
        assert!(!is_soap12("multipart/related; type=\"application/xop+xml\"; start-info=\"text/xml\""));
        assert!(!is_soap12("") && !is_soap12("text/xml"));
    }
}
