//! Events as a subscriber meets them: pulled, as a stream, and sent to callbacks that come and go.

use std::time::{Duration, Instant};

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::{Api, Binding, Kind, Library, Manner, Node, NodeConfig, Pair, Receiver, connected, eventually, within},
    two_nodes::finds,
};

/// Short pauses, so that a test needs no patience.
const HASTY: &str = "[events]\nretry_ms = 10\nretry_longest_ms = 50\nretries = 1000000\n";

async fn subscribe(api: &Api, topics: &[&str]) -> String {
    let answer = api.ok("event.subscribe", json!({ "topics": topics })).await;
    answer["subscriptionId"].as_str().expect("subscriptionId").to_owned()
}

async fn pull(api: &Api, id: &str) -> Value {
    api.ok("event.pull", json!({ "subscriptionId": id })).await
}

/// Publishes a few bytes and answers their id.
async fn publish(api: &Api, name: &str) -> String {
    let data = base64_simd::STANDARD.encode_to_string(name);
    let content = api.ok("content.publish", json!({ "name": name, "data": data })).await;
    content["contentId"].as_str().expect("contentId").to_owned()
}

fn list<'a>(events: &'a Value, field: &str) -> Vec<&'a str> {
    let events = events["events"].as_array().expect("events");
    events.iter().map(|event| event[field].as_str().expect("text")).collect()
}

/// The detail of an event as the record that it is.
fn detail(event: &Value) -> Value {
    serde_json::from_str(event["detail"].as_str().expect("detail")).expect("the detail is JSON")
}

#[tokio::test]
async fn what_happens_is_pulled_once_and_in_order() {
    let node = NodeConfig::new().start().await;
    publish(&node.api, "before").await;
    let all = subscribe(&node.api, &["content.*"]).await;
    let some = subscribe(&node.api, &["content.withdrawn"]).await;
    let id = publish(&node.api, "a paper").await;
    node.api.ok("content.update", json!({ "contentId": id, "name": "another name" })).await;
    node.api.ok("content.unpublish", json!({ "contentId": id })).await;
    let page = pull(&node.api, &all).await;
    assert_eq!(list(&page, "topic"), ["content.published", "content.updated", "content.withdrawn"]);
    assert_eq!((list(&page, "subject"), &page["missed"]), (vec![id.as_str(); 3], &json!(0)));
    assert_eq!(detail(&page["events"][1])["name"], "another name");
    let sequences: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| event["sequence"].as_u64()).collect();
    assert!(sequences.is_sorted_by(|one, other| one < other), "{sequences:?}");
    assert_eq!(pull(&node.api, &all).await["events"], json!([]));
    assert_eq!(list(&pull(&node.api, &some).await, "topic"), ["content.withdrawn"]);
    let first = node.api.ok("event.pull", json!({ "subscriptionId": all, "limit": 1 })).await;
    assert_eq!(first["events"], json!([]));
}

#[tokio::test]
async fn the_same_events_are_read_over_every_binding() {
    let node = NodeConfig::new().start().await;
    for binding in Binding::ALL {
        let input = json!({ "topics": ["content.published"], "ttlSeconds": 60 });
        let subscription = node.api.call(binding, "event.subscribe", input).await.expect("subscribe");
        let id = json!({ "subscriptionId": subscription["subscriptionId"] });
        let subject = publish(&node.api, &format!("{binding:?}")).await;
        let page = node.api.call(binding, "event.pull", id.clone()).await.expect("pull");
        assert_eq!(list(&page, "subject"), [subject], "{binding:?}");
        assert!(node.api.call(binding, "event.renew", id.clone()).await.expect("renew")["expires"].is_string());
        for done in [true, false] {
            let answer = node.api.call(binding, "event.unsubscribe", id.clone()).await;
            assert_eq!(answer.expect("unsubscribe"), json!({ "done": done }), "{binding:?}");
        }
        node.api.call(binding, "event.pull", id).await.expect_err("it has ended").assert_is(Kind::NotFound);
    }
}

#[tokio::test]
async fn a_pull_that_waits_is_answered_by_the_event() {
    let node = NodeConfig::new().start().await;
    let id = subscribe(&node.api, &["content.*"]).await;
    let waiting = async {
        let started = Instant::now();
        let page = node.api.ok("event.pull", json!({ "subscriptionId": id, "waitMs": 60000 })).await;
        (page, started.elapsed())
    };
    let happening = async {
        // The pull is under way once a second one has to wait for its turn.
        node.api.ok("event.pull", json!({ "subscriptionId": id, "waitMs": 50 })).await;
        publish(&node.api, "news").await
    };
    let ((page, took), subject) = tokio::join!(waiting, happening);
    assert_eq!(list(&page, "subject"), [subject]);
    assert!(took < Duration::from_secs(60), "{took:?}");
    // The end of a subscription ends the waiting too.
    let waiting = node.api.fault("event.pull", json!({ "subscriptionId": id, "waitMs": 60000 }));
    let ending = async {
        node.api.ok("event.pull", json!({ "subscriptionId": id, "waitMs": 50 })).await;
        node.api.ok("event.unsubscribe", json!({ "subscriptionId": id })).await
    };
    let (fault, _) = tokio::join!(waiting, ending);
    fault.assert_is(Kind::NotFound);
}

#[tokio::test]
async fn what_nobody_can_mean_is_refused_by_name() {
    let node = NodeConfig::new().start().await;
    for (input, named) in [
        (json!({ "topics": [] }), "topics"),
        (json!({ "topics": ["transfer.*", "transfers.done"] }), "transfers.done"),
        (json!({ "topics": ["*"], "ttlSeconds": 0 }), "ttlSeconds"),
        (json!({ "topics": ["*"], "ttlSeconds": 604801 }), "ttlSeconds"),
        (json!({ "topics": ["*"], "callbackBinding": "xmlrpc" }), "callbackUrl"),
        (
            json!({ "topics": ["*"], "callbackUrl": "http://127.0.0.1:1/", "callbackBinding": "gopher" }),
            "callbackBinding",
        ),
        (json!({ "topics": ["*"], "callbackUrl": "gopher://127.0.0.1/" }), "callbackUrl"),
    ] {
        for binding in Binding::ALL {
            let fault = node.api.call(binding, "event.subscribe", input.clone()).await.expect_err("refused");
            fault.assert_is(Kind::InvalidRequest).assert_names(&[named]);
        }
    }
    let unknown = json!({ "subscriptionId": "0192f0c1d2e37abc8def0123456789ab" });
    for operation in ["event.pull", "event.renew"] {
        node.api.fault(operation, unknown.clone()).await.assert_is(Kind::NotFound);
    }
}

#[tokio::test]
async fn a_subscription_ends_in_its_time() {
    let node = NodeConfig::new().start().await;
    let short = json!({ "topics": ["*"], "ttlSeconds": 1 });
    let id = node.api.ok("event.subscribe", short).await["subscriptionId"].clone();
    eventually("the subscription expires", async || {
        let pulled = node.api.call(Binding::Json, "event.pull", json!({ "subscriptionId": id })).await;
        pulled.err().map(|fault| fault.assert_is(Kind::NotFound).clone())
    })
    .await;
    node.api.fault("event.renew", json!({ "subscriptionId": id })).await.assert_is(Kind::NotFound);
}

#[tokio::test]
async fn a_subscription_survives_a_kill_and_loses_nothing_that_was_acknowledged() {
    let mut node = NodeConfig::new().start().await;
    let id = subscribe(&node.api, &["content.*", "search.*"]).await;
    let mut subjects = Vec::new();
    for round in 0..3 {
        subjects.push(publish(&node.api, &format!("paper {round}")).await);
        node.kill();
        node.restart().await;
    }
    subjects.push(publish(&node.api, "after the last kill").await);
    let page = pull(&node.api, &id).await;
    assert_eq!(list(&page, "subject"), subjects);
    // What was pulled may come again after a kill, and does not after an orderly end.
    assert!(node.terminate().await.success());
    node.restart().await;
    assert_eq!(pull(&node.api, &id).await, json!({ "events": [], "missed": 0 }));
    let last = page["events"][3]["sequence"].as_u64();
    publish(&node.api, "one more").await;
    let page = pull(&node.api, &id).await;
    assert!(page["events"][0]["sequence"].as_u64() > last, "{page}");
}

#[tokio::test]
async fn too_many_events_are_counted_as_missed() {
    let library = Library::real(200);
    let node = NodeConfig::new().share(library.path()).start().await;
    finds(&node.api, "paper*", library.files.len()).await;
    let late = subscribe(&node.api, &["search.hit"]).await;
    let other = subscribe(&node.api, &["search.complete"]).await;
    let each = library.files.len();
    let searches = 17_000 / each;
    for _ in 0..searches {
        let search = node.api.ok("search.start", json!({ "query": "paper*", "limit": 200 })).await;
        let hits = json!({ "searchId": search["searchId"], "after": each - 1, "waitMs": 30000 });
        assert_eq!(node.api.ok("search.results", hits).await["hits"].as_array().map(Vec::len), Some(1));
    }
    let mut seen = 0;
    let mut missed = 0;
    loop {
        let page = node.api.ok("event.pull", json!({ "subscriptionId": late, "limit": 500 })).await;
        missed += page["missed"].as_u64().expect("missed");
        match page["events"].as_array().expect("events").len() {
            0 => break,
            count => seen += count as u64,
        }
    }
    assert_eq!(seen + missed, (searches * each) as u64, "{seen} seen, {missed} missed");
    assert!(missed > 0, "the bound was not reached");
    let page = node.api.ok("event.pull", json!({ "subscriptionId": other, "limit": 500 })).await;
    assert!(page["missed"].as_u64() <= Some(searches as u64), "{page}");
}

#[tokio::test]
async fn peers_transfers_and_searches_are_told() {
    let mut library = Library::empty();
    library.add("told.bin", "told", crate::harness::noise("told", 300_000));
    let mut pair = Pair::sharing(library).await;
    let id = subscribe(&pair.a.api, &["peer.*", "transfer.*", "search.*", "content.published"]).await;
    let search = pair.a.api.ok("search.start", json!({ "query": "told" })).await;
    let results = json!({ "searchId": search["searchId"], "waitMs": 30000 });
    let hit = pair.a.api.ok("search.results", results).await["hits"][0].clone();
    let transfer = pair.a.api.ok("transfer.start", json!({ "contentId": hit["contentId"] })).await;
    let wait = json!({ "transferId": transfer["transferId"], "waitMs": 60000 });
    assert_eq!(pair.a.api.ok("transfer.wait", wait).await["state"], "complete");
    pair.b.kill();
    let mut events: Vec<Value> = Vec::new();
    within(Duration::from_secs(60), "all is told", async || {
        let page = pull(&pair.a.api, &id).await;
        events.extend(page["events"].as_array().expect("events").iter().cloned());
        let topic = |topic: &str| events.iter().find(|event| event["topic"] == topic).cloned();
        topic("peer.disconnected").and(topic("search.complete"))
    })
    .await;
    let one = |topic: &str| {
        let of_topic: Vec<_> = events.iter().filter(|event| event["topic"] == topic).collect();
        let [event] = of_topic.as_slice() else { panic!("one {topic} among {events:?}") };
        (event["subject"].clone(), detail(event))
    };
    assert_eq!(one("search.hit"), (search["searchId"].clone(), hit.clone()));
    assert_eq!((one("search.complete").0, &one("search.complete").1["hits"]), (search["searchId"].clone(), &json!(1)));
    let (subject, record) = one("transfer.complete");
    assert_eq!((&subject, &record["state"]), (&transfer["transferId"], &json!("complete")));
    assert_eq!(one("transfer.started").0, transfer["transferId"]);
    assert_eq!(one("content.published").0, hit["contentId"]);
    let (subject, record) = one("peer.disconnected");
    assert_eq!((subject, &record["connected"]), (pair.b.peer_id().into(), &json!(false)));
}

/// A stream of events, read frame by frame.
struct Stream {
    body: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    unread: String,
}

impl Stream {
    async fn open(api: &Api, query: &str, last: Option<u64>) -> Self {
        let mut request = api.request(Method::GET, &format!("/events{query}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = request.send().await.expect("a stream");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = Self { body: response.bytes_stream().boxed(), unread: String::new() };
        // The first comment says that it listens by now.
        assert!(stream.frame().await.expect("an opening").starts_with(": "));
        stream
    }

    /// The next frame; none at the end of the stream.
    async fn frame(&mut self) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.unread.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(frame);
            }
            let part = tokio::time::timeout(Duration::from_secs(30), self.body.next()).await.expect("a frame in time");
            self.unread.push_str(std::str::from_utf8(&part?.expect("the stream")).expect("UTF-8"));
        }
    }

    /// The next event: its id, its name and its data. Comments are passed over.
    async fn event(&mut self) -> (String, String, Value) {
        loop {
            let frame = self.frame().await.expect("an event");
            let field = |name: &str| {
                let line = frame.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
                line.unwrap_or_default().to_owned()
            };
            if !field("data").is_empty() {
                let data = serde_json::from_str(&field("data")).expect("data is JSON");
                return (field("id"), field("event"), data);
            }
        }
    }
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_left() {
    let mut node = NodeConfig::new().start().await;
    let mut stream = Stream::open(&node.api, "?topics=content.*", None).await;
    let first = publish(&node.api, "first").await;
    let (id, name, data) = stream.event().await;
    assert_eq!((name.as_str(), &data["subject"]), ("content.published", &json!(first)));
    assert_eq!(data["sequence"].to_string(), id);
    drop(stream);
    let second = publish(&node.api, "second").await;
    let last: u64 = id.parse().expect("the id is the sequence");
    let mut stream = Stream::open(&node.api, "?topics=content.published", Some(last)).await;
    assert_eq!(stream.event().await.2["subject"], json!(second));
    drop(stream);
    // After a restart nobody has listened for a while: what is there comes, and that it may not be all is said.
    let before = last - 1;
    node.kill();
    node.restart().await;
    let mut stream = Stream::open(&node.api, "?topics=content.published,search.hit", Some(before)).await;
    assert_eq!(stream.event().await, (String::new(), "missed".to_owned(), json!({ "after": before })));
    for subject in [first, second] {
        assert_eq!(stream.event().await.2["subject"], json!(subject));
    }
    // A stream ends with the node, and does not hold it up.
    let (status, ()) = tokio::join!(node.terminate(), async { while stream.frame().await.is_some() {} });
    assert!(status.success());
}

#[tokio::test]
async fn streams_are_refused_where_they_make_no_sense() {
    let node = NodeConfig::new().limit("long_polls", 1).start().await;
    for (query, named) in [("?topics=nothing", "nothing"), ("?topic=*", "topic")] {
        let reply = node.api.get(&format!("/events{query}")).await;
        assert_eq!((reply.status, reply.header("content-type")), (400, "application/problem+json"), "{query}");
        assert!(reply.text().contains(named), "{}", reply.text());
    }
    let bad = node.api.request(Method::GET, "/events").header("Last-Event-ID", "x");
    assert_eq!(bad.send().await.expect("an answer").status(), 400);
    let stream = Stream::open(&node.api, "", None).await;
    let full = node.api.get("/events").await;
    assert_eq!(full.status, 429);
    assert!(full.text().contains("limits.long_polls"), "{}", full.text());
    drop(stream);
    eventually("the place is free again", async || {
        let response = node.api.request(Method::GET, "/events").send().await.expect("an answer");
        (response.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stream_needs_the_right_to_pull() {
    let tokens = [("all", &["*"][..]), ("finder", &["search.*"]), ("listener", &["event.pull"])];
    let config = tokens.iter().fold(NodeConfig::new(), |config, (name, operations)| {
        config.token(name, &format!("{name}-0123456789abcdef"), operations)
    });
    let node = config.start().await;
    for (name, status) in [(None, 401), (Some("finder"), 403), (Some("listener"), 200), (Some("all"), 200)] {
        let request = node.api.request(Method::GET, "/events");
        let request = match name {
            Some(name) => request.basic_auth(name, Some(format!("{name}-0123456789abcdef"))),
            None => request,
        };
        assert_eq!(request.send().await.expect("an answer").status(), status, "{name:?}");
    }
}

const PATHS: [(&str, &str); 3] = [("/xmlrpc", "xmlrpc"), ("/soap", "soap"), ("/json", "json")];

async fn push_to(api: &Api, topics: &[&str], receiver: &Receiver, path: &str, binding: &str) -> String {
    let input = json!({ "topics": topics, "callbackUrl": receiver.url(path), "callbackBinding": binding });
    api.ok("event.subscribe", input).await["subscriptionId"].as_str().expect("subscriptionId").to_owned()
}

/// The subjects in the order in which they came first.
fn first_subjects(receiver: &Receiver, path: &str) -> Vec<String> {
    let mut subjects: Vec<String> = Vec::new();
    for (_, event) in receiver.events(path) {
        let subject = event["subject"].as_str().expect("subject").to_owned();
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    subjects
}

#[tokio::test]
async fn a_callback_that_was_down_and_failed_gets_each_event_in_order_across_a_kill() {
    let mut node = NodeConfig::new().with(HASTY).start().await;
    let mut receiver = Receiver::start(Manner::Take).await;
    let mut ids = Vec::new();
    for (path, binding) in PATHS {
        ids.push(push_to(&node.api, &["content.*"], &receiver, path, binding).await);
    }
    let mut subjects = vec![publish(&node.api, "taken at once").await];
    for (path, _) in PATHS {
        eventually("the first event is taken", async || (first_subjects(&receiver, path) == subjects).then_some(()))
            .await;
    }
    receiver.down().await;
    for name in ["while it is down", "still down"] {
        subjects.push(publish(&node.api, name).await);
    }
    receiver.set(Manner::Fail);
    receiver.up().await;
    for (path, _) in PATHS {
        eventually("the callback refuses", async || {
            receiver.requests(path).iter().any(|request| !request.was_taken).then_some(())
        })
        .await;
    }
    subjects.push(publish(&node.api, "while it answers 500").await);
    node.kill();
    receiver.down().await;
    node.restart().await;
    for number in 0..150 {
        subjects.push(publish(&node.api, &format!("after the kill {number}")).await);
    }
    receiver.set(Manner::Take);
    receiver.up().await;
    for ((path, _), id) in PATHS.into_iter().zip(ids) {
        within(Duration::from_secs(60), "every event is taken", async || {
            (first_subjects(&receiver, path).len() >= subjects.len()).then_some(())
        })
        .await;
        assert_eq!(first_subjects(&receiver, path), subjects, "{path}");
        assert!(receiver.events(path).iter().all(|(subscription, _)| *subscription == id), "{path}");
    }
}

#[tokio::test]
async fn a_callback_that_fails_for_good_is_parked_and_seen() {
    let node = NodeConfig::new().with("[events]\nretry_ms = 5\nretries = 2\n").start().await;
    let elsewhere = Receiver::start(Manner::Take).await;
    let receiver = Receiver::start(Manner::Redirect(elsewhere.url("/json"))).await;
    let id = push_to(&node.api, &["content.*"], &receiver, "/json", "json").await;
    let subjects = [publish(&node.api, "one").await, publish(&node.api, "two").await];
    let parked = eventually("the subscription is parked", async || {
        let fault = node.api.fault("event.pull", json!({ "subscriptionId": id })).await;
        fault.message.contains("event.renew").then_some(fault)
    })
    .await;
    parked.assert_is(Kind::Conflict).assert_names(&["json callback", "307"]);
    assert_eq!(receiver.requests("/json").len(), 3, "one try and two retries");
    assert!(elsewhere.requests("/json").is_empty(), "a redirect is not followed");
    let metrics = node.api.get("/metrics").await;
    assert!(metrics.text().contains("peergate_event_subscriptions{state=\"parked\"} 1"), "{}", metrics.text());
    receiver.set(Manner::Take);
    node.api.ok("event.renew", json!({ "subscriptionId": id })).await;
    eventually("all is taken", async || (first_subjects(&receiver, "/json") == subjects).then_some(())).await;
    let request = receiver.requests("/json").pop().expect("a request");
    assert!(request.head.to_lowercase().contains("content-type: application/json"), "{}", request.head);
}

#[tokio::test]
async fn callbacks_never_lead_into_networks_that_are_closed() {
    let node = NodeConfig::new().with("[events]\ncallback_networks = [\"10.0.0.0/8\"]\n").start().await;
    let receiver = Receiver::start(Manner::Take).await;
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "169.254.0.1",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "192.168.0.1",
        "172.16.0.1",
        "224.0.0.1",
        "[ff02::1]",
        "2130706433",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
    ] {
        let port = receiver.url("").rsplit(':').next().expect("a port").to_owned();
        let input = json!({ "topics": ["*"], "callbackUrl": format!("http://{host}:{port}/json") });
        let fault = node.api.fault("event.subscribe", input).await;
        fault.assert_is(Kind::InvalidRequest).assert_names(&["callbackUrl"]);
    }
    node.api.ok("event.subscribe", json!({ "topics": ["*"], "callbackUrl": "http://10.255.255.1:9/" })).await;
    assert!(receiver.requests("/json").is_empty());
}

#[tokio::test]
async fn the_command_line_prints_events_as_they_come() {
    use tokio::io::{AsyncBufReadExt, BufReader};

    let node = NodeConfig::new().start().await;
    let mut command = tokio::process::Command::new(Node::program());
    command.args(["events", "content.*", "--json"]).env("PEERGATE_URL", node.api.url("/xmlrpc"));
    command.stdout(std::process::Stdio::piped()).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let mut process = command.spawn().expect("start the command");
    let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    let subscribed = |text: &str| text.contains("peergate_event_subscriptions{state=\"pulled\"} 1");
    eventually("the command has subscribed", async || subscribed(node.api.get("/metrics").await.text()).then_some(()))
        .await;
    let id = publish(&node.api, "printed").await;
    let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.expect("a line in time");
    let event: Value = serde_json::from_str(&line.expect("output").expect("a line")).expect("a line is JSON");
    assert_eq!((&event["topic"], &event["subject"]), (&json!("content.published"), &json!(id)));
}

#[tokio::test]
async fn an_overlay_peer_that_joins_is_told() {
    let a = NodeConfig::new().start().await;
    let id = subscribe(&a.api, &["peer.connected"]).await;
    let b = NodeConfig::new().bootstrap(&a).start().await;
    connected(&b, &a).await;
    let page = a.api.ok("event.pull", json!({ "subscriptionId": id, "waitMs": 30000 })).await;
    assert_eq!(list(&page, "subject"), [b.peer_id()]);
    assert_eq!(detail(&page["events"][0])["overlay"], "home");
}
