//! The journal of events: what happened at this node, in one order, for as long as somebody listens.
//!
//! An event that tells a fact of the catalogue is written in the fact's own transaction, so that a crash loses both or
//! neither; the others are only kept here, in a bounded list of recent ones. An event can be seen once all before it
//! are decided, so that who reads on from a sequence never passes one by. While nobody listens to a topic its events
//! are not even made.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::watch;

use crate::model::{Event, Time, Topic, Topics};

/// Events that stay in memory.
const MAX_RECENT: usize = 16_384;
/// Bytes of them.
const MAX_RECENT_BYTES: usize = 64 << 20;
/// Bytes of one event's detail; a longer one is left out.
const MAX_DETAIL: usize = 64 << 10;
/// Bytes of events in one page, unless the first alone has more.
const MAX_PAGE_BYTES: usize = 1 << 20;
/// What an event takes in memory beside its texts.
const OVERHEAD: usize = 128;
/// How long a topic is still recorded after its last listener went, so that one who comes back has missed nothing.
const LINGER: Duration = Duration::from_secs(60);
/// Numbers that are set aside on the disk at a time.
pub(super) const BLOCK: u64 = 1 << 20;

/// Something to be told.
#[derive(Clone, Debug)]
pub struct Fact {
    topic: Topic,
    subject: String,
    detail: String,
}

impl Fact {
    /// What happened to whom, and the record concerned.
    pub fn new(topic: Topic, subject: impl ToString, record: &impl Serialize) -> Self {
        let detail = serde_json::to_string(record).ok().filter(|detail| detail.len() <= MAX_DETAIL);
        Self { topic, subject: subject.to_string(), detail: detail.unwrap_or_else(|| "{}".to_owned()) }
    }

    fn into_event(self, sequence: u64) -> Entry {
        let Self { topic, subject, detail } = self;
        let event = Event { sequence, topic: topic.name().to_owned(), time: Time::now(), subject, detail };
        Entry { topic, event: Arc::new(event) }
    }
}

/// A part of the journal.
#[derive(Debug, Default)]
pub struct Page {
    /// Events in their order.
    pub events: Vec<Arc<Event>>,
    /// The sequence up to which nothing was left out: read on from here.
    pub upto: u64,
}

/// What the memory holds of what was asked for.
pub(super) enum Recalled {
    /// All of it.
    Page(Page),
    /// Only what comes from this sequence on; events before it, and not above `visible`, are on the disk.
    From { first: u64, visible: u64 },
}

/// The journal.
pub struct Journal {
    /// The topics that somebody listens to, as bits.
    wanted: AtomicU64,
    state: Mutex<State>,
    visible: watch::Sender<u64>,
}

struct Entry {
    topic: Topic,
    event: Arc<Event>,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.event.detail.len() + self.event.subject.len() + OVERHEAD
    }
}

struct State {
    next: u64,
    /// The last number that is set aside on the disk.
    reserved: u64,
    /// Numbers of events whose facts are being written.
    pending: BTreeSet<u64>,
    recent: VecDeque<Entry>,
    bytes: usize,
    /// From this number on all events are in `recent`.
    first: u64,
    /// Events on the disk.
    kept: u64,
    /// The last event that was dropped from there.
    trimmed: u64,
    /// For each topic that is recorded, the last number before that began.
    since: Vec<Option<u64>>,
    /// For each topic, until when it is recorded without a listener.
    lingers: Vec<Option<Instant>>,
    readers: Vec<Arc<Reader>>,
}

/// How far somebody has read.
struct Reader {
    topics: Topics,
    cursor: AtomicU64,
    missed: AtomicU64,
}

/// Somebody who listens, until it is dropped.
pub struct Listener {
    journal: Arc<Journal>,
    reader: Arc<Reader>,
}

impl Journal {
    /// The journal after the events that were told before.
    pub(super) fn new(last: u64, reserved: u64, kept: u64, trimmed: u64) -> Arc<Self> {
        let next = last + 1;
        let state = State {
            next,
            reserved,
            pending: BTreeSet::new(),
            recent: VecDeque::new(),
            bytes: 0,
            first: next,
            kept,
            trimmed,
            since: vec![None; Topic::ALL.len()],
            lingers: vec![None; Topic::ALL.len()],
            readers: Vec::new(),
        };
        Arc::new(Self { wanted: AtomicU64::new(0), state: Mutex::new(state), visible: watch::Sender::new(last) })
    }

    /// Whether anybody listens to a topic. Ask before a fact is put together.
    pub fn wants(&self, topic: Topic) -> bool {
        Topics::from_bits(self.wanted.load(Relaxed)).has(topic)
    }

    /// Tells something of the moment, if anybody listens.
    pub fn tell(&self, topic: Topic, subject: impl ToString, record: &impl Serialize) {
        if !self.wants(topic) {
            return;
        }
        let fact = Fact::new(topic, subject, record);
        let mut state = self.state();
        let sequence = state.next;
        if sequence > state.reserved {
            // After a crash the number would be given out again; only a million events in a second come here.
            return state.miss(topic, sequence);
        }
        state.next += 1;
        state.push(fact.into_event(sequence));
        self.show(&state);
    }

    /// Gives facts their numbers; they can be seen once [`Entered::done`] says that they are on the disk.
    pub(super) fn enter(self: &Arc<Self>, facts: Vec<Fact>) -> Entered {
        let mut entries = Vec::with_capacity(facts.len());
        if !facts.is_empty() {
            let mut state = self.state();
            for fact in facts {
                let sequence = state.next;
                state.next += 1;
                state.pending.insert(sequence);
                entries.push(fact.into_event(sequence));
            }
        }
        Entered { journal: self.clone(), entries }
    }

    /// Listens from now on, or on from what was heard before.
    pub fn listen(self: &Arc<Self>, topics: Topics, from: Option<u64>) -> Listener {
        let mut state = self.state();
        let cursor = from.unwrap_or(*self.visible.borrow());
        let reader = Arc::new(Reader { topics, cursor: AtomicU64::new(cursor), missed: AtomicU64::new(0) });
        state.readers.push(reader.clone());
        self.settle_in(&mut state);
        Listener { journal: self.clone(), reader }
    }

    /// Says that a topic has been recorded since this number: at a start, for those who listened before.
    pub fn recorded_since(&self, topics: Topics, since: u64) {
        let mut state = self.state();
        for topic in topics.iter().filter(|topic| topic.is_lasting()) {
            let known = &mut state.since[topic as usize];
            *known = Some(known.map_or(since, |known| known.min(since)));
        }
    }

    /// Whether everything that happened on these topics after a number is still here.
    pub fn is_whole(&self, topics: Topics, after: u64) -> bool {
        let state = self.state();
        let is_here = |topic: Topic| {
            let recorded = state.since[topic as usize].is_some_and(|since| since <= after);
            recorded && after >= if topic.is_lasting() { state.trimmed } else { state.first - 1 }
        };
        after <= *self.visible.borrow() && topics.iter().all(is_here)
    }

    /// The number of the last event that can be seen, now and whenever there is another.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.visible.subscribe()
    }

    /// Ends the recording of topics that nobody has come back for.
    pub fn settle(&self) {
        let mut state = self.state();
        self.settle_in(&mut state);
    }

    fn settle_in(&self, state: &mut State) {
        let heard = state.readers.iter().fold(Topics::default(), |all, reader| all.with(reader.topics));
        let now = Instant::now();
        let last = state.next - 1;
        let mut wanted = heard;
        for &topic in Topic::ALL {
            let place = topic as usize;
            if !heard.has(topic) {
                if state.lingers[place].is_some_and(|until| now < until) {
                    wanted = wanted.with([topic].into_iter().collect());
                } else {
                    (state.lingers[place], state.since[place]) = (None, None);
                }
            } else if state.since[place].is_none() {
                state.since[place] = Some(last);
            }
        }
        self.wanted.store(wanted.bits(), Relaxed);
    }

    /// Events of these topics after a number, as far as the memory holds them.
    pub(super) fn recall(&self, topics: Topics, after: u64, limit: usize) -> Recalled {
        let state = self.state();
        let visible = *self.visible.borrow();
        if after >= visible {
            return Recalled::Page(Page { events: Vec::new(), upto: after });
        }
        if after + 1 < state.first {
            return Recalled::From { first: state.first, visible };
        }
        let mut page = Page { events: Vec::new(), upto: visible };
        let mut bytes = 0;
        let begin = state.recent.partition_point(|entry| entry.event.sequence <= after);
        for entry in state.recent.range(begin..).take_while(|entry| entry.event.sequence <= visible) {
            if !topics.has(entry.topic) {
                continue;
            }
            bytes += entry.bytes();
            if page.events.len() >= limit || (bytes > MAX_PAGE_BYTES && !page.events.is_empty()) {
                page.upto = page.events.last().map_or(after, |event| event.sequence);
                break;
            }
            page.events.push(entry.event.clone());
        }
        Recalled::Page(page)
    }

    /// Counts events that were dropped from the disk as missed by those who had not heard them.
    pub(super) fn forget(&self, dropped: &[(u64, Option<Topic>)]) {
        let mut state = self.state();
        state.kept = state.kept.saturating_sub(dropped.len() as u64);
        for &(sequence, topic) in dropped {
            state.trimmed = state.trimmed.max(sequence);
            // One that is in memory still can be heard.
            if let Some(topic) = topic.filter(|_| sequence < state.first) {
                state.miss(topic, sequence);
            }
        }
    }

    /// The number up to which some have to be set aside on the disk soon.
    pub(super) fn reservation(&self) -> Option<u64> {
        let state = self.state();
        (state.next + BLOCK / 2 > state.reserved).then(|| state.next + BLOCK)
    }

    /// Numbers up to this one are set aside.
    pub(super) fn reserved(&self, upto: u64) {
        self.state().reserved = upto;
    }

    /// Events on the disk.
    pub(super) fn kept(&self) -> u64 {
        self.state().kept
    }

    /// The last number that was given out.
    pub(super) fn last(&self) -> u64 {
        self.state().next - 1
    }

    fn show(&self, state: &State) {
        let visible = state.pending.first().map_or(state.next - 1, |first| first - 1);
        self.visible.send_if_modified(|shown| std::mem::replace(shown, visible) != visible);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, entry: Entry) {
        let sequence = entry.event.sequence;
        if sequence < self.first {
            // The memory has moved on while it was written; it is read from the disk.
            return;
        }
        self.bytes += entry.bytes();
        let place = self.recent.partition_point(|earlier| earlier.event.sequence < sequence);
        self.recent.insert(place, entry);
        while self.recent.len() > MAX_RECENT || self.bytes > MAX_RECENT_BYTES {
            let Some(oldest) = self.recent.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.first = oldest.event.sequence + 1;
            if !oldest.topic.is_lasting() {
                self.miss(oldest.topic, oldest.event.sequence);
            }
        }
    }

    fn miss(&self, topic: Topic, sequence: u64) {
        let late = |reader: &&Arc<Reader>| reader.topics.has(topic) && reader.cursor.load(Relaxed) < sequence;
        for reader in self.readers.iter().filter(late) {
            reader.missed.fetch_add(1, Relaxed);
        }
    }
}

impl Listener {
    /// The topics that it listens to.
    pub fn topics(&self) -> Topics {
        self.reader.topics
    }

    /// The last event that it has heard.
    pub fn cursor(&self) -> u64 {
        self.reader.cursor.load(Relaxed)
    }

    /// It has heard everything up to here.
    pub fn advance(&self, upto: u64) {
        self.reader.cursor.fetch_max(upto, Relaxed);
    }

    /// Events that were dropped before it heard them.
    pub fn missed(&self) -> u64 {
        self.reader.missed.load(Relaxed)
    }

    /// Adds to the missed ones: what was missed before a start.
    pub fn add_missed(&self, count: u64) {
        self.reader.missed.fetch_add(count, Relaxed);
    }

    /// As [`Listener::missed`], and begins to count anew.
    pub fn take_missed(&self) -> u64 {
        self.reader.missed.swap(0, Relaxed)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut state = self.journal.state();
        state.readers.retain(|reader| !Arc::ptr_eq(reader, &self.reader));
        let until = Instant::now() + LINGER;
        for topic in self.reader.topics.iter() {
            state.lingers[topic as usize] = Some(until);
        }
        self.journal.settle_in(&mut state);
    }
}

/// Events that have numbers and are not yet on the disk. Dropped, they never happened.
pub(super) struct Entered {
    journal: Arc<Journal>,
    entries: Vec<Entry>,
}

impl Entered {
    /// The events.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.entries.iter().map(|entry| &*entry.event)
    }

    /// They are on the disk.
    pub fn done(mut self) {
        self.decide(|state, entry| {
            state.kept += 1;
            state.push(entry);
        });
    }

    fn decide(&mut self, each: impl Fn(&mut State, Entry)) {
        if self.entries.is_empty() {
            return;
        }
        let mut state = self.journal.state();
        for entry in self.entries.drain(..) {
            state.pending.remove(&entry.event.sequence);
            each(&mut state, entry);
        }
        self.journal.show(&state);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.decide(|_, _| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Arc<Journal> {
        Journal::new(10, 10 + BLOCK, 0, 0)
    }

    fn topics(patterns: &[&str]) -> Topics {
        Topics::parse(&patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn heard(journal: &Journal, topics: Topics, after: u64) -> Vec<u64> {
        match journal.recall(topics, after, 100) {
            Recalled::Page(page) => page.events.iter().map(|event| event.sequence).collect(),
            Recalled::From { first, .. } => panic!("only from {first} on"),
        }
    }

    #[test]
    fn without_a_listener_nothing_is_recorded() {
        let journal = journal();
        journal.tell(Topic::SearchHit, "s", &());
        assert_eq!((journal.last(), journal.wants(Topic::SearchHit)), (10, false));
        let listener = journal.listen(topics(&["search.hit"]), None);
        journal.tell(Topic::SearchComplete, "s", &());
        journal.tell(Topic::SearchHit, "s", &());
        assert_eq!((listener.cursor(), heard(&journal, listener.topics(), 10)), (10, vec![11]));
    }

    #[test]
    fn an_event_is_seen_once_all_before_it_are_decided() {
        let journal = journal();
        let listener = journal.listen(topics(&["*"]), None);
        let fact = || vec![Fact::new(Topic::ContentPublished, "c", &())];
        let (first, second, undone) = (journal.enter(fact()), journal.enter(fact()), journal.enter(fact()));
        journal.tell(Topic::PeerConnected, "p", &());
        assert!(heard(&journal, listener.topics(), 10).is_empty());
        second.done();
        assert!(heard(&journal, listener.topics(), 10).is_empty());
        first.done();
        assert_eq!(heard(&journal, listener.topics(), 10), [11, 12]);
        drop(undone);
        assert_eq!(heard(&journal, listener.topics(), 10), [11, 12, 14]);
    }

    #[test]
    fn what_the_memory_drops_is_missed_unless_it_is_on_the_disk() {
        let journal = journal();
        let slow = journal.listen(topics(&["*"]), None);
        let other = journal.listen(topics(&["peer.*"]), None);
        journal.enter(vec![Fact::new(Topic::ContentPublished, "c", &())]).done();
        for _ in 0..MAX_RECENT + 2 {
            journal.tell(Topic::SearchHit, "s", &());
        }
        // The published content and two hits had to go.
        assert_eq!((slow.missed(), other.missed()), (2, 0));
        assert!(matches!(journal.recall(slow.topics(), 10, 1), Recalled::From { first: 14, .. }));
        journal.forget(&[(11, Some(Topic::ContentPublished)), (20, Some(Topic::ContentPublished))]);
        assert_eq!((slow.take_missed(), slow.missed()), (3, 0));
    }

    #[test]
    fn the_memory_is_bounded_in_bytes() {
        let journal = journal();
        let listener = journal.listen(topics(&["search.hit"]), None);
        let large = "x".repeat(MAX_DETAIL - 10);
        for _ in 0..2 * MAX_RECENT_BYTES / MAX_DETAIL {
            journal.tell(Topic::SearchHit, "s", &large);
        }
        assert!(listener.missed() > 0 && journal.state().bytes <= MAX_RECENT_BYTES);
        journal.tell(Topic::SearchHit, "s", &"x".repeat(MAX_DETAIL));
        assert_eq!(journal.state().recent.back().unwrap().event.detail, "{}");
        let after = journal.state().first - 1;
        let Recalled::Page(page) = journal.recall(listener.topics(), after, 500) else { panic!() };
        assert!(page.events.len() < 20 && page.upto == page.events.last().unwrap().sequence);
    }

    #[test]
    fn a_listener_who_comes_back_is_told_whether_all_is_there() {
        let journal = journal();
        let hits = topics(&["search.hit"]);
        assert!(!journal.is_whole(hits, 10), "nobody has listened yet");
        drop(journal.listen(hits, None));
        journal.tell(Topic::SearchHit, "s", &());
        assert!(journal.is_whole(hits, 10) && heard(&journal, hits, 10) == [11], "it is still recorded for a while");
        assert!(!journal.is_whole(topics(&["*"]), 10) && !journal.is_whole(hits, 9) && !journal.is_whole(hits, 12));
        journal.state().lingers.fill(None);
        journal.settle();
        assert!(!journal.wants(Topic::SearchHit) && !journal.is_whole(hits, 10));
    }
}
