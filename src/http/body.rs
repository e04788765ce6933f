//! Request bodies: whole ones for the bindings, streamed ones for `/content` and for attachments.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use futures::{StreamExt, stream};
use tokio::sync::Mutex;

use super::{coding::Coding, pace::Paced};
use crate::model::{ByteStream, Fault, Limits, Outcome};

/// Bytes of gzip that are decoded before other tasks get their turn; they become at most a thousand times as many.
const DECODED_AT_ONCE: usize = 4 << 10;

/// Most bytes of a body that is read only to be dropped, and how long that may take.
const DISCARDED: u64 = 64 << 10;
const DISCARD_TIME: Duration = Duration::from_secs(2);
/// How long the rest of a body is read after its request was refused, and how long a caller may be silent meanwhile:
/// one who is silent is listening.
const READ_OUT: Duration = Duration::from_secs(10);
const READ_OUT_SILENCE: Duration = Duration::from_millis(500);

/// Reads a whole body, as large as `limits.inline_bytes` of data need, decoded.
///
/// # Errors
/// TooLarge when it is larger, Timeout when the caller is too slow, InvalidRequest when the connection breaks or the
/// body is not coded as it says.
pub async fn whole(body: Body, coding: Coding, limits: &Limits) -> Outcome<Bytes> {
    let body = Paced::new(body);
    match coding {
        Coding::Identity => plain(body, limits).await,
        Coding::Gzip => decoded(body, limits).await,
    }
}

async fn plain(mut body: Paced, limits: &Limits) -> Outcome<Bytes> {
    let limit = limits.body_bytes();
    if body.least_size() > limit as u64 {
        return Err(too_large(limits));
    }
    // A small body is one frame, which is taken as it is.
    let Some(first) = body.next().await? else { return Ok(Bytes::new()) };
    let mut rest = BytesMut::new();
    while let Some(part) = body.next().await? {
        if rest.is_empty() {
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&part);
        if rest.len() > limit {
            return Err(too_large(limits));
        }
    }
    let whole = if rest.is_empty() { first } else { rest.freeze() };
    if whole.len() > limit { Err(too_large(limits)) } else { Ok(whole) }
}

/// Reads and drops a body that is not wanted, if it is small and there; false where some of it is left. A connection
/// whose body was read can be kept, so that a caller who waited for a challenge answers it there, and closing over
/// unread bytes may take the answer along.
pub async fn discard(body: Body) -> bool {
    let mut body = Paced::new(body);
    if body.least_size() > DISCARDED {
        return false;
    }
    let read = async {
        let mut left = DISCARDED;
        while let Some(part) = body.next().await.ok()? {
            left = left.checked_sub(part.len() as u64)?;
        }
        Some(())
    };
    matches!(tokio::time::timeout(DISCARD_TIME, read).await, Ok(Some(())))
}

/// The body out of its gzip. Whatever it would become, no more than the limit is ever kept.
async fn decoded(mut body: Paced, limits: &Limits) -> Outcome<Bytes> {
    let (limit, mut received) = (limits.body_bytes(), 0);
    let mut decoder = MultiGzDecoder::new(Decoded { bytes: Vec::new(), limit, is_full: false });
    let refused = |decoder: &MultiGzDecoder<Decoded>, error: io::Error| match decoder.get_ref().is_full {
        true => too_large(limits),
        false => Fault::invalid(format!("the body is not gzip, as Content-Encoding says: {error}")),
    };
    while let Some(part) = body.next().await? {
        received += part.len();
        if received > limit {
            return Err(too_large(limits));
        }
        for piece in part.chunks(DECODED_AT_ONCE) {
            decoder.write_all(piece).map_err(|error| refused(&decoder, error))?;
            tokio::task::yield_now().await;
        }
    }
    decoder.try_finish().map_err(|error| refused(&decoder, error))?;
    Ok(std::mem::take(&mut decoder.get_mut().bytes).into())
}

/// Decoded bytes, within the limit.
struct Decoded {
    bytes: Vec<u8>,
    limit: usize,
    is_full: bool,
}

impl Write for Decoded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.limit {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The body as a stream.
pub fn streamed(body: Body) -> ByteStream {
    let next = |mut body: Paced| async move { Ok(body.next().await?.map(|part| (part, body))) };
    stream::try_unfold(Paced::new(body), next).boxed()
}

/// A body that is read while its request is answered, and of which the answer may leave a rest.
pub struct Shared(Arc<Mutex<Paced>>);

impl Shared {
    /// Shares this body.
    pub fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Paced::new(body))))
    }

    /// The body as a stream.
    pub fn stream(&self) -> ByteStream {
        let next = |body: Arc<Mutex<Paced>>| async move {
            let part = body.lock().await.next().await?;
            Ok(part.map(|part| (part, body)))
        };
        stream::try_unfold(self.0.clone(), next).boxed()
    }

    /// Reads what was left, so that a caller who sends everything before listening gets to hear the answer. False when
    /// that is more than a document may have, or takes too long; then the connection cannot be kept.
    pub async fn read_out(self, limits: &Limits) -> bool {
        let mut left = limits.body_bytes();
        let read = async {
            let mut body = self.0.lock().await;
            while !body.is_at_end() {
                match tokio::time::timeout(READ_OUT_SILENCE, body.next()).await {
                    Ok(Ok(None)) => break,
                    Ok(Ok(Some(part))) if part.len() <= left => left -= part.len(),
                    _ => return false,
                }
            }
            true
        };
        tokio::time::timeout(READ_OUT, read).await.unwrap_or(false)
    }
}

fn too_large(limits: &Limits) -> Fault {
    Fault::too_large(format!(
        "the body is larger than {} bytes, which is what limits.inline_bytes {} allows for; stream large content to PUT \
         /content",
        limits.body_bytes(),
        limits.inline_bytes
    ))
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::*;
    use crate::model::FaultKind;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    async fn read(body: impl Into<Body>, coding: Coding) -> Result<Vec<u8>, FaultKind> {
        let limits = Limits { inline_bytes: 3 << 20, ..Limits::default() };
        whole(body.into(), coding, &limits).await.map(|body| body.to_vec()).map_err(|fault| fault.kind)
    }

    #[tokio::test]
    async fn gzip_is_decoded_within_the_limit_of_any_body() {
        let text = b"<methodCall/>".repeat(1_000);
        assert_eq!(read(gzip(&text), Coding::Gzip).await.unwrap(), text);
        let members = [gzip(b"one"), gzip(b" two")].concat();
        assert_eq!(read(members, Coding::Gzip).await.unwrap(), b"one two");
        let bomb = gzip(&vec![0; 100 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(read(bomb, Coding::Gzip).await, Err(FaultKind::TooLarge));
        let just = vec![b' '; 5 << 20];
        assert_eq!(read(gzip(&just), Coding::Gzip).await.unwrap().len(), just.len());
    }

    #[tokio::test]
    async fn what_is_no_whole_gzip_is_refused() {
        let whole = gzip(b"<methodCall/>");
        let mut forged = whole.clone();
        *forged.last_mut().unwrap() ^= 1;
        for body in [b"<methodCall/>".to_vec(), whole[..whole.len() - 1].to_vec(), forged, [&whole[..], b"x"].concat()]
        {
            assert_eq!(read(body.clone(), Coding::Gzip).await, Err(FaultKind::InvalidRequest), "{body:?}");
        }
    }
}
