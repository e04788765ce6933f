//! Uploads in parts: which are under way, what they may take together, and what became of them.
//!
//! A script on a bad line sends a large content in parts, repeats the one whose answer it missed, and goes on after a
//! restart of either side. `store/upload/` keeps the bytes; here is decided who gets room (`room.rs`), and what nobody
//! comes back for is given up (`expiry.rs`).

mod expiry;
mod room;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use uuid::Uuid;

use crate::{
    model::{ByteStream, Content, Fault, Outcome, Sha256, Time, Upload as Record},
    store::{CommittedUpload, NewContent, Store, Upload},
};

/// Bytes that a caller had better send at once: few calls for a large content, and little to send again.
const CHUNK: u64 = 8 << 20;

/// What uploads may take.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Uploads under way, `limits.uploads`.
    pub uploads: usize,
    /// Bytes that they may have together, `limits.upload_bytes`.
    pub bytes: u64,
    /// Bytes of data in one request, `limits.inline_bytes`.
    pub inline_bytes: u64,
    /// How long one is kept that nobody works on, and how long a committed one is remembered.
    pub expire: Duration,
}

/// The uploads of this node.
pub struct Uploads {
    store: Arc<Store>,
    policy: Policy,
    kept: Mutex<Kept>,
    /// Held by whoever begins one, so that the limits hold exactly.
    beginning: tokio::sync::Mutex<()>,
}

/// The uploads by their ids, which are in the order in which they were begun.
#[derive(Default)]
struct Kept {
    under_way: BTreeMap<String, Arc<UnderWay>>,
    /// Remembered, so that a commit whose answer was missed can be asked for again.
    committed: BTreeMap<String, CommittedUpload>,
}

struct UnderWay {
    upload: Arc<Upload>,
    /// Held by whoever ends it; a second commit waits here for what the first one did.
    ending: tokio::sync::Mutex<()>,
}

impl Uploads {
    /// The uploads as they were kept, and a task that lets abandoned ones expire as long as somebody holds this.
    pub async fn restore(store: Arc<Store>, policy: Policy) -> Outcome<Arc<Self>> {
        let (under_way, committed) = store.uploads().await?;
        let kept = Kept {
            under_way: under_way.into_iter().map(UnderWay::new).collect(),
            committed: committed.into_iter().map(|upload| (upload.id.clone(), upload)).collect(),
        };
        let beginning = tokio::sync::Mutex::default();
        let uploads = Arc::new(Self { store, policy, kept: Mutex::new(kept), beginning });
        uploads.start_expiry();
        Ok(uploads)
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// InvalidRequest that names a label, TooLarge when `size` is above what all uploads together may have,
    /// LimitExceeded when too many are under way.
    pub async fn begin(self: &Arc<Self>, new: NewContent, size: Option<u64>) -> Outcome<Record> {
        let uploads = Arc::clone(self);
        to_its_end(async move {
            new.check()?;
            let _turn = uploads.beginning.lock().await;
            uploads.has_room_for(size)?;
            let upload = uploads.store.begin_upload(Uuid::now_v7().simple().to_string(), new, size).await?;
            let record = uploads.record(&upload);
            uploads.kept().under_way.extend([UnderWay::new(upload)]);
            Ok(record)
        })
        .await
    }

    /// Takes a part of an upload in.
    ///
    /// # Errors
    /// NotFound for an unknown upload, as in all that follow; Conflict for one that is committed, LimitExceeded when
    /// all uploads together have as many bytes as they may, otherwise as [`Upload::append`].
    pub async fn append(self: &Arc<Self>, id: &str, offset: u64, data: ByteStream) -> Outcome<Record> {
        let Some(entry) = self.find(id)? else { return Err(Fault::conflict(format!("upload {id} is committed"))) };
        entry.upload.append(offset, self.metered(&entry.upload, data)).await?;
        Ok(self.record(&entry.upload))
    }

    /// Makes a content of an upload; asked for again, it answers the same content. Goes on when the caller leaves.
    ///
    /// # Errors
    /// As [`Upload::commit`]; Conflict when what it became was unpublished since.
    pub async fn commit(self: &Arc<Self>, id: &str, sha256: Option<Sha256>) -> Outcome<Arc<Content>> {
        let (uploads, entry, id) = (Arc::clone(self), self.find(id)?, id.to_owned());
        to_its_end(async move {
            if let Some(entry) = entry {
                let _turn = entry.ending.lock().await;
                if !uploads.kept().committed.contains_key(&id) {
                    let content = entry.upload.commit(sha256).await?;
                    uploads.remember(id, &content, sha256).await;
                    return Ok(content);
                }
            }
            uploads.commit_again(&id, sha256).await
        })
        .await
    }

    /// Gives an upload up and frees its room; false when there was none.
    ///
    /// # Errors
    /// Conflict when it is committed.
    pub async fn abort(self: &Arc<Self>, id: &str) -> Outcome<bool> {
        let committed = || Fault::conflict(format!("upload {id} is committed; content.unpublish takes it back"));
        let Ok(entry) = self.find(id) else { return Ok(false) };
        let entry = entry.ok_or_else(committed)?;
        let (uploads, committed) = (Arc::clone(self), committed());
        to_its_end(async move {
            let _turn = entry.ending.lock().await;
            if uploads.kept().committed.contains_key(entry.upload.id()) {
                return Err(committed);
            }
            uploads.give_up(&entry.upload).await
        })
        .await
    }

    /// Ends an upload that its holder may end.
    async fn give_up(&self, upload: &Upload) -> Outcome<bool> {
        upload.discard().await?;
        Ok(self.kept().under_way.remove(upload.id()).is_some())
    }

    /// Notes that an upload became a content.
    async fn remember(&self, id: String, content: &Content, sha256: Option<Sha256>) {
        let content_id = content.content_id.clone();
        let committed = CommittedUpload { id: id.clone(), content_id, sha256, committed: Time::now() };
        {
            let mut kept = self.kept();
            kept.under_way.remove(&id);
            kept.committed.insert(id, committed);
        }
        self.forget_surplus().await;
    }

    /// What an earlier commit has answered.
    async fn commit_again(&self, id: &str, sha256: Option<Sha256>) -> Outcome<Arc<Content>> {
        let known = self.kept().committed.get(id).cloned();
        let known = known.ok_or_else(|| unknown(id))?;
        match (sha256, known.sha256) {
            (Some(wanted), Some(found)) if wanted != found => {
                return Err(Fault::invalid(format!("sha256 is {wanted}, and upload {id} was committed with {found}")));
            }
            (Some(_), None) => {
                let message =
                    format!("upload {id} is committed without a sha256, and is not compared with one any more");
                return Err(Fault::conflict(message));
            }
            _ => {}
        }
        let content = self.store.get(&known.content_id).await?;
        content
            .ok_or_else(|| Fault::conflict(format!("upload {id} is committed, and its content was unpublished since")))
    }

    fn record(&self, upload: &Upload) -> Record {
        let chunk = CHUNK.min(self.policy.inline_bytes).max(1);
        Record {
            upload_id: upload.id().to_owned(),
            received: upload.received(),
            chunk_size: u32::try_from(chunk).unwrap_or(u32::MAX),
        }
    }

    /// The upload of that id if it is under way, none if it is committed.
    fn find(&self, id: &str) -> Outcome<Option<Arc<UnderWay>>> {
        let kept = self.kept();
        match kept.under_way.get(id) {
            Some(entry) => Ok(Some(Arc::clone(entry))),
            None if kept.committed.contains_key(id) => Ok(None),
            None => Err(unknown(id)),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    fn new(upload: Arc<Upload>) -> (String, Arc<Self>) {
        (upload.id().to_owned(), Arc::new(Self { upload, ending: tokio::sync::Mutex::default() }))
    }
}

fn unknown(id: &str) -> Fault {
    let shown: String = id.chars().take(64).collect();
    Fault::not_found(format!("there is no upload {shown:?}; one that nobody works on for long expires, so begin anew"))
}

/// Runs a change to its end even when the caller goes away, so that the catalogue and the memory say the same.
async fn to_its_end<T: Send + 'static>(change: impl Future<Output = Outcome<T>> + Send + 'static) -> Outcome<T> {
    tokio::spawn(change).await.map_err(Fault::internal)?
}
