//! Request bodies: whole ones for the bindings, streamed ones for `/content`; both bounded in size and in silence.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use http_body::Body as _;
use http_body_util::BodyExt;

use crate::model::{ByteStream, Fault, Limits, Outcome};

/// How long a caller may be silent in the middle of a body.
const SILENCE: Duration = Duration::from_secs(30);

/// Most bytes of a body that is read only to be dropped, and how long that may take.
const DISCARDED: u64 = 64 << 10;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Reads a whole body, as large as `limits.inline_bytes` of data need.
///
/// # Errors
/// TooLarge when it is larger, Timeout when the caller falls silent, InvalidRequest when the connection breaks.
pub async fn whole(mut body: Body, limits: &Limits) -> Outcome<Bytes> {
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
