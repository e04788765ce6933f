//! MTOM and SOAP with Attachments over real sockets, by a caller that writes and cuts the parts itself.
//!
//! Each test is named after the clause or the client that forces the rule.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};

use crate::harness::{
    Binding, Connection, Element, Kind, Library, Node, NodeConfig, Pair, RawReply, content_id, noise, soap,
};

const XOP: &str = "http://www.w3.org/2004/08/xop/include";
const TYPE: &str = "multipart/related; type=\"application/xop+xml\"; start-info=\"text/xml\"; boundary=\"cut\"";
const ROOT: &str = "Content-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\r\nContent-ID: <root@test>";
/// How much the memory of a node may grow while it moves content of any size.
const GROWTH_KIB: u64 = 32 << 10;

/// The envelope of a content.publish whose data is a reference.
fn publish(binding: Binding, name: &str, href: &str) -> String {
    let data = format!("<data><xop:Include xmlns:xop=\"{XOP}\" href=\"{href}\"/></data>");
    soap::envelope(binding, &format!("<ContentPublish><name>{name}</name>{data}</ContentPublish>"))
}

fn part(head: &str, data: &[u8]) -> Vec<u8> {
    [b"--cut\r\n".as_slice(), head.as_bytes(), b"\r\n\r\n", data, b"\r\n"].concat()
}

/// A body of these parts, with its closing boundary.
fn body(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat().as_slice(), b"--cut--\r\n"].concat()
}

fn head(node: &Node, content_type: &str, more: &str) -> String {
    let host = node.api.authority();
    format!("POST /soap HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\n{more}\r\n")
}

/// Posts a body with its Content-Length over a connection of its own.
async fn post(node: &Node, content_type: &str, body: &[u8]) -> RawReply {
    let mut connection = Connection::to(node).await;
    connection.send(head(node, content_type, &format!("Content-Length: {}\r\n", body.len()))).await;
    connection.send(body).await;
    connection.reply().await
}

/// What stands in the body of a plain answer.
fn plain(reply: &RawReply) -> Element {
    assert!(!reply.header("content-type").contains("multipart"), "{}", reply.head);
    let text = std::str::from_utf8(&reply.body).expect("a plain answer is text");
    let root = Element::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    root.at(&["Body"]).unwrap_or_else(|| panic!("no body: {text}")).children[0].clone()
}

/// Asserts that the answer is a plain fault of that kind that names the words.
fn assert_fault(reply: &RawReply, kind: Kind, words: &[&str]) {
    let fault = plain(reply);
    let text = |path: &[&str]| fault.at(path).unwrap_or_else(|| panic!("{fault:?}")).text.clone();
    assert_eq!((reply.status, text(&["detail", "Fault", "kind"])), (500, kind.name()), "{fault:?}");
    let message = text(&["faultstring"]);
    for word in words {
        assert!(message.contains(word), "the message does not name {word:?}: {message}");
    }
}

/// The id in an answer of content.publish.
fn published(reply: &RawReply) -> String {
    let answer = plain(reply);
    let id = answer.at(&["result", "contentId"]).unwrap_or_else(|| panic!("{answer:?}"));
    id.text.clone()
}

/// The envelope and the data of an MTOM answer, which has these two parts and nothing else.
fn cut(reply: &RawReply, envelope_type: &str) -> (Element, Vec<u8>) {
    let content_type = reply.header("content-type");
    let parameter = |name: &str| {
        let (_, value) = content_type.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{content_type}"));
        value.split('"').next().expect("a value").to_owned()
    };
    assert!(content_type.starts_with("multipart/related;"), "{content_type}");
    assert_eq!((parameter("type").as_str(), parameter("start-info").as_str()), ("application/xop+xml", envelope_type));
    let delimiter = format!("\r\n--{}", parameter("boundary")).into_bytes();
    let whole = [b"\r\n".as_slice(), &reply.body].concat();
    let borders = memchr::memmem::find_iter(&whole, &delimiter).collect::<Vec<_>>();
    let [root, data, end] = borders[..] else { panic!("{} borders instead of 3", borders.len()) };
    assert_eq!(&whole[end + delimiter.len()..], b"--\r\n");
    let split = |part: &[u8]| {
        let end = memchr::memmem::find(part, b"\r\n\r\n").expect("a part has a head");
        (String::from_utf8(part[..end].to_vec()).expect("the head is text"), part[end + 4..].to_vec())
    };
    let (root_head, envelope) = split(&whole[root + delimiter.len()..data]);
    assert!(root_head.contains(&format!("Content-ID: {}", parameter("start"))), "{root_head}");
    assert!(
        root_head.contains(&format!("application/xop+xml; charset=UTF-8; type=\"{envelope_type}\"")),
        "{root_head}"
    );
    let (data_head, data) = split(&whole[data + delimiter.len()..end]);
    let envelope = Element::parse(std::str::from_utf8(&envelope).expect("text")).expect("an envelope");
    let include = envelope.descendants("Include")[0];
    assert_eq!(include.namespace, XOP);
    let name = include.attribute("href").and_then(|href| href.strip_prefix("cid:")).expect("a cid");
    assert!(data_head.contains(&format!("Content-ID: <{name}>")), "{data_head}");
    assert!(data_head.contains("Content-Transfer-Encoding: BINARY"), "{data_head}");
    (envelope, data)
}

fn envelope_type(binding: Binding) -> &'static str {
    if binding == Binding::Soap12 { "application/soap+xml" } else { "text/xml" }
}

/// Calls an operation as an envelope alone, by a caller that accepts MTOM.
async fn call_accepting(node: &Node, binding: Binding, operation: &str, input: &Value) -> RawReply {
    let body = binding.encode(operation, input);
    let more =
        format!("Accept: multipart/related, application/xop+xml;q=0.9, text/xml\r\nContent-Length: {}\r\n", body.len());
    let mut connection = Connection::to(node).await;
    connection.send(head(node, envelope_type(binding), &more)).await;
    connection.send(body).await;
    connection.reply().await
}

/// Calls an operation as the only part of an MTOM request.
async fn call_mtom(node: &Node, binding: Binding, operation: &str, input: &Value) -> RawReply {
    let root = format!("Content-Type: application/xop+xml; type=\"{}\"", envelope_type(binding));
    post(node, TYPE, &body(&[part(&root, binding.encode(operation, input).as_bytes())])).await
}

async fn contents(node: &Node) -> u64 {
    node.api.ok("node.stats", json!({})).await["contents"].as_u64().expect("a number")
}

#[tokio::test]
async fn xop_section_3_a_caller_that_uses_or_accepts_mtom_downloads_what_no_document_may_hold() {
    let mut library = Library::empty();
    // Data that looks like borders must not be taken for them.
    let bytes = [noise("mtom", 3 << 20), b"\r\n--cut--\r\n--peergate.".repeat(1000)].concat();
    let id = library.add("big noise.bin", "noise", bytes.clone()).id.clone();
    let node = NodeConfig::new().share(library.path()).limit("inline_bytes", 1 << 20).start().await;
    node.has_contents(1).await;
    let input = json!({ "contentId": id });
    for binding in [Binding::Soap11, Binding::Soap12] {
        for reply in [
            call_accepting(&node, binding, "content.download", &input).await,
            call_mtom(&node, binding, "content.download", &input).await,
        ] {
            assert_eq!((reply.status, reply.header("content-length")), (200, reply.body.len().to_string().as_str()));
            let (envelope, data) = cut(&reply, envelope_type(binding));
            assert!(data == bytes, "{binding:?}: {} bytes instead of {}", data.len(), bytes.len());
            let result = envelope.at(&["Body", "ContentDownloadResponse", "result"]).expect("a result");
            assert_eq!(result.child("size").expect("size").text, bytes.len().to_string());
        }
        let fault = node.api.call(binding, "content.download", input.clone()).await.expect_err("too large inline");
        fault.assert_is(Kind::TooLarge).assert_names(&["limits.inline_bytes", "content.read", "/content/"]);
    }
}

#[tokio::test]
async fn xop_section_3_a_chunk_is_a_part_too_and_what_has_no_bytes_stays_plain() {
    let node = NodeConfig::new().start().await;
    for bytes in [&b"the bytes"[..], b""] {
        let input = json!({ "name": "x.bin", "data": base64_simd::STANDARD.encode_to_string(bytes) });
        let id = node.api.ok("content.publish", input).await["contentId"].clone();
        for operation in ["content.read", "content.download"] {
            let reply = call_mtom(&node, Binding::Soap11, operation, &json!({ "contentId": id })).await;
            assert_eq!(cut(&reply, "text/xml").1, bytes, "{operation}");
        }
    }
    let info = call_mtom(&node, Binding::Soap11, "node.info", &json!({})).await;
    assert_eq!(info.header("content-type"), "text/xml; charset=utf-8");
    assert_eq!(plain(&info).name, "NodeInfoResponse");
    let nobody = json!({ "contentId": content_id(blake3::hash(b"nobody")) });
    for reply in [
        call_mtom(&node, Binding::Soap11, "content.download", &nobody).await,
        call_accepting(&node, Binding::Soap11, "content.download", &nobody).await,
    ] {
        assert_fault(&reply, Kind::NotFound, &[]);
    }
}

/// Kilobytes that the status of the node's process states.
pub fn memory(node: &Node, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.process_id())).expect("the status of the node");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a field of the status");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn content_of_any_size_passes_in_both_directions_in_flat_memory() {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 64;
    let node = NodeConfig::new().limit("inline_bytes", 1 << 20).start().await;
    let small =
        body(&[part(ROOT, publish(Binding::Soap11, "s.bin", "cid:d").as_bytes()), part("Content-ID: <d>", b"s")]);
    published(&post(&node, TYPE, &small).await);
    // 5 sets the mark of the highest memory back to what is used now.
    fs::write(format!("/proc/{}/clear_refs", node.process_id()), "5").expect("reset the mark of the node");
    let before = memory(&node, "VmRSS");

    let front =
        [part(ROOT, publish(Binding::Soap11, "big.bin", "cid:d").as_bytes()), part("Content-ID: <d>", b"")].concat();
    let (front, back) = (&front[..front.len() - 2], b"\r\n--cut--\r\n");
    let mut connection = Connection::to(&node).await;
    let length = front.len() + PIECES * PIECE + back.len();
    connection.send(head(&node, TYPE, &format!("Content-Length: {length}\r\n"))).await;
    connection.send(front).await;
    let mut hasher = blake3::Hasher::new();
    for index in 0..PIECES {
        let piece = noise(&format!("flat {index}"), PIECE);
        hasher.update(&piece);
        connection.send(piece).await;
    }
    connection.send(back).await;
    let id = published(&connection.reply().await);
    assert_eq!(id, content_id(hasher.finalize()));
    let up = memory(&node, "VmHWM").saturating_sub(before);

    let reply = call_mtom(&node, Binding::Soap11, "content.download", &json!({ "contentId": id })).await;
    let (_, data) = cut(&reply, "text/xml");
    assert_eq!((data.len(), blake3::hash(&data)), (PIECES * PIECE, hasher.finalize()));
    let down = memory(&node, "VmHWM").saturating_sub(before);
    assert!(up < GROWTH_KIB && down < GROWTH_KIB, "memory grew by {up} KiB up and {down} KiB down");
}

#[tokio::test]
async fn rfc_2046_section_5_1_1_a_request_is_cut_the_same_in_chunks_of_any_size() {
    let node = NodeConfig::new().start().await;
    let data = b"\r\n--cu\r\n--\r--cut\r\n-\r\n".repeat(3);
    let whole = body(&[
        part("X: preamble", b""),
        part(ROOT, publish(Binding::Soap11, "odd.bin", "cid:d%40test").as_bytes()),
        part("Content-ID: <other@test>", b"skipped"),
        part("Content-Type: application/octet-stream\r\nContent-ID: <d@test>", &data),
    ]);
    let content_type = format!("{TYPE}; start=\"<root@test>\"");
    for size in [1, 2, 3, 7, 61, whole.len()] {
        let mut connection = Connection::to(&node).await;
        connection.send(head(&node, &content_type, "Transfer-Encoding: chunked\r\n")).await;
        for chunk in whole.chunks(size) {
            connection.send([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()).await;
        }
        connection.send("0\r\n\r\n").await;
        let id = published(&connection.reply().await);
        assert_eq!(id, content_id(blake3::hash(&data)), "in chunks of {size}");
        // The body was read to its end, so the connection goes on.
        connection.send(format!("GET /health/live HTTP/1.1\r\nHost: {}\r\n\r\n", node.api.authority())).await;
        assert_eq!(connection.reply().await.status, 200);
    }
}

#[tokio::test]
async fn gsoap_wcf_metro_and_soap_lite_publish_as_they_write_it() {
    let node = NodeConfig::new().start().await;
    let by_href = |href: &str| {
        soap::envelope(
            Binding::Soap11,
            &format!("<ContentPublish><name>a.bin</name><data href=\"{href}\"/></ContentPublish>"),
        )
    };
    let include = |href: &str| publish(Binding::Soap11, "a.bin", href);
    let quoted = include("cid:d").replace('=', "=3D").replace("<name>", "=\r\n<name>");
    let cases = [
        (
            "gsoap",
            "multipart/related; charset=utf-8; boundary=\"cut\"; type=\"application/xop+xml\"; \
             start=\"<SOAP-ENV:Envelope>\"; start-info=\"text/xml\"",
            vec![
                part(
                    "Content-Type: application/xop+xml; charset=utf-8; type=\"text/xml\"\r\n\
                     Content-Transfer-Encoding: binary\r\nContent-ID: <SOAP-ENV:Envelope>",
                    include("cid:id1").as_bytes(),
                ),
                part("Content-Type: */*\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <id1>", b"gsoap"),
            ],
        ),
        (
            "wcf",
            "multipart/related; type=\"application/xop+xml\";start=\"<http://tempuri.org/0>\";boundary=\"cut\";\
             start-info=\"text/xml\"",
            vec![
                part(
                    "Content-ID: <http://tempuri.org/0>\r\nContent-Transfer-Encoding: 8bit\r\n\
                     Content-Type: application/xop+xml;charset=utf-8;type=\"text/xml\"",
                    include("cid:http%3A%2F%2Ftempuri.org%2F1%2F636").as_bytes(),
                ),
                part("Content-ID: <http://tempuri.org/1/636>\r\nContent-Transfer-Encoding: binary", b"wcf"),
            ],
        ),
        (
            "metro: no quotes, the data in front of the root",
            "Multipart/Related; start=<root@test>;type=application/xop+xml;boundary=cut;start-info=text/xml",
            vec![part("Content-Id: <d@test>", b"metro"), part(ROOT, include("cid:d@test").as_bytes())],
        ),
        (
            "soap::lite: attachments, quoted-printable and base64",
            "multipart/related; type=\"text/xml\"; boundary=cut",
            vec![
                part("Content-Type: text/xml\r\nContent-Transfer-Encoding: quoted-printable", quoted.as_bytes()),
                part(
                    "Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <d>",
                    b"c29hcDo6bGl0\r\nZQ==",
                ),
            ],
        ),
        (
            "axis 1.4: attachments by href",
            "multipart/related; type=\"text/xml\"; start=\"<root>\"; \tboundary=\"cut\"",
            vec![
                part(
                    "Content-Type: text/xml; charset=UTF-8\r\nContent-Transfer-Encoding: binary\r\nContent-Id: <root>",
                    by_href("cid:d").as_bytes(),
                ),
                part("Content-Type: application/octet-stream\r\nContent-Id: <d>", b"axis"),
            ],
        ),
        ("no bytes at all", TYPE, vec![part(ROOT, include("cid:d").as_bytes()), part("Content-ID: <d>", b"")]),
        ("inline in a part", TYPE, vec![part(ROOT, by_href("").replace(" href=\"\"/>", ">aGk=</data>").as_bytes())]),
    ];
    let data = ["gsoap", "wcf", "metro", "soap::lite", "axis", "", "hi"];
    for ((client, content_type, parts), data) in cases.into_iter().zip(data) {
        let reply = post(&node, content_type, &body(&parts)).await;
        assert_eq!(published(&reply), content_id(blake3::hash(data.as_bytes())), "{client}");
    }
}

#[tokio::test]
async fn parts_of_an_upload_are_parts_of_mtom_too() {
    let node = NodeConfig::new().limit("inline_bytes", 1 << 20).start().await;
    let bytes = noise("upload", 3 << 20);
    let upload = node.api.ok("upload.begin", json!({ "name": "u.bin", "size": bytes.len() })).await;
    let id = upload["uploadId"].as_str().expect("uploadId");
    let append = |offset: usize, data: &[u8]| {
        let include = format!("<xop:Include xmlns:xop=\"{XOP}\" href=\"cid:d\"/>");
        let fields = format!("<uploadId>{id}</uploadId><offset>{offset}</offset><data>{include}</data>");
        let envelope = soap::envelope(Binding::Soap11, &format!("<UploadAppend>{fields}</UploadAppend>"));
        body(&[part(ROOT, envelope.as_bytes()), part("Content-ID: <d>", data)])
    };
    let (first, second) = bytes.split_at(1 << 20);
    let cut = append(0, first);
    assert_fault(&post(&node, TYPE, &cut[..cut.len() - 100]).await, Kind::InvalidRequest, &["closing boundary"]);
    for whole in [append(1 << 20, second), append(0, first)] {
        assert_eq!(plain(&post(&node, TYPE, &whole).await).name, "UploadAppendResponse");
    }
    let content = node.api.ok("upload.commit", json!({ "uploadId": id })).await;
    assert_eq!(content["contentId"], content_id(blake3::hash(&bytes)));
}

#[tokio::test]
async fn axis_1_4_boundaries_with_specials_need_no_quotes() {
    let node = NodeConfig::new().start().await;
    for boundary in ["----=_Part_0_1.2", "uuid:1+2/3", "=="] {
        let parts = body(&[part(ROOT, Binding::Soap11.encode("node.info", &json!({})).as_bytes())]);
        let text = String::from_utf8(parts).expect("text").replace("--cut", &format!("--{boundary}"));
        let content_type = format!("multipart/related; boundary={boundary}; type=application/xop+xml");
        let reply = post(&node, &content_type, text.as_bytes()).await;
        assert_eq!(plain(&reply).name, "NodeInfoResponse", "{boundary}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_never_published() {
    let node = NodeConfig::new().start().await;
    let whole = body(&[
        part(ROOT, publish(Binding::Soap11, "cut.bin", "cid:d").as_bytes()),
        part("Content-ID: <d>", &noise("cut", 300_000)),
        part("Content-ID: <behind>", b"behind"),
    ]);
    let closing = whole.len() - "--\r\n".len();
    for end in [closing, closing - 20, closing - "--cutbehindContent-ID: <behind>".len(), 200_000, 100] {
        let reply = post(&node, TYPE, &whole[..end]).await;
        assert_fault(&reply, Kind::InvalidRequest, &["closing boundary"]);
        assert_eq!(contents(&node).await, 0, "published up to byte {end}");
    }
    // The connection breaks off in the middle of the part.
    let mut connection = Connection::to(&node).await;
    connection.send(head(&node, TYPE, &format!("Content-Length: {}\r\n", whole.len()))).await;
    connection.send(&whole[..200_000]).await;
    drop(connection);
    assert_eq!(contents(&node).await, 0);
    published(&post(&node, TYPE, &whole).await);
    assert_eq!(contents(&node).await, 1);
}

#[tokio::test]
async fn references_to_other_places_are_refused_and_never_fetched() {
    let node = NodeConfig::new().start().await;
    let bait = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let bait_url = format!("http://{}/bytes", bait.local_addr().expect("its address"));
    for href in [bait_url.as_str(), "file:///etc/hostname", "ftp://127.0.0.1/x", "#d", "d"] {
        let related =
            body(&[part(ROOT, publish(Binding::Soap11, "x", href).as_bytes()), part("Content-ID: <d>", b"x")]);
        assert_fault(
            &post(&node, TYPE, &related).await,
            Kind::InvalidRequest,
            &["data", "nothing else is ever fetched"],
        );
        let alone = post(&node, "text/xml", publish(Binding::Soap11, "x", href).as_bytes()).await;
        assert_fault(&alone, Kind::InvalidRequest, &["data", "nothing else is ever fetched"]);
    }
    let none = body(&[part(ROOT, publish(Binding::Soap11, "x", "cid:none").as_bytes()), part("Content-ID: <d>", b"x")]);
    assert_fault(&post(&node, TYPE, &none).await, Kind::InvalidRequest, &["none"]);
    assert!(timeout(Duration::from_millis(100), bait.accept()).await.is_err(), "the node connected to the reference");
    assert_eq!(contents(&node).await, 0);
}

#[tokio::test]
async fn parts_and_their_heads_are_bounded() {
    let node = NodeConfig::new().limit("inline_bytes", 1 << 20).start().await;
    let with = |count: usize| {
        let mut parts = vec![part(ROOT, publish(Binding::Soap11, "p.bin", "cid:d").as_bytes())];
        parts.resize(count - 1, part("X: y", b"skipped"));
        parts.push(part("Content-ID: <d>", b"fifty parts"));
        body(&parts)
    };
    published(&post(&node, TYPE, &with(50)).await);
    assert_fault(&post(&node, TYPE, &with(51)).await, Kind::TooLarge, &["limits.mime_parts", "50"]);
    let long = body(&[part(&format!("{ROOT}\r\nX: {}", "y".repeat(8 << 10)), b"")]);
    assert_fault(&post(&node, TYPE, &long).await, Kind::TooLarge, &["limits.mime_header_bytes", "8192"]);
    // The same head without an end: the answer comes although the request never ends.
    let mut connection = Connection::to(&node).await;
    connection.send(head(&node, TYPE, "Transfer-Encoding: chunked\r\n")).await;
    let endless = "--cut\r\n".to_owned() + &"X: y\r\n".repeat(5000);
    connection.send(format!("{:x}\r\n{endless}\r\n", endless.len())).await;
    assert_fault(&connection.reply().await, Kind::TooLarge, &["limits.mime_header_bytes"]);
    let nested = body(&[part("Content-Type: multipart/mixed; boundary=in", b"--in\r\n\r\n\r\n--in--")]);
    assert_fault(&post(&node, TYPE, &nested).await, Kind::InvalidRequest, &["has parts itself"]);
    let before = body(&[part("Content-ID: <d>", &noise("before", 2 << 20)), part(ROOT, b"<e/>")]);
    let content_type = format!("{TYPE}; start=\"<root@test>\"");
    assert_fault(&post(&node, &content_type, &before).await, Kind::TooLarge, &["limits.inline_bytes", "1048576"]);
    assert_fault(&post(&node, "multipart/related", &nested).await, Kind::InvalidRequest, &["boundary"]);
    node.api.assert_answers("hostile parts").await;
}

#[tokio::test]
async fn a_caller_that_sends_all_before_it_listens_hears_the_fault() {
    let node = NodeConfig::new().start().await;
    let large = body(&[
        part(ROOT, publish(Binding::Soap11, &"n".repeat(300), "cid:d").as_bytes()),
        part("Content-ID: <d>", &noise("large", 16 << 20)),
    ]);
    assert_fault(&post(&node, TYPE, &large).await, Kind::InvalidRequest, &["name", "255"]);
}

#[tokio::test]
async fn a_source_that_dies_half_way_breaks_the_connection_off() {
    let mut library = Library::empty();
    let size = 64 << 20;
    let id = library.add("big noise.bin", "noise", noise("dies", size)).id.clone();
    let mut pair = Pair::sharing(library).await;
    let call = Binding::Soap11.encode("content.download", &json!({ "contentId": id }));
    let more = format!("Accept: application/xop+xml\r\nContent-Length: {}\r\n", call.len());
    let mut connection = Connection::to(&pair.a).await;
    connection.send(head(&pair.a, "text/xml", &more)).await;
    connection.send(call).await;
    let reply = connection.begun_reply().await;
    let length = reply.length();
    assert!(reply.status == 200 && length > size, "{}", reply.head);
    pair.b.kill();
    let whole = connection.bytes_until_closed().await;
    assert!(whole.len() < length, "the answer looks whole");
    assert!(!whole.ends_with(b"--\r\n"), "the answer is closed");
}
