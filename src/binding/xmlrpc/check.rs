//! Reads a request as every operation would read it, and does nothing: what a fuzzer and a corpus of requests run.

use serde_json::Value as Json;

use super::{
    Dialect,
    call::{Call, InnerCall, Parameters},
    dialect::Long,
    encode,
    multicall::inner_calls,
    system::MULTICALL,
};
use crate::{
    binding::{refusal::Refusal, xml::text_in_stated_encoding},
    model::{Fault, Limits, Outcome},
    operation::{Operation, REGISTRY, Visitor, visit},
};

/// Reads a request into the input record of every operation of the registry, whichever method it names, and the calls
/// of a multicall likewise; what could be read is written in every dialect and must read back as the same. Answers how
/// many records could be read.
///
/// # Errors
/// InvalidRequest for what is no call at all.
///
/// # Panics
/// When a record that was read is not the same after it was written and read again: a mistake of this crate.
pub fn check_request(body: &[u8], content_type: Option<&str>, limits: &Limits) -> Outcome<usize> {
    let text = text_in_stated_encoding(body, content_type)?;
    let call = Call::read(&text, limits)?;
    let mut records = Records { limits, open: &|| Ok(Call::read(&text, limits)?.parameters), read: 0 };
    visit(&mut records);
    let mut read = records.read;
    if call.method == MULTICALL {
        for value in inner_calls(call.parameters, limits).unwrap_or_default() {
            let Ok(inner) = InnerCall::read(value, limits) else { continue };
            let mut records = Records { limits, open: &|| Parameters::of_inner_call(&inner, limits), read: 0 };
            visit(&mut records);
            read += records.read;
        }
    }
    Ok(read)
}

/// Reads the same parameters again and again, each time as another record.
struct Records<'a, 'd> {
    limits: &'a Limits,
    open: &'a dyn Fn() -> Result<Parameters<'d>, Refusal>,
    read: usize,
}

impl Visitor for Records<'_, '_> {
    fn visit<O: Operation>(&mut self) {
        let Some(operation) = REGISTRY.find(O::NAME) else { return };
        let record = (self.open)().and_then(|mut parameters| parameters.read::<O>(operation));
        let Ok(record) = record else { return };
        self.read += 1;
        for long in [Long::Auto, Long::I8, Long::Text, Long::Double, Long::Apache] {
            let once = again(&record, long, self.limits);
            // A carriage return is read as a line feed the first time.
            let twice = again(&once, long, self.limits);
            assert_eq!(plain(&once), plain(&twice), "{} in {long:?}", O::NAME);
        }
    }
}

/// The record after it was written and read.
fn again<O: Operation>(record: &O, long: Long, limits: &Limits) -> O {
    let read = || -> Outcome<O> {
        let operation = REGISTRY.find(O::NAME).ok_or_else(|| Fault::internal("an operation without a description"))?;
        let document = encode::call(O::NAME, record, Dialect { long, bmp: false })?.into_text();
        Ok(Call::read(&document, limits)?.parameters.read::<O>(operation)?)
    };
    read().unwrap_or_else(|fault| panic!("{} in {long:?}: {fault}", O::NAME))
}

fn plain(record: &impl Operation) -> Json {
    serde_json::to_value(record).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::mutation::{corpus, mutations};

    const WORDS: [&str; 16] = [
        "<value>",
        "</value>",
        "<struct>",
        "<member>",
        "<name>",
        "</name>",
        "<array><data>",
        "<i8>",
        "<nil/>",
        "&#xD83D;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "&lt;",
        "\u{FFFF}",
        "-9223372036854775808",
    ];

    #[test]
    fn the_corpus_is_read_without_a_panic() {
        let mut read = 0;
        for (name, body) in corpus("xmlrpc_request") {
            match check_request(&body, None, &Limits::default()) {
                Ok(records) => read += records,
                Err(fault) => assert!(fault.message.len() < 1_000, "{name}: {fault}"),
            }
        }
        assert!(read > 50, "only {read} records could be read");
    }

    #[test]
    fn changed_requests_are_read_without_a_panic() {
        mutations(&corpus("xmlrpc_request"), &WORDS, |body| {
            let _ = check_request(body, None, &Limits::default());
        });
    }
}
