//! Messages as real clients write them, and what becomes of wrong ones.

use futures::{FutureExt, StreamExt};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    binding::Body,
    model::Data,
    operation::{CONTRACT, Operation, content, search},
};

const VERSIONS: [Version; 2] = [Version::V11, Version::V12];

/// The input as it is read from a message of each version.
pub fn requests_read_back<O: Operation>(input: &O) -> Vec<O> {
    let element = &REGISTRY.find(O::NAME).unwrap().element;
    let documents = VERSIONS.map(|version| encode_request(version, element, input).unwrap());
    documents.iter().map(|document| read::<O>(document).unwrap()).collect()
}

/// The answer in each version.
pub fn responses(element: &str, output: &impl Serialize) -> Vec<String> {
    VERSIONS.map(|version| encode_response(version, element, output).unwrap()).into()
}

/// The input in a message, or the answer that refuses it.
fn read<O: Operation>(document: &str) -> Result<O, String> {
    let text = |fault: SoapFault| String::from_utf8(fault.reply().bytes().to_vec()).unwrap();
    let message =
        Envelope::read(document, Version::V11, &Limits::default()).and_then(Envelope::message).map_err(text)?;
    let version = message.version;
    let found = operation(&message.scope, &message.body).map_err(|fault| text(SoapFault::new(version, fault)))?;
    assert_eq!(found.name, O::NAME);
    let mut exchange = Exchange { message, related: None, reads_mtom: false, journey: None };
    exchange.decode(found).map_err(|fault| text(SoapFault::new(version, fault)))
}

fn find(document: &str) -> Result<Json, String> {
    read::<search::Find>(document).map(|input| serde_json::to_value(input).unwrap())
}

fn message(header: &str, body: &str) -> String {
    format!(
        "<?xml version='1.0'?><s:Envelope xmlns:s='{}' xmlns:pg='urn:peergate:v1'>{header}<s:Body>{body}</s:Body></s:Envelope>",
        names::SOAP11
    )
}

const FIND: &str = "<pg:SearchFind><pg:query>x</pg:query></pg:SearchFind>";

#[test]
fn the_namespace_of_the_envelope_says_the_version() {
    for version in VERSIONS {
        let document = message("", FIND).replace(names::SOAP11, version.namespace());
        let read =
            Envelope::read(&document, Version::V11, &Limits::default()).map_err(|fault| fault.message()).unwrap();
        assert_eq!(read.version, version);
    }
    let other = find(&message("", FIND).replace(names::SOAP11, "urn:soap:13")).unwrap_err();
    assert!(other.contains("soap:VersionMismatch") && !other.contains("<detail>"), "{other}");
    assert_eq!(Version::of_content_type(Some("Application/SOAP+xml; charset=utf-8; action=\"x\"")), Version::V12);
    assert_eq!(Version::of_content_type(None), Version::V11);
}

#[test]
fn fields_may_be_qualified_or_not() {
    let want = json!({ "query": "x", "tags": ["a", "b"], "limit": 5, "timeoutMs": 3000 });
    for body in [
        "<pg:SearchFind><pg:query>x</pg:query><pg:tags>a</pg:tags><pg:tags>b</pg:tags><pg:limit>5</pg:limit></pg:SearchFind>",
        "<pg:SearchFind><limit>5</limit><tags>a</tags><tags>b</tags><query>x</query></pg:SearchFind>",
        "<SearchFind xmlns='urn:peergate:v1' s:encodingStyle='http://schemas.xmlsoap.org/soap/encoding/'>\
         <query xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:type='xs:string'>x</query><tags>a</tags><tags>b</tags>\
         <limit>5</limit></SearchFind>",
        "<SearchFind><query>x</query><tags>a</tags><tags>b</tags><limit>5</limit></SearchFind>",
    ] {
        assert_eq!(find(&message("", body)).unwrap(), want, "{body}");
    }
}

#[test]
fn a_mandatory_header_block_that_is_not_understood_refuses_the_message() {
    for attribute in ["s:mustUnderstand='1'", "s:mustUnderstand='true'", "mustUnderstand='1'"] {
        let header = format!("<s:Header><t:Tx xmlns:t='urn:t' {attribute}>5</t:Tx></s:Header>");
        let v11 = find(&message(&header, FIND)).unwrap_err();
        assert!(v11.contains("<faultcode>soap:MustUnderstand</faultcode>") && v11.contains("{urn:t}Tx"), "{v11}");
        let v12 = find(&message(&header, FIND).replace(names::SOAP11, names::SOAP12)).unwrap_err();
        assert!(v12.contains("<soap:NotUnderstood xmlns:block=\"urn:t\" qname=\"block:Tx\">"), "{v12}");
    }
    for attribute in ["", "s:mustUnderstand='0'", "s:mustUnderstand='1' s:actor='urn:somebody'"] {
        let header = format!("<s:Header>\n<t:Tx xmlns:t='urn:t' {attribute}><t:y/></t:Tx></s:Header>");
        assert!(find(&message(&header, FIND)).is_ok(), "{attribute}");
    }
}

#[test]
fn what_is_no_message_is_the_callers_fault() {
    for document in [
        String::new(),
        "<a/>".into(),
        "junk".into(),
        format!("<!DOCTYPE x>{}", message("", FIND)),
        message("", ""),
        message("", &FIND.repeat(2)),
        message("<pg:x/>", FIND),
        format!("{}<x/>", message("", FIND)),
        format!("{}junk", message("", FIND)),
        message("", FIND).replace("</s:Body>", "</s:Body><x/>"),
        message("", FIND).replace("</s:Body>", ""),
        message("", FIND).replace("<s:Body>", "<?php x?><s:Body>"),
        message("", &FIND.replace("<pg:query>x", "<un:query>x")),
    ] {
        let refused = find(&document).unwrap_err();
        assert!(refused.contains("<faultcode>soap:Client</faultcode>"), "{document}: {refused}");
        assert!(refused.contains("<pg:kind>InvalidRequest</pg:kind>"), "{document}: {refused}");
    }
}

#[test]
fn what_is_wrong_in_a_request_is_named() {
    let in_find = |fields: &str| find(&message("", &format!("<pg:SearchFind>{fields}</pg:SearchFind>"))).unwrap_err();
    assert!(in_find("").contains("query: the field is missing"));
    assert!(
        in_find("<query>x</query><limt>5</limt>")
            .contains("unknown element \"limt\"; search.find takes query, overlays")
    );
    assert!(in_find("<query>x</query><limit>0</limit>").contains("limit: 0 is out of range, want 1 to 200"));
    assert!(in_find("<query>x</query><x:limit xmlns:x='urn:x'>1</x:limit>").contains("foreign namespace"));
}

#[test]
fn an_unknown_operation_is_not_found() {
    for body in ["<pg:SearchFnd/>", "<x:SearchFind xmlns:x='urn:x'/>"] {
        let refused = find(&message("", body)).unwrap_err();
        assert!(refused.contains("<pg:kind>NotFound</pg:kind>"), "{refused}");
    }
}

#[test]
fn faults_of_the_other_side_keep_their_kind() {
    let mut fault = Fault::unavailable("no provider");
    fault.reference = Some("r".into());
    for version in VERSIONS {
        let reply = SoapFault::new(version, fault.clone()).reply();
        match decode_response::<Json>(reply.bytes(), &Limits::default()) {
            Err(crate::binding::AnswerError::Fault(read)) => assert_eq!(read, fault),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_wsdl_has_one_port_and_everything_in_it() {
    for (version, prefix) in [(Version::V11, "soap"), (Version::V12, "soap12")] {
        let wsdl = wsdl::render(version, "http://127.0.0.1:7070/soap?a=1&b=2");
        let mut scope = names::Scope::new(&wsdl, &Limits::default());
        let names::Step::Open(_) = scope.next().unwrap() else { panic!("no element") };
        scope.skip().unwrap();
        scope.finish().unwrap();
        assert_eq!(wsdl.matches("<wsdl:port ").count(), 1);
        assert!(!wsdl.contains("import"));
        assert!(wsdl.contains(&format!("<{prefix}:address location=\"http://127.0.0.1:7070/soap?a=1&amp;b=2\"/>")));
        for operation in &CONTRACT.operations {
            assert!(wsdl.contains(&format!("soapAction=\"urn:peergate:v1/{}\"", operation.element)));
        }
        for record in CONTRACT.records.iter().filter(|record| !record.name.starts_with("Node")) {
            assert!(wsdl.contains(&format!("<xs:complexType name=\"{}\">", record.name)));
        }
    }
}

/// wsimport makes a class of each element and of each type, and refuses a file in which two of them share a name.
#[test]
fn what_the_schema_declares_has_a_name_of_its_own() {
    let wsdl = wsdl::render(Version::V11, "http://127.0.0.1:7070/soap");
    let attribute = |text: &str| text.split('"').next().unwrap_or_default().to_owned();
    let mut declared: Vec<String> = wsdl
        .lines()
        .filter_map(|line| line.strip_prefix("      <xs:")?.split_once("name=\""))
        .map(|at| attribute(at.1))
        .collect();
    declared.sort();
    let mut names = declared.clone();
    names.dedup();
    assert_eq!(names, declared);
    for used in wsdl.split("type=\"tns:").skip(1).map(attribute) {
        assert!(names.contains(&used) || used == "PeergatePortType", "{used} is not declared");
    }
}

/// The exchange of a request that came with parts.
fn exchange<'a>(document: &'a str, parts: Parts, related: Option<Related>) -> Exchange<'a> {
    let envelope = Envelope::read(document, Version::V11, &Limits::default());
    let mut message = envelope.and_then(Envelope::message).map_err(SoapFault::message).unwrap();
    message.scope.parts = parts;
    Exchange { message, related, reads_mtom: true, journey: None }
}

#[test]
fn a_request_and_an_answer_pass_mtom_unchanged() {
    let data = || Payload::Inline(Data(b"--\r\n".repeat(1000).into()));
    let collected =
        |payload: Payload| payload.into_stream().map(|bytes| bytes.unwrap().to_vec()).concat().now_or_never().unwrap();
    for version in VERSIONS {
        let operation = REGISTRY.find("content.publish").unwrap();
        let sent: content::Publish = serde_json::from_value(json!({ "name": "x", "tags": ["t"], "data": "" })).unwrap();
        let sent = content::Publish { data: data(), ..sent };
        let (content_type, body) = encode_related_request(version, &operation.element, sent).unwrap();
        let Body::Stream { stream, .. } = body else { panic!("no parts") };
        let request = Request { content_type: Some(&content_type), accepts_mtom: false, body: Incoming::Parts(stream) };
        let received = Received::read(request, &Limits::default()).now_or_never().unwrap().unwrap();
        assert!(received.beside.reads_mtom && Version::of_content_type(Some(&content_type)) == version);
        let document = String::from_utf8(received.document.to_vec()).unwrap();
        let mut exchange = exchange(&document, received.beside.parts, received.beside.related);
        let mut read: content::Publish = exchange.decode(operation).unwrap();
        assert!(matches!(read.data, Payload::Beside(_)));
        exchange.attach(read.attachment()).now_or_never().unwrap().unwrap();
        assert_eq!((read.name.as_str(), read.tags.len()), ("x", 1));
        assert_eq!(collected(read.data), collected(data()));

        let answer = content::Chunk { data: data(), offset: 5, size: 4005, eof: true };
        let reply = exchange.encode::<content::Read>(REGISTRY.find("content.read").unwrap(), answer).unwrap();
        let Body::Stream { stream, .. } = reply.body else { panic!("no parts") };
        let limits = Limits::default();
        let answer = decode_related_response::<content::Chunk>(&reply.content_type, stream, &limits);
        let answer = answer.now_or_never().unwrap().unwrap();
        assert_eq!((answer.offset, answer.eof, collected(answer.data)), (5, true, collected(data())));
    }
}

#[test]
fn a_reference_is_read_only_where_bytes_are() {
    let publish = |fields: &str| message("", &format!("<pg:ContentPublish>{fields}</pg:ContentPublish>"));
    let include = |href: &str| format!("<x:Include xmlns:x='{}' href='{href}'/>", names::XOP);
    let read = |document: &str, more: bool| {
        let part = mtom::Part { id: "a".into(), bytes: Bytes::from_static(b"data") };
        let parts = Parts { here: vec![part], more };
        let mut exchange = exchange(document, parts, None);
        exchange.decode::<content::Publish>(REGISTRY.find("content.publish").unwrap())
    };
    let here = read(&publish(&format!("<name>x</name><data>{}</data>", include("cid:a"))), false).unwrap();
    assert_eq!(here.data.size(), Some(4));
    let to_come = read(&publish(&format!("<name>x</name><data>{}</data>", include("cid:b"))), true).unwrap();
    assert!(matches!(to_come.data, Payload::Beside(name) if name == "b"));
    for (fields, named) in [
        (format!("<name>x</name><data>{}</data>", include("cid:b")), "data: the reference \"cid:b\" names no part"),
        (
            format!("<name>x</name><data>{}</data>", include("http://h/a")),
            "data: the reference \"http://h/a\" is no cid:",
        ),
        (format!("<name>{}</name><data></data>", include("cid:a")), "name: want text alone"),
        ("<name>x</name><data><b/></data>".to_owned(), "data: want base64 or xop:Include, got <b>"),
    ] {
        let fault = read(&publish(&fields), false).unwrap_err();
        assert!(fault.message.contains(named), "{fields}: {fault}");
    }
}

#[test]
fn bytes_fields_expect_an_octet_stream() {
    let wsdl = wsdl::render(Version::V11, "http://127.0.0.1:7070/soap");
    assert!(wsdl.contains("xmlns:xmime=\"http://www.w3.org/2005/05/xmlmime\""));
    let bytes = wsdl.lines().filter(|line| line.contains("xs:base64Binary"));
    let expects = |line: &str| line.contains("xmime:expectedContentTypes=\"application/octet-stream\"");
    assert!(bytes.clone().count() >= 3 && bytes.into_iter().all(expects));
}

#[test]
fn mtom_is_accepted_by_name() {
    for accept in ["application/xop+xml", "text/xml, Multipart/Related; type=\"Application/XOP+xml\", */*;q=0.1"] {
        assert!(is_mtom(accept), "{accept}");
    }
    assert!(!is_mtom("text/xml, multipart/related, */*"));
    assert!(is_related(Some("Multipart/Related ;boundary=b")) && !is_related(Some("text/xml")) && !is_related(None));
}
