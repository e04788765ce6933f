//! Content ids: what names the same bytes everywhere.
//!
//! Native content is a CIDv1 with the `raw` codec and a BLAKE3-256 multihash in base32 (`bafkr4i…`); foreign content
//! keeps the id of its own network. Magnet links and `ipfs://` addresses are read as the ids they hold.

use std::{borrow::Cow, fmt, str::FromStr};

use cid::Cid;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    Ascii, ID_TOKEN,
    native_id::{self, BLAKE3, RAW},
};

/// An id for manuals: that of the five bytes `hello`.
const EXAMPLE: &str = "bafkr4ihkr4ld3m4gqkjf4reryxsy2s5tkbxprqkow6fin2iiyvreuzzab4";
/// Longest text that is looked at; a magnet link with its trackers stays well below.
const MAX_TEXT: usize = 4096;
/// What is percent-encoded in the parts of a catalogue id.
const ESCAPED: &AsciiSet = &CONTROLS.add(b':').add(b'%').add(b' ').add(b'/').add(b'?').add(b'#');

/// The id of one content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContentId {
    /// Native content: the BLAKE3 hash of its bytes.
    Native([u8; 32]),
    /// IPFS content, by any CID that is not a native one.
    Ipfs(Cid),
    /// A BitTorrent torrent, or one file of it.
    Torrent {
        /// The info-hash of version 1.
        info_hash: [u8; 20],
        /// The file's place in the torrent, absent for the whole or the only one.
        index: Option<u32>,
    },
    /// An entry of a legacy catalogue.
    Catalogue {
        /// The overlay that the catalogue is.
        overlay: String,
        /// The catalogue's own id.
        entry: String,
    },
}

/// Why a text is no content id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("content id {text:?} is not valid: {reason}")]
pub struct ContentIdError {
    text: String,
    reason: Cow<'static, str>,
}

impl ContentId {
    /// The native id of bytes whose BLAKE3 hash this is.
    pub fn native(hash: impl Into<[u8; 32]>) -> Self {
        Self::Native(hash.into())
    }

    /// The BLAKE3 hash, for native content only.
    pub fn hash(&self) -> Option<blake3::Hash> {
        match self {
            Self::Native(hash) => Some(blake3::Hash::from_bytes(*hash)),
            _ => None,
        }
    }

    fn from_cid(cid: Cid) -> Self {
        let hash = cid.hash();
        if cid.codec() == RAW
            && hash.code() == BLAKE3
            && let Ok(digest) = hash.digest().try_into()
        {
            return Self::Native(digest);
        }
        Self::Ipfs(cid)
    }

    fn from_torrent(rest: &str) -> Result<Self, &'static str> {
        let (hex, index) = match rest.split_once(':') {
            Some((hex, index)) => (hex, Some(index.parse().map_err(|_| "the file index is no number")?)),
            None => (rest, None),
        };
        let info_hash = unhex(hex).ok_or("an info-hash has 40 hexadecimal digits")?;
        Ok(Self::Torrent { info_hash, index })
    }

    fn from_magnet(rest: &str) -> Result<Self, &'static str> {
        let topic = rest.trim_start_matches('?').split('&').find_map(|field| field.strip_prefix("xt=urn:btih:"));
        Self::from_torrent(topic.ok_or("the magnet link holds no xt=urn:btih: topic")?)
    }

    fn from_catalogue(rest: &str) -> Result<Self, &'static str> {
        let (overlay, entry) = rest.split_once(':').ok_or("want cat:<overlay>:<entryId>")?;
        let decode = |text: &str| percent_decode_str(text).decode_utf8().map(Cow::into_owned);
        match (decode(overlay), decode(entry)) {
            (Ok(overlay), Ok(entry)) if !overlay.is_empty() && !entry.is_empty() => {
                Ok(Self::Catalogue { overlay, entry })
            }
            _ => Err("want cat:<overlay>:<entryId>, percent-encoded UTF-8"),
        }
    }
}

impl FromStr for ContentId {
    type Err = ContentIdError;

    fn from_str(text: &str) -> Result<Self, ContentIdError> {
        if let Some(hash) = native_id::hash(text) {
            return Ok(Self::Native(hash));
        }
        let fail = |reason: Cow<'static, str>| {
            let shown: String = text.chars().take(80).collect();
            ContentIdError { text: shown, reason }
        };
        if text.len() > MAX_TEXT {
            return Err(fail(format!("it has {} bytes, the limit is {MAX_TEXT}", text.len()).into()));
        }
        let known = [
            ("btih:", Self::from_torrent as fn(&str) -> Result<Self, &'static str>),
            ("magnet:", Self::from_magnet),
            ("cat:", Self::from_catalogue),
        ];
        for (scheme, parse) in known {
            if let Some(rest) = text.strip_prefix(scheme) {
                return parse(rest).map_err(|reason| fail(reason.into()));
            }
        }
        let cid = text.strip_prefix("ipfs://").map_or(text, |rest| rest.split(['/', '?']).next().unwrap_or(rest));
        Cid::try_from(cid).map(Self::from_cid).map_err(|e| fail(e.to_string().to_lowercase().into()))
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native(hash) => f.write_str(std::str::from_utf8(&native_id::text(hash)).map_err(|_| fmt::Error)?),
            Self::Ipfs(cid) => write!(f, "{cid}"),
            Self::Torrent { info_hash, index } => {
                f.write_str("btih:")?;
                info_hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                index.map_or(Ok(()), |index| write!(f, ":{index}"))
            }
            Self::Catalogue { overlay, entry } => {
                write!(f, "cat:{}:{}", utf8_percent_encode(overlay, ESCAPED), utf8_percent_encode(entry, ESCAPED))
            }
        }
    }
}

impl Serialize for ContentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Native(hash) => serializer.serialize_newtype_struct(ID_TOKEN, &Ascii(&native_id::text(hash))),
            foreign => serializer.collect_str(foreign),
        }
    }
}

impl<'de> Deserialize<'de> for ContentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = ContentId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content id")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ContentId, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for ContentId {
    fn schema_name() -> Cow<'static, str> {
        "ContentId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": [EXAMPLE] })
    }
}

fn unhex(text: &str) -> Option<[u8; 20]> {
    let mut out = [0; 20];
    if text.len() != 40 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> ContentId {
        let id: ContentId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        id
    }

    #[test]
    fn native_ids_are_cids_that_start_with_bafkr4i() {
        let id = ContentId::native(blake3::hash(b"peergate"));
        assert!(id.to_string().starts_with("bafkr4i"), "{id}");
        assert_eq!(round_trip(&id.to_string()).hash(), Some(blake3::hash(b"peergate")));
    }

    #[test]
    fn the_example_is_the_id_of_hello() {
        assert_eq!(ContentId::native(blake3::hash(b"hello")).to_string(), EXAMPLE);
    }

    #[test]
    fn foreign_ids_keep_their_form() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        round_trip("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG");
        round_trip(&format!("btih:{hash}"));
        round_trip(&format!("btih:{hash}:3"));
        assert_eq!(
            round_trip("cat:archive:a%3Ab%20c"),
            ContentId::Catalogue { overlay: "archive".into(), entry: "a:b c".into() }
        );
    }

    #[test]
    fn magnet_links_and_ipfs_addresses_are_the_ids_they_hold() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        let magnet: ContentId = format!("magnet:?dn=x&xt=urn:btih:{hash}&tr=udp://t").parse().unwrap();
        assert_eq!(magnet.to_string(), format!("btih:{hash}"));
        let native = ContentId::native([7; 32]);
        assert_eq!(format!("ipfs://{native}/path").parse(), Ok(native));
    }

    #[test]
    fn what_is_no_id_is_refused_with_its_reason() {
        for text in [
            "",
            "x",
            "btih:12",
            "btih:é123456789abcdef0123456789abcdef0123456",
            "cat:a",
            "magnet:?dn=x",
            "../etc/passwd",
        ] {
            assert!(text.parse::<ContentId>().is_err(), "{text}");
        }
        let long = "a".repeat(5000).parse::<ContentId>().unwrap_err().to_string();
        assert!(long.contains("the limit is 4096"), "{long}");
    }
}
