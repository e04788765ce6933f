//! A legacy system that answers catalog.search and catalog.read (contract, section 9) as an overlay: its entries are found
//! and fetched like anything else.
//!
//! `matching.rs` and `entries.rs` make hits of what it answers, `reading.rs` brings bytes while they come, `aliased.rs`
//! brings and proves them by the native id, once that is known, and `state.rs` says how it fares.

mod aliased;
#[cfg(test)]
mod behaviour;
mod entries;
mod matching;
mod messages;
mod reading;
mod state;

use std::{
    ops::Range,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use futures::{
    StreamExt, TryFutureExt,
    stream::{self, BoxStream},
};
use tokio::{task::JoinHandle, time::timeout};

use self::{
    entries::Known,
    messages::{Page, SEARCH, Search},
    reading::{first_length, whole_groups},
};
use super::{
    Capabilities, Fetch, Found, Located, Overlay,
    learn::recheck,
    remote::{Address, Health, Patience, Remote},
    stranger::{MAX_NAME, bare_hit, harmless},
};
use crate::{
    model::{ContentId, Fault, FaultKind, Hit, Journey, Outcome, Overlay as OverlayRecord, OverlayKind, Peer, Query},
    store::{Seen, Store},
};

/// Most entries that a catalogue is asked for.
const MAX_ENTRIES: usize = 500;
/// How many times the limit is asked for where entries may be left out of the answer.
const SPARE: usize = 4;
/// The longest time for a search; who searches has a deadline of his own.
const SEARCH_TIME: Duration = Duration::from_secs(60);

/// A legacy catalogue.
pub struct Catalog {
    catalogue: Arc<Catalogue>,
    watch: JoinHandle<()>,
}

/// What the overlay and the tasks that read for it share.
struct Catalogue {
    name: String,
    remote: Remote,
    health: Health,
    store: Arc<Store>,
    known: Known,
    bytes_in: AtomicU64,
    /// The time for one part of an entry. The slowest catalogue that can be read sends 16 KiB within it.
    part_time: Duration,
    /// Held by whoever reads an entry whole to learn its native id anew.
    learning: Arc<tokio::sync::Mutex<()>>,
}

impl Catalog {
    /// The catalogue at that address as the overlay of that name. It need not be there yet.
    ///
    /// # Errors
    /// What the TLS library says.
    pub fn start(name: &str, address: Address, patience: Patience, store: Arc<Store>) -> Result<Self, reqwest::Error> {
        let remote = Remote::new(name, address, patience)?;
        let catalogue = Arc::new(Catalogue {
            name: name.to_owned(),
            health: Health::new(remote.place()),
            remote,
            store,
            known: Known::new(),
            bytes_in: AtomicU64::new(0),
            part_time: patience.idle + patience.idle / 2,
            learning: Arc::default(),
        });
        let watch = tokio::spawn(catalogue.clone().watch());
        Ok(Self { catalogue, watch })
    }
}

#[async_trait]
impl Overlay for Catalog {
    fn name(&self) -> &str {
        &self.catalogue.name
    }

    fn id(&self) -> String {
        let hash = blake3::hash(self.catalogue.remote.address().url().as_str().as_bytes()).to_hex();
        format!("catalog:{}", &hash[..32])
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { search: true, fetch: true, publish: false, peers: false }
    }

    fn status(&self) -> OverlayRecord {
        let (state, detail) = self.catalogue.health.state();
        OverlayRecord {
            name: self.catalogue.name.clone(),
            kind: OverlayKind::Catalog,
            state,
            peers: 0,
            bytes_in: self.catalogue.bytes_in.load(Relaxed),
            bytes_out: 0,
            can_search: true,
            can_fetch: true,
            can_publish: false,
            detail,
        }
    }

    fn addresses(&self) -> Vec<String> {
        Vec::new()
    }

    async fn search(&self, query: Arc<Query>, _journey: &Journey) -> Outcome<BoxStream<'static, Found>> {
        // A catalogue that does not answer is refused at once, so that nobody waits for it.
        self.catalogue.health.admit()?;
        let catalogue = self.catalogue.clone();
        let page = async move {
            // Whoever searches says how long he waits; a catalogue that is slower is no worse for it.
            match timeout(query.patience.unwrap_or(SEARCH_TIME), catalogue.search(&query)).await {
                Ok(Ok(hits)) => Found::Page(hits),
                Err(_) => Found::Missing,
                Ok(Err(fault)) => {
                    tracing::debug!(overlay = catalogue.name, "{fault}");
                    Found::Missing
                }
            }
        };
        Ok(stream::once(page).boxed())
    }

    async fn locate(&self, id: &ContentId, _journey: &Journey) -> Outcome<Located> {
        let hit = match self.catalogue.entry_of(id) {
            Ok(entry) => self.catalogue.locate(entry, id).await?,
            Err(ContentId::Native(hash)) => self.catalogue.locate_native(hash).await?,
            Err(foreign) => return Err(self.catalogue.not_ours(foreign)),
        };
        Ok(Located { hit, providers: 1 })
    }

    async fn fetch(&self, id: &ContentId, range: Range<u64>, avoid: &[String], _journey: &Journey) -> Outcome<Fetch> {
        let source = self.catalogue.remote.place();
        if avoid.iter().any(|failed| failed == source) {
            return Err(Fault::unavailable(format!("{source}: it has failed just now")));
        }
        match self.catalogue.entry_of(id) {
            Ok(entry) => self.catalogue.fetch(entry, id, range).await,
            Err(ContentId::Native(hash)) => self.catalogue.fetch_native(hash, range).await,
            Err(foreign) => Err(self.catalogue.not_ours(foreign)),
        }
    }

    async fn publish(&self, _: &[ContentId]) -> Outcome<()> {
        Err(Fault::unsupported(format!(
            "overlay {} is a catalogue, which only its own system fills",
            self.catalogue.name
        )))
    }

    async fn withdraw(&self, _: &ContentId) -> Outcome<()> {
        Ok(())
    }

    async fn peers(&self) -> Vec<Peer> {
        Vec::new()
    }

    async fn connect(&self, _: &str) -> Outcome<Peer> {
        Err(self.catalogue.peerless())
    }

    async fn disconnect(&self, _: &str) -> Outcome<bool> {
        Ok(false)
    }

    async fn block(&self, _: &str, _: bool) -> Outcome<()> {
        Err(self.catalogue.peerless())
    }

    async fn stop(&self) {
        self.watch.abort();
        self.catalogue.health.stop();
    }
}

impl Catalogue {
    /// Asks for a query's words, and makes hits of what fits.
    async fn search(&self, query: &Query) -> Outcome<Vec<Hit>> {
        let wanted = if matching::narrows(query) { query.limit.saturating_mul(SPARE) } else { query.limit };
        let limit = u32::try_from(wanted.min(MAX_ENTRIES)).unwrap_or(u32::MAX);
        let words = matching::question(query);
        let mut page = self.ask(&SEARCH, &Search { query: &words, limit }, SEARCH_TIME, Ok::<Page, String>).await?;
        page.entries.truncate(MAX_ENTRIES);
        let hits = entries::hits(page, query, &self.name);
        self.known.remember(&hits);
        recheck(&self.store, &hits).await?;
        Ok(hits)
    }

    /// What is known of an entry; where that is nothing, or too old, the catalogue is asked for its size.
    async fn locate(&self, entry: &str, id: &ContentId) -> Outcome<Hit> {
        let known = self.known.get(id);
        if let Some((hit, true)) = known {
            return Ok(hit);
        }
        let size = self.read(entry, 0, 0).or_else(|fault| self.lost(id, fault)).await?.size;
        let hit = match known {
            Some((hit, _)) if hit.size == size => hit,
            Some((hit, _)) => Hit { size, modified: None, ..hit },
            None => Hit { name: harmless(entry, MAX_NAME), ..bare_hit(id, size, &self.name) },
        };
        self.known.remember([&hit]);
        recheck(&self.store, [&hit]).await?;
        Ok(hit)
    }

    async fn fetch(self: &Arc<Self>, entry: &str, id: &ContentId, range: Range<u64>) -> Outcome<Fetch> {
        let (wanted, range) = (range.clone(), whole_groups(&range));
        let first = self.read(entry, range.start, first_length(&range)).or_else(|fault| self.lost(id, fault)).await?;
        let size = first.size;
        if let Some((hit, _)) = self.known.get(id).filter(|(hit, _)| hit.size != size) {
            self.known.remember([&Hit { size, modified: None, ..hit }]);
        }
        self.store.recheck_aliases(&[Seen { id: id.clone(), size, modified: None }]).await?;
        if wanted.start >= size {
            return Ok(Fetch { size, source: self.remote.place().to_owned(), pieces: stream::empty().boxed() });
        }
        let range = range.start.min(size)..range.end.min(size);
        let pieces = reading::pieces(self.parts(entry, first, range.clone()), range.start);
        Ok(Fetch { size, source: self.remote.place().to_owned(), pieces })
    }

    /// The catalogue's own id of a content, if it is one of its entries.
    fn entry_of<'a>(&self, id: &'a ContentId) -> Result<&'a str, &'a ContentId> {
        match id {
            ContentId::Catalogue { overlay, entry } if *overlay == self.name => Ok(entry),
            other => Err(other),
        }
    }

    /// The fault of a question for an entry; one that is gone is forgotten.
    async fn lost<T>(&self, id: &ContentId, fault: Fault) -> Outcome<T> {
        if fault.kind == FaultKind::NotFound {
            self.known.forget(id);
            self.store.forget_alias(id).await?;
        }
        Err(fault)
    }

    fn not_ours(&self, id: &ContentId) -> Fault {
        Fault::unsupported(format!("{id} is no entry of the catalogue {}", self.name))
    }

    fn peerless(&self) -> Fault {
        Fault::unsupported(format!("overlay {} is a catalogue and has no peers", self.name))
    }
}
