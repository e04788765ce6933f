//! Entries by their native id, once that was learnt: their bytes are proved against the tree as they come.
//!
//! The nodes of the tree are usually here, since whoever learnt the id kept them. Where they are not, or do not fit the
//! bytes, the entry is read whole and hashed first, and handed out only when it is still the same content.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::{
    Catalogue,
    reading::{PieceStream, first_length, whole_groups},
};
use crate::{
    model::{ContentId, Fault, Hit, Outcome, Piece},
    overlay::Fetch,
    store::{Alias, Proof, Seen, Walk},
};

/// Largest entry that is read whole for the sake of its hash.
const MAX_LESSON: u64 = 4 << 30;

impl Catalogue {
    /// The hit of the entry that has these bytes.
    pub(super) async fn locate_native(&self, hash: &[u8; 32]) -> Outcome<Hit> {
        for (id, entry, _) in self.entries_of(hash).await? {
            let hit = self.locate(&entry, &id).await?;
            // What it shows may have ended the alias.
            if self.store.alias(&id).await?.is_some_and(|alias| alias.hash == *hash) {
                return Ok(Hit { content_id: ContentId::Native(*hash), ..hit });
            }
        }
        Err(self.nowhere(hash))
    }

    /// The proved pieces of a range of the entry that has these bytes.
    pub(super) async fn fetch_native(self: &Arc<Self>, hash: &[u8; 32], range: Range<u64>) -> Outcome<Fetch> {
        for (id, entry, alias) in self.entries_of(hash).await? {
            let known = self.store.proof_of(&alias).await;
            let fetched = match known {
                Some(proof) => self.fetch_proved(&id, &entry, &alias, proof, range.clone()).await?,
                None => None,
            };
            if let Some(fetch) = fetched {
                return Ok(fetch);
            }
            if let Some(proof) = self.learn_again(&id, &entry, &alias).await?
                && let Some(fetch) = self.fetch_proved(&id, &entry, &alias, proof, range.clone()).await?
            {
                return Ok(fetch);
            }
        }
        Err(self.nowhere(hash))
    }

    /// The entries of this catalogue that turned out to have these bytes.
    async fn entries_of(&self, hash: &[u8; 32]) -> Outcome<Vec<(ContentId, String, Alias)>> {
        let mut entries = Vec::new();
        for id in self.store.foreign_ids(hash).await? {
            if let Ok(entry) = self.entry_of(&id)
                && let Some(alias) = self.store.alias(&id).await?
            {
                let entry = entry.to_owned();
                entries.push((id, entry, alias));
            }
        }
        Ok(entries)
    }

    /// Begins to read the range; none when what comes first does not fit.
    async fn fetch_proved(
        self: &Arc<Self>,
        id: &ContentId,
        entry: &str,
        alias: &Alias,
        proof: Proof,
        range: Range<u64>,
    ) -> Outcome<Option<Fetch>> {
        let range = proof.covering(&range);
        let first = self.read(entry, range.start, first_length(&range)).await?;
        if first.size != alias.size {
            return Ok(None);
        }
        let (walk, proved) = prove(proof.walk(&range), first.bytes.clone()).await?;
        let Ok(proved) = proved else { return Ok(None) };
        // The first part is proved already; the rest is while it comes.
        let mut parts = self.parts(entry, first, range);
        let _ = parts.next().await;
        let about = (self.clone(), id.clone());
        let rest = stream::try_unfold((walk, parts, about), |(walk, mut parts, about)| async move {
            let Some(bytes) = parts.try_next().await? else { return Outcome::Ok(None) };
            let (walk, proved) = prove(walk, bytes).await?;
            if proved.is_err() {
                about.0.store.forget_alias(&about.1).await?;
            }
            Ok(Some((stream::iter(proved?.into_iter().map(Outcome::Ok)), (walk, parts, about))))
        });
        let pieces: PieceStream = stream::iter(proved.into_iter().map(Ok)).chain(rest.try_flatten()).boxed();
        Ok(Some(Fetch { size: alias.size, source: self.remote.place().to_owned(), pieces }))
    }

    /// Reads an entry whole and learns what it is now: what proves it, if that is still the same. Once begun it runs to its
    /// end, even when nobody waits that long: whoever asks next finds the nodes.
    async fn learn_again(self: &Arc<Self>, id: &ContentId, entry: &str, alias: &Alias) -> Outcome<Option<Proof>> {
        let Ok(turn) = self.learning.clone().try_lock_owned() else {
            return Err(Fault::unavailable(format!("{}: an entry is being proved; try again", self.remote.place())));
        };
        let (catalogue, id, entry, alias) = (self.clone(), id.clone(), entry.to_owned(), *alias);
        let lesson = tokio::spawn(async move {
            let _turn = turn;
            catalogue.lesson(&id, &entry, &alias).await
        });
        lesson.await.map_err(Fault::internal)?
    }

    async fn lesson(self: &Arc<Self>, id: &ContentId, entry: &str, alias: &Alias) -> Outcome<Option<Proof>> {
        let first = self.read(entry, 0, first_length(&whole_groups(&(0..alias.size)))).await?;
        let modified = match self.known.get(id) {
            Some((hit, _)) if hit.size == first.size => hit.modified,
            _ => None,
        };
        let seen = Seen { id: id.clone(), size: first.size, modified };
        if first.size > MAX_LESSON || !alias.is_as(&seen) {
            self.store.forget_alias(id).await?;
            return Ok(None);
        }
        let (mut lesson, size) = (self.store.lesson(), first.size);
        let mut parts = self.parts(entry, first, 0..size);
        while let Some(bytes) = parts.try_next().await? {
            lesson.take(&bytes)?;
        }
        let learnt = self.store.conclude(lesson).await?;
        let is_same = learnt.native() == alias.native();
        let proof = is_same.then(|| learnt.proof()).transpose()?;
        self.store.learn(&seen, learnt).await?;
        Ok(proof)
    }

    fn nowhere(&self, hash: &[u8; 32]) -> Fault {
        Fault::not_found(format!("no entry of the catalogue {} is known to be {}", self.name, ContentId::Native(*hash)))
    }
}

/// Proves the next bytes off the async threads, where the nodes are read.
async fn prove(mut walk: Walk, bytes: Bytes) -> Outcome<(Walk, Outcome<Vec<Piece>>)> {
    let proved = tokio::task::spawn_blocking(move || {
        let pieces = walk.prove(bytes);
        (walk, pieces)
    });
    proved.await.map_err(Fault::internal)
}
