//! Learning what foreign contents are: whoever sees all bytes of one pass keeps the native id that they hash to.
//!
//! Nothing is fetched for this, and nothing but the nodes of the tree is kept. From then on both ids name the same bytes,
//! until the other side shows another size or time of the last change.

use std::sync::Arc;

use futures::{StreamExt, stream};

use super::Fetch;
use crate::{
    model::{ContentId, Hit, Outcome},
    store::{Lesson, Seen, Store},
};

/// Takes the bytes of one foreign content as they pass.
pub struct Learner {
    store: Arc<Store>,
    seen: Seen,
    /// None once a byte was missed.
    lesson: Option<Lesson>,
    position: u64,
}

impl Learner {
    /// A learner of a content as the other side shows it at present; none for native content, whose id says all. An empty
    /// one has passed already.
    pub async fn begin(store: &Arc<Store>, seen: Seen) -> Option<Self> {
        if matches!(seen.id, ContentId::Native(_)) {
            return None;
        }
        let mut learner = Self { store: store.clone(), seen, lesson: Some(store.lesson()), position: 0 };
        if learner.seen.size == 0 {
            learner.take(0, &[]).await;
        }
        Some(learner)
    }

    /// Takes bytes of the content. With the last one its native id is kept, before this returns; that this fails is told
    /// to the log alone, since nobody waits for it.
    pub async fn take(&mut self, offset: u64, bytes: &[u8]) {
        let Some(lesson) = &mut self.lesson else { return };
        let taken = if offset == self.position { lesson.take(bytes).is_ok() } else { false };
        self.position += bytes.len() as u64;
        if !taken || self.position > self.seen.size {
            self.lesson = None;
        } else if self.position == self.seen.size
            && let Some(lesson) = self.lesson.take()
            && let Err(fault) = self.conclude(lesson).await
        {
            tracing::warn!(id = %self.seen.id, "its native id could not be kept: {fault}");
        }
    }

    async fn conclude(&self, lesson: Lesson) -> Outcome<()> {
        let learnt = self.store.conclude(lesson).await?;
        self.store.learn(&self.seen, learnt).await
    }
}

/// The fetch of a whole content, of which the native id is learnt when it is a foreign one; `hit` shows it as the other
/// side does.
pub async fn learning(store: &Arc<Store>, hit: &Hit, fetch: Fetch) -> Fetch {
    let seen = Seen { id: hit.content_id.clone(), size: fetch.size, modified: hit.modified };
    let Some(learner) = Learner::begin(store, seen).await else { return fetch };
    let Fetch { size, source, pieces } = fetch;
    let pieces = stream::unfold((pieces, learner), |(mut pieces, mut learner)| async move {
        let piece = pieces.next().await?;
        if let Ok(piece) = &piece {
            learner.take(piece.offset, &piece.data).await;
        }
        Some((piece, (pieces, learner)))
    });
    Fetch { size, source, pieces: pieces.boxed() }
}

/// Holds what was learnt of foreign contents against how hits show them now.
pub async fn recheck<'a>(store: &Store, hits: impl IntoIterator<Item = &'a Hit>) -> Outcome<()> {
    let foreign = hits.into_iter().filter(|hit| !matches!(hit.content_id, ContentId::Native(_)));
    store.recheck_aliases(&foreign.map(seen).collect::<Vec<_>>()).await
}

/// How a hit shows its content.
fn seen(hit: &Hit) -> Seen {
    Seen { id: hit.content_id.clone(), size: hit.size, modified: hit.modified }
}
