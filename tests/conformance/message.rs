//! Messages written by hand, and answers as they come: what the tests of this folder send and look at.

use serde_json::json;

use crate::harness::{Api, Binding, Element, Reply};

pub const SOAP11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
pub const WSA: &str = "http://www.w3.org/2005/08/addressing";
/// Both versions, for what holds in both.
pub const VERSIONS: [Binding; 2] = [Binding::Soap11, Binding::Soap12];
/// A request without parameters, and the local name of its answer.
pub const INFO: &str = "<pg:NodeInfo/>";
/// A request with an effect, of which a test can see whether it was done.
pub const PUBLISH: &str = "<pg:ContentPublish><pg:name>published</pg:name><pg:data>AAEC</pg:data></pg:ContentPublish>";

/// The namespace of a version's envelope.
pub fn namespace(version: Binding) -> &'static str {
    if version == Binding::Soap12 { SOAP12 } else { SOAP11 }
}

/// An envelope with these header blocks, none at all where the text is empty. The prefixes are `s`, `pg` and `wsa`.
pub fn envelope(version: Binding, blocks: &str, body: &str) -> String {
    let header = if blocks.is_empty() { String::new() } else { format!("<s:Header>{blocks}</s:Header>") };
    parts(version, &format!("{header}<s:Body>{body}</s:Body>"))
}

/// An envelope with whatever is to stand in it.
pub fn parts(version: Binding, parts: &str) -> String {
    let namespace = namespace(version);
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<s:Envelope xmlns:s=\"{namespace}\" xmlns:pg=\"urn:peergate:v1\" \
         xmlns:wsa=\"{WSA}\">{parts}</s:Envelope>"
    )
}

/// What a node answered to a message.
#[derive(Debug)]
pub struct Answer {
    pub reply: Reply,
    pub envelope: Element,
}

impl Answer {
    pub fn of(reply: Reply) -> Self {
        let envelope = Element::parse(reply.text()).unwrap_or_else(|e| panic!("{e}: {}", reply.text()));
        assert_eq!(envelope.name, "Envelope", "{}", reply.text());
        Self { reply, envelope }
    }

    /// The only element of the body.
    pub fn body(&self) -> &Element {
        let body = self.envelope.child("Body").unwrap_or_else(|| panic!("no body: {self:?}"));
        assert_eq!(body.children.len(), 1, "{self:?}");
        &body.children[0]
    }

    /// The only header block of that name.
    pub fn block(&self, name: &str) -> Option<&Element> {
        let mut blocks = self.envelope.child("Header")?.children.iter().filter(|block| block.name == name);
        let block = blocks.next();
        assert!(blocks.next().is_none(), "{self:?}");
        block
    }

    /// The text of a header block, empty when there is none.
    pub fn block_text(&self, name: &str) -> &str {
        self.block(name).map_or("", |block| block.text.trim())
    }

    #[track_caller]
    pub fn assert_answers(&self, element: &str) -> &Self {
        assert_eq!((self.reply.status, self.body().name.as_str()), (200, element), "{self:?}");
        self
    }

    /// The local names of the fault's codes, from the general to the special one. SOAP 1.1 has one.
    #[track_caller]
    pub fn codes(&self) -> Vec<String> {
        let fault = self.body();
        assert_eq!((fault.name.as_str(), self.reply.status), ("Fault", 500), "{self:?}");
        let local = |text: &str| text.trim().rsplit(':').next().unwrap_or_default().to_owned();
        if let Some(code) = fault.child("faultcode") {
            return vec![local(&code.text)];
        }
        let mut codes = Vec::new();
        let mut code = fault.child("Code");
        while let Some(level) = code {
            codes.push(local(&level.child("Value").expect("a code has a value").text));
            code = level.child("Subcode");
        }
        codes
    }

    /// Asserts a fault of the sender.
    #[track_caller]
    pub fn assert_senders(&self) -> &Self {
        assert!(matches!(self.codes()[0].as_str(), "Client" | "Sender"), "{self:?}");
        self
    }

    /// What the fault says.
    #[track_caller]
    pub fn message(&self) -> &str {
        let fault = self.body();
        let text = fault.child("faultstring").or_else(|| fault.at(&["Reason", "Text"]));
        &text.unwrap_or_else(|| panic!("no reason: {self:?}")).text
    }
}

/// Posts a document as a caller of this version does.
pub async fn send(api: &Api, version: Binding, document: impl Into<Vec<u8>>) -> Answer {
    Answer::of(api.post(version, "node.info", document.into()).await)
}

/// Posts a document with these headers of HTTP alone.
pub async fn send_with(api: &Api, path: &str, headers: &[(&str, &str)], document: impl Into<Vec<u8>>) -> Reply {
    let mut request = api.request(reqwest::Method::POST, path).body(document.into());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::of(request).await
}

/// How many contents the node holds.
pub async fn contents(api: &Api) -> usize {
    api.ok("content.list", json!({})).await["contents"].as_array().map_or(0, Vec::len)
}
