//! Bytes over the binding itself, without a proof: the whole content by content.download with MTOM, ranges by content.read
//! in parts.
//!
//! Whole native contents are kept aside while they are hashed, and for a while afterwards, so that who reads one in parts
//! does not have it fetched again with each of them.

use std::{
    num::NonZeroUsize,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use lru::LruCache;
use tokio::sync::OnceCell;

use super::{
    Far,
    messages::{Chunk, DOWNLOAD, Downloaded, READ, Read, Which},
};
use crate::{
    model::{ByteStream, ContentId, Fault, Outcome, Payload},
    overlay::{
        remote::{Speech, Terms},
        stranger::MAX_CONTENT,
    },
    store::{Aside, Store},
};

/// Bytes of one content.read.
const PART: u32 = 1 << 20;
/// Parts that are under way at once.
const PARTS_AHEAD: usize = 3;
/// A range shorter than this is read in parts, even where the whole content could be streamed.
const SHORT: u64 = 8 << 20;
/// How long the far side may take for one part.
const READ_PATIENCE: Duration = Duration::from_secs(30);
/// What a call may take beyond that.
const MARGIN: Duration = Duration::from_secs(5);
/// How long a download may take to begin.
const BEGIN: Duration = Duration::from_secs(60);
/// Contents that are kept aside, and the largest one.
const MAX_ASIDE: NonZeroUsize = NonZeroUsize::new(4).unwrap();
const MAX_SIZE: u64 = 16 << 30;

/// A content kept aside, or on its way there; whoever comes meanwhile waits for it.
type Place = Arc<OnceCell<Arc<Aside>>>;

/// The contents that are kept aside.
pub(super) struct Unproved {
    store: Arc<Store>,
    places: Mutex<LruCache<[u8; 32], Place>>,
}

impl Unproved {
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, places: Mutex::new(LruCache::new(MAX_ASIDE)) }
    }

    /// The whole content, proved.
    ///
    /// # Errors
    /// Unavailable when it is not what its id says, TooLarge for one that is not kept aside.
    pub async fn aside(&self, far: &Far, id: &ContentId, hash: [u8; 32], journey: &str) -> Outcome<Arc<Aside>> {
        let place = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.get_or_insert(hash, Place::default).clone()
        };
        let fetch = async {
            let Delivered { size, bytes } = deliver(far, id, 0..u64::MAX, journey).await?;
            if size > MAX_SIZE {
                return Err(Fault::too_large(format!(
                    "{}: content {id} has {size} bytes, and without a proof of each of them at most {MAX_SIZE} are taken; \
                     have that gateway updated",
                    far.remote.place()
                )));
            }
            self.store.keep_aside(hash, size, bytes).await
        };
        let kept = place.get_or_try_init(|| fetch).await.cloned();
        if kept.is_err() {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            if places.peek(&hash).is_some_and(|kept| Arc::ptr_eq(kept, &place) && !kept.initialized()) {
                places.pop(&hash);
            }
        }
        kept
    }
}

/// Bytes as the far side sends them.
pub(super) struct Delivered {
    /// Of the whole content.
    pub size: u64,
    /// The range that was asked for, cut at the content's end.
    pub bytes: ByteStream,
}

/// Has a range delivered, as a stream where it is long, begins with the first byte and the binding can.
pub(super) async fn deliver(far: &Far, id: &ContentId, range: Range<u64>, journey: &str) -> Outcome<Delivered> {
    let streams = far.remote.address().speech() == Speech::Soap;
    if streams && range.start == 0 && range.end >= SHORT {
        match download(far, id, range.end, journey).await {
            // Within XML it is too much, or that side knows no such operation; in parts it may come all the same.
            Err(fault) => tracing::debug!(overlay = far.name, "{fault}"),
            delivered => return delivered,
        }
    }
    in_parts(far, id, range, journey).await
}

async fn download(far: &Far, id: &ContentId, end: u64, journey: &str) -> Outcome<Delivered> {
    let terms = Terms { within: BEGIN, journey: Some(journey) };
    let answer = far.remote.call_streamed(&DOWNLOAD, &Which { content_id: id }, &terms, payload).await;
    let Downloaded { size, data } = far.health.note(answer)?;
    let unknown = || Fault::unavailable(format!("{}: content.download does not say the size", far.remote.place()));
    let size = size.or(data.size()).filter(|size| *size <= MAX_CONTENT).ok_or_else(unknown)?;
    let place = far.remote.place().to_owned();
    Ok(Delivered { size, bytes: exactly(place, data.into_stream(), size, size.min(end)) })
}

fn payload(downloaded: &mut Downloaded) -> &mut Payload {
    &mut downloaded.data
}

/// The first `wanted` bytes of a stream of `size`; a fault where it has fewer, or more.
fn exactly(place: String, bytes: ByteStream, size: u64, wanted: u64) -> ByteStream {
    let next = move |(mut bytes, position): (ByteStream, u64)| {
        let place = place.clone();
        async move {
            if position >= wanted && wanted < size {
                return Ok(None);
            }
            let wrong = || Fault::unavailable(format!("{place}: the content has another size than was stated"));
            match bytes.try_next().await? {
                Some(mut part) => {
                    let end = position + part.len() as u64;
                    if end > size {
                        return Err(wrong());
                    }
                    part.truncate(usize::try_from(wanted.saturating_sub(position)).unwrap_or(usize::MAX));
                    Ok(Some((part, (bytes, end))))
                }
                None if position == size => Ok(None),
                None => Err(wrong()),
            }
        }
    };
    stream::try_unfold((bytes, 0), next).boxed()
}

/// The range part by part, a few of them under way.
async fn in_parts(far: &Far, id: &ContentId, range: Range<u64>, journey: &str) -> Outcome<Delivered> {
    let remote = far.remote.clone();
    let health = far.health.clone();
    let (id, journey) = (id.clone(), journey.to_owned());
    let read = move |offset: u64, end: u64| {
        let (remote, health, id, journey) = (remote.clone(), health.clone(), id.clone(), journey.clone());
        async move {
            let length = u32::try_from(end.saturating_sub(offset)).unwrap_or(u32::MAX).min(PART);
            let timeout_ms = u32::try_from(READ_PATIENCE.as_millis()).unwrap_or(0);
            let input = Read { content_id: &id, offset, length, timeout_ms };
            let terms = Terms { within: READ_PATIENCE + MARGIN, journey: Some(&journey) };
            let chunk: Chunk = health.note(remote.call(&READ, &input, &terms).await)?;
            let odd = |what: &str| Fault::unavailable(format!("{}: content.read answers {what}", remote.place()));
            if chunk.offset.is_some_and(|told| told != offset) {
                return Err(odd("bytes from another place"));
            }
            if chunk.data.0.len() > length as usize {
                return Err(odd("more bytes than were asked for"));
            }
            Outcome::Ok(chunk)
        }
    };
    let first = read(range.start, range.end).await?;
    let length = first.data.0.len() as u64;
    let here = range.start.saturating_add(length);
    let unknown = || Fault::unavailable(format!("{}: content.read does not say the size", far.remote.place()));
    let size = first.size.or(first.eof.then_some(here)).filter(|size| *size <= MAX_CONTENT).ok_or_else(unknown)?;
    let end = range.end.min(size);
    let place: Arc<str> = far.remote.place().into();
    let rest = stream::iter((here..end).step_by(PART as usize)).map(move |offset| {
        let (part, place, want) = (read(offset, end), place.clone(), (end - offset).min(PART.into()));
        async move {
            let Chunk { data, size: told, .. } = part.await?;
            let same = told.is_none_or(|told| told == size) && data.0.len() as u64 == want;
            same.then_some(data.0)
                .ok_or_else(|| Fault::unavailable(format!("{place}: the content changed while it was read")))
        }
    });
    let short = length < (end.saturating_sub(range.start)).min(PART.into());
    let first: Outcome<Bytes> = match short {
        true => {
            Err(Fault::unavailable(format!("{}: content.read answers fewer bytes than there are", far.remote.place())))
        }
        false => Ok(first.data.0),
    };
    let first = first?;
    let bytes = stream::once(async { Ok(first) }).chain(rest.buffered(PARTS_AHEAD)).boxed();
    Ok(Delivered { size, bytes })
}
