//! Addressing headers as stacks write them, and what is made of wrong ones.

use crate::{
    binding::{
        soap::{
            addressing::{Deliveries, Edition, Ways, way::Way},
            envelope::{Envelope, Version},
            names::{SOAP11, SOAP12},
        },
        xml::Draft,
    },
    model::Limits,
    operation::REGISTRY,
};

const FIND: &str = "urn:peergate:v1/SearchFind";
const ID: &str = "<wsa:MessageID>urn:uuid:1</wsa:MessageID>";

fn action(action: &str) -> String {
    format!("<wsa:Action>{action}</wsa:Action>")
}

fn address(header: &str, address: &str) -> String {
    format!("<wsa:{header}><wsa:Address>{address}</wsa:Address></wsa:{header}>")
}

fn document(soap: &str, edition: Edition, blocks: &str) -> String {
    format!(
        "<s:Envelope xmlns:s='{soap}' xmlns:wsa='{}' xmlns:pg='urn:peergate:v1'><s:Header>{blocks}</s:Header><s:Body>\
         <pg:SearchFind><query>x</query></pg:SearchFind></s:Body></s:Envelope>",
        edition.namespace()
    )
}

fn read(document: &str) -> Envelope<'_> {
    Envelope::read(document, Version::V11, &Limits::default()).map_err(|fault| fault.message()).unwrap()
}

/// The ways of answer and fault on a node that sends answers over the connection only.
async fn ways_of(addressing: &super::Addressing) -> Result<Ways, super::Problem> {
    Ways::of(addressing, &Deliveries::new(None)).await
}

/// The same of these blocks; a problem as its fault in SOAP 1.2.
async fn ways(edition: Edition, blocks: &str) -> Result<Ways, String> {
    let document = document(SOAP11, edition, blocks);
    let addressing = read(&document).header.addressing;
    let fault = |problem: super::Problem| {
        String::from_utf8(problem.fault(Version::V12, addressing.edition()).reply().bytes().to_vec()).unwrap()
    };
    let ways = ways_of(&addressing).await.map_err(fault)?;
    addressing.check(REGISTRY.find("search.find").unwrap()).map_err(fault)?;
    Ok(ways)
}

fn is_here(way: &Way) -> bool {
    matches!(way, Way::Here)
}

#[tokio::test]
async fn a_message_without_addressing_is_answered_without() {
    for blocks in ["", "<t:Tx xmlns:t='urn:t'/>", "<wsa:Action s:actor='urn:else'>urn:x</wsa:Action>"] {
        let document = document(SOAP11, Edition::V1, blocks);
        let envelope = read(&document);
        assert_eq!(envelope.header.addressing.thread(), None, "{blocks}");
        assert!(
            ways_of(&envelope.header.addressing).await.is_ok_and(|ways| is_here(&ways.reply) && is_here(&ways.fault))
        );
    }
}

#[test]
fn an_answer_relates_to_its_message() {
    for edition in [Edition::V1, Edition::August2004] {
        let document = document(SOAP11, edition, &(action(FIND) + "<wsa:MessageID>urn:a&amp;b</wsa:MessageID>"));
        let thread = read(&document).header.addressing.thread().unwrap();
        let (mut answer, mut fault) = (Draft::default(), Draft::default());
        thread.write_answer(&mut answer, "urn:peergate:v1/SearchFindResponse");
        thread.write_fault(&mut fault);
        let (answer, fault) = (answer.into_text(), fault.into_text());
        let namespace = edition.namespace();
        let block = |name: &str, text: &str| format!("<wsa:{name} xmlns:wsa=\"{namespace}\">{text}</wsa:{name}>");
        assert!(answer.starts_with(&block("Action", "urn:peergate:v1/SearchFindResponse")), "{answer}");
        assert!(answer.ends_with(&block("RelatesTo", "urn:a&amp;b")) && answer.contains(">urn:uuid:"), "{answer}");
        assert!(fault.starts_with(&block("Action", &format!("{namespace}/fault"))), "{fault}");
    }
}

#[tokio::test]
async fn of_doubled_headers_the_first_counts() {
    let blocks = [
        action(FIND).as_str(),
        &action("urn:other"),
        ID,
        "<wsa:MessageID>urn:uuid:2</wsa:MessageID>",
        &address("ReplyTo", "http://www.w3.org/2005/08/addressing/none"),
        &address("ReplyTo", Edition::V1.anonymous()),
    ]
    .concat();
    let document = document(SOAP11, Edition::V1, &blocks);
    assert_eq!(read(&document).header.addressing.message_id(), Some("urn:uuid:1"));
    assert!(!is_here(&ways(Edition::V1, &blocks).await.unwrap().reply));
}

#[tokio::test]
async fn answers_and_faults_go_where_the_headers_say() {
    let none = "http://www.w3.org/2005/08/addressing/none";
    let anonymous = Edition::V1.anonymous();
    for (blocks, here) in [
        (address("ReplyTo", anonymous), (true, true)),
        (address("ReplyTo", none), (false, false)),
        (address("ReplyTo", none) + &address("FaultTo", anonymous), (false, true)),
        (address("FaultTo", none), (true, false)),
        (address("ReplyTo", &format!(" {anonymous}\n")), (true, true)),
        ("<wsa:From><wsa:Address>http://192.0.2.1/</wsa:Address></wsa:From>".into(), (true, true)),
        (address("To", "http://elsewhere.example/"), (true, true)),
    ] {
        let ways = ways(Edition::V1, &[&action(FIND), ID, &blocks].concat()).await.unwrap();
        assert_eq!((is_here(&ways.reply), is_here(&ways.fault)), here, "{blocks}");
    }
    let submission = address("ReplyTo", Edition::August2004.anonymous());
    assert!(is_here(&ways(Edition::August2004, &[&action(FIND), ID, &submission].concat()).await.unwrap().reply));
}

#[tokio::test]
async fn what_is_wrong_is_named_as_the_standard_names_it() {
    let subcodes = |fault: &str| -> Vec<String> {
        let values = fault.split("addressing\">wsa:").skip(1).map(|rest| rest.split('<').next().unwrap_or_default());
        values.map(str::to_owned).collect()
    };
    for (blocks, codes, detail) in [
        (action("urn:peergate:v1/NodeInfo") + ID, &["InvalidAddressingHeader", "ActionMismatch"][..], "ProblemAction"),
        (action("urn:x&lt;") + ID, &["ActionNotSupported"], "<wsa:Action>urn:x&lt;</wsa:Action>"),
        (action(FIND), &["MessageAddressingHeaderRequired"], ">wsa:MessageID<"),
        (action(" ") + ID, &["InvalidAddressingHeader"], ">wsa:Action<"),
        (action(&"x".repeat(3000)) + ID, &["InvalidAddressingHeader"], ">wsa:Action<"),
        ("<wsa:ReplyTo/>".into(), &["InvalidAddressingHeader", "MissingAddressInEPR"], ">wsa:ReplyTo<"),
        (
            address("FaultTo", "http://192.0.2.1/"),
            &["InvalidAddressingHeader", "OnlyAnonymousAddressSupported"],
            ">wsa:FaultTo<",
        ),
    ] {
        let fault = ways(Edition::V1, &blocks).await.unwrap_err();
        assert!(fault.contains("<soap:Value>soap:Sender</soap:Value>") && fault.contains(detail), "{blocks}: {fault}");
        let named = subcodes(&fault);
        assert_eq!(named[..codes.len()], *codes, "{blocks}: {fault}");
    }
    let submission = ways(Edition::August2004, &action(FIND)).await.unwrap_err();
    assert!(submission.contains("wsa:MessageInformationHeaderRequired"), "{submission}");
}

#[test]
fn soap_11_names_the_special_code_and_says_the_rest_in_a_header() {
    let fault = super::Problem::of_action("urn:x").fault(Version::V11, Edition::V1).reply();
    let fault = String::from_utf8(fault.bytes().to_vec()).unwrap();
    let namespace = Edition::V1.namespace();
    assert!(
        fault.contains(&format!("<faultcode xmlns:wsa=\"{namespace}\">wsa:ActionNotSupported</faultcode>")),
        "{fault}"
    );
    assert!(fault.contains("<wsa:ProblemAction") && fault.contains("<soap:Header><wsa:FaultDetail"), "{fault}");
    assert!(!fault.contains("<detail>"), "{fault}");
}

/// What is left out is made up for: a MessageID alone serves retries, and ReplyTo defaults to the HTTP answer.
#[tokio::test]
async fn action_and_reply_to_may_be_absent() {
    for blocks in [ID.to_owned(), action(FIND) + ID, "<wsa:RelatesTo>urn:x</wsa:RelatesTo>".to_owned()] {
        assert!(ways(Edition::V1, &blocks).await.is_ok_and(|ways| is_here(&ways.reply)), "{blocks}");
    }
}

#[test]
fn an_addressing_block_that_is_not_known_is_not_understood() {
    let blocks = "<wsa:Action s:mustUnderstand='1'>urn:x</wsa:Action><wsa:Later s:mustUnderstand='1'><a/></wsa:Later>";
    let document = document(SOAP12, Edition::V1, blocks);
    let header = read(&document).header;
    assert_eq!(header.not_understood, [(Edition::V1.namespace().to_owned(), "Later".to_owned())]);
}

#[tokio::test]
async fn reference_parameters_come_back_as_headers() {
    let parameters = "<wsa:ReferenceParameters><k:Key xmlns:k='urn:k' k:a='&quot;'>v &amp; w<k:In/></k:Key><pg:Other/>\
                      </wsa:ReferenceParameters>";
    let anonymous = Edition::V1.anonymous();
    let blocks = format!("{ID}<wsa:ReplyTo><wsa:Address>{anonymous}</wsa:Address>{parameters}</wsa:ReplyTo>");
    let document = document(SOAP11, Edition::V1, &blocks);
    let mut answer = Draft::default();
    read(&document).header.addressing.thread().unwrap().write_answer(&mut answer, "urn:x");
    let answer = answer.into_text();
    let namespace = Edition::V1.namespace();
    let around = format!(" xmlns:s=\"{SOAP11}\" xmlns:wsa=\"{namespace}\" xmlns:pg=\"urn:peergate:v1\"");
    let mark = format!(" xmlns:pgwsa=\"{namespace}\" pgwsa:IsReferenceParameter=\"true\"");
    let key = format!("<k:Key{around}{mark} xmlns:k='urn:k' k:a='&quot;'>v &amp; w<k:In/></k:Key>");
    assert!(answer.ends_with(&format!("{key}<pg:Other{around}{mark}/>")), "{answer}");
    // The answer is well-formed with them.
    let whole = format!("<a>{answer}</a>");
    let mut scope = crate::binding::soap::names::Scope::new(&whole, &Limits::default());
    assert!(matches!(scope.next(), Ok(super::Step::Open(_))));
    scope.skip().unwrap();
    let too_many = format!("<wsa:ReferenceParameters>{}</wsa:ReferenceParameters>", "<pg:k/>".repeat(20));
    let blocks = format!("{ID}<wsa:ReplyTo><wsa:Address>{anonymous}</wsa:Address>{too_many}</wsa:ReplyTo>");
    assert!(ways(Edition::V1, &blocks).await.unwrap_err().contains("wsa:ReplyTo"));
}
