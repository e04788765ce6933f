//! A message with its bytes beside it: XOP in multipart/related, whose size is known before the first byte is pulled.

use bytes::Bytes;
use futures::{StreamExt, stream};
use uuid::Uuid;

use super::XOP_MEDIA_TYPE;
use crate::{
    binding::{Body, soap::Version},
    model::{ByteStream, Fault, Outcome, Payload},
};

/// Bytes that were taken out of a record, to be sent beside its document.
pub struct Attachment {
    name: String,
    payload: Payload,
}

impl Attachment {
    /// Takes the bytes out and leaves their name, which the document is then written with.
    pub fn take_out(payload: &mut Payload) -> Self {
        let name = format!("data.{}@peergate", Uuid::now_v7().simple());
        let payload = std::mem::replace(payload, Payload::Beside(name.clone()));
        Self { name, payload }
    }

    /// The content type and the body of the message with this envelope. A stream that yields another number of bytes
    /// than it promised ends in a fault before the closing boundary, so that no part of it looks whole.
    ///
    /// # Errors
    /// Internal for a stream whose size is not known.
    pub fn beside(self, version: Version, envelope: &str) -> Outcome<(String, Body)> {
        let Self { name, payload } = self;
        let unknown = || Fault::internal("the size of a stream that was to be an XOP part is not known");
        let length = payload.size().ok_or_else(unknown)?;
        // 74 bits of it are random and made after the bytes were published, so that these cannot hold the boundary.
        let boundary = format!("peergate.{}", Uuid::now_v7().simple());
        let root = format!("envelope.{}@peergate", Uuid::now_v7().simple());
        let envelope_type = version.media_type();
        let content_type = format!(
            "multipart/related; type=\"{XOP_MEDIA_TYPE}\"; boundary=\"{boundary}\"; start=\"<{root}>\"; \
             start-info=\"{envelope_type}\""
        );
        // The encoding's case means nothing (RFC 2045, 6.1), but zeep 4 takes line ends off both ends of a part whose
        // encoding reads exactly `binary`.
        let front = format!(
            "--{boundary}\r\nContent-Type: {XOP_MEDIA_TYPE}; charset=UTF-8; type=\"{envelope_type}\"\r\n\
             Content-Transfer-Encoding: 8bit\r\nContent-ID: <{root}>\r\n\r\n{envelope}\r\n\
             --{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: BINARY\r\n\
             Content-ID: <{name}>\r\n\r\n"
        );
        let back = format!("\r\n--{boundary}--\r\n");
        let size = front.len() as u64 + length + back.len() as u64;
        let text = |text: String| stream::iter([Ok(Bytes::from(text))]);
        let stream = text(front).chain(exactly(length, payload.into_stream())).chain(text(back));
        Ok((content_type, Body::Stream { size, stream: until_fault(stream.boxed()) }))
    }
}

/// The stream, with a fault in the place of its end or of its surplus when it does not yield so many bytes.
fn exactly(length: u64, stream: ByteStream) -> ByteStream {
    let next = move |(mut stream, left): (ByteStream, u64)| async move {
        let wrong = || Fault::internal(format_args!("a stream of {length} bytes yielded another number of them"));
        match (stream.next().await.transpose()?, left) {
            (Some(bytes), left) => {
                let left = left.checked_sub(bytes.len() as u64).ok_or_else(wrong)?;
                Ok(Some((bytes, (stream, left))))
            }
            (None, 0) => Ok(None),
            (None, _) => Err(wrong()),
        }
    };
    stream::try_unfold((stream, length), next).boxed()
}

/// The stream up to its first fault, behind which nothing may look like the rest.
fn until_fault(stream: ByteStream) -> ByteStream {
    let next =
        |mut stream: ByteStream| async move { Ok(stream.next().await.transpose()?.map(|bytes| (bytes, stream))) };
    stream::try_unfold(stream, next).boxed()
}
