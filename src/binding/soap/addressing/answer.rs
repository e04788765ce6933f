//! The addressing headers of an answer.

use super::{Edition, Endpoint};
use crate::binding::xml::Draft;

/// What an answer refers to: the message that it answers, and to whom it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub(super) edition: Edition,
    pub(super) message_id: Option<String>,
    pub(super) reply_to: Endpoint,
    pub(super) fault_to: Endpoint,
}

impl Thread {
    /// Appends the blocks of an answer with this action.
    pub fn write_answer(&self, out: &mut Draft, action: &str) {
        self.write(out, action, &self.reply_to);
    }

    /// Appends the blocks of a fault.
    pub fn write_fault(&self, out: &mut Draft) {
        self.write(out, self.edition.fault_action(), &self.fault_to);
    }

    /// The prefix is declared on each block, so that nothing depends on the envelope around them.
    fn write(&self, out: &mut Draft, action: &str, to: &Endpoint) {
        let mut block = |name: &str, text: &str| {
            for part in ["<wsa:", name, " xmlns:wsa=\"", self.edition.namespace(), "\">"] {
                out.push_str(part);
            }
            out.push_escaped(text, false);
            for part in ["</wsa:", name, ">"] {
                out.push_str(part);
            }
        };
        block("Action", action);
        block("MessageID", &format!("urn:uuid:{}", uuid::Uuid::now_v7()));
        if let Some(id) = &self.message_id {
            block("RelatesTo", id);
        }
        if !to.address.is_empty() && to.address != self.edition.anonymous() {
            block("To", &to.address);
        }
        to.parameters.iter().for_each(|parameter| out.push_str(parameter));
    }
}

/// The attribute that marks a reference parameter in an answer (SOAP binding, section 3.3.2); the submission has none.
pub fn mark(edition: Edition) -> String {
    match edition {
        Edition::V1 => {
            format!(" xmlns:pgwsa=\"{}\" pgwsa:IsReferenceParameter=\"true\"", edition.namespace())
        }
        Edition::August2004 => String::new(),
    }
}
