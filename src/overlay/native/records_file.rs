//! What the DHT's other peers stored here, kept in a file between starts.
//!
//! The records are soft state that their providers renew; the file spares a restarted network the wait for that. It is
//! written behind, whole, beside the old one, and a damaged file is only worth a warning.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use libp2p::{
    Multiaddr, PeerId,
    kad::{ProviderRecord, RecordKey, store::RecordStore},
};
use prost::Message;

use super::records::Records;

/// Longest file that is read; a full store takes about a tenth of it.
const MAX_FILE: u64 = 64 << 20;

/// The file's name in the overlay's state folder.
pub(super) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("providers.bin")
}

/// All that is kept for others, ready to be written.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Snapshot {
    #[prost(message, repeated, tag = "1")]
    holders: Vec<HolderRecords>,
}

#[derive(Clone, PartialEq, Message)]
struct HolderRecords {
    #[prost(bytes = "vec", tag = "1")]
    provider: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    addresses: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<KeptKey>,
}

#[derive(Clone, PartialEq, Message)]
struct KeptKey {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    /// Seconds since 1970.
    #[prost(uint64, tag = "2")]
    expires: u64,
}

impl Snapshot {
    /// What the store keeps for others at this moment.
    pub fn of(records: &Records) -> Self {
        let (now, clock) = (Instant::now(), unix_now());
        let holders = records.holders().map(|(provider, holder)| HolderRecords {
            provider: provider.to_bytes(),
            addresses: holder.addresses.iter().map(Multiaddr::to_vec).collect(),
            records: holder
                .expires
                .iter()
                .map(|(key, at)| KeptKey {
                    key: key.as_ref().to_vec(),
                    expires: clock + at.saturating_duration_since(now).as_secs(),
                })
                .collect(),
        });
        Self { holders: holders.collect() }
    }

    /// Writes the file whole, and in place of the old one. Blocks.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let temporary = path.with_extension("tmp");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&self.encode_to_vec())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    }
}

/// Puts what the file holds and has not expired back into the store; says how many records that were.
pub(super) fn load(path: &Path, records: &mut Records) -> io::Result<usize> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    if size > MAX_FILE {
        return Err(io::Error::other(format!("it has {size} bytes, the limit is {MAX_FILE}")));
    }
    let snapshot = Snapshot::decode(&*fs::read(path)?).map_err(io::Error::other)?;
    Ok(snapshot.holders.into_iter().map(|holder| restore(holder, records)).sum())
}

fn restore(holder: HolderRecords, records: &mut Records) -> usize {
    let Ok(provider) = PeerId::from_bytes(&holder.provider) else { return 0 };
    let addresses: Vec<_> = holder.addresses.into_iter().filter_map(|bytes| Multiaddr::try_from(bytes).ok()).collect();
    let (now, clock) = (Instant::now(), unix_now());
    let fresh = holder.records.into_iter().filter(|kept| kept.expires > clock);
    let stored = fresh.filter(|kept| {
        let record = ProviderRecord {
            key: RecordKey::from(kept.key.clone()),
            provider,
            expires: now.checked_add(Duration::from_secs(kept.expires - clock)),
            addresses: addresses.clone(),
        };
        records.add_provider(record).is_ok()
    });
    stored.count()
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::{super::records::Room, *};

    #[test]
    fn what_others_stored_outlives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path());
        let (local, peer) = (PeerId::random(), PeerId::random());
        let mut before = Records::new(local, Room::default());
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/7071".parse().unwrap();
        let key = RecordKey::new(b"key");
        before.add_provider(ProviderRecord::new(key.clone(), peer, vec![address.clone()])).unwrap();
        Snapshot::of(&before).write(&path).unwrap();

        let mut after = Records::new(local, Room::default());
        assert_eq!(load(&path, &mut after).unwrap(), 1);
        let kept = after.providers(&key);
        assert_eq!((kept[0].provider, &kept[0].addresses), (peer, &vec![address]));
    }

    #[test]
    fn a_missing_file_is_no_error_and_a_damaged_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path());
        let mut records = Records::new(PeerId::random(), Room::default());
        assert_eq!(load(&path, &mut records).unwrap(), 0);
        fs::write(&path, [0xff; 100]).unwrap();
        assert!(load(&path, &mut records).is_err());
        assert_eq!(records.holders().count(), 0);
    }
}
