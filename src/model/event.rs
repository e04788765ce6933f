//! Events: what happened at this node, under which topic, and what a subscriber wants to hear of.
//!
//! The topics are one table, from which patterns, faults and the manual take them. A set of topics is a mask of bits, so
//! that whether anybody listens to one costs a single look.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Outcome, Time};

/// Most patterns that one subscriber may give.
const MAX_PATTERNS: usize = 32;
/// The pattern of all topics.
const EVERYTHING: &str = "*";

/// Something that happened at the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its place in the order of events, which grows for as long as the node keeps its data folder. Numbers are left out;
    /// an event that comes twice has the same number.
    pub sequence: u64,
    /// What kind of event it is, such as transfer.complete.
    pub topic: String,
    /// When it happened.
    pub time: Time,
    /// The id of what it happened to: a contentId, a transferId, a searchId, a peerId, a bridgeId or an overlay's name.
    pub subject: String,
    /// The record concerned, as JSON.
    pub detail: String,
}

/// How events are sent to a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallbackBinding {
    /// The XML-RPC method notify.events, its parameters by position.
    Xmlrpc,
    /// The SOAP 1.1 operation NotifyEvents of wsdl/notify.wsdl.
    Soap,
    /// The same record as JSON, posted.
    Json,
}

impl CallbackBinding {
    const ALL: [Self; 3] = [Self::Xmlrpc, Self::Soap, Self::Json];

    /// The word on every wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xmlrpc => "xmlrpc",
            Self::Soap => "soap",
            Self::Json => "json",
        }
    }

    /// The binding of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|binding| binding.name() == name)
    }
}

macro_rules! topics {
    ($($(#[$doc:meta])* $topic:ident = $name:literal, $lasting:literal;)*) => {
        /// A kind of event (contract, section 10).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Topic {
            $($(#[$doc])* $topic,)*
        }

        impl Topic {
            /// Every topic.
            pub const ALL: &[Self] = &[$(Self::$topic,)*];

            /// The name on every wire.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$topic => $name,)*
                }
            }

            /// Whether its events are kept together with the fact that they tell, so that a crash loses neither. The
            /// others are of the moment: they end with the process.
            pub fn is_lasting(self) -> bool {
                match self {
                    $(Self::$topic => $lasting,)*
                }
            }
        }
    };
}

topics! {
    /// A content can be found and fetched here now.
    ContentPublished = "content.published", true;
    /// A content of this node has other labels now.
    ContentUpdated = "content.updated", true;
    /// A content can no longer be found or fetched here.
    ContentWithdrawn = "content.withdrawn", true;
    /// A transfer was asked for, or goes on after a pause or a failure.
    TransferStarted = "transfer.started", true;
    /// A transfer has more bytes than before; at most once a second for each.
    TransferProgress = "transfer.progress", false;
    /// A transfer was stopped for now.
    TransferPaused = "transfer.paused", true;
    /// A transfer has all bytes.
    TransferComplete = "transfer.complete", true;
    /// A transfer was given up.
    TransferFailed = "transfer.failed", true;
    /// A transfer was ended by a caller.
    TransferCancelled = "transfer.cancelled", true;
    /// A started search has found something.
    SearchHit = "search.hit", false;
    /// A started search has ended.
    SearchComplete = "search.complete", false;
    /// A peer has joined.
    PeerConnected = "peer.connected", false;
    /// A peer has left.
    PeerDisconnected = "peer.disconnected", false;
    /// A peer has sent a message.
    MessageReceived = "message.received", true;
    /// Something has crossed a bridge.
    BridgeCrossed = "bridge.crossed", false;
    /// A rule has held something back at a bridge.
    BridgeRefused = "bridge.refused", false;
    /// An overlay is in another state than before.
    OverlayState = "overlay.state", false;
    /// Shared folders are being hashed; at most once a second.
    LibraryProgress = "library.progress", false;
}

impl Topic {
    /// The topic of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|topic| topic.name() == name)
    }

    fn family(self) -> &'static str {
        self.name().split_once('.').map_or("", |(family, _)| family)
    }
}

/// A set of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topics(u64);

impl Topics {
    /// The topics that these patterns mean: `*`, `transfer.*`, or a topic's own name.
    ///
    /// # Errors
    /// InvalidRequest for a pattern that means none, or when there are none or too many of them.
    pub fn parse(patterns: &[String]) -> Outcome<Self> {
        if patterns.is_empty() {
            return Err(Fault::invalid("topics: name at least one, such as transfer.* or, for all of them, *"));
        }
        if patterns.len() > MAX_PATTERNS {
            let given = patterns.len();
            return Err(Fault::invalid(format!("topics: {given} patterns are given, the limit is {MAX_PATTERNS}")));
        }
        patterns.iter().try_fold(Self::default(), |topics, pattern| Ok(topics.with(Self::of(pattern)?)))
    }

    fn of(pattern: &str) -> Outcome<Self> {
        let means = |topic: Topic| match pattern.strip_suffix(".*") {
            Some(family) => topic.family() == family,
            None => pattern == EVERYTHING || topic.name() == pattern,
        };
        let topics: Self = Topic::ALL.iter().copied().filter(|topic| means(*topic)).collect();
        if topics == Self::default() {
            let shown: String = pattern.chars().take(100).collect();
            let known: Vec<_> = Topic::ALL.iter().map(|topic| topic.name()).collect();
            return Err(Fault::invalid(format!(
                "topics: there is no topic {shown:?}; there are *, patterns such as transfer.*, and {}",
                known.join(", ")
            )));
        }
        Ok(topics)
    }

    /// Those of both sets.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a topic is among them.
    pub fn has(self, topic: Topic) -> bool {
        self.0 & bit(topic) != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.iter().copied().filter(move |topic| self.has(*topic))
    }

    /// The set as bits, one a topic.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The set with these bits.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

fn bit(topic: Topic) -> u64 {
    1 << topic as u32
}

impl FromIterator<Topic> for Topics {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Self {
        Self(topics.into_iter().map(bit).fold(0, |all, one| all | one))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str]) -> Vec<&'static str> {
        let patterns: Vec<_> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        Topics::parse(&patterns).unwrap().iter().map(Topic::name).collect()
    }

    #[test]
    fn patterns_mean_all_a_family_or_one() {
        assert_eq!(names(&["*"]).len(), Topic::ALL.len());
        assert_eq!(names(&["search.*", "content.published"]), ["content.published", "search.hit", "search.complete"]);
        assert_eq!(names(&["bridge.crossed", "bridge.crossed"]), ["bridge.crossed"]);
    }

    #[test]
    fn words_that_mean_nothing_are_refused_by_name() {
        for pattern in ["", "transfer", "transfer.", "transfers.*", ".*", "*.*", "transfer.com*", "Transfer.complete"] {
            let fault = Topics::parse(&["*".into(), pattern.into()]).unwrap_err();
            assert!(fault.message.contains(&format!("{pattern:?}")), "{fault}");
        }
        assert!(Topics::parse(&[]).unwrap_err().message.starts_with("topics: "));
        assert!(Topics::parse(&vec!["*".to_owned(); MAX_PATTERNS + 1]).is_err());
    }

    #[test]
    fn every_topic_has_a_bit_and_a_name_of_its_own() {
        for (place, topic) in Topic::ALL.iter().enumerate() {
            assert_eq!(*topic as usize, place);
            assert_eq!(Topic::named(topic.name()), Some(*topic));
        }
        assert!(Topic::ALL.len() <= 64);
    }
}
