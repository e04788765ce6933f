//! Reads a request as every operation would read it, and does nothing: what a fuzzer and a corpus of requests run.

use bytes::Bytes;
use futures::{StreamExt, executor::block_on, stream};
use serde_json::Value as Json;

use super::{Exchange, Incoming, Received, Request, Version, encode, envelope, envelope::Envelope, is_related};
use crate::{
    binding::xml::text_of,
    model::{Fault, Limits, Outcome, Payload},
    operation::{Format, Operation, REGISTRY, Visitor, describe::Description, visit},
};

/// Bytes of a body that come at once where it has parts: few, so that everything is cut somewhere.
const PIECE: usize = 7;

/// Reads a request with what comes beside its envelope into the input record of every operation of the registry,
/// whichever element its body holds; what could be read is written and must read back as the same. Answers how many
/// records could be read. The first line is the content type, the rest is the body.
///
/// # Errors
/// What a caller would be told of a request that is no message at all.
///
/// # Panics
/// When a record that was read is not the same after it was written and read again: a mistake of this crate.
pub fn check_request(request: &[u8], limits: &Limits) -> Outcome<usize> {
    let (head, body) = request.split_at(request.iter().position(|&byte| byte == b'\n').unwrap_or(0));
    let content_type = std::str::from_utf8(head).ok().map(str::trim).filter(|text| !text.is_empty());
    let (body, mut read) = (body.get(1..).unwrap_or_default(), 0);
    // Whether it is a message at all does not depend on the operation.
    Open { content_type, body, limits }.exchange(|_| Ok(()))?;
    visit(&mut Records { open: Open { content_type, body, limits }, read: &mut read });
    Ok(read)
}

/// A request that is read again and again.
struct Open<'a> {
    content_type: Option<&'a str>,
    body: &'a [u8],
    limits: &'a Limits,
}

impl Open<'_> {
    /// Reads the request up to the content of its body, as `soap::answer` does.
    fn exchange<T>(&self, then: impl FnOnce(Exchange<'_>) -> Outcome<T>) -> Outcome<T> {
        let Self { content_type, body, limits } = *self;
        let incoming = if is_related(content_type) {
            let pieces: Vec<_> = body.chunks(PIECE).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            Incoming::Parts(stream::iter(pieces).boxed())
        } else {
            Incoming::Whole(Bytes::copy_from_slice(body))
        };
        let received = block_on(Received::read(Request { content_type, accepts_mtom: false, body: incoming }, limits))?;
        let text = text_of(&received.document, received.content_type.as_deref())?;
        let told = |fault: super::SoapFault| Fault::invalid(fault.message());
        let presumed = Version::of_content_type(content_type);
        let envelope = Envelope::read(&text, presumed, limits).map_err(told)?;
        let mut message = envelope.message().map_err(told)?;
        message.scope.parts = received.beside.parts;
        then(Exchange {
            message,
            related: received.beside.related,
            reads_mtom: received.beside.reads_mtom,
            journey: None,
        })
    }

    fn record<O: Operation>(&self, operation: &'static Description) -> Outcome<O> {
        self.exchange(|mut exchange| {
            let mut record: O = exchange.decode(operation)?;
            block_on(async {
                exchange.attach(record.attachment()).await?;
                match record.attachment() {
                    Some(payload @ Payload::Stream { .. }) => keep(payload).await,
                    _ => Ok(()),
                }
            })?;
            Ok(record)
        })
    }
}

/// Takes a part that is still coming into memory, so that it can be written again.
async fn keep(payload: &mut Payload) -> Outcome<()> {
    let mut whole = Vec::new();
    let mut stream = std::mem::replace(payload, Payload::Inline(Default::default())).into_stream();
    while let Some(bytes) = stream.next().await {
        whole.extend_from_slice(&bytes?);
    }
    *payload = Payload::Inline(crate::model::Data(whole.into()));
    Ok(())
}

struct Records<'a, 'r> {
    open: Open<'a>,
    read: &'r mut usize,
}

impl Visitor for Records<'_, '_> {
    fn visit<O: Operation>(&mut self) {
        let Some(operation) = REGISTRY.find(O::NAME) else { return };
        let Ok(record) = self.open.record::<O>(operation) else { return };
        *self.read += 1;
        for version in [Version::V11, Version::V12] {
            let once = again(&record, operation, version, self.open.limits);
            // A carriage return is read as a line feed the first time.
            let twice = again(&once, operation, version, self.open.limits);
            assert_eq!(plain(&once), plain(&twice), "{} in {version:?}", O::NAME);
        }
    }
}

/// The record after it was written and read.
fn again<O: Operation>(record: &O, operation: &'static Description, version: Version, limits: &Limits) -> O {
    let read = || {
        let document = envelope::write(version, |_| (), |out| encode::request(out, &operation.element, record))?;
        Open { content_type: None, body: &document.into_bytes(), limits }.record(operation)
    };
    read().unwrap_or_else(|fault: Fault| panic!("{} in {version:?}: {fault}", O::NAME))
}

fn plain(record: &impl Operation) -> Json {
    serde_json::to_value(record).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::mutation::{corpus, mutations};

    const WORDS: [&str; 18] = [
        "<soap:Header>",
        "</soap:Body>",
        " soap:mustUnderstand=\"1\"",
        " xsi:nil=\"true\"",
        " xmlns=\"\"",
        " xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\"",
        "<xop:Include xmlns:xop=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:data\"/>",
        "<!DOCTYPE a>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "&#xD83D;",
        "&lt;",
        "\r\n--b\r\n",
        "\r\n--b--",
        "\r\nContent-Transfer-Encoding: base64\r\n",
        "\r\n\r\n",
        "\u{FFFF}",
    ];

    #[test]
    fn the_corpus_is_read_without_a_panic() {
        let mut read = 0;
        for (name, request) in corpus("soap_request") {
            match check_request(&request, &Limits::default()) {
                Ok(records) => read += records,
                Err(fault) => assert!(fault.message.len() < 1_000, "{name}: {fault}"),
            }
        }
        assert!(read > 25, "only {read} records could be read");
    }

    #[test]
    fn changed_requests_are_read_without_a_panic() {
        mutations(&corpus("soap_request"), &WORDS, |request| {
            let _ = check_request(request, &Limits::default());
        });
    }
}
