//! What has been forwarded already: no question is put into an overlay twice by this node.
//!
//! Path and hop limit end every loop by themselves; this ends the echoes that come over several ways. The guard outlives
//! the process, since a question may still be on its way when the node is back: each entry is written to a log before
//! its question goes on, without waiting for the disk. What a killed process wrote is there; what a loss of power takes
//! away is older than any question by the time that a machine is up again. Ages are counted on this node's own steady
//! clock and begin anew with a start, so that no clock that is wrong shortens the memory.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::model::Journey;

/// How long a question is remembered at least; it lives for 15 seconds in each overlay, and crosses 8 bridges at most.
const WINDOW: Duration = Duration::from_secs(600);
/// Questions of one window; with more the window is shorter.
const MAX_KEYS: usize = 1 << 17;
/// Bytes of one entry.
const KEY: usize = 16;

type Key = [u8; KEY];

/// The questions that this node has forwarded.
pub struct Guard {
    folder: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// Those of the present window, and of the one before.
    young: HashSet<Key>,
    old: HashSet<Key>,
    since: Instant,
    /// Absent once it could not be written.
    log: Option<File>,
}

impl Guard {
    /// Goes on from what the folder remembers.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (young, old) = (read(&young_log(folder))?, read(&aged(folder))?);
        let log = Some(append(&young_log(folder))?);
        let state = Mutex::new(State { young, old, since: Instant::now(), log });
        Ok(Self { folder: folder.to_owned(), state })
    }

    /// Whether the question has not been forwarded into that overlay before; from now on it has.
    pub fn admit(&self, journey: &Journey, overlay_id: &str) -> bool {
        self.admit_at(journey, overlay_id, Instant::now())
    }

    fn admit_at(&self, journey: &Journey, overlay_id: &str, now: Instant) -> bool {
        let key = key(journey, overlay_id);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.young.len() >= MAX_KEYS || now.saturating_duration_since(state.since) >= WINDOW {
            state.turn(&self.folder, now);
        }
        if state.old.contains(&key) || !state.young.insert(key) {
            return false;
        }
        if let Some(log) = &mut state.log
            && let Err(error) = log.write_all(&key)
        {
            tracing::warn!(%error, "what was forwarded cannot be written down; after a restart some of it may be again");
            state.log = None;
        }
        true
    }
}

impl State {
    /// Begins a new window, and forgets the one before the last.
    fn turn(&mut self, folder: &Path, now: Instant) {
        self.old = std::mem::take(&mut self.young);
        self.since = now;
        let turned = fs::rename(young_log(folder), aged(folder)).and_then(|()| append(&young_log(folder)));
        self.log =
            turned.inspect_err(|error| tracing::warn!(%error, "the log of what was forwarded cannot be turned")).ok();
    }
}

fn young_log(folder: &Path) -> PathBuf {
    folder.join("forwarded.log")
}

fn aged(folder: &Path) -> PathBuf {
    folder.join("forwarded.old")
}

/// The log, to be written on; half an entry at its end, which a crash may leave, is cut off.
fn append(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let size = file.metadata()?.len();
    if !size.is_multiple_of(KEY as u64) {
        file.set_len(size - size % KEY as u64)?;
    }
    Ok(file)
}

/// The entries of a log.
fn read(path: &Path) -> io::Result<HashSet<Key>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take((MAX_KEYS * KEY) as u64).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(bytes.as_chunks::<KEY>().0.iter().copied().collect())
}

fn key(journey: &Journey, overlay_id: &str) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&journey.id).update(&(journey.origin.len() as u64).to_le_bytes());
    hasher.update(journey.origin.as_bytes()).update(overlay_id.as_bytes());
    let mut key = Key::default();
    hasher.finalize_xof().fill(&mut key);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_goes_into_each_overlay_once() {
        let dir = tempfile::tempdir().unwrap();
        let guard = Guard::open(dir.path()).unwrap();
        let journey = Journey::begin("12D3KooWOrigin");
        assert!(guard.admit(&journey, "native:blue"));
        assert!(!guard.admit(&journey, "native:blue"));
        assert!(guard.admit(&journey, "native:green"));
        let of_another = Journey { origin: "12D3KooWOther".into(), ..journey.clone() };
        assert!(guard.admit(&of_another, "native:blue"), "the same id of another node is another question");
        assert!(guard.admit(&Journey::begin("12D3KooWOrigin"), "native:blue"));
    }

    #[test]
    fn it_is_remembered_over_a_kill_and_half_an_entry_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let journeys: Vec<_> = (0..10).map(|_| Journey::begin("12D3KooWOrigin")).collect();
        let guard = Guard::open(dir.path()).unwrap();
        assert!(journeys.iter().all(|journey| guard.admit(journey, "native:blue")));
        // As a kill leaves it: nothing is closed, and the last write may have been cut.
        std::mem::forget(guard);
        append(&young_log(dir.path())).unwrap().write_all(&[7; KEY - 1]).unwrap();
        let guard = Guard::open(dir.path()).unwrap();
        assert!(journeys.iter().all(|journey| !guard.admit(journey, "native:blue")));
        assert!(guard.admit(&journeys[0], "native:green"));
        let guard = Guard::open(dir.path()).unwrap();
        assert!(!guard.admit(&journeys[0], "native:green"), "what came behind it is read as it was written");
    }

    #[test]
    fn what_is_older_than_two_windows_is_forgotten_and_nothing_younger_than_one() {
        let dir = tempfile::tempdir().unwrap();
        let (guard, journey) = (Guard::open(dir.path()).unwrap(), Journey::begin("12D3KooWOrigin"));
        let start = Instant::now();
        let other = || Journey::begin("12D3KooWOther");
        assert!(guard.admit_at(&journey, "blue", start));
        assert!(guard.admit_at(&other(), "blue", start + WINDOW), "the window turns");
        assert!(!guard.admit_at(&journey, "blue", start + WINDOW));
        drop(guard);
        let guard = Guard::open(dir.path()).unwrap();
        assert!(!guard.admit_at(&journey, "blue", start), "a start loses neither");
        let now = Instant::now();
        assert!(guard.admit_at(&other(), "blue", now + WINDOW));
        assert!(guard.admit_at(&journey, "blue", now + WINDOW), "it was in the one before the last");
    }

    #[test]
    fn a_flood_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let guard = Guard::open(dir.path()).unwrap();
        let mut journey = Journey::begin("12D3KooWOrigin");
        for number in 0..(2 * MAX_KEYS + 10) as u64 {
            journey.id[..8].copy_from_slice(&number.to_le_bytes());
            assert!(guard.admit(&journey, "blue"));
        }
        let state = guard.state.lock().unwrap();
        assert!(state.young.len() + state.old.len() <= 2 * MAX_KEYS);
        let size = |path: PathBuf| fs::metadata(path).unwrap().len();
        assert!(size(young_log(dir.path())) + size(aged(dir.path())) <= (2 * MAX_KEYS * KEY) as u64);
    }
}
