//! `content.*`: what this node shares, and the bytes of anything that it or a peer has.

use std::{ops::Range, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GRACE, Operation};
use crate::{
    model::{Bounded, ByteStream, Content, ContentId, Done, Fault, Journey, Outcome, Payload, Query},
    service::Services,
    store::{Changes, NewContent},
};

/// Publishes bytes under a name, in all overlays or in those named, and answers the content.
///
/// Large content is better streamed, as an MTOM part or to PUT /content. The same bytes published again are the same
/// content under the new name.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Publish {
    /// The name to find it by; text for people, never a path.
    #[schemars(example = &"minutes.txt")]
    pub name: String,
    /// The bytes.
    pub data: Payload,
    /// The media type; taken from the name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"text/plain")]
    pub media_type: Option<String>,
    /// A sentence about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Only in these overlays; in all when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = ["home"])]
    pub overlays: Vec<String>,
}

impl Operation for Publish {
    const NAME: &'static str = "content.publish";
    const HAS_EFFECT: bool = true;
    type Output = Content;

    fn deadline(&self) -> Duration {
        UPLOAD_DEADLINE
    }

    fn attachment(&mut self) -> Option<&mut Payload> {
        Some(&mut self.data)
    }

    async fn call(self, services: &Arc<Services>) -> Outcome<Content> {
        let overlays = services.overlays.publishing(&self.overlays)?;
        let Self { name, media_type, description, tags, .. } = self;
        let new = NewContent { name, media_type, description, tags, overlays };
        let content = services.store.publish(new, self.data.into_stream()).await?;
        Ok(Content::clone(&content))
    }
}

/// How long a publisher may take to send all of its bytes.
pub(super) const UPLOAD_DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// Lists the contents of this node, those that match a query or all.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct List {
    /// Only contents that match; as in search.find.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"minutes")]
    pub query: Option<String>,
    /// Most contents wanted.
    #[serde(default)]
    pub limit: Bounded<50, 1, 500>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"42")]
    pub after: Option<String>,
}

/// A page of contents.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentPage {
    /// The contents.
    #[serde(default)]
    pub contents: Vec<Arc<Content>>,
    /// What to pass as `after` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Operation for List {
    const NAME: &'static str = "content.list";
    const HAS_EFFECT: bool = false;
    type Output = ContentPage;

    async fn call(self, services: &Arc<Services>) -> Outcome<ContentPage> {
        let limit = self.limit.count();
        let query = self.query.map(|text| Query::parse(&text, limit)).transpose()?;
        let (contents, next) = services.store.list(query.as_ref(), self.after.as_deref(), limit).await?;
        Ok(ContentPage { contents, next })
    }
}

/// Answers what is known of one content, here or in the overlays.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Describe {
    /// The content.
    pub content_id: ContentId,
    /// The way that the question has come; a caller that is no gateway tells none.
    #[serde(skip)]
    pub journey: Option<Journey>,
}

impl Operation for Describe {
    const NAME: &'static str = "content.describe";
    const HAS_EFFECT: bool = false;
    type Output = Content;

    async fn call(self, services: &Arc<Services>) -> Outcome<Content> {
        services.contents.describe(&self.content_id, self.journey.as_ref()).await
    }

    fn journey(&mut self) -> Option<&mut Option<Journey>> {
        Some(&mut self.journey)
    }
}

/// Changes the name, media type, description or tags of a content of this node; what is absent stays.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Update {
    /// The content.
    pub content_id: ContentId,
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"minutes.txt")]
    pub name: Option<String>,
    /// The new media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"text/plain")]
    pub media_type: Option<String>,
    /// The new description; an empty one removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The new tags, in place of all old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

impl Operation for Update {
    const NAME: &'static str = "content.update";
    const HAS_EFFECT: bool = true;
    type Output = Content;

    async fn call(self, services: &Arc<Services>) -> Outcome<Content> {
        let Self { content_id, name, media_type, description, tags } = self;
        let content = services.store.update(&content_id, Changes { name, media_type, description, tags }).await?;
        Ok(Content::clone(&content))
    }
}

/// Takes a content out of every overlay. Published bytes are removed; a file that is shared in place stays where it
/// is and is no longer shared.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unpublish {
    /// The content.
    pub content_id: ContentId,
}

impl Operation for Unpublish {
    const NAME: &'static str = "content.unpublish";
    const HAS_EFFECT: bool = true;
    type Output = Done;

    async fn call(self, services: &Arc<Services>) -> Outcome<Done> {
        Ok(Done { done: services.store.unpublish(&self.content_id).await? })
    }
}

/// Reads a part of a content, verified; bytes that are not here yet are fetched, just the range asked for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Read {
    /// The content.
    pub content_id: ContentId,
    /// Where to begin, in bytes.
    #[serde(default)]
    pub offset: u64,
    /// Most bytes wanted.
    #[serde(default)]
    pub length: Bounded<1048576, 0, 16777216>,
    /// Milliseconds to wait for the bytes.
    #[serde(default)]
    pub timeout_ms: Bounded<30000, 0, 600000>,
    /// The way that the question has come; a caller that is no gateway tells none.
    #[serde(skip)]
    pub journey: Option<Journey>,
}

/// A part of a content.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Chunk {
    /// The bytes; fewer than asked for only at the end.
    pub data: Payload,
    /// Where they begin.
    pub offset: u64,
    /// Bytes of the whole content.
    pub size: u64,
    /// Whether the content ends with these bytes.
    pub eof: bool,
}

impl Operation for Read {
    const NAME: &'static str = "content.read";
    const HAS_EFFECT: bool = false;
    type Output = Chunk;

    fn deadline(&self) -> Duration {
        self.timeout_ms.millis() + GRACE
    }

    async fn call(self, services: &Arc<Services>) -> Outcome<Chunk> {
        let end = self.offset.saturating_add(self.length.get().into());
        let read = async {
            let (content, mut payload) =
                services.contents.open(&self.content_id, self.offset..end, self.journey.as_ref()).await?;
            let length = payload.collect().await?;
            Outcome::Ok((content.size, payload, length))
        };
        let in_time = tokio::time::timeout(self.timeout_ms.millis(), read).await;
        let (size, data, length) = in_time
            .map_err(|_| Fault::timeout(format!("no source delivered within timeoutMs {}", self.timeout_ms.get())))??;
        let eof = self.offset.saturating_add(length) >= size;
        Ok(Chunk { data, offset: self.offset, size, eof })
    }

    fn journey(&mut self) -> Option<&mut Option<Journey>> {
        Some(&mut self.journey)
    }

    fn payload(answer: &mut Chunk) -> Option<&mut Payload> {
        Some(&mut answer.data)
    }
}

/// Answers a content whole, verified: of any size as an MTOM part. Within XML or JSON it may have limits.inline_bytes;
/// larger content is read in parts with content.read, or streamed from /content/{contentId}.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Download {
    /// The content.
    pub content_id: ContentId,
    /// The way that the question has come; a caller that is no gateway tells none.
    #[serde(skip)]
    pub journey: Option<Journey>,
}

/// A content whole. Named `Download` on every binding.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename = "Download")]
#[schemars(rename = "Download")]
pub struct Downloaded {
    /// The content's name. Text for people, never a path.
    pub name: String,
    /// The media type.
    pub media_type: String,
    /// Bytes of the content.
    pub size: u64,
    /// The bytes.
    pub data: Payload,
}

impl Operation for Download {
    const NAME: &'static str = "content.download";
    const HAS_EFFECT: bool = false;
    type Output = Downloaded;

    async fn call(self, services: &Arc<Services>) -> Outcome<Downloaded> {
        let (content, data) = services.contents.open(&self.content_id, 0..u64::MAX, self.journey.as_ref()).await?;
        Ok(Downloaded { name: content.name, media_type: content.media_type, size: content.size, data })
    }

    fn journey(&mut self) -> Option<&mut Option<Journey>> {
        Some(&mut self.journey)
    }

    fn payload(answer: &mut Downloaded) -> Option<&mut Payload> {
        Some(&mut answer.data)
    }
}

/// What `/content/{contentId}` answers: the record, and the bytes of a range of it as a stream. A range that reaches
/// beyond the end is cut there.
///
/// # Errors
/// NotFound or Unavailable when nobody delivers.
pub async fn open(
    services: &Arc<Services>,
    id: &ContentId,
    range: Range<u64>,
    journey: Option<&Journey>,
) -> Outcome<(Content, ByteStream)> {
    let (content, payload) = services.contents.open(id, range, journey).await?;
    Ok((content, payload.into_stream()))
}

/// What `/content/{contentId}` answers to a gateway: the size of the content and a range of it with its proof, as
/// docs/protocols.md says.
///
/// # Errors
/// NotFound or Unavailable when nobody delivers, Unsupported for what has no proof.
pub async fn prove(
    services: &Arc<Services>,
    id: &ContentId,
    range: Range<u64>,
    journey: Option<&Journey>,
) -> Outcome<ByteStream> {
    Ok(services.contents.prove(id, range, journey).await?.stream)
}
