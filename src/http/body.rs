//! Request bodies: whole ones for the bindings, streamed ones for `/content`; both bounded in size and in silence.

use std::{
    io::{self, Write},
    time::Duration,
};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use futures::{StreamExt, stream};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::coding::Coding;
use crate::model::{ByteStream, Fault, Limits, Outcome};

/// How long a caller may be silent in the middle of a body.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes of gzip that are decoded before other tasks get their turn; they become at most a thousand times as many.
const DECODED_AT_ONCE: usize = 4 << 10;

/// Most bytes of a body that is read only to be dropped, and how long that may take.
const DISCARDED: u64 = 64 << 10;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Reads a whole body, as large as `limits.inline_bytes` of data need, decoded.
///
/// # Errors
/// TooLarge when it is larger, Timeout when the caller falls silent, InvalidRequest when the connection breaks or the
/// body is not coded as it says.
pub async fn whole(body: Body, coding: Coding, limits: &Limits) -> Outcome<Bytes> {
    match coding {
        Coding::Identity => plain(body, limits).await,
        Coding::Gzip => decoded(body, limits).await,
    }
}

async fn plain(mut body: Body, limits: &Limits) -> Outcome<Bytes> {
    let limit = limits.body_bytes();
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limits));
    }
    // A small body is one frame, which is taken as it is.
    let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
    let mut rest = BytesMut::new();
    while let Some(part) = next(&mut body).await? {
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
pub async fn discard(mut body: Body) -> bool {
    if body.size_hint().lower() > DISCARDED {
        return false;
    }
    let read = async {
        let mut left = DISCARDED;
        while let Some(part) = next(&mut body).await.ok()? {
            left = left.checked_sub(part.len() as u64)?;
        }
        Some(())
    };
    matches!(tokio::time::timeout(DISCARD_TIME, read).await, Ok(Some(())))
}

/// The body out of its gzip. Whatever it would become, no more than the limit is ever kept.
async fn decoded(mut body: Body, limits: &Limits) -> Outcome<Bytes> {
    let (limit, mut received) = (limits.body_bytes(), 0);
    let mut decoder = MultiGzDecoder::new(Decoded { bytes: Vec::new(), limit, is_full: false });
    let refused = |decoder: &MultiGzDecoder<Decoded>, error: io::Error| match decoder.get_ref().is_full {
        true => too_large(limits),
        false => Fault::invalid(format!("the body is not gzip, as Content-Encoding says: {error}")),
    };
    while let Some(part) = next(&mut body).await? {
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
    stream::try_unfold(body, |mut body| async move { Ok(next(&mut body).await?.map(|part| (part, body))) }).boxed()
}

/// The next data of a body; trailers are passed over.
async fn next(body: &mut Body) -> Outcome<Option<Bytes>> {
    loop {
        let frame = tokio::time::timeout(SILENCE, body.frame()).await;
        let frame =
            frame.map_err(|_| Fault::timeout(format!("no byte of the body came for {} s", SILENCE.as_secs())))?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(Fault::invalid(format!("the body broke off: {error}"))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
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
