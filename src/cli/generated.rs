//! The files that are written from the registry and committed, so that a reader finds them without building anything.

use std::path::PathBuf;

use serde_json::{Map, Value as Json, json};

use crate::{
    binding::{json::openapi, soap, xmlrpc::manual},
    operation::{CONTRACT, catalog::CATALOG, describe::Contract, notify::CALLBACK},
};

/// Where the committed descriptions say that the node is.
const ADDRESS: &str = "http://127.0.0.1:7070";

/// Where the committed descriptions say that a subscriber is.
const CALLBACK_ADDRESS: &str = "http://127.0.0.1:8080/peergate";

/// Where the committed descriptions say that a legacy catalogue is.
const CATALOGUE_ADDRESS: &str = "http://127.0.0.1:8000/catalog";

/// Each file's path within the repository and what it must hold.
pub fn files() -> Vec<(PathBuf, String)> {
    let wsdl = |version, path| soap::wsdl::render(version, &format!("{ADDRESS}{path}"));
    let files = [
        ("wsdl/peergate.wsdl", wsdl(soap::Version::V11, "/soap")),
        ("wsdl/peergate-soap12.wsdl", wsdl(soap::Version::V12, "/soap12")),
        ("wsdl/peergate-policy.wsdl", soap::wsdl::render_with_policy(&format!("{ADDRESS}/soap"))),
        ("wsdl/notify.wsdl", soap::wsdl::render_callback(CALLBACK_ADDRESS)),
        ("wsdl/catalog.wsdl", soap::wsdl::render_catalogue(CATALOGUE_ADDRESS)),
        ("xmlrpc-schemas/methods.json", pretty(&methods())),
        ("xmlrpc-schemas/notify.json", pretty(&served(&CALLBACK))),
        ("xmlrpc-schemas/catalog.json", pretty(&served(&CATALOG))),
        ("docs/openapi.json", pretty(&openapi::render(ADDRESS))),
        ("docs/operations.md", CONTRACT.manual()),
    ];
    files.into_iter().map(|(path, content)| (path.into(), content)).collect()
}

/// What `system.methodSignature` and `system.methodHelp` answer for each operation.
fn methods() -> Json {
    let method = |operation| json!({ "signatures": manual::signatures(operation), "help": manual::help(operation) });
    let methods = CONTRACT.operations.iter().map(|operation| (operation.name.to_owned(), method(operation)));
    Json::Object(methods.collect::<Map<_, _>>())
}

/// The methods that another system serves and the node calls.
fn served(contract: &Contract) -> Json {
    let method = |operation| json!({ "signatures": [manual::served_signature(operation)], "help": manual::served_help(contract, operation) });
    let methods = contract.operations.iter().map(|operation| (operation.name.to_owned(), method(operation)));
    Json::Object(methods.collect::<Map<_, _>>())
}

fn pretty(value: &Json) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_files_are_what_the_registry_says() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for (path, content) in files() {
            let committed = std::fs::read_to_string(root.join(&path)).unwrap_or_default();
            assert!(committed == content, "{} is stale; run `peergate describe --write`", path.display());
        }
    }
}
