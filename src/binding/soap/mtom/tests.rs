//! Whole multipart messages as real stacks write them, and what becomes of wrong ones.

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};

use super::{parts::is_named, *};
use crate::{
    binding::{
        Body,
        soap::{
            Version,
            names::{Scope, Step},
        },
    },
    model::{ByteStream, Data, Fault, Limits, Outcome, Payload},
};

const TYPE: &str = "multipart/related; type=\"application/xop+xml\"; start=\"<root@x>\"; boundary=\"b\"";

/// A body of parts, each with its head and its data.
fn body_of(parts: &[(&str, &str)]) -> String {
    let parts = parts.iter().map(|(head, data)| format!("--b\r\n{head}\r\n\r\n{data}\r\n"));
    parts.collect::<String>() + "--b--\r\n"
}

fn stream_of(body: impl Into<Bytes>) -> ByteStream {
    stream::iter([Ok(body.into())]).boxed()
}

fn open_with(content_type: &str, body: impl Into<Bytes>, limits: &Limits) -> Outcome<(Root, Related)> {
    Related::open(&ContentType::parse(content_type), stream_of(body), limits).now_or_never().expect("all is there")
}

fn open(content_type: &str, body: impl Into<Bytes>) -> Outcome<(Root, Related)> {
    open_with(content_type, body, &Limits::default())
}

async fn drain(mut stream: ByteStream) -> Outcome<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(bytes) = stream.next().await {
        whole.extend_from_slice(&bytes?);
    }
    Ok(whole)
}

/// The attachment of that name behind the root.
fn attachment(body: impl Into<Bytes>, name: &str) -> Outcome<Vec<u8>> {
    let (_, related) = open(TYPE, body)?;
    async { drain(related.attachment(name).await?).await }.now_or_never().expect("all is there")
}

const ROOT: (&str, &str) = ("Content-ID: <root@x>\r\nContent-Type: application/xop+xml", "<e/>");

#[test]
fn rfc_2387_the_root_is_the_part_that_start_names_or_else_the_first() {
    let parts = body_of(&[("Content-ID: <data@x>", "data"), ROOT]);
    for start in ["start=\"<root@x>\"", "start=root@x", "start=\"root@x\""] {
        let (root, _) = open(&format!("multipart/related; {start}; boundary=b"), parts.clone()).unwrap();
        assert_eq!((&root.document[..], root.is_xop), (&b"<e/>"[..], true));
        assert_eq!((root.before[0].id.as_str(), &root.before[0].bytes[..]), ("data@x", &b"data"[..]));
    }
    for start in ["", "start=\"\";"] {
        let (root, _) = open(&format!("multipart/related; {start} boundary=b"), parts.clone()).unwrap();
        assert_eq!((&root.document[..], root.is_xop, root.before.len()), (&b"data"[..], false, 0));
    }
    let fault = open("multipart/related; start=other; boundary=b", parts).err().unwrap();
    assert!(fault.message.contains("\"other\""), "{fault}");
}

#[test]
fn a_root_in_any_transfer_encoding_is_read() {
    for (encoding, text) in
        [("quoted-printable", "<e a=3D\"=C3=A9\"/>=\r\n"), ("base64", "PGUgYT0iw6ki\r\nLz4="), ("8bit", "<e a=\"é\"/>")]
    {
        let head = format!("Content-Transfer-Encoding: {encoding}");
        let (root, _) = open("multipart/related; boundary=b", body_of(&[(&head, text)])).unwrap();
        assert_eq!(root.document, "<e a=\"é\"/>".as_bytes(), "{encoding}");
    }
}

#[test]
fn rfc_2392_a_cid_is_percent_decoded_and_may_have_brackets() {
    for (name, id) in [
        ("data@x", "data@x"),
        ("http%3A%2F%2Ftempuri.org%2F1%2F2", "http://tempuri.org/1/2"),
        ("<data@x>", "data@x"),
        ("%3Cdata@x%3E", "data@x"),
        ("a%40b", "a%40b"),
        ("a+b@x", "a+b@x"),
    ] {
        assert!(is_named(name, id), "{name} {id}");
    }
    assert!(!is_named("", "") && !is_named("data", "data@x"));
}

#[test]
fn only_parts_of_the_message_are_referred_to_and_nothing_is_fetched() {
    let parts = Parts { here: vec![Part { id: "data@x".into(), bytes: Bytes::from_static(b"data") }], more: true };
    assert_eq!(parts.resolve("cid:data@x"), Ok(Source::Here(Bytes::from_static(b"data"))));
    assert_eq!(parts.resolve(" CID:other "), Ok(Source::ToCome("other ".trim().into())));
    for href in ["http://127.0.0.1:1/x", "file:///etc/passwd", "//x", "data@x", "#id0", "", "cid", "mid:data@x", "é:é:"]
    {
        let refused = parts.resolve(href).unwrap_err().to_string();
        assert!(refused.contains("nothing else is ever fetched"), "{href}: {refused}");
    }
    let refused = Parts::default().resolve("cid:data@x").unwrap_err().to_string();
    assert!(refused.contains("names no part of this message"), "{refused}");
}

/// What is read as the reference of `<data>` with that content and these attributes.
fn reference_in(attributes: &str, content: &str) -> Result<Option<String>, String> {
    let text = format!("<data xmlns:x='http://www.w3.org/2004/08/xop/include' {attributes}>{content}</data>");
    let mut scope = Scope::new(&text, &Limits::default());
    let Step::Open(element) = scope.next().unwrap() else { panic!("no element") };
    let found = reference(&mut scope, &element).map_err(|refusal| refusal.to_string())?;
    match found {
        None => drop(scope.text().unwrap()),
        Some(_) => scope.finish().unwrap(),
    }
    Ok(found)
}

#[test]
fn xop_section_2_1_an_include_stands_alone_in_its_element() {
    let found = |content| reference_in("", content);
    assert_eq!(found("<x:Include href='cid:a'/>"), Ok(Some("cid:a".into())));
    assert_eq!(found(" \r\n<x:Include other='1' href='cid:a'> </x:Include>\n"), Ok(Some("cid:a".into())));
    assert_eq!(found("aGVsbG8=").unwrap(), None);
    assert_eq!(found("").unwrap(), None);
    for content in ["<x:Include/>", "<Include href='cid:a'/>", "<x:Include href='cid:a'/><x:Include href='cid:a'/>"] {
        assert!(found(content).is_err(), "{content}");
    }
    assert!(found("<x:Include href='cid:a'/>text").is_err());
}

#[test]
fn soap_lite_and_axis_1_4_refer_to_attachments_with_href() {
    assert_eq!(reference_in("href='cid:a'", ""), Ok(Some("cid:a".into())));
    assert_eq!(reference_in("href='cid:a'", " "), Ok(Some("cid:a".into())));
    assert!(reference_in("href='cid:a'", "aGVsbG8=").is_err());
    assert_eq!(reference_in("x:href='cid:a'", "aGVsbG8=").unwrap(), None);
}

#[test]
fn an_attachment_ends_well_only_with_its_whole_body() {
    let skipped = ("Content-ID: <other@x>", "--\r\n--");
    let body = body_of(&[ROOT, skipped, ("Content-ID: <data@x>", "the data"), skipped]) + "epilogue";
    assert_eq!(attachment(body.clone(), "data@x").unwrap(), b"the data");
    let closing = body.len() - "\r\nepilogue".len();
    for end in body.find("the data").unwrap()..closing {
        let fault = attachment(Bytes::copy_from_slice(&body.as_bytes()[..end]), "data@x").unwrap_err();
        assert!(fault.message.contains("closing boundary"), "cut at {end}: {fault}");
    }
    let fault = attachment(body, "none@x").unwrap_err();
    assert!(fault.message.contains("\"none@x\""), "{fault}");
}

#[test]
fn an_attachment_may_be_empty_or_in_base64() {
    assert_eq!(attachment(body_of(&[ROOT, ("Content-ID: <a>", "")]), "a").unwrap(), b"");
    let head = "Content-ID: a\r\nContent-Transfer-Encoding: base64";
    assert_eq!(attachment(body_of(&[ROOT, (head, "aGVs\r\nbG8")]), "a").unwrap(), b"hello");
}

#[test]
fn limits_mime_parts_counts_the_envelope_too() {
    let with = |parts: usize| body_of(&[vec![ROOT], vec![("", ""); parts - 2], vec![("Content-ID: a", "x")]].concat());
    assert_eq!(attachment(with(50), "a").unwrap(), b"x");
    let fault = attachment(with(51), "a").unwrap_err();
    assert!(fault.message.contains("limits.mime_parts, 50"), "{fault}");
}

#[test]
fn limits_inline_bytes_bounds_all_that_is_not_streamed() {
    let limits = Limits { inline_bytes: 10, ..Limits::default() };
    let over = |parts: &[(&str, &str)]| {
        let read = async {
            let body = stream_of(body_of(parts));
            let (_, related) = Related::open(&ContentType::parse(TYPE), body, &limits).await?;
            drain(related.attachment("a").await?).await
        };
        read.now_or_never().expect("all is there")
    };
    let large = "x".repeat(1000);
    assert_eq!(over(&[ROOT, ("Content-ID: a", &large)]).unwrap().len(), 1000);
    for parts in [
        [("Content-ID: a", large.as_str()), ROOT, ("", "")],
        [ROOT, ("", &large), ("Content-ID: a", "")],
        [ROOT, ("Content-ID: a", ""), ("", &large)],
    ] {
        let fault = over(&parts).unwrap_err();
        assert!(fault.message.contains("limits.inline_bytes, 10"), "{fault}");
    }
    let preamble = format!("{large}\r\n{}", body_of(&[ROOT]));
    assert!(open_with(TYPE, preamble, &limits).is_err());
    let root = "x".repeat(limits.body_bytes() + 1);
    let fault = open_with("multipart/related; boundary=b", body_of(&[("", &root)]), &limits).err().unwrap();
    assert!(fault.message.contains("limits.inline_bytes"), "{fault}");
}

#[test]
fn a_body_without_boundary_or_parts_is_refused() {
    for (content_type, body) in [("multipart/related", body_of(&[ROOT])), (TYPE, "--b--".into()), (TYPE, String::new())]
    {
        assert!(open(content_type, body.clone()).is_err(), "{content_type} {body}");
    }
    assert!(open(TYPE, body_of(&[("Content-Type: multipart/mixed; boundary=c", "--c--")])).is_err());
}

/// Content type and body of a message with these bytes beside it, and where it broke off.
fn written(payload: Payload) -> (String, u64, Vec<u8>, Option<Fault>) {
    let mut payload = payload;
    let attachment = Attachment::take_out(&mut payload);
    let Payload::Beside(name) = payload else { panic!("the bytes were not taken out") };
    let (content_type, body) = attachment.beside(Version::V12, &format!("<e>cid:{name}</e>")).unwrap();
    let Body::Stream { size, mut stream } = body else { panic!("not a stream") };
    let read = async {
        let mut whole = Vec::new();
        while let Some(bytes) = stream.next().await {
            match bytes {
                Ok(bytes) => whole.extend_from_slice(&bytes),
                Err(fault) => {
                    assert!(stream.next().await.is_none(), "the stream goes on behind a fault");
                    return (whole, Some(fault));
                }
            }
        }
        (whole, None)
    };
    let (whole, fault) = read.now_or_never().expect("all is there");
    (content_type, size, whole, fault)
}

#[test]
fn rfc_2387_an_answer_names_its_root_and_has_the_size_that_it_states() {
    let data: Vec<u8> = b"--\r\n--b\r\n\0".repeat(1000);
    let (content_type, size, body, fault) = written(Payload::Inline(Data(data.clone().into())));
    assert_eq!((body.len() as u64, fault), (size, None));
    let read = ContentType::parse(&content_type);
    let parameters = ["type", "start-info"].map(|name| read.parameter(name));
    assert_eq!(parameters, [Some("application/xop+xml"), Some("application/soap+xml")]);
    assert!(read.is_soap12());
    let (root, related) = open(&content_type, body).unwrap();
    assert!(root.is_xop && root.content_type.unwrap().contains("type=\"application/soap+xml\""));
    let parts = related.keep_all().now_or_never().unwrap().unwrap();
    assert_eq!((parts.len(), &parts[0].bytes[..]), (1, &data[..]));
    assert_eq!(root.document, format!("<e>cid:{}</e>", parts[0].id).as_bytes());
}

#[test]
fn an_answer_whose_stream_fails_is_never_closed() {
    let pieces = |pieces: Vec<Outcome<Bytes>>| Payload::Stream { size: Some(8), stream: stream::iter(pieces).boxed() };
    let half = || Ok(Bytes::from_static(b"half"));
    for (payload, whole) in [
        (pieces(vec![half(), half()]), true),
        (pieces(vec![half()]), false),
        (pieces(vec![half(), half(), half()]), false),
        (pieces(vec![half(), Err(Fault::unavailable("the source died"))]), false),
    ] {
        let (_, size, body, fault) = written(payload);
        assert_eq!((fault.is_none(), body.len() as u64 == size, body.ends_with(b"--\r\n")), (whole, whole, whole));
    }
}
