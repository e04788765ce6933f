//! Faults as SOAP 1.1 and 1.2 write them, with the contract's own detail (section 6).
//!
//! Every fault answers HTTP 500, on 1.2 too: six of the tried stacks lose a fault that comes with another status. Only a
//! credential of HTTP that is missing or wrong is 401, which is how clients learn to show theirs.

use super::{
    addressing::Thread,
    envelope::{self, Version},
    names::{CONTRACT, SOAP11, SOAP12},
    security::Refused,
};
use crate::{
    binding::{Reply, refusal::Refusal, xml::Draft},
    model::{Fault, FaultKind},
};

/// The HTTP status of every fault but one.
const STATUS: u16 = 500;

/// The code of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// The caller has to change something: Client, Sender.
    Caller,
    /// The caller may try again: Server, Receiver.
    Node,
    /// The envelope is of no known version.
    VersionMismatch,
    /// These header blocks, by namespace and local name, are not understood.
    MustUnderstand(Vec<(String, String)>),
    /// What a header extension has to say.
    Header(Box<HeaderFault>),
}

/// A fault of a header extension, with codes of its own, all of them the caller's to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderFault {
    /// The prefix of its codes.
    pub prefix: &'static str,
    /// The namespace of its codes.
    pub namespace: &'static str,
    /// Local names, from the general code to the special one. SOAP 1.1 has room for the last one only.
    pub codes: &'static [&'static str],
    /// What stands in the detail of SOAP 1.2, as XML; may be empty.
    pub detail: String,
    /// What SOAP 1.1 has for it, whose detail is about bodies only: a header block, as XML; may be empty.
    pub header: String,
    /// Whether it keeps the body from being processed for a reason that the contract's detail tells, on both versions.
    pub is_about_body: bool,
}

/// A fault and the version in which it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoapFault {
    version: Version,
    code: Code,
    fault: Fault,
    thread: Option<Box<Thread>>,
}

impl SoapFault {
    /// A fault of the operation, or of what comes before it.
    pub fn new(version: Version, fault: Fault) -> Self {
        let code = if fault.kind.is_callers() { Code::Caller } else { Code::Node };
        Self { version, code, fault, thread: None }
    }

    /// A message that cannot be read.
    pub fn refused(version: Version, refusal: Refusal) -> Self {
        Self::new(version, refusal.into())
    }

    /// A fault of SOAP itself.
    pub fn of_code(version: Version, code: Code, message: String) -> Self {
        Self { version, code, fault: Fault::invalid(message), thread: None }
    }

    /// Header blocks that must be understood and are not.
    pub fn not_understood(version: Version, blocks: Vec<(String, String)>) -> Self {
        let names: Vec<String> = blocks.iter().take(8).map(|(space, local)| format!("{{{space}}}{local}")).collect();
        let message = format!("header blocks that must be understood are not: {}", names.join(", "));
        Self::of_code(version, Code::MustUnderstand(blocks), message)
    }

    /// The same fault, in answer to the message that began the thread.
    pub fn in_thread(self, thread: Option<Thread>) -> Self {
        Self { thread: thread.map(Box::new), ..self }
    }

    /// A Security header that lets nobody in.
    pub fn insecure(version: Version, refused: Refused) -> Self {
        match refused {
            Refused::Fault(fault) => Self::new(version, fault),
            Refused::Problem(problem) => Self {
                version,
                code: Code::Header(Box::new(problem.code.fault())),
                fault: Fault::new(FaultKind::NotAuthenticated, problem.message),
                thread: None,
            },
        }
    }

    /// What it says.
    pub fn message(self) -> String {
        self.fault.message
    }

    /// The answer.
    pub fn reply(&self) -> Reply {
        let mut out = Draft::with_capacity(1024);
        envelope::open(&mut out, self.version, |out| self.header(out));
        match self.version {
            Version::V11 => self.body_11(&mut out),
            Version::V12 => self.body_12(&mut out),
        }
        out.push_str(envelope::CLOSE);
        Reply::whole(self.status(), self.version.content_type(), out.into_bytes())
    }

    fn status(&self) -> u16 {
        match (&self.code, self.fault.kind) {
            (Code::Caller, kind @ FaultKind::NotAuthenticated) => kind.status(),
            _ => STATUS,
        }
    }

    fn header(&self, out: &mut Draft) {
        let mut blocks = Draft::default();
        if let Some(thread) = &self.thread {
            thread.write_fault(&mut blocks);
        }
        self.blocks(&mut blocks);
        if blocks.len() > 0 {
            out.push_str("<soap:Header>");
            out.push(&blocks);
            out.push_str("</soap:Header>");
        }
    }

    /// SOAP 1.2 names what was not understood, and the versions that are (part 1, sections 5.4.7 and 5.4.8).
    fn blocks(&self, out: &mut Draft) {
        match (&self.code, self.version) {
            (Code::MustUnderstand(blocks), Version::V12) => {
                for (space, local) in blocks {
                    out.push_str("<soap:NotUnderstood");
                    // No prefix can stand for no namespace.
                    if space.is_empty() {
                        out.push_str(" qname=\"");
                    } else {
                        out.push_str(" xmlns:block=\"");
                        out.push_attribute(space);
                        out.push_str("\" qname=\"block:");
                    }
                    out.push_attribute(local);
                    out.push_str("\"></soap:NotUnderstood>");
                }
            }
            (Code::VersionMismatch, Version::V12) => {
                out.push_str("<soap:Upgrade>");
                for (prefix, namespace) in [("v12", SOAP12), ("v11", SOAP11)] {
                    for part in ["<soap:SupportedEnvelope xmlns:", prefix, "=\"", namespace, "\" qname=\"", prefix] {
                        out.push_str(part);
                    }
                    out.push_str(":Envelope\"></soap:SupportedEnvelope>");
                }
                out.push_str("</soap:Upgrade>");
            }
            (Code::Header(fault), Version::V11) => out.push_str(&fault.header),
            _ => {}
        }
    }

    fn body_11(&self, out: &mut Draft) {
        out.push_str("<soap:Fault>");
        match &self.code {
            Code::Header(fault) => {
                let HeaderFault { prefix, namespace, codes, .. } = &**fault;
                let code = codes.last().copied().unwrap_or("Client");
                for part in ["<faultcode xmlns:", prefix, "=\"", namespace, "\">", prefix, ":", code, "</faultcode>"] {
                    out.push_str(part);
                }
            }
            _ => {
                for part in ["<faultcode>soap:", self.code_name(), "</faultcode>"] {
                    out.push_str(part);
                }
            }
        }
        out.push_str("<faultstring>");
        out.push_escaped(&self.fault.message, false);
        out.push_str("</faultstring>");
        if self.is_about_body() {
            out.push_str("<detail>");
            self.detail(out);
            out.push_str("</detail>");
        }
        out.push_str("</soap:Fault>");
    }

    fn body_12(&self, out: &mut Draft) {
        for part in ["<soap:Fault><soap:Code><soap:Value>soap:", self.code_name(), "</soap:Value>"] {
            out.push_str(part);
        }
        if let Code::Header(fault) = &self.code {
            let HeaderFault { prefix, namespace, codes, .. } = &**fault;
            for code in *codes {
                for part in ["<soap:Subcode><soap:Value xmlns:", prefix, "=\"", namespace, "\">", prefix, ":", code] {
                    out.push_str(part);
                }
                out.push_str("</soap:Value>");
            }
            codes.iter().for_each(|_| out.push_str("</soap:Subcode>"));
        }
        out.push_str("</soap:Code><soap:Reason><soap:Text xml:lang=\"en\">");
        out.push_escaped(&self.fault.message, false);
        out.push_str("</soap:Text></soap:Reason>");
        match &self.code {
            Code::Header(fault) if !fault.detail.is_empty() => {
                for part in ["<soap:Detail>", &fault.detail, "</soap:Detail>"] {
                    out.push_str(part);
                }
            }
            _ if self.is_about_body() => {
                out.push_str("<soap:Detail>");
                self.detail(out);
                out.push_str("</soap:Detail>");
            }
            _ => {}
        }
        out.push_str("</soap:Fault>");
    }

    /// SOAP 1.1 section 4.4 forbids a detail about anything but the body. That a credential is wrong keeps the body from
    /// being processed, and callers want to find it where they find the contract's other faults.
    fn is_about_body(&self) -> bool {
        match &self.code {
            Code::Caller | Code::Node => true,
            Code::Header(fault) => fault.is_about_body,
            Code::VersionMismatch | Code::MustUnderstand(_) => false,
        }
    }

    fn code_name(&self) -> &'static str {
        match (&self.code, self.version) {
            (Code::Caller | Code::Header(_), Version::V11) => "Client",
            (Code::Caller | Code::Header(_), Version::V12) => "Sender",
            (Code::Node, Version::V11) => "Server",
            (Code::Node, Version::V12) => "Receiver",
            (Code::VersionMismatch, _) => "VersionMismatch",
            (Code::MustUnderstand(_), _) => "MustUnderstand",
        }
    }

    fn detail(&self, out: &mut Draft) {
        for part in
            ["<pg:Fault xmlns:pg=\"", CONTRACT, "\"><pg:kind>", self.fault.kind.name(), "</pg:kind><pg:message>"]
        {
            out.push_str(part);
        }
        out.push_escaped(&self.fault.message, false);
        out.push_str("</pg:message>");
        if let Some(seconds) = self.fault.retry_after_seconds {
            out.push_str("<pg:retryAfterSeconds>");
            out.push_integer(seconds);
            out.push_str("</pg:retryAfterSeconds>");
        }
        if let Some(reference) = &self.fault.reference {
            out.push_str("<pg:reference>");
            out.push_escaped(reference, false);
            out.push_str("</pg:reference>");
        }
        out.push_str("</pg:Fault>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{binding::soap::security, model::FaultKind};

    fn body(fault: &SoapFault) -> String {
        String::from_utf8(fault.reply().bytes().to_vec()).unwrap()
    }

    #[test]
    fn both_versions_answer_500_with_the_contracts_detail() {
        let fault = Fault::unavailable("no <provider>");
        let detail = "<pg:Fault xmlns:pg=\"urn:peergate:v1\"><pg:kind>Unavailable</pg:kind>\
                      <pg:message>no &lt;provider&gt;</pg:message><pg:retryAfterSeconds>5</pg:retryAfterSeconds></pg:Fault>";
        let v11 = SoapFault::new(Version::V11, fault.clone());
        assert!(body(&v11).contains(&format!(
            "<faultcode>soap:Server</faultcode><faultstring>no &lt;provider&gt;</faultstring><detail>{detail}</detail>"
        )));
        let v12 = SoapFault::new(Version::V12, fault);
        assert!(body(&v12).contains("<soap:Value>soap:Receiver</soap:Value>"));
        assert!(body(&v12).contains(&format!("<soap:Detail>{detail}</soap:Detail>")));
        assert_eq!([v11.reply().status, v12.reply().status], [500, 500]);
        assert_eq!(v12.reply().content_type, "application/soap+xml; charset=utf-8");
    }

    #[test]
    fn a_failure_of_ws_security_has_its_code_the_contracts_detail_and_status_500() {
        let problem = security::Problem::new(security::Code::FailedAuthentication, "no");
        let fault = |version| SoapFault::insecure(version, problem.clone().into());
        let code = format!(" xmlns:wsse=\"{}\">wsse:FailedAuthentication</", security::WSSE);
        let (v11, v12) = (fault(Version::V11), fault(Version::V12));
        assert!(body(&v11).contains(&format!("<faultcode{code}faultcode>")), "{}", body(&v11));
        let in_12 = "<soap:Code><soap:Value>soap:Sender</soap:Value><soap:Subcode><soap:Value".to_owned();
        assert!(body(&v12).contains(&(in_12 + &code + "soap:Value></soap:Subcode></soap:Code>")), "{}", body(&v12));
        for fault in [v11, v12] {
            assert_eq!(fault.reply().status, 500);
            assert!(body(&fault).contains("<pg:kind>NotAuthenticated</pg:kind>"), "{}", body(&fault));
        }
        let expired = security::Problem::new(security::Code::MessageExpired, "late");
        let expired = body(&SoapFault::insecure(Version::V11, expired.into()));
        assert!(expired.contains("utility-1.0.xsd\">wsu:MessageExpired</faultcode>"), "{expired}");
    }

    /// Contract, section 6: clients that wait for a challenge show a credential only after a 401.
    #[test]
    fn a_credential_of_http_that_is_missing_is_status_401() {
        let fault = Fault::new(FaultKind::NotAuthenticated, "x");
        for version in [Version::V11, Version::V12] {
            assert_eq!(SoapFault::new(version, fault.clone()).reply().status, 401);
        }
    }

    #[test]
    fn the_callers_faults_are_client_and_sender() {
        for kind in FaultKind::ALL {
            let body = body(&SoapFault::new(Version::V11, Fault::new(kind, "x")));
            let expected = if kind.is_callers() { "soap:Client" } else { "soap:Server" };
            assert!(body.contains(expected), "{kind:?}");
        }
    }
}
