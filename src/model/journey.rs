//! The way that a question takes through overlays: what keeps it from going round in circles.
//!
//! Every search and every request for content carries its journey. A bridge looks at nothing else to decide whether the
//! question may go on, so that loops end whatever the topology, without a clock and without knowing who asks.

use super::{Fault, Outcome};

/// Bridges that a question may cross when its origin says nothing else.
const HOP_LIMIT: u8 = 8;
/// Most overlays on a path.
const MAX_PATH: usize = 16;
/// Longest overlay id or origin, in bytes.
const MAX_ID: usize = 128;

/// The way of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// What names the question, the same wherever it goes.
    pub id: [u8; 16],
    /// The peer id of the node where it began.
    pub origin: String,
    /// Bridges that it may still cross.
    pub hop_limit: u8,
    /// Ids of the overlays that it has been asked in, the first one first.
    pub path: Vec<String>,
}

impl Journey {
    /// A new question of the node with that peer id.
    pub fn begin(origin: impl Into<String>) -> Self {
        Self { id: *uuid::Uuid::now_v7().as_bytes(), origin: origin.into(), hop_limit: HOP_LIMIT, path: Vec::new() }
    }

    /// A stranger's, as a wire brought it.
    ///
    /// # Errors
    /// InvalidRequest when a part of it is beyond its limit.
    pub fn received(id: &[u8], origin: String, hop_limit: u32, path: Vec<String>) -> Outcome<Self> {
        let id =
            id.try_into().map_err(|_| Fault::invalid(format!("journey: the id has {} bytes, want 16", id.len())))?;
        if path.len() > MAX_PATH {
            return Err(Fault::invalid(format!(
                "journey: the path has {} overlays, the limit is {MAX_PATH}",
                path.len()
            )));
        }
        if let Some(bad) = path.iter().chain([&origin]).find(|text| !is_id(text)) {
            let shown: String = bad.chars().take(MAX_ID).filter(|c| !c.is_control()).collect();
            return Err(Fault::invalid(format!("journey: {shown:?} is no id, want 1 to {MAX_ID} plain characters")));
        }
        Ok(Self { id, origin, hop_limit: u8::try_from(hop_limit).unwrap_or(u8::MAX).min(HOP_LIMIT), path })
    }

    /// Whether it has been asked in the overlay of that id.
    pub fn has_been_in(&self, overlay_id: &str) -> bool {
        self.path.iter().any(|id| id == overlay_id)
    }

    /// The same question, now asked in these overlays too.
    pub fn asked_in(&self, overlay_ids: impl IntoIterator<Item = String>) -> Self {
        let mut journey = self.clone();
        for id in overlay_ids {
            if !journey.has_been_in(&id) {
                journey.path.push(id);
            }
        }
        // A path that is longer than others take in could not be told; the question ends where it is.
        if journey.path.len() > MAX_PATH {
            journey.path.truncate(MAX_PATH);
            journey.hop_limit = 0;
        }
        journey
    }

    /// The question beyond a bridge with that hop limit, in the overlay of that id; none when it may not go there.
    pub fn crossing(&self, bridge_hop_limit: u8, overlay_id: &str) -> Option<Self> {
        let left = self.hop_limit.min(bridge_hop_limit).checked_sub(1)?;
        if self.has_been_in(overlay_id) || self.path.len() >= MAX_PATH {
            return None;
        }
        Some(Self { hop_limit: left, ..self.asked_in([overlay_id.to_owned()]) })
    }

    /// As the value of an HTTP header: `<32 hex>;<origin>;<hop limit>;<overlay id>,<overlay id>`.
    pub fn to_header(&self) -> String {
        let id: String = self.id.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{id};{};{};{}", self.origin, self.hop_limit, self.path.join(","))
    }

    /// The journey that an HTTP header tells.
    ///
    /// # Errors
    /// InvalidRequest that says what is wrong with it.
    pub fn from_header(value: &str) -> Outcome<Self> {
        let malformed = || Fault::invalid("journey: want <32 hex>;<origin>;<hop limit>;<overlay id>,<overlay id>");
        let mut parts = value.splitn(4, ';').map(str::trim);
        let mut part = || parts.next().ok_or_else(malformed);
        let (id, origin, hops, path) = (part()?, part()?, part()?, part()?);
        let id: [u8; 16] = parse_hex(id).ok_or_else(malformed)?;
        let path = path.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect();
        Self::received(&id, origin.to_owned(), hops.parse().map_err(|_| malformed())?, path)
    }
}

/// Visible ASCII without what separates the parts of a header.
fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && !b",;\"".contains(&byte))
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 16];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journey(path: &[&str]) -> Journey {
        Journey::begin("12D3KooWOrigin").asked_in(path.iter().map(|id| (*id).to_owned()))
    }

    #[test]
    fn a_question_crosses_as_often_as_the_narrowest_bridge_allows_and_never_goes_back() {
        let beyond = journey(&["red"]).crossing(3, "blue").unwrap();
        assert_eq!((beyond.hop_limit, beyond.path.join(" ")), (2, "red blue".to_owned()));
        assert_eq!(beyond.crossing(3, "red"), None, "it has been there");
        let third = beyond.crossing(8, "green").unwrap().crossing(8, "white").unwrap();
        assert_eq!((third.hop_limit, third.crossing(8, "black")), (0, None));
        assert_eq!(journey(&[]).crossing(0, "blue"), None);
        assert_eq!(third.id, beyond.id);
    }

    #[test]
    fn a_path_that_is_full_ends_the_question() {
        let ids: Vec<_> = (0..20).map(|number| format!("o{number}")).collect();
        let full = Journey::begin("x").asked_in(ids);
        assert_eq!((full.path.len(), full.hop_limit, full.crossing(3, "next")), (16, 0, None));
        assert_eq!(Journey::from_header(&full.to_header()), Ok(full));
    }

    #[test]
    fn a_header_brings_it_whole_or_is_refused() {
        for sent in [journey(&[]), journey(&["native:00ff"]), journey(&["a", "b", "c"])] {
            assert_eq!(Journey::from_header(&sent.to_header()), Ok(sent));
        }
        let long = format!("{};o;1;{}", "0".repeat(32), "x".repeat(129));
        let many = format!("{};o;1;{}", "0".repeat(32), "x,".repeat(17));
        for bad in
            ["", "1;2;3;4", "zz", &long, &many, &format!("{};;1;", "0".repeat(32)), &format!("{};o;x;", "0".repeat(32))]
        {
            assert!(Journey::from_header(bad).is_err(), "{bad}");
        }
        let greedy = Journey::from_header(&format!("{};o;4000000000;", "0".repeat(32))).unwrap();
        assert_eq!(greedy.hop_limit, HOP_LIMIT);
    }
}
