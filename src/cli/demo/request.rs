//! The demo's requests to a node: written out, so that what is shown, what is sent and what a person can paste
//! into a shell are the same text.

use std::fmt::Write;

use anyhow::{Context, bail, ensure};
use quick_xml::{Reader, events::Event};
use serde_json::Value as Json;

use crate::{
    cli::{output, value},
    model::ContentId,
    operation::REGISTRY,
};

/// Most hits that are asked for.
const LIMIT: u32 = 20;
/// Most lines and columns of an answer that are shown.
const SHOWN_LINES: usize = 16;
const SHOWN_COLUMNS: usize = 132;

/// A request over HTTP.
pub struct Request {
    /// What it does, as a heading.
    pub title: &'static str,
    url: String,
    body: String,
}

impl Request {
    /// `search.find` over XML-RPC.
    pub fn xmlrpc_search(node: &str, words: &str) -> Self {
        let options = format!("<member><name>limit</name><value><int>{LIMIT}</int></value></member>");
        let params = format!(
            "<param><value><string>{words}</string></value></param>\n<param><value><struct>{options}</struct></value></param>"
        );
        Self::xmlrpc("Search through XML-RPC, at the door of red-1", node, "search.find", &params)
    }

    /// `content.download` over XML-RPC.
    pub fn xmlrpc_download(node: &str, id: &ContentId) -> Self {
        let params = format!("<param><value><string>{id}</string></value></param>");
        Self::xmlrpc("Download through XML-RPC", node, "content.download", &params)
    }

    /// `SearchFind` over SOAP 1.1.
    pub fn soap_search(node: &str, words: &str) -> Self {
        let body =
            format!("<SearchFind xmlns=\"urn:peergate:v1\"><query>{words}</query><limit>{LIMIT}</limit></SearchFind>");
        Self::soap("Search through SOAP, at the same door", node, &body)
    }

    /// `ContentDownload` over SOAP 1.1.
    pub fn soap_download(node: &str, id: &ContentId) -> Self {
        let body = format!("<ContentDownload xmlns=\"urn:peergate:v1\"><contentId>{id}</contentId></ContentDownload>");
        Self::soap("Download through SOAP", node, &body)
    }

    /// The same under another heading.
    pub fn titled(self, title: &'static str) -> Self {
        Self { title, ..self }
    }

    fn xmlrpc(title: &'static str, node: &str, method: &str, params: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\"?>\n<methodCall><methodName>{method}</methodName><params>\n{params}\n</params></methodCall>"
        );
        Self { title, url: format!("{node}/xmlrpc"), body }
    }

    fn soap(title: &'static str, node: &str, body: &str) -> Self {
        let body = format!(
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\n{body}\n</soap:Body></soap:Envelope>"
        );
        Self { title, url: format!("{node}/soap"), body }
    }

    /// The command that sends it.
    pub fn curl(&self) -> String {
        format!("curl -s {} -H 'Content-Type: text/xml; charset=utf-8' --data-binary '{}'", self.url, self.body)
    }

    /// Sends it and answers the body, which is no fault.
    ///
    /// # Errors
    /// What the connection or the fault says.
    pub async fn send(&self) -> anyhow::Result<String> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let request = http.post(&self.url).header("Content-Type", "text/xml; charset=utf-8").body(self.body.clone());
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "the node answered HTTP {status}:\n{}", shortened(&text));
        ensure!(!text.contains("<fault>"), "the node answered a fault:\n{}", shortened(&text));
        Ok(text)
    }
}

/// The record in an XML-RPC answer.
///
/// # Errors
/// That it is no XML-RPC.
pub fn xmlrpc_record(operation: &str, answer: &str) -> anyhow::Result<Json> {
    let operation = REGISTRY.find(operation).with_context(|| format!("{operation} is not described"))?;
    match dxr_client::utils::response_to_result(answer) {
        Ok(Ok(response)) => Ok(value::to_json(&operation.output, response.value)),
        Ok(Err(fault)) => bail!("the node answered {}", fault.fault),
        Err(_) => bail!("the node did not answer XML-RPC:\n{}", shortened(answer)),
    }
}

/// The texts of all elements of a name, in order.
///
/// # Errors
/// That it is no XML.
pub fn soap_texts(answer: &str, name: &str) -> anyhow::Result<Vec<String>> {
    let mut reader = Reader::from_str(answer);
    let mut texts = Vec::new();
    loop {
        match reader.read_event().context("the node did not answer XML")? {
            Event::Start(start) if start.local_name().as_ref() == name => {
                texts.push(reader.read_text(start.name())?.into_inner().into_owned());
            }
            Event::Eof => return Ok(texts),
            _ => {}
        }
    }
}

/// An answer as a person wants to see it: a member a line, long texts and the rest cut off.
pub fn shortened(answer: &str) -> String {
    let broken = broken(answer);
    let lines: Vec<_> = broken.lines().collect();
    let mut shown = String::new();
    for line in lines.iter().take(SHOWN_LINES) {
        let length = line.chars().count();
        let head: String = output::clean(line).chars().take(SHOWN_COLUMNS).collect();
        let more = if length > SHOWN_COLUMNS {
            format!("… ({} characters more)", length - SHOWN_COLUMNS)
        } else {
            String::new()
        };
        let _ = writeln!(shown, "{head}{more}");
    }
    if lines.len() > SHOWN_LINES {
        let _ = writeln!(shown, "… ({} lines more)", lines.len() - SHOWN_LINES);
    }
    shown
}

/// Begins a line with each element, except within the nests that XML-RPC makes of one member.
fn broken(answer: &str) -> String {
    const NESTS: [&str; 8] = ["methodResponse>", "params>", "param>", "value>", "array>", "data>", "member>", "/name>"];
    let mut text = String::with_capacity(answer.len());
    let mut before = "";
    for (place, tag) in answer.split('<').enumerate() {
        let closes = tag.starts_with('/');
        let begins = tag.starts_with("member>") || !(closes || NESTS.contains(&before));
        if before.ends_with('>') && begins {
            text.push('\n');
        }
        if place > 0 {
            text.push('<');
        }
        text += tag;
        before = tag;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curl_command_holds_the_request_that_is_sent() {
        let request = Request::soap_search("http://127.0.0.1:1", "Apache");
        assert!(request.curl().contains(&request.body) && !request.body.contains('\''), "{}", request.curl());
        let parsed = dxr::MethodCall::from_xml(&Request::xmlrpc_search("http://127.0.0.1:1", "Apache").body).unwrap();
        assert_eq!((&*parsed.name, parsed.params.len()), ("search.find", 2));
    }

    #[test]
    fn elements_are_found_in_any_namespace() {
        let answer = "<e:Envelope><e:Body><p:R><p:hits><p:contentId>a</p:contentId></p:hits><contentId>b</contentId></p:R></e:Body></e:Envelope>";
        assert_eq!(soap_texts(answer, "contentId").unwrap(), ["a", "b"]);
    }

    #[test]
    fn an_answer_has_a_member_a_line() {
        let xmlrpc = "<params><param><value><struct><member><name>a</name><value><int>1</int></value></member>\
                      <member><name>b</name><value><array><data></data></array></value></member></struct></value>";
        let lines: Vec<_> = broken(xmlrpc).lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[1].starts_with("<member><name>a") && lines[2].starts_with("<member><name>b"), "{lines:?}");
        assert_eq!(broken("<a><b>1</b><c>2</c></a>"), "<a>\n<b>1</b>\n<c>2</c></a>");
    }

    #[test]
    fn a_long_answer_is_cut_in_both_directions() {
        let answer = format!("<a>{}</a>{}", "x".repeat(500), "<b></b>".repeat(50));
        let shown = shortened(&answer);
        assert!(shown.lines().count() == SHOWN_LINES + 1 && shown.contains("characters more"), "{shown}");
    }
}
