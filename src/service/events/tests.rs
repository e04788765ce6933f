//! Subscriptions over a real store, with a callback that does as it is told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use super::*;
use crate::{model::Topic, store::Fact};

/// A callback that keeps what it takes.
#[derive(Default)]
struct Double {
    fails: AtomicBool,
    calls: AtomicUsize,
    taken: Mutex<Vec<u64>>,
}

impl Double {
    fn taken(&self) -> Vec<u64> {
        self.taken.lock().unwrap().clone()
    }
}

#[async_trait]
impl Notifier for Double {
    async fn check(&self, callback: &Callback) -> Outcome<()> {
        if callback.url.starts_with("http:") { Ok(()) } else { Err(Fault::invalid("callbackUrl: want http")) }
    }

    async fn notify(&self, _: &Callback, _: &str, events: &[Arc<Event>]) -> Outcome<()> {
        self.calls.fetch_add(1, SeqCst);
        if self.fails.load(SeqCst) {
            return Err(Fault::unavailable("out of order"));
        }
        self.taken.lock().unwrap().extend(events.iter().map(|event| event.sequence));
        Ok(())
    }
}

struct Scene {
    folder: tempfile::TempDir,
    store: Arc<Store>,
    events: Arc<Events>,
    double: Arc<Double>,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Scene {
    async fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap(), Arc::default()).await
    }

    async fn on(folder: tempfile::TempDir, double: Arc<Double>) -> Self {
        let store = Store::open(folder.path()).await.unwrap();
        let patience = Patience { first: Duration::from_millis(1), longest: Duration::from_millis(2), retries: 2 };
        let events = Events::restore(store.clone(), double.clone(), patience).await.unwrap();
        Self { folder, store, events, double }
    }

    /// Stops in order and starts again.
    async fn again(self) -> Self {
        self.events.stop().await;
        self.store.close().await;
        let Self { folder, store, events, double } = self;
        drop((store, events));
        Self::on(folder, double).await
    }

    async fn subscribe(&self, topics: &[&str], callback: bool) -> String {
        let topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        let callback = callback.then(|| Callback { url: "http://a".into(), binding: CallbackBinding::Json });
        self.events.subscribe(topics, callback, HOUR).await.unwrap().id
    }

    fn hit(&self) {
        self.store.journal().tell(Topic::SearchHit, "s", &());
    }

    async fn pull(&self, id: &str) -> Vec<u64> {
        let pulled = self.events.pull(id, 100, Duration::ZERO).await.unwrap();
        pulled.events.iter().map(|event| event.sequence).collect()
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn state(&self, id: &str) -> State {
        self.events.all()[id].state()
    }
}

#[tokio::test]
async fn sequences_grow_over_restarts_and_places_are_kept() {
    let scene = Scene::new().await;
    let id = scene.subscribe(&["search.*"], false).await;
    scene.hit();
    scene.hit();
    let first = scene.events.pull(&id, 1, Duration::ZERO).await.unwrap().events[0].sequence;
    let scene = scene.again().await;
    scene.hit();
    let after = scene.pull(&id).await;
    assert!(after.len() == 1 && after[0] == first + 2, "what was of the moment is gone: {first} {after:?}");
    assert!(scene.pull(&id).await.is_empty());
    assert!(scene.events.unsubscribe(&id).await.unwrap() && !scene.events.unsubscribe(&id).await.unwrap());
    let scene = scene.again().await;
    assert!(scene.events.pull(&id, 1, Duration::ZERO).await.is_err());
}

#[tokio::test]
async fn two_pulls_share_the_events_between_them() {
    let scene = Scene::new().await;
    let id = scene.subscribe(&["*"], false).await;
    let pull = || scene.events.pull(&id, 1, HOUR);
    let tell = async {
        scene.hit();
        tokio::task::yield_now().await;
        scene.hit();
    };
    let (one, other, ()) = tokio::join!(pull(), pull(), tell);
    let mut all: Vec<_> = [one, other].into_iter().map(|pulled| pulled.unwrap().events[0].sequence).collect();
    all.sort_unstable();
    assert_eq!(all[0] + 1, all[1]);
}

#[tokio::test]
async fn a_callback_that_fails_is_tried_again_parked_and_renewed() {
    let scene = Scene::new().await;
    scene.double.fails.store(true, SeqCst);
    let id = scene.subscribe(&["search.hit"], true).await;
    scene.hit();
    scene.until("it is parked", || scene.state(&id) == State::Parked).await;
    assert_eq!(scene.double.calls.load(SeqCst), 3);
    let fault = scene.events.pull(&id, 1, Duration::ZERO).await.unwrap_err();
    assert!(fault.kind == FaultKind::Conflict && fault.message.contains("out of order"), "{fault}");
    scene.hit();
    scene.double.fails.store(false, SeqCst);
    scene.events.renew(&id, HOUR).await.unwrap();
    scene.until("both are taken", || scene.double.taken().len() == 2).await;
    assert!(scene.double.taken().is_sorted() && scene.events.count().contains(&(State::Pushed, 1)));
}

#[tokio::test]
async fn a_subscription_that_ends_stops_its_callback() {
    let scene = Scene::new().await;
    scene.double.fails.store(true, SeqCst);
    let id = scene.subscribe(&["search.hit"], true).await;
    scene.hit();
    scene.until("it is parked", || scene.state(&id) == State::Parked).await;
    assert!(scene.events.unsubscribe(&id).await.unwrap());
    // Ends although a callback was waited for: nothing holds the tasks any more.
    scene.events.stop().await;
}

#[tokio::test]
async fn what_is_on_the_disk_is_read_from_there() {
    let scene = Scene::new().await;
    let id = scene.subscribe(&["content.*", "search.*"], false).await;
    let publish = async |name: &str| {
        let new = crate::store::NewContent { name: name.into(), ..Default::default() };
        let bytes = bytes::Bytes::copy_from_slice(name.as_bytes());
        let stream = futures::stream::iter([Ok(bytes)]);
        scene.store.publish(new, Box::pin(stream)).await.unwrap().content_id.to_string()
    };
    let want = [publish("one").await, publish("two").await];
    scene.hit();
    let scene = scene.again().await;
    scene.hit();
    let pulled = scene.events.pull(&id, 1, Duration::ZERO).await.unwrap();
    assert_eq!(pulled.events[0].subject, want[0]);
    let pulled = scene.events.pull(&id, 100, Duration::ZERO).await.unwrap();
    let topics: Vec<_> = pulled.events.iter().map(|event| event.topic.as_str()).collect();
    assert_eq!((topics, &pulled.events[0].subject), (vec!["content.published", "search.hit"], &want[1]));
}

#[tokio::test]
async fn without_subscriptions_nothing_is_written() {
    let scene = Scene::new().await;
    scene.hit();
    let fact = Fact::new(Topic::ContentPublished, "c", &());
    assert!(!scene.store.journal().wants(Topic::ContentPublished), "{fact:?} would not be made");
    assert!(!scene.events.listen(Topics::parse(&["*".into()]).unwrap(), Some(0)).1);
}

#[tokio::test]
async fn subscriptions_are_bounded() {
    let scene = Scene::new().await;
    let callback = Some(Callback { url: "ftp://a".into(), binding: CallbackBinding::Json });
    assert!(scene.events.subscribe(vec!["*".into()], callback, HOUR).await.is_err());
    for _ in 0..MAX_SUBSCRIPTIONS {
        let id = Uuid::now_v7().simple().to_string();
        let topics = Topics::parse(&["*".into()]).unwrap();
        let one = Subscription::new(id.clone(), vec!["*".into()], topics, None, HOUR, scene.store.journal());
        scene.events.all().insert(id, Arc::new(one));
    }
    let full = scene.events.subscribe(vec!["*".into()], None, HOUR).await.unwrap_err();
    assert_eq!(full.kind, FaultKind::LimitExceeded);
}
