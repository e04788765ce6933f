//! Every operation's request and answer, with every field, through every binding and back.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{json, soap, xmlrpc};
use crate::{
    model::Limits,
    operation::{CONTRACT, Operation, REGISTRY, Visitor, visit},
};

/// The record as JSON, by which two of them are compared.
fn plain(record: &impl Serialize) -> Json {
    serde_json::to_value(record).unwrap()
}

struct EveryBinding {
    operations: usize,
}

impl Visitor for EveryBinding {
    fn visit<O: Operation>(&mut self) {
        let operation = REGISTRY.find(O::NAME).unwrap();
        let input: O = serde_json::from_value(operation.example_full_request(&CONTRACT)).unwrap();
        for read in xmlrpc::tests::requests_read_back(&input).into_iter().chain(soap::tests::requests_read_back(&input))
        {
            assert_eq!(plain(&read), plain(&input), "{}", O::NAME);
        }
        let read: O = json::decode(operation, &json::encode(&input).unwrap()).unwrap();
        assert_eq!(plain(&read), plain(&input), "{}", O::NAME);
        answers_read_back::<O::Output>(&operation.element, operation.example_answer(&CONTRACT));
        self.operations += 1;
    }
}

fn answers_read_back<T: Serialize + DeserializeOwned>(element: &str, example: Json) {
    let answer: T = serde_json::from_value(example).unwrap();
    let limits = Limits::default();
    for document in xmlrpc::tests::responses(&answer) {
        let read: T = xmlrpc::decode_response(document.as_bytes(), &limits).unwrap();
        assert_eq!(plain(&read), plain(&answer), "{element} {document}");
    }
    for document in soap::tests::responses(element, &answer) {
        let read: T = soap::decode_response(document.as_bytes(), &limits).unwrap();
        assert_eq!(plain(&read), plain(&answer), "{element} {document}");
    }
    let read: T = serde_json::from_slice(&json::encode(&answer).unwrap()).unwrap();
    assert_eq!(plain(&read), plain(&answer), "{element}");
}

#[test]
fn every_operation_passes_every_binding_unchanged() {
    let mut all = EveryBinding { operations: 0 };
    visit(&mut all);
    assert_eq!(all.operations, CONTRACT.operations.len());
}
