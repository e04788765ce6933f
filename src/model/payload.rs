//! The contract's `bytes`: small data that lies in memory, and large data that is pulled while it is written out.

use std::{borrow::Cow, fmt};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::{BESIDE_TOKEN, BYTES_TOKEN, Fault, Outcome};

/// Bytes as they come, in order; a fault ends the stream and what came before it is not the whole.
pub type ByteStream = BoxStream<'static, Outcome<Bytes>>;

/// Bytes in memory. Base64 text in formats for people (JSON), the format's own form in the others.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Data(pub Bytes);

/// A `bytes` field that may be larger than memory: in memory, or a stream.
///
/// Serde carries only the first form. A binding that cannot write a stream has dispatch collect it first, bounded by
/// `limits.inline_bytes`; one that can sends the bytes beside its document, which refers to them.
pub enum Payload {
    /// All of it.
    Inline(Data),
    /// Bytes that are yet to be pulled.
    Stream {
        /// How many bytes the stream yields; unknown while a caller is still sending them.
        size: Option<u64>,
        /// The bytes.
        stream: ByteStream,
    },
    /// Bytes that travel beside the document, under this name: those of an answer that the binding has taken out of it,
    /// or those of a request that are still to come.
    Beside(String),
}

impl Payload {
    /// Bytes that the stream or the memory holds, where that is known.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Inline(data) => Some(data.0.len() as u64),
            Self::Stream { size, .. } => *size,
            Self::Beside(_) => None,
        }
    }

    /// The bytes as a stream, whatever form they have.
    pub fn into_stream(self) -> ByteStream {
        match self {
            Self::Inline(Data(bytes)) => futures::stream::once(async { Ok(bytes) }).boxed(),
            Self::Stream { stream, .. } => stream,
            Self::Beside(name) => futures::stream::once(async move { Err(not_here(&name)) }).boxed(),
        }
    }

    /// Collects a stream into memory; answers how many bytes there are. The caller has checked the size against its
    /// limit; a stream whose size is not known, or that yields more or less than it promised, is an internal fault.
    pub async fn collect(&mut self) -> Outcome<u64> {
        let (size, stream) = match self {
            Self::Inline(data) => return Ok(data.0.len() as u64),
            Self::Stream { size: Some(size), stream } => (*size, stream),
            Self::Stream { size: None, .. } => {
                return Err(Fault::internal("a stream of unknown size was to be collected"));
            }
            Self::Beside(name) => return Err(not_here(name)),
        };
        let mut bytes = BytesMut::with_capacity(usize::try_from(size).unwrap_or(0));
        while let Some(part) = stream.next().await {
            bytes.extend_from_slice(&part?);
            if bytes.len() as u64 > size {
                break;
            }
        }
        if bytes.len() as u64 != size {
            return Err(Fault::internal(format_args!("a stream of {size} bytes yielded {}", bytes.len())));
        }
        *self = Self::Inline(Data(bytes.freeze()));
        Ok(size)
    }
}

fn not_here(name: &str) -> Fault {
    Fault::internal(format_args!("the bytes of {name} travel beside the document and were wanted within it"))
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.0.len())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size() {
            Some(size) => write!(f, "Payload({size} bytes)"),
            None => f.write_str("Payload(bytes yet to come)"),
        }
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Raw<'a>(&'a [u8]);
        impl Serialize for Raw<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(&base64_simd::STANDARD.encode_to_string(self.0))
                } else {
                    serializer.serialize_bytes(self.0)
                }
            }
        }
        serializer.serialize_newtype_struct(BYTES_TOKEN, &Raw(&self.0))
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Data, D::Error> {
                if inner.is_human_readable() { inner.deserialize_str(self) } else { inner.deserialize_byte_buf(self) }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Data, E> {
                let decoded = base64_simd::forgiving_decode_to_vec(text.as_bytes());
                decoded.map(|bytes| Data(bytes.into())).map_err(|_| E::custom("the text is not base64"))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Data, E> {
                Ok(Data(Bytes::copy_from_slice(bytes)))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Data, E> {
                Ok(Data(bytes.into()))
            }
        }
        deserializer.deserialize_newtype_struct(BYTES_TOKEN, Visitor)
    }
}

impl JsonSchema for Data {
    fn schema_name() -> Cow<'static, str> {
        "Data".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "contentEncoding": "base64" })
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Inline(data) => data.serialize(serializer),
            Self::Stream { .. } => Err(ser::Error::custom("a stream was not collected before it was written")),
            Self::Beside(name) => serializer.serialize_newtype_struct(BESIDE_TOKEN, name),
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Payload;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Payload, D::Error> {
                Data::deserialize(inner).map(Payload::Inline)
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Payload, E> {
                Ok(Payload::Inline(Data(bytes.into())))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Payload, E> {
                Ok(Payload::Beside(name.to_owned()))
            }
        }
        deserializer.deserialize_newtype_struct(BESIDE_TOKEN, Visitor)
    }
}

impl JsonSchema for Payload {
    fn schema_name() -> Cow<'static, str> {
        Data::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Data::json_schema(generator)
    }
}
