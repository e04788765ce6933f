//! The provider records of the overlay's DHT: what this node provides, and what it keeps for others.
//!
//! What others store here is bounded per key, per provider and in all, expires, and never takes the place of this
//! node's own records. A node that holds its share is not filled up by one busy or hostile peer: when all room is
//! taken, the provider with the most records gives one up to a provider that has less than its share.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    iter,
    time::{Duration, Instant},
};

use libp2p::{
    Multiaddr, PeerId,
    kad::{
        ProviderRecord, Record, RecordKey,
        store::{Error, RecordStore, Result},
    },
};

/// Keys that this node provides itself.
const MAX_OWN: usize = 1_000_000;
/// Providers that are kept for one key: Kademlia's replication factor.
const MAX_PER_KEY: usize = 20;
/// Addresses that are kept of one provider.
const MAX_ADDRESSES: usize = 8;
/// Longest key; a multihash of 32 bytes takes 34.
const MAX_KEY: usize = 64;
/// How long a record is kept when it does not say.
pub(super) const TIME_TO_LIVE: Duration = Duration::from_secs(48 * 60 * 60);

/// How much is kept for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Records in all.
    pub total: usize,
    /// Records of one provider.
    pub per_provider: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { total: 131_072, per_provider: 16_384 }
    }
}

/// The record store.
pub(super) struct Records {
    local: PeerId,
    room: Room,
    own: HashSet<RecordKey>,
    keys: HashMap<RecordKey, Vec<PeerId>>,
    holders: HashMap<PeerId, Holder>,
    count: usize,
    changed: bool,
}

/// What is kept for one provider.
#[derive(Default)]
pub(super) struct Holder {
    pub addresses: Vec<Multiaddr>,
    pub expires: HashMap<RecordKey, Instant>,
}

impl Records {
    /// An empty store of the node with this id.
    pub fn new(local: PeerId, room: Room) -> Self {
        let (keys, holders) = (HashMap::new(), HashMap::new());
        Self { local, room, own: HashSet::new(), keys, holders, count: 0, changed: false }
    }

    /// Whether this node provides the key.
    pub fn is_own(&self, key: &RecordKey) -> bool {
        self.own.contains(key)
    }

    /// The keys that this node provides.
    pub fn own(&self) -> impl Iterator<Item = &RecordKey> {
        self.own.iter()
    }

    /// What is kept for others, by provider.
    pub fn holders(&self) -> impl Iterator<Item = (&PeerId, &Holder)> {
        self.holders.iter()
    }

    /// How many records are kept for others.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Whether what is kept for others has changed since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Forgets what has expired.
    pub fn expire(&mut self, now: Instant) {
        let expired: Vec<_> = self
            .holders
            .iter()
            .flat_map(|(peer, holder)| holder.expires.iter().map(move |(key, at)| (peer, key, at)))
            .filter(|(_, _, at)| **at <= now)
            .map(|(peer, key, _)| (*peer, key.clone()))
            .collect();
        for (peer, key) in expired {
            self.remove(&key, &peer);
        }
    }

    fn remove(&mut self, key: &RecordKey, provider: &PeerId) {
        let Some(holder) = self.holders.get_mut(provider) else { return };
        if holder.expires.remove(key).is_none() {
            return;
        }
        if holder.expires.is_empty() {
            self.holders.remove(provider);
        }
        if let Some(providers) = self.keys.get_mut(key) {
            providers.retain(|peer| peer != provider);
            if providers.is_empty() {
                self.keys.remove(key);
            }
        }
        self.count -= 1;
        self.changed = true;
    }

    /// Makes room for one more record of a provider, or says that there is none.
    fn make_room(&mut self, provider: &PeerId) -> Result<()> {
        let has = self.holders.get(provider).map_or(0, |holder| holder.expires.len());
        if has >= self.room.per_provider {
            return Err(Error::MaxProvidedKeys);
        }
        if self.count < self.room.total {
            return Ok(());
        }
        let most = self.holders.iter().max_by_key(|(_, holder)| holder.expires.len());
        let victim = most.and_then(|(peer, holder)| {
            let key = holder.expires.keys().next()?.clone();
            (holder.expires.len() > has + 1).then_some((*peer, key))
        });
        let (peer, key) = victim.ok_or(Error::MaxProvidedKeys)?;
        self.remove(&key, &peer);
        Ok(())
    }

    fn add_own(&mut self, key: RecordKey) -> Result<()> {
        if self.own.len() >= MAX_OWN && !self.own.contains(&key) {
            return Err(Error::MaxProvidedKeys);
        }
        self.own.insert(key);
        Ok(())
    }

    fn add_foreign(&mut self, record: ProviderRecord) -> Result<()> {
        let ProviderRecord { key, provider, expires, mut addresses } = record;
        let known = self.holders.get(&provider).is_some_and(|holder| holder.expires.contains_key(&key));
        if !known {
            if self.keys.get(&key).is_some_and(|providers| providers.len() >= MAX_PER_KEY) {
                return Err(Error::MaxProvidedKeys);
            }
            self.make_room(&provider)?;
            self.keys.entry(key.clone()).or_default().push(provider);
            self.count += 1;
        }
        addresses.truncate(MAX_ADDRESSES);
        let holder = self.holders.entry(provider).or_default();
        if !addresses.is_empty() {
            holder.addresses = addresses;
        }
        let latest = Instant::now() + TIME_TO_LIVE;
        holder.expires.insert(key, expires.map_or(latest, |at| at.min(latest)));
        self.changed = true;
        Ok(())
    }
}

impl RecordStore for Records {
    type RecordsIter<'a> = iter::Empty<Cow<'a, Record>>;
    type ProvidedIter<'a> = Box<dyn Iterator<Item = Cow<'a, ProviderRecord>> + 'a>;

    /// Values are no part of the overlay's protocol.
    fn get(&self, _: &RecordKey) -> Option<Cow<'_, Record>> {
        None
    }

    fn put(&mut self, _: Record) -> Result<()> {
        Err(Error::MaxRecords)
    }

    fn remove(&mut self, _: &RecordKey) {}

    fn records(&self) -> Self::RecordsIter<'_> {
        iter::empty()
    }

    fn add_provider(&mut self, record: ProviderRecord) -> Result<()> {
        if record.key.as_ref().len() > MAX_KEY {
            return Err(Error::ValueTooLarge);
        }
        if record.provider == self.local { self.add_own(record.key) } else { self.add_foreign(record) }
    }

    fn providers(&self, key: &RecordKey) -> Vec<ProviderRecord> {
        let own = self.own.contains(key).then(|| ProviderRecord::new(key.clone(), self.local, Vec::new()));
        let foreign = self.keys.get(key).into_iter().flatten().filter_map(|provider| {
            let holder = self.holders.get(provider)?;
            let expires = Some(*holder.expires.get(key)?);
            Some(ProviderRecord { key: key.clone(), provider: *provider, expires, addresses: holder.addresses.clone() })
        });
        own.into_iter().chain(foreign).collect()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        let record = |key: &RecordKey| Cow::Owned(ProviderRecord::new(key.clone(), self.local, Vec::new()));
        Box::new(self.own.iter().map(record))
    }

    fn remove_provider(&mut self, key: &RecordKey, provider: &PeerId) {
        if *provider == self.local {
            self.own.remove(key);
        } else {
            self.remove(key, provider);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> RecordKey {
        RecordKey::new(&number.to_be_bytes())
    }

    fn record(number: usize, provider: PeerId) -> ProviderRecord {
        let address = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        ProviderRecord::new(key(number), provider, vec![address; 100])
    }

    fn store(total: usize, per_provider: usize) -> Records {
        Records::new(PeerId::random(), Room { total, per_provider })
    }

    #[test]
    fn a_key_keeps_a_bounded_number_of_providers_and_addresses() {
        let mut records = store(1000, 1000);
        let kept = (0..30).filter(|_| records.add_provider(record(1, PeerId::random())).is_ok()).count();
        assert_eq!(kept, MAX_PER_KEY);
        let providers = records.providers(&key(1));
        assert_eq!(providers.len(), MAX_PER_KEY);
        assert!(providers.iter().all(|record| record.addresses.len() == MAX_ADDRESSES && record.expires.is_some()));
    }

    #[test]
    fn one_provider_cannot_take_more_than_its_part() {
        let mut records = store(1000, 10);
        let greedy = PeerId::random();
        assert_eq!((0..100).filter(|n| records.add_provider(record(*n, greedy)).is_ok()).count(), 10);
        assert!(records.add_provider(record(5, PeerId::random())).is_ok());
    }

    #[test]
    fn a_full_store_gives_newcomers_their_share_and_never_touches_its_own_records() {
        let mut records = store(100, 100);
        let (local, first, second) = (records.local, PeerId::random(), PeerId::random());
        for number in 0..500 {
            records.add_provider(record(number, local)).unwrap();
            let _ = records.add_provider(record(number, first));
        }
        for number in 1000..1500 {
            let _ = records.add_provider(record(number, second));
        }
        let held = |peer| records.holders[&peer].expires.len();
        assert_eq!(held(first) + held(second), 100);
        assert!(held(second) >= 49, "{}", held(second));
        assert_eq!(records.provided().count(), 500);
    }

    #[test]
    fn what_has_expired_is_forgotten_and_renewing_takes_no_room() {
        let mut records = store(10, 10);
        let peer = PeerId::random();
        for _ in 0..50 {
            records.add_provider(record(1, peer)).unwrap();
        }
        let mut short = record(2, peer);
        short.expires = Some(Instant::now());
        records.add_provider(short).unwrap();
        assert_eq!(records.count, 2);
        records.expire(Instant::now());
        assert_eq!((records.count, records.providers(&key(2)).len()), (1, 0));
        assert!(records.take_changed() && !records.take_changed());
        records.expire(Instant::now() + TIME_TO_LIVE + Duration::from_secs(1));
        assert!(records.count == 0 && records.keys.is_empty() && records.holders.is_empty());
    }
}
