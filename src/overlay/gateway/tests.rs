//! A far gateway as a double over real sockets: an older version, one that lies, one that is slow or down.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

use bao_tree::{BlockSize, ByteRanges, io::outboard::PreOrderMemOutboard};
use futures::StreamExt;
use serde_json::{Value, json};

use super::*;
use crate::{
    binding::{soap, xmlrpc},
    model::{FaultKind, Piece},
    overlay::remote::canned::{Canned, Server},
};

const OWN: &str = "12D3Own";

/// What a far gateway is and has.
#[derive(Clone)]
struct Double {
    data: Arc<Vec<u8>>,
    id: ContentId,
    peer_id: &'static str,
    /// Whether it offers contents that prove themselves.
    proves: bool,
    /// The byte that it changes in what it sends.
    forged: Option<usize>,
    soap: bool,
}

fn content(size: usize) -> Arc<Vec<u8>> {
    Arc::new((0..size).map(|at| (at / 7 % 251) as u8).collect())
}

impl Double {
    fn new(size: usize) -> Self {
        let data = content(size);
        let id = ContentId::native(*blake3::hash(&data).as_bytes());
        Self { data, id, peer_id: "12D3Far", proves: false, forged: None, soap: false }
    }

    fn record(&self) -> Value {
        json!({ "contentId": self.id, "name": "a\u{202e}b", "size": self.data.len(), "fromTheFuture": { "x": [1] } })
    }

    fn sent(&self) -> Vec<u8> {
        let mut sent = self.data.to_vec();
        self.forged.into_iter().for_each(|at| sent[at] ^= 1);
        sent
    }

    fn answer(&self, request: &str) -> Canned {
        if let Some(rest) = request.strip_prefix("GET /content/") {
            return self.prove(rest.split(' ').next().unwrap_or_default());
        }
        let named = |name: &str| request.contains(&format!("<methodName>{name}<"));
        let is = |name: &str, element: &str| named(name) || request.contains(&format!("<{element} xmlns"));
        let output = if is("node.info", "NodeInfo") && !self.peer_id.is_empty() {
            json!({ "peerId": self.peer_id, "version": "9.9" })
        } else if is("search.find", "SearchFind") {
            json!({ "hits": [self.record()], "outcomes": [{ "overlay": "x", "outcome": "answered", "hits": 1 }] })
        } else if is("content.describe", "ContentDescribe") {
            self.record()
        } else if is("content.read", "ContentRead") {
            return self.read(request);
        } else if is("content.download", "ContentDownload") && self.soap {
            return self.download();
        } else {
            return Canned::answer("HTTP/1.0 200 OK", unknown_method().as_bytes());
        };
        self.document(&output)
    }

    fn document(&self, output: &Value) -> Canned {
        let document = match self.soap {
            true => soap::encode_response(soap::Version::V11, "Whatever", &Fields(output)).unwrap(),
            false => xmlrpc::encode::response(output, xmlrpc::Dialect::default()).unwrap().into_text(),
        };
        Canned::answer("HTTP/1.1 200 OK\r\nContent-Type: text/html", document.as_bytes())
    }

    fn read(&self, request: &str) -> Canned {
        let number = |name: &str| {
            let member = format!("<name>{name}</name><value><int>");
            let element = format!("<{name}>");
            let (_, rest) = request.split_once(&member).or_else(|| request.split_once(&element)).unwrap();
            rest.split('<').next().unwrap().parse::<usize>().unwrap()
        };
        let (offset, sent) = (number("offset"), self.sent());
        let end = sent.len().min(offset + number("length"));
        let data = crate::model::Data(sent[offset.min(end)..end].to_vec().into());
        #[derive(serde::Serialize)]
        struct Chunk {
            data: crate::model::Data,
            size: usize,
            eof: bool,
        }
        let chunk = Chunk { data, size: sent.len(), eof: end == sent.len() };
        let document = match self.soap {
            true => soap::encode_response(soap::Version::V11, "Whatever", &chunk).unwrap(),
            false => xmlrpc::encode::response(&chunk, xmlrpc::Dialect::default()).unwrap().into_text(),
        };
        Canned::answer("HTTP/1.1 200 OK", document.as_bytes())
    }

    fn download(&self) -> Canned {
        let include = "<data><x:Include xmlns:x='http://www.w3.org/2004/08/xop/include' href='cid:d'/></data>";
        let envelope = format!(
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><R><result><size>{}</size>{include}\
             </result></R></s:Body></s:Envelope>",
            self.data.len()
        );
        let front = format!("--b\r\nContent-ID: <e>\r\n\r\n{envelope}\r\n--b\r\nContent-ID: <d>\r\n\r\n");
        let body = [front.as_bytes(), &self.sent(), b"\r\n--b--\r\n"].concat();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/related; boundary=b; type=\"application/xop+xml\"";
        Canned::answer(head, &body)
    }

    /// The bao stream of the range that the query names.
    fn prove(&self, target: &str) -> Canned {
        if !self.proves {
            return Canned::answer("HTTP/1.1 404 Not Found\r\nContent-Type: text/html", b"<html>nothing</html>");
        }
        let (id, query) = target.split_once('?').unwrap();
        if id != self.id.to_string() {
            let problem = "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json";
            return Canned::answer(problem, b"{}");
        }
        let number = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap();
            pair.parse::<u64>().unwrap()
        };
        let size = self.data.len() as u64;
        let range = super::super::bao::whole_groups(number("start")..number("end"), size);
        let block = BlockSize::from_chunk_log(4);
        let outboard = PreOrderMemOutboard::create(&self.data[..], block);
        let ranges = bao_tree::io::round_up_to_chunks(&ByteRanges::from(range));
        let mut body = size.to_le_bytes().to_vec();
        bao_tree::io::sync::encode_ranges_validated(&self.data[..], &outboard, &ranges, &mut body).unwrap();
        self.forged.into_iter().for_each(|at| body[at] ^= 1);
        Canned::answer("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.peergate.bao; x=y", &body)
    }
}

/// A JSON object as a record, whose fields SOAP writes.
struct Fields<'a>(&'a Value);

impl serde::Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        match self.0 {
            Value::Object(fields) => {
                let mut record = serializer.serialize_struct("Record", fields.len())?;
                for (name, value) in fields {
                    // A test's record lives as long as the test.
                    record.serialize_field(Box::leak(name.clone().into_boxed_str()), &Fields(value))?;
                }
                record.end()
            }
            Value::Array(items) => items.iter().map(Fields).collect::<Vec<_>>().serialize(serializer),
            plain => plain.serialize(serializer),
        }
    }
}

fn unknown_method() -> String {
    xmlrpc::encode::fault(1, "<class 'Exception'>:method is not supported", xmlrpc::Dialect::default()).into_text()
}

/// A gateway overlay over a double.
struct Scene {
    gateway: Gateway,
    server: Server,
    _folder: tempfile::TempDir,
}

async fn scene_of(soap: bool, answer: impl Fn(&str) -> Canned + Send + Sync + 'static) -> Scene {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let server = Server::start(answer).await;
    let address = format!("{}/{}", server.url, if soap { "soap" } else { "RPC2" });
    let address = Address::new(&address, None, None).unwrap();
    let patience = Patience { connect: Duration::from_secs(2), idle: Duration::from_secs(2) };
    let gateway = Gateway::start("far", address, patience, OWN, Arc::default(), store).unwrap();
    Scene { gateway, server, _folder: folder }
}

async fn scene(double: Double) -> Scene {
    scene_of(double.soap, move |request| double.answer(request)).await
}

fn journey() -> Journey {
    Journey::begin("12D3Origin").asked_in(["native:red".to_owned()])
}

/// The pieces of a range, checked to begin where it does and to have no gaps, and how they end.
async fn fetched(scene: &Scene, id: &ContentId, range: Range<u64>) -> (Vec<Piece>, Outcome<u64>) {
    let mut fetch = match scene.gateway.fetch(id, range, &[], &journey()).await {
        Ok(fetch) => fetch,
        Err(fault) => return (Vec::new(), Err(fault)),
    };
    let mut pieces: Vec<Piece> = Vec::new();
    while let Some(piece) = fetch.pieces.next().await {
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(fault) => return (pieces, Err(fault)),
        }
    }
    (pieces, Ok(fetch.size))
}

fn joined(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.data.to_vec()).collect()
}

async fn found(scene: &Scene, query: &Query) -> Vec<Found> {
    scene.gateway.search(Arc::new(query.clone()), &journey()).await.unwrap().collect().await
}

#[tokio::test]
async fn a_search_brings_harmless_hits_and_says_where_it_has_been() {
    for soap in [false, true] {
        let scene = scene(Double { soap, ..Double::new(100) }).await;
        let mut query = Query::parse("\"some words\" x*", 20).unwrap();
        query.patience = Some(Duration::from_secs(3));
        let found = found(&scene, &query).await;
        let [Found::Page(hits)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((hits.len(), hits[0].name.as_str(), hits[0].overlay.as_str()), (1, "a\u{fffd}b", "far"));
        assert_eq!((hits[0].providers, hits[0].media_type.as_str()), (1, "application/octet-stream"));
        let requests = scene.server.requests();
        let asked = requests.iter().find(|request| request.contains("x*")).expect("it was asked");
        assert!(asked.contains(";12D3Origin;8;native:red,gateway:12D3Far,gateway:12D3Own\r\n"), "{asked}");
        assert!(asked.contains(">2700<"), "the time of the way is left off: {asked}");
        assert_eq!(scene.gateway.status().state, OverlayState::Up);
        assert_eq!(scene.gateway.id(), "gateway:12D3Far");
    }
}

#[tokio::test]
async fn who_did_not_answer_the_far_side_is_missing_here() {
    let answer = |request: &str| match request.contains("search.find") {
        true => {
            let outcomes = json!({ "hits": [], "outcomes": [{ "overlay": "x", "outcome": "timedout" }] });
            Double::new(1).document(&outcomes)
        }
        false => Double::new(1).answer(request),
    };
    let scene = scene_of(false, answer).await;
    let found = found(&scene, &Query::parse("x", 20).unwrap()).await;
    assert!(matches!(&found[..], [Found::Page(hits), Found::Missing] if hits.is_empty()), "{found:?}");
}

#[tokio::test]
async fn a_question_with_a_full_path_is_not_asked() {
    let scene = scene(Double::new(100)).await;
    let full = Journey::begin("x").asked_in((0..16).map(|number| format!("native:{number}")));
    let query = Arc::new(Query::parse("x", 20).unwrap());
    let found: Vec<_> = scene.gateway.search(query, &full).await.unwrap().collect().await;
    assert!(found.is_empty(), "{found:?}");
    let id = Double::new(100).id;
    assert_eq!(scene.gateway.locate(&id, &full).await.unwrap_err().kind, FaultKind::NotFound);
    assert!(scene.gateway.fetch(&id, 0..1, &[], &full).await.is_err());
    assert!(scene.server.requests().iter().all(|request| request.contains("node.info")));
}

#[tokio::test]
async fn this_node_is_the_last_on_the_path_wherever_it_stood_before() {
    let scene = scene(Double::new(100)).await;
    let asked = journey().asked_in([format!("gateway:{OWN}"), "native:blue".to_owned()]);
    scene.gateway.locate(&Double::new(100).id, &asked).await.unwrap();
    let path = ";native:red,native:blue,gateway:12D3Far,gateway:12D3Own\r\n";
    assert!(scene.server.requests().iter().any(|request| request.contains(path)), "{:?}", scene.server.requests());
}

#[tokio::test]
async fn a_record_is_taken_for_the_content_that_was_asked_for_only() {
    let scene = scene(Double::new(100)).await;
    let id = Double::new(100).id;
    let located = scene.gateway.locate(&id, &journey()).await.unwrap();
    assert_eq!((located.hit.content_id, located.hit.size), (id, 100));
    let other = scene.gateway.locate(&ContentId::native([9; 32]), &journey()).await.unwrap_err();
    assert!(other.message.contains("another content"), "{other}");
}

#[tokio::test]
async fn a_content_that_proves_itself_passes_with_its_tree() {
    for size in [0, 1, 16_384, 16_385, 300_000] {
        let double = Double { proves: true, ..Double::new(size) };
        let (data, id) = (double.data.clone(), double.id.clone());
        let scene = scene(double).await;
        let (pieces, end) = fetched(&scene, &id, 0..u64::MAX).await;
        assert_eq!((end, joined(&pieces) == *data), (Ok(size as u64), true), "{size}");
        let parents: usize = pieces.iter().map(|piece| piece.parents.len()).sum();
        assert_eq!(parents, size.div_ceil(16_384).max(1) - 1, "{size}");
        assert!(scene.server.requests().iter().all(|request| !request.contains("content.read")));
    }
    let double = Double { proves: true, ..Double::new(300_000) };
    let (data, id) = (double.data.clone(), double.id.clone());
    let scene = scene(double).await;
    let (pieces, _) = fetched(&scene, &id, 100_000..100_001).await;
    assert_eq!((pieces[0].offset, joined(&pieces) == data[98_304..114_688]), (98_304, true));
    assert_eq!(scene.gateway.status().bytes_in, 16_384);
    let missing = scene.gateway.fetch(&ContentId::native([1; 32]), 0..1, &[], &journey()).await;
    assert_eq!(missing.err().map(|fault| fault.kind), Some(FaultKind::NotFound));
    let avoided = scene.gateway.fetch(&id, 0..1, &["gateway:12D3Far".to_owned()], &journey()).await;
    assert!(avoided.is_err());
}

#[tokio::test]
async fn forged_bytes_end_a_stream_before_they_are_handed_out() {
    let size = 300_000;
    for at in [4, 8, 100, 10_000, 200_000, 300_000] {
        let double = Double { proves: true, forged: Some(at), ..Double::new(size) };
        let (data, id) = (double.data.clone(), double.id.clone());
        let scene = scene(double).await;
        let (pieces, end) = fetched(&scene, &id, 0..u64::MAX).await;
        assert!(end.is_err(), "{at}");
        assert!(data.starts_with(&joined(&pieces)), "{at}");
    }
}

#[tokio::test]
async fn an_older_version_is_proved_before_anything_is_handed_out() {
    for soap in [false, true] {
        for size in [1, 16_384, 16_385, 9 << 20] {
            let double = Double { soap, ..Double::new(size) };
            let (data, id) = (double.data.clone(), double.id.clone());
            let scene = scene(double).await;
            let (pieces, end) = fetched(&scene, &id, 0..u64::MAX).await;
            assert_eq!((end, joined(&pieces) == *data), (Ok(size as u64), true), "{soap} {size}");
            let parents: usize = pieces.iter().map(|piece| piece.parents.len()).sum();
            assert_eq!(parents, size.div_ceil(16_384) - 1, "{soap} {size}");
            let before = scene.server.requests().len();
            let (pieces, _) = fetched(&scene, &id, size as u64 / 2..size as u64).await;
            assert!(data.ends_with(&joined(&pieces)) && !pieces.is_empty());
            let again = scene.server.requests().split_off(before);
            assert!(again.iter().all(|request| request.starts_with("GET ")), "it was kept: {again:?}");
        }
    }
}

#[tokio::test]
async fn an_older_version_that_lies_delivers_nothing() {
    for soap in [false, true] {
        for size in [5, 16_384, 40_000, 9 << 20] {
            let double = Double { soap, forged: Some(size / 2), ..Double::new(size) };
            let id = double.id.clone();
            let scene = scene(double).await;
            let (pieces, end) = fetched(&scene, &id, 0..u64::MAX).await;
            let fault = end.unwrap_err();
            assert!(pieces.is_empty() && fault.message.contains("do not belong to content"), "{soap} {size}: {fault}");
        }
    }
}

#[tokio::test]
async fn a_content_of_another_network_is_handed_on_as_it_comes() {
    for soap in [false, true] {
        let id: ContentId = "cat:archive:7".parse().unwrap();
        let double = Double { soap, id: id.clone(), ..Double::new(9 << 20) };
        let data = double.data.clone();
        let scene = scene(double).await;
        for range in [0..u64::MAX, 0..100, 5_000_000..5_000_001, 3_000_000..u64::MAX] {
            let (pieces, end) = fetched(&scene, &id, range.clone()).await;
            let start = range.start / 16_384 * 16_384;
            let want = &data[start as usize..(range.end as usize).min(data.len())];
            assert!(end == Ok(data.len() as u64) && joined(&pieces) == want, "{soap} {range:?} {end:?}");
            assert_eq!(pieces[0].offset, start, "from the group on that holds the first byte");
        }
    }
}

async fn until(gateway: &Gateway, state: OverlayState) -> OverlayRecord {
    let wait = async {
        while gateway.status().state != state {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("{:?}", gateway.status()));
    gateway.status()
}

#[tokio::test]
async fn a_far_side_that_is_this_node_is_told_as_a_collision() {
    let scene = scene(Double { peer_id: OWN, ..Double::new(1) }).await;
    let status = until(&scene.gateway, OverlayState::Down).await;
    assert!(status.detail.unwrap().contains("gateway:12D3Own is this very node"));
    let refused = scene.gateway.search(Arc::new(Query::parse("x", 1).unwrap()), &journey()).await;
    assert_eq!(refused.err().map(|fault| fault.kind), Some(FaultKind::Unavailable));
}

#[tokio::test]
async fn who_does_not_say_who_it_is_can_be_asked_all_the_same() {
    let scene = scene(Double { peer_id: "", ..Double::new(100) }).await;
    let status = until(&scene.gateway, OverlayState::Degraded).await;
    assert!(status.detail.unwrap().contains("does not say who it is"));
    let found = found(&scene, &Query::parse("x", 20).unwrap()).await;
    assert!(matches!(&found[..], [Found::Page(hits)] if hits.len() == 1), "{found:?}");
}

#[tokio::test]
async fn a_far_side_that_is_down_is_not_waited_for_and_comes_back() {
    let up = Arc::new(Mutex::new(false));
    let is_up = up.clone();
    let answer = move |request: &str| match *is_up.lock().unwrap() {
        true => Double::new(100).answer(request),
        false => Canned::answer("HTTP/1.1 502 Bad Gateway", b"later"),
    };
    let scene = scene_of(false, answer).await;
    let status = until(&scene.gateway, OverlayState::Down).await;
    assert!(status.detail.unwrap().contains("HTTP 502"));
    let query = Arc::new(Query::parse("x", 20).unwrap());
    let refused = scene.gateway.search(query.clone(), &journey()).await.err().unwrap();
    assert!(refused.message.contains("is down and not asked"), "{refused}");
    assert!(scene.server.requests().iter().all(|request| request.contains("node.info")));
    *up.lock().unwrap() = true;
    let _ = scene.gateway.search(query.clone(), &journey()).await;
    until(&scene.gateway, OverlayState::Up).await;
    assert!(scene.gateway.search(query, &journey()).await.is_ok());
}

#[tokio::test]
async fn a_far_side_that_never_answers_is_found_out() {
    let answer = |request: &str| match request.contains("node.info") {
        true => Double::new(100).answer(request),
        false => Canned::silent(""),
    };
    let scene = scene_of(false, answer).await;
    until(&scene.gateway, OverlayState::Up).await;
    let mut query = Query::parse("x", 20).unwrap();
    query.patience = Some(Duration::ZERO);
    // The asker is gone at once; the answer is listened for all the same.
    drop(scene.gateway.search(Arc::new(query), &journey()).await);
    let seen = async {
        loop {
            let probes = scene.server.requests().iter().filter(|request| request.contains("node.info")).count();
            if probes > 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("the failure had it probed");
}
