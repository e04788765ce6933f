//! A request's body as it comes, from callers who may be slow on purpose: bounded in silence, and in the time that is
//! spent waiting for it altogether.

use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;

use crate::model::{Fault, Outcome};

/// How long a caller may be silent in the middle of a body.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a body may be waited for, whatever its size.
const GRACE: Duration = Duration::from_secs(30);
/// Bytes that earn a body another second. A modem sends more; a caller who sends a byte now and then, to hold a
/// connection and a buffer, does not.
const LEAST_RATE: u64 = 512;

/// A body, and how long it was waited for.
pub struct Paced {
    body: Body,
    waited: Duration,
    received: u64,
}

impl Paced {
    /// A body of which nothing has been read.
    pub fn new(body: Body) -> Self {
        Self { body, waited: Duration::ZERO, received: 0 }
    }

    /// Bytes that are still to come at least.
    pub fn least_size(&self) -> u64 {
        self.body.size_hint().lower()
    }

    /// Whether nothing more comes.
    pub fn is_at_end(&self) -> bool {
        self.body.is_end_stream()
    }

    /// The next data; trailers are passed over. Only the time until it comes is counted, not what is done with it.
    ///
    /// # Errors
    /// Timeout when the caller falls silent or is too slow, InvalidRequest when the connection breaks.
    pub async fn next(&mut self) -> Outcome<Option<Bytes>> {
        loop {
            // What is there already, as small bodies are, needs no clock and no timer.
            let frame = match self.body.frame().now_or_never() {
                Some(frame) => frame,
                None => self.wait().await?,
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Fault::invalid(format!("the body broke off: {error}"))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.received += data.len() as u64;
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    async fn wait(&mut self) -> Outcome<Option<Result<Frame<Bytes>, axum::Error>>> {
        let patience = patience(self.waited, self.received);
        let began = Instant::now();
        let frame = tokio::time::timeout(patience, self.body.frame()).await.map_err(|_| too_slow(patience))?;
        self.waited += began.elapsed();
        Ok(frame)
    }
}

/// How long the next data may take.
fn patience(waited: Duration, received: u64) -> Duration {
    (GRACE + Duration::from_secs(received / LEAST_RATE)).saturating_sub(waited).min(SILENCE)
}

fn too_slow(patience: Duration) -> Fault {
    Fault::timeout(match patience == SILENCE {
        true => format!("no byte of the body came for {} s", SILENCE.as_secs()),
        false => format!("the body comes at less than {LEAST_RATE} bytes a second"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_now_and_then_does_not_hold_a_connection() {
        let seconds = Duration::from_secs;
        assert_eq!(patience(seconds(0), 0), SILENCE);
        assert_eq!(patience(seconds(29), 2), seconds(1));
        assert_eq!(patience(seconds(30), 2), Duration::ZERO);
        assert_eq!(patience(seconds(40), 20 * LEAST_RATE), seconds(10));
        // What came fast may pause.
        assert_eq!(patience(seconds(100), 1 << 20), SILENCE);
    }

    #[tokio::test]
    async fn a_body_comes_whole() {
        let mut body = Paced::new(Body::from("whole"));
        assert_eq!((body.least_size(), body.is_at_end()), (5, false));
        assert_eq!(body.next().await.unwrap().unwrap(), "whole");
        assert_eq!((body.next().await, body.is_at_end()), (Ok(None), true));
    }
}
