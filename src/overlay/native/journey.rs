//! `Journey` of docs/protocols.md: the way of a question, as search/1 and blobs/1 carry it.

use crate::model::{Journey, Outcome};

/// Most bytes of a journey as a message.
pub(super) const MAX_JOURNEY: usize = 3 << 10;

/// A journey on the wire.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WireJourney {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub origin: String,
    #[prost(uint32, tag = "3")]
    pub hop_limit: u32,
    #[prost(string, repeated, tag = "4")]
    pub path: Vec<String>,
}

impl WireJourney {
    /// One of ours.
    pub fn of(journey: &Journey) -> Self {
        let Journey { id, origin, hop_limit, path } = journey;
        Self { id: id.to_vec(), origin: origin.clone(), hop_limit: (*hop_limit).into(), path: path.clone() }
    }

    /// A peer's, now in the overlay of that id. Who leaves the overlay off the path gains nothing by it.
    ///
    /// # Errors
    /// InvalidRequest when a part of it is beyond its limit.
    pub fn into_journey(self, overlay_id: &str) -> Outcome<Journey> {
        let journey = Journey::received(&self.id, self.origin, self.hop_limit, self.path)?;
        Ok(journey.asked_in([overlay_id.to_owned()]))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn the_longest_journey_fits_and_arrives() {
        let long = |number: usize| format!("{number:0>128}");
        let sent = Journey::begin(long(0)).asked_in((1..16).map(long));
        let wire = WireJourney::of(&sent);
        assert!(wire.encoded_len() <= MAX_JOURNEY, "{}", wire.encoded_len());
        assert_eq!(wire.into_journey(&long(15)), Ok(sent));
    }

    #[test]
    fn the_overlay_that_it_came_through_is_on_its_path() {
        let wire = WireJourney::of(&Journey::begin("x"));
        assert_eq!(wire.into_journey("native:1").unwrap().path, ["native:1"]);
        assert!(WireJourney::default().into_journey("native:1").is_err());
    }
}
