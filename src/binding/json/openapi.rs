//! OpenAPI 3.1 of all operations, from the same description as everything else.

use serde_json::{Map, Value as Json, json};

use crate::{
    model::FaultKind,
    operation::{
        CONTRACT,
        describe::{Contract, Description},
    },
};

/// Where JSON Schema keeps the definitions that schemas refer to.
const DEFINITIONS: &str = "#/$defs/";
/// Where OpenAPI keeps them.
const COMPONENTS: &str = "#/components/schemas/";

/// The document, for the server at this address.
pub fn render(server: &str) -> Json {
    let mut schemas = contract_schemas(&CONTRACT);
    schemas.insert("Problem".into(), problem());
    let paths: Map<String, Json> =
        CONTRACT.operations.iter().map(|operation| (path(operation), item(operation))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Peergate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A peer-to-peer gateway node: search and verified transfer.",
        },
        "servers": [{ "url": server.trim_end_matches('/') }],
        "paths": paths,
        "components": { "schemas": schemas, "responses": { "Fault": response("Problem", "application/problem+json", "A fault.") } },
    })
}

fn path(operation: &Description) -> String {
    format!("/api/{}/{}", operation.service(), operation.operation())
}

fn item(operation: &Description) -> Json {
    let mut responses = Map::new();
    responses.insert("200".into(), response(&operation.output, "application/json", "The answer."));
    for kind in FaultKind::ALL {
        let description = format!("{}: {}", kind.name(), kind.when());
        responses.insert(kind.status().to_string(), response("Problem", "application/problem+json", &description));
    }
    json!({
        "post": {
            "operationId": operation.element,
            "tags": [operation.service()],
            "summary": operation.summary(),
            "description": operation.input.doc,
            "requestBody": {
                "required": operation.required().next().is_some(),
                "content": { "application/json": { "schema": reference(&request_name(operation)) } },
            },
            "responses": responses,
        }
    })
}

/// An input's name: that of the operation alone may be a record's too, as `NodeInfo` is.
fn request_name(operation: &Description) -> String {
    format!("{}Request", operation.element)
}

fn response(schema: &str, media_type: &str, description: &str) -> Json {
    json!({ "description": description, "content": { media_type: { "schema": reference(schema) } } })
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("{COMPONENTS}{name}") })
}

/// The schemas of all records and inputs, each under its name.
fn contract_schemas(contract: &Contract) -> Map<String, Json> {
    let mut schemas = Map::new();
    for operation in &contract.operations {
        let mut schema = operation.schema.clone();
        let inner = schema.as_object_mut().and_then(|schema| schema.remove("$defs"));
        for (name, definition) in inner.as_ref().and_then(Json::as_object).into_iter().flatten() {
            schemas.insert(name.clone(), definition.clone());
        }
        schemas.insert(request_name(operation), schema);
    }
    schemas.extend(contract.schemas.clone());
    schemas.values_mut().for_each(point_to_components);
    schemas
}

/// Turns the references of JSON Schema into those of OpenAPI.
fn point_to_components(schema: &mut Json) {
    match schema {
        Json::Object(members) => {
            for (name, member) in members {
                match member {
                    Json::String(target) if name == "$ref" => *target = target.replacen(DEFINITIONS, COMPONENTS, 1),
                    other => point_to_components(other),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(point_to_components),
        _ => {}
    }
}

/// The schema of a fault (RFC 9457).
fn problem() -> Json {
    let kinds: Vec<&str> = FaultKind::ALL.into_iter().map(FaultKind::name).collect();
    json!({
        "type": "object",
        "description": "A fault, as problem details.",
        "properties": {
            "type": { "type": "string", "format": "uri", "description": "urn:peergate:fault: and the kind." },
            "title": { "type": "string", "description": "When faults of this kind are given." },
            "status": { "type": "integer", "description": "The HTTP status." },
            "detail": { "type": "string", "description": "What is wrong with this request." },
            "kind": { "type": "string", "enum": kinds },
            "retryAfterSeconds": { "type": "integer", "description": "After how many seconds the same call may succeed." },
            "reference": { "type": "string", "description": "Under which the node's log holds the cause." },
        },
        "required": ["type", "title", "status", "detail", "kind"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Json, found: &mut Vec<String>) {
        match value {
            Json::Object(members) => {
                if let Some(target) = members.get("$ref").and_then(Json::as_str) {
                    found.push(target.to_owned());
                }
                members.values().for_each(|member| references(member, found));
            }
            Json::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_operation_is_there_and_every_reference_leads_somewhere() {
        let document = render("http://127.0.0.1:7070/");
        for operation in &CONTRACT.operations {
            assert!(document["paths"][path(operation)]["post"].is_object(), "{}", operation.name);
        }
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > CONTRACT.operations.len());
        for target in found {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
        }
        assert_eq!(document["servers"][0]["url"], "http://127.0.0.1:7070");
    }
}
