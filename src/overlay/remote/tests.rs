//! Each oddity of real servers, over a socket.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::{
    Address, Cause, Failure, Method, Patience, Remote, Speech, Terms,
    canned::{Canned, Server},
};
use crate::model::{Data, FaultKind, Payload};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const READ: Method = Method { name: "catalog.read", required: &["entryId", "offset", "length"] };
const WITHIN: Terms<'static> = Terms { within: Duration::from_secs(5), journey: None };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    entry_id: String,
    offset: u64,
    length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Chunk {
    data: Data,
    offset: u64,
    size: u64,
    eof: bool,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Streamed {
    data: Payload,
    #[serde(default)]
    size: u64,
}

fn read() -> Read {
    Read { entry_id: "a<1".into(), offset: 5_000_000_000, length: 3, timeout_ms: None }
}

fn remote(server: &Server, speech: Speech) -> Remote {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let path = if speech == Speech::Soap { "/soap" } else { "/RPC2" };
    let address = Address::new(&format!("{}{path}", server.url), None, Some("s3cret-token")).unwrap();
    assert_eq!(address.speech(), speech);
    let patience = Patience { connect: Duration::from_secs(2), idle: Duration::from_millis(300) };
    Remote::new("archive", address, patience).unwrap()
}

async fn call(speech: Speech, answer: impl Fn(&str) -> Canned + Send + Sync + 'static) -> Result<Chunk, Failure> {
    let server = Server::start(answer).await;
    remote(&server, speech).call(&READ, &read(), &WITHIN).await
}

fn envelope(body: &str) -> String {
    format!("<?xml version='1.0'?><s:Envelope xmlns:s='{SOAP}'><s:Body>{body}</s:Body></s:Envelope>")
}

fn chunk(wrapper: &str) -> String {
    envelope(&format!(
        "<r:CatalogReadResponse xmlns:r='urn:peergate:v1'><r:{wrapper}><r:data>aGk=</r:data><r:offset>5.0E9</r:offset>\
         <r:size>5000000002</r:size><r:later>1</r:later><r:eof>1</r:eof></r:{wrapper}></r:CatalogReadResponse>"
    ))
}

fn response(value: &str) -> String {
    format!(
        "<?xml version='1.0'?><methodResponse><params><param><value>{value}</value></param></params></methodResponse>"
    )
}

fn members(members: &[(&str, &str)]) -> String {
    let member = |(name, value): &(&str, &str)| format!("<member><name>{name}</name><value>{value}</value></member>");
    response(&format!("<struct>{}</struct>", members.iter().map(member).collect::<String>()))
}

fn usual_members() -> String {
    members(&[
        ("data", "<base64>aGk=</base64>"),
        ("offset", "<double>5000000000.0</double>"),
        ("size", "<string>5000000002</string>"),
        ("eof", "<int>1</int>"),
        ("later", "<struct></struct>"),
        ("name", "<int>17</int>"),
    ])
}

fn want(name: &str) -> Chunk {
    Chunk { data: Data(b"hi"[..].into()), offset: 5_000_000_000, size: 5_000_000_002, eof: true, name: name.into() }
}

#[tokio::test]
async fn a_call_says_what_old_servers_look_for() {
    let server = Server::start(|_| Canned::answer("HTTP/1.1 200 OK", chunk("result").as_bytes())).await;
    let soap = remote(&server, Speech::Soap);
    let terms = Terms { journey: Some("00;p;8;native:1"), ..WITHIN };
    assert_eq!(soap.call::<_, Chunk>(&READ, &read(), &terms).await.unwrap(), want(""));
    let request = server.requests().remove(0);
    for part in [
        "POST /soap HTTP/1.1\r\n",
        "content-type: text/xml; charset=utf-8\r\n",
        "soapaction: \"urn:peergate:v1/CatalogRead\"\r\n",
        "authorization: Bearer s3cret-token\r\n",
        "peergate-journey: 00;p;8;native:1\r\n",
        "<CatalogRead xmlns=\"urn:peergate:v1\"><entryId>a&lt;1</entryId><offset>5000000000</offset>",
    ] {
        assert!(request.contains(part), "{part} in {request}");
    }
    let server = Server::start(|_| Canned::answer("HTTP/1.1 200 OK", usual_members().as_bytes())).await;
    let input = Read { timeout_ms: Some(7), ..read() };
    remote(&server, Speech::Xmlrpc).call::<_, Chunk>(&READ, &input, &WITHIN).await.unwrap();
    let request = server.requests().remove(0);
    assert!(
        request.ends_with(
            "<params><param><value><string>a&lt;1</string></value></param><param><value><double>5000000000.0</double>\
             </value></param><param><value><int>3</int></value></param><param><value><struct><member><name>timeoutMs\
             </name><value><int>7</int></value></member></struct></value></param></params></methodCall>"
        ),
        "{request}"
    );
}

#[tokio::test]
async fn content_types_framing_and_versions_of_http_do_not_matter() {
    for (speech, document) in [(Speech::Soap, chunk("return")), (Speech::Xmlrpc, usual_members())] {
        let want = want(if speech == Speech::Soap { "" } else { "17" });
        let length = document.len();
        let (half, rest) = document.split_at(length / 2);
        let chunked =
            format!("{:x}\r\n{half}\r\n{:x};x=y\r\n{rest}\r\n0\r\nTrailer: t\r\n\r\n", half.len(), rest.len());
        for (what, canned) in [
            ("html", Canned::answer("HTTP/1.1 200 OK\r\nContent-Type: text/html", document.as_bytes())),
            ("xml", Canned::answer("HTTP/1.1 200 OK\r\nContent-Type: application/xml", document.as_bytes())),
            ("none", Canned::answer("HTTP/1.1 200 OK", document.as_bytes())),
            ("broken", Canned::answer("HTTP/1.1 200 OK\r\nContent-Type: ;;;=", document.as_bytes())),
            ("line end", Canned::answer("HTTP/1.1 200 OK", format!("\r\n\n {document}\n").as_bytes())),
            ("mark", Canned::answer("HTTP/1.1 200 OK", format!("\u{FEFF}{document}").as_bytes())),
            ("202", Canned::answer("HTTP/1.1 202 Accepted", document.as_bytes())),
            ("close", Canned::closed(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{document}"))),
            ("1.0", Canned::closed(format!("HTTP/1.0 200 OK\r\nServer: x\r\n\r\n{document}"))),
            ("1.0 length", Canned::closed(format!("HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n{document}"))),
            ("chunked", Canned::closed(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"))),
            (
                "continue",
                Canned::closed(format!(
                    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{document}"
                )),
            ),
        ] {
            let canned = std::sync::Mutex::new(Some(canned));
            let answer = move |_: &str| canned.lock().unwrap().take().expect("one request");
            let read = call(speech, answer).await;
            assert_eq!(
                read.unwrap_or_else(|failure| panic!("{speech:?} {what}: {failure}")),
                want,
                "{speech:?} {what}"
            );
        }
    }
}

#[tokio::test]
async fn what_an_answer_lacks_has_a_default_and_nil_is_absent() {
    let document = members(&[("data", "<base64></base64>"), ("size", "<nil/>"), ("offset", "<ex:nil/>")]);
    let read = call(Speech::Xmlrpc, move |_| Canned::answer("HTTP/1.1 200 OK", document.as_bytes())).await;
    assert_eq!(read.unwrap(), Chunk::default());
    let document = envelope(
        "<CatalogReadResponse><CatalogReadResult xmlns:i='http://www.w3.org/2001/XMLSchema-instance'>\
         <size i:nil='true'/></CatalogReadResult></CatalogReadResponse>",
    );
    let read = call(Speech::Soap, move |_| Canned::answer("HTTP/1.1 200 OK", document.as_bytes())).await;
    assert_eq!(read.unwrap(), Chunk::default());
}

#[tokio::test]
async fn faults_are_faults_on_every_status() {
    let soap = |kind: &str| {
        envelope(&format!(
            "<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring><detail><p:Fault xmlns:p='urn:peergate:v1'>\
             <p:kind>{kind}</p:kind><p:message>nothing there</p:message></p:Fault></detail></s:Fault>"
        ))
    };
    let text_detail = envelope(
        "<s:Fault><faultcode>s:Server</faultcode><faultstring>boom</faultstring><detail>at line 7 <b>x</b></detail></s:Fault>",
    );
    let xmlrpc = |code: i32| {
        format!(
            "<methodResponse><fault><value><struct><member><name>faultCode</name><value><string>{code}</string></value>\
             </member><member><name>faultString</name><value>nothing there</value></member></struct></value></fault>\
             </methodResponse>"
        )
    };
    for (speech, document, kind, seen, text) in [
        (Speech::Soap, soap("NotFound"), FaultKind::NotFound, FaultKind::NotFound, "nothing there"),
        (Speech::Soap, text_detail, FaultKind::Unavailable, FaultKind::Unavailable, "boom"),
        (Speech::Xmlrpc, xmlrpc(404), FaultKind::NotFound, FaultKind::NotFound, "nothing there"),
        (Speech::Xmlrpc, xmlrpc(-32601), FaultKind::InvalidRequest, FaultKind::Unavailable, "nothing there"),
        (Speech::Xmlrpc, xmlrpc(401), FaultKind::NotAuthenticated, FaultKind::Unavailable, "token_file"),
        (Speech::Xmlrpc, xmlrpc(1), FaultKind::Unavailable, FaultKind::Unavailable, "catalog.read"),
    ] {
        for status in ["200 OK", "400 Bad Request", "401 Unauthorized", "404 Not Found", "500 Oops"] {
            let body = document.clone();
            let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/html");
            let failure = call(speech, move |_| Canned::answer(&head, body.as_bytes())).await.unwrap_err();
            assert_eq!((failure.cause, failure.fault.kind), (Cause::Fault(kind), seen), "{status}: {failure}");
            let message = &failure.fault.message;
            assert!(message.starts_with("overlay archive: http://127.0.0.1:") && message.contains(text), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_says_what_to_do() {
    for speech in [Speech::Soap, Speech::Xmlrpc] {
        for (head, body, text) in [
            ("HTTP/1.1 200 OK\r\nContent-Type: text/html", "<html><p>It works!</html>", "check url and binding"),
            ("HTTP/1.1 200 OK", "", "check url and binding"),
            ("HTTP/1.1 404 Not Found", "<html/>", "check the path of url"),
            ("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x", "", "token_file"),
            ("HTTP/1.1 502 Bad Gateway", "later", "HTTP 502"),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip", "\u{1f}", "gzip"),
            ("HTTP/1.1 302 Found\r\nLocation: https://a:b@other.example/x?y=z", "", "https://other.example/x, which"),
            ("HTTP/1.1 308 Permanent\r\nLocation: /gate/soap", "", "/gate/soap, which is not followed"),
        ] {
            let failure = call(speech, move |_| Canned::answer(head, body.as_bytes())).await.unwrap_err();
            assert_eq!((failure.cause, failure.fault.kind), (Cause::Unusable, FaultKind::Unavailable), "{failure}");
            assert!(failure.fault.message.contains(text), "{failure}");
        }
    }
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let most = crate::model::Limits { inline_bytes: 16 << 20, ..Default::default() }.body_bytes();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", most + 1);
    let failure = call(Speech::Xmlrpc, move |_| {
        let mut bytes = head.clone().into_bytes();
        bytes.resize(bytes.len() + most + 1, b' ');
        Canned::closed(bytes)
    });
    let failure = failure.await.unwrap_err();
    assert!(failure.fault.message.contains(&format!("more than {most} bytes")), "{failure}");

    for start in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<?xml"] {
        let server = Server::start(move |_| Canned::silent(start)).await;
        let terms = Terms::within(Duration::from_millis(200));
        let failure = remote(&server, Speech::Soap).call::<_, Chunk>(&READ, &read(), &terms).await.unwrap_err();
        assert_eq!((failure.cause, failure.fault.kind), (Cause::Unreachable, FaultKind::Timeout), "{failure}");
    }
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<?xml";
    let failure = call(Speech::Soap, move |_| Canned::closed(cut)).await.unwrap_err();
    assert!(failure.fault.message.contains("broke off"), "{failure}");
    assert!(!failure.is_answer());
}

#[tokio::test]
async fn who_is_not_there_is_unreachable() {
    let server = Server::start(|_| Canned::closed("")).await;
    let remote = remote(&server, Speech::Soap);
    drop(server);
    let failure = remote.call::<_, Chunk>(&READ, &read(), &WITHIN).await.unwrap_err();
    assert_eq!((failure.cause, failure.fault.kind), (Cause::Unreachable, FaultKind::Unavailable), "{failure}");
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_no_call() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        1 => Canned::closed(""),
        _ => Canned::answer("HTTP/1.1 200 OK", usual_members().as_bytes()),
    });
    let server = server.await;
    let remote = remote(&server, Speech::Xmlrpc);
    for _ in 0..2 {
        assert_eq!(remote.call::<_, Chunk>(&READ, &read(), &WITHIN).await.unwrap(), want("17"));
    }
    assert_eq!(server.requests().len(), 3);
}

/// An MTOM answer with these bytes behind the envelope; `end` closes it.
fn mtom(bytes: &[u8], end: &str) -> Vec<u8> {
    let envelope = envelope(
        "<r:CatalogReadResponse xmlns:r='urn:peergate:v1'><r:result><r:data><x:Include \
         xmlns:x='http://www.w3.org/2004/08/xop/include' href='cid:d%40x'/></r:data><r:size>70000</r:size></r:result>\
         </r:CatalogReadResponse>",
    );
    let front = format!(
        "--b=1\r\nContent-Type: application/xop+xml\r\nContent-ID: <r@x>\r\n\r\n{envelope}\r\n--b=1\r\n\
         Content-Transfer-Encoding: binary\r\nContent-ID: <d@x>\r\n\r\n"
    );
    [front.as_bytes(), bytes, end.as_bytes()].concat()
}

const MTOM: &str = "HTTP/1.1 200 OK\r\nContent-Type: multipart/related; boundary=b=1; type=\"application/xop+xml\"";

#[tokio::test]
async fn bytes_come_beside_the_envelope_or_within_it() {
    let bytes: Vec<u8> = (0..70_000_u32).map(|i| (i % 251) as u8).collect();
    let body = mtom(&bytes, "\r\n--b=1--\r\n");
    let server = Server::start(move |_| Canned::answer(MTOM, &body)).await;
    let remote = remote(&server, Speech::Soap);
    let chunk: Chunk = remote.call(&READ, &read(), &WITHIN).await.unwrap();
    assert_eq!(chunk.data.0, bytes);
    let streamed: Streamed =
        remote.call_streamed(&READ, &read(), &WITHIN, |s: &mut Streamed| &mut s.data).await.unwrap();
    assert_eq!((streamed.size, streamed.data.size()), (70_000, None));
    let parts: Vec<_> = streamed.data.into_stream().try_collect().await.unwrap();
    assert_eq!(parts.concat(), bytes);

    let server = Server::start(|_| Canned::answer("HTTP/1.1 200 OK", chunk_document().as_bytes())).await;
    let remote = self::remote(&server, Speech::Soap);
    let streamed: Streamed =
        remote.call_streamed(&READ, &read(), &WITHIN, |s: &mut Streamed| &mut s.data).await.unwrap();
    assert_eq!(streamed.data.size(), Some(2));
}

fn chunk_document() -> String {
    chunk("result")
}

#[tokio::test]
async fn a_stream_that_breaks_off_or_falls_silent_does_not_end_well() {
    for hangs in [false, true] {
        let body = mtom(&[7; 5000], "");
        let server = Server::start(move |_| {
            let bytes = [MTOM.as_bytes(), b"\r\nContent-Length: 100000\r\n\r\n", &body].concat();
            if hangs { Canned::silent(bytes) } else { Canned::closed(bytes) }
        });
        let server = server.await;
        let remote = remote(&server, Speech::Soap);
        let input = read();
        let streamed = remote.call_streamed(&READ, &input, &WITHIN, |s: &mut Streamed| &mut s.data);
        let mut stream = streamed.await.unwrap().data.into_stream();
        let mut last = None;
        while let Some(part) = stream.next().await {
            last = Some(part.map(drop));
        }
        let fault = last.unwrap().unwrap_err();
        assert!(fault.message.contains(if hangs { "sent nothing" } else { "broke off" }), "{fault}");
    }
}
