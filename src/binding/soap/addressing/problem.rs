//! What can be wrong with addressing headers, as the faults of WS-Addressing name it (SOAP binding, section 6).

use super::Edition;
use crate::{
    binding::{
        soap::envelope::Version,
        soap::fault::{Code, HeaderFault, SoapFault},
        xml::Draft,
    },
    operation::CONTRACT,
};

/// Why addressing headers were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A header is empty, too long or otherwise of no use.
    Invalid,
    /// An endpoint has no address.
    MissingAddress,
    /// A header that has to be there is not.
    Required,
    /// The action is that of another operation than the body's.
    ActionMismatch,
    /// The action is that of no operation.
    ActionNotSupported,
    /// The answer would have to go where this node sends none.
    OnlyAnonymous,
}

/// What is wrong with the addressing headers of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    reason: Reason,
    /// The local name of the header.
    header: &'static str,
    /// What the header says, where the fault repeats it.
    value: String,
}

impl Problem {
    /// A problem with this header.
    pub fn new(reason: Reason, header: &'static str) -> Self {
        Self { reason, header, value: String::new() }
    }

    /// The action fits another operation, or none.
    pub fn of_action(action: &str) -> Self {
        let is_known = CONTRACT.operations.iter().any(|operation| operation.is_action(action));
        let reason = if is_known { Reason::ActionMismatch } else { Reason::ActionNotSupported };
        Self { reason, header: "Action", value: action.to_owned() }
    }

    /// The answer cannot go to the address in this header, which `why` explains.
    pub fn of_address(header: &'static str, why: String) -> Self {
        Self { reason: Reason::OnlyAnonymous, header, value: why }
    }

    /// The fault that says so.
    pub fn fault(&self, version: Version, edition: Edition) -> SoapFault {
        let detail = self.detail(edition);
        let header = format!("<wsa:FaultDetail xmlns:wsa=\"{}\">{detail}</wsa:FaultDetail>", edition.namespace());
        let codes = self.codes(edition);
        let fault =
            HeaderFault { prefix: "wsa", namespace: edition.namespace(), codes, detail, header, is_about_body: false };
        SoapFault::of_code(version, Code::Header(Box::new(fault)), self.message())
    }

    /// From the general code to the special one.
    fn codes(&self, edition: Edition) -> &'static [&'static str] {
        use Reason::{ActionMismatch, ActionNotSupported, Invalid, MissingAddress, OnlyAnonymous, Required};
        match (edition, self.reason) {
            (_, ActionNotSupported) => &["ActionNotSupported"],
            (Edition::V1, Required) => &["MessageAddressingHeaderRequired"],
            (Edition::V1, Invalid) => &["InvalidAddressingHeader"],
            (Edition::V1, MissingAddress) => &["InvalidAddressingHeader", "MissingAddressInEPR"],
            (Edition::V1, ActionMismatch) => &["InvalidAddressingHeader", "ActionMismatch"],
            (Edition::V1, OnlyAnonymous) => &["InvalidAddressingHeader", "OnlyAnonymousAddressSupported"],
            (Edition::August2004, Required) => &["MessageInformationHeaderRequired"],
            (Edition::August2004, _) => &["InvalidMessageInformationHeader"],
        }
    }

    fn message(&self) -> String {
        let Self { header, value, .. } = self;
        let shown: String = value.chars().take(200).collect();
        match self.reason {
            Reason::Invalid => format!("the addressing header {header} is empty, or larger than is taken"),
            Reason::MissingAddress => format!("the addressing header {header} has no Address"),
            Reason::Required => format!("the addressing header {header} is missing, and an answer is expected"),
            Reason::ActionMismatch => format!("the Action {shown} is not that of the operation in the Body"),
            Reason::ActionNotSupported => {
                format!("the Action {shown} is that of no operation; the WSDL lists them all")
            }
            Reason::OnlyAnonymous => {
                format!("{header}: {shown}; leave {header} out or make it anonymous, or see http.reply_networks")
            }
        }
    }

    /// The header or the action concerned.
    fn detail(&self, edition: Edition) -> String {
        let mut out = Draft::default();
        let namespace = edition.namespace();
        match self.reason {
            Reason::ActionMismatch | Reason::ActionNotSupported => {
                out.push_str("<wsa:ProblemAction xmlns:wsa=\"");
                out.push_attribute(namespace);
                out.push_str("\"><wsa:Action>");
                out.push_escaped(&self.value, false);
                out.push_str("</wsa:Action></wsa:ProblemAction>");
            }
            _ => {
                for part in ["<wsa:ProblemHeaderQName xmlns:wsa=\"", namespace, "\">wsa:", self.header] {
                    out.push_str(part);
                }
                out.push_str("</wsa:ProblemHeaderQName>");
            }
        }
        out.into_text()
    }
}
