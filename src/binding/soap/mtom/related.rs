//! A multipart/related body: the root part that holds the envelope, and the attachments around it.
//!
//! What comes in front of the root has to be kept, since nobody knows yet what the envelope refers to. Behind it, the
//! part that the envelope refers to is handed on while it arrives, and only ends well once the whole body has.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};

use super::{
    XOP_MEDIA_TYPE,
    content_type::ContentType,
    head::{Head, bare_id},
    parts::{Part, is_named},
    scanner::Scanner,
    transfer::Decoder,
};
use crate::{
    binding::refusal::shown,
    model::{ByteStream, Fault, Limits, Outcome},
};

/// Most bytes of an attachment that is handed on while it arrives: as many as the store takes of one content.
const MAX_STREAMED: u64 = 4 << 40;

/// The part that holds the envelope.
#[derive(Debug)]
pub struct Root {
    /// The envelope.
    pub document: Bytes,
    /// The part's own Content-Type.
    pub content_type: Option<String>,
    /// Whether the message is MTOM, and not SOAP with Attachments.
    pub is_xop: bool,
    /// The parts that came before it.
    pub before: Vec<Part>,
}

/// The rest of a body whose root has been read.
pub struct Related {
    scanner: Scanner,
    limits: Limits,
    /// Parts that have begun.
    parts: usize,
    /// Bytes that may still be kept or passed over.
    spare: u64,
}

impl Related {
    /// Reads a body up to the end of its root part: the one that `start` names, or else the first.
    ///
    /// # Errors
    /// InvalidRequest for a body without a boundary or a root, TooLarge for one that is larger than the limits.
    pub async fn open(content_type: &ContentType, body: ByteStream, limits: &Limits) -> Outcome<(Root, Self)> {
        let boundary = content_type.parameter("boundary");
        let boundary = boundary.ok_or_else(|| Fault::invalid("the Content-Type multipart/related has no boundary"))?;
        let scanner = Scanner::new(boundary, body)?;
        let mut related = Self { scanner, limits: limits.clone(), parts: 0, spare: limits.inline_bytes };
        related.pass().await?;
        let start = content_type.parameter("start").map(bare_id).filter(|start| !start.is_empty());
        let mut before = Vec::new();
        while let Some(head) = related.next_head().await? {
            if start.is_some_and(|start| start != head.id) {
                before.push(related.keep(head).await?);
                continue;
            }
            let is_xop = [&head.content_type().media_type, content_type.parameter("type").unwrap_or_default()]
                .iter()
                .any(|media_type| media_type.eq_ignore_ascii_case(XOP_MEDIA_TYPE));
            let document = related.root(&head).await?;
            return Ok((Root { document, content_type: head.content_type, is_xop, before }, related));
        }
        Err(Fault::invalid(match start {
            Some(start) => format!("no part has the Content-ID {} that start names as the root", shown(start)),
            None => "the body has no part, and so no envelope".to_owned(),
        }))
    }

    /// The part of that name as a stream, which ends well only when the whole body does. Others are passed over.
    ///
    /// # Errors
    /// InvalidRequest when there is no such part.
    pub async fn attachment(mut self, name: &str) -> Outcome<ByteStream> {
        while let Some(head) = self.next_head().await? {
            if is_named(name, &head.id) {
                return Ok(self.streamed(&head));
            }
            self.pass().await?;
        }
        Err(Fault::invalid(format!("no part has the Content-ID {} that the envelope refers to", shown(name))))
    }

    /// All parts that are left, in memory.
    ///
    /// # Errors
    /// TooLarge when they have more than `limits.inline_bytes`.
    pub async fn keep_all(mut self) -> Outcome<Vec<Part>> {
        let mut parts = Vec::new();
        while let Some(head) = self.next_head().await? {
            parts.push(self.keep(head).await?);
        }
        self.finish().await?;
        Ok(parts)
    }

    /// Reads to the end of the body.
    ///
    /// # Errors
    /// InvalidRequest when it has no end, TooLarge when what nobody wants of it is larger than `limits.inline_bytes`.
    pub async fn finish(&mut self) -> Outcome<()> {
        while self.next_head().await?.is_some() {
            self.pass().await?;
        }
        while let Some(bytes) = self.scanner.epilogue().await? {
            self.spend(bytes.len())?;
        }
        Ok(())
    }

    async fn next_head(&mut self) -> Outcome<Option<Head>> {
        let Some(head) = self.scanner.head(self.limits.mime_header_bytes).await? else { return Ok(None) };
        self.parts += 1;
        let limit = self.limits.mime_parts;
        if self.parts > limit {
            return Err(Fault::too_large(format!("the message has more parts than limits.mime_parts, {limit}")));
        }
        Head::parse(&head).map(Some)
    }

    async fn root(&mut self, head: &Head) -> Outcome<Bytes> {
        let limit = self.limits.body_bytes();
        let too_large = || {
            Fault::too_large(format!(
                "the envelope has more than {limit} bytes, which is what limits.inline_bytes {} allows for",
                self.limits.inline_bytes
            ))
        };
        let mut left = limit as u64;
        collect(&mut self.scanner, head, &mut left).await?.ok_or_else(too_large)
    }

    async fn keep(&mut self, head: Head) -> Outcome<Part> {
        let bytes = collect(&mut self.scanner, &head, &mut self.spare).await?;
        Ok(Part { id: head.id, bytes: bytes.ok_or_else(|| self.over_inline_bytes())? })
    }

    /// Passes over the preamble, or over a part whose head has been read.
    async fn pass(&mut self) -> Outcome<()> {
        while let Some(bytes) = self.scanner.data().await? {
            self.spend(bytes.len())?;
        }
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Outcome<()> {
        self.spare = self.spare.checked_sub(bytes as u64).ok_or_else(|| self.over_inline_bytes())?;
        Ok(())
    }

    fn over_inline_bytes(&self) -> Fault {
        Fault::too_large(format!(
            "the parts beside the one that is streamed have more than limits.inline_bytes, {}; send the envelope first \
             and behind it the one part that it refers to",
            self.limits.inline_bytes
        ))
    }

    fn streamed(self, head: &Head) -> ByteStream {
        let coming = Coming { related: self, decoder: Decoder::new(head.encoding), left: MAX_STREAMED };
        let next = |coming: Option<Coming>| async move {
            let Some(mut coming) = coming else { return Ok(None) };
            match coming.next().await? {
                Some(bytes) => Ok(Some((bytes, Some(coming)))),
                None => Ok(coming.end().await?.map(|rest| (rest, None))),
            }
        };
        stream::try_unfold(Some(coming), next).boxed()
    }
}

/// An attachment that is handed on while it arrives.
struct Coming {
    related: Related,
    decoder: Decoder,
    left: u64,
}

impl Coming {
    async fn next(&mut self) -> Outcome<Option<Bytes>> {
        while let Some(bytes) = self.related.scanner.data().await? {
            let decoded = self.decoder.decode(bytes)?;
            self.left = self.left.checked_sub(decoded.len() as u64).ok_or_else(|| {
                Fault::too_large(format!("a part has more than {MAX_STREAMED} bytes, the most of one content"))
            })?;
            if !decoded.is_empty() {
                return Ok(Some(decoded));
            }
        }
        Ok(None)
    }

    /// The rest of the bytes, once the body has ended as it should: whoever takes the end of this stream for the end of
    /// a content must not be wrong.
    async fn end(&mut self) -> Outcome<Option<Bytes>> {
        let rest = self.decoder.finish()?;
        self.related.finish().await?;
        Ok(Some(rest).filter(|rest| !rest.is_empty()))
    }
}

/// The whole part, in memory; none when it has more than `left` bytes, from which it is taken.
async fn collect(scanner: &mut Scanner, head: &Head, left: &mut u64) -> Outcome<Option<Bytes>> {
    let (mut decoder, mut whole) = (Decoder::new(head.encoding), BytesMut::new());
    while let Some(bytes) = scanner.data().await? {
        let Some(rest) = left.checked_sub(bytes.len() as u64) else { return Ok(None) };
        *left = rest;
        whole.extend_from_slice(&decoder.decode(bytes)?);
    }
    whole.extend_from_slice(&decoder.finish()?);
    Ok(Some(whole.freeze()))
}
