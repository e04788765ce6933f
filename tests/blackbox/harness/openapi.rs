//! The OpenAPI description that a node gives of itself: the shape of every record, and plausible inputs.

use serde_json::{Map, Value, json};

/// The document of `/api/openapi.json`.
pub struct OpenApi(pub Value);

impl OpenApi {
    /// Every operation's name, `search.find`, in the document's order.
    pub fn operations(&self) -> Vec<String> {
        let paths = self.0["paths"].as_object().expect("OpenAPI has paths");
        let operation = |path: &String| Some(path.strip_prefix("/api/")?.replacen('/', ".", 1));
        paths.keys().filter_map(operation).filter(|name| !name.ends_with(".json")).collect()
    }

    fn post(&self, operation: &str) -> &Value {
        let post = &self.0["paths"][format!("/api/{}", operation.replacen('.', "/", 1))]["post"];
        assert!(post.is_object(), "OpenAPI does not describe {operation}");
        post
    }

    /// The schema of an operation's answer.
    pub fn answer(&self, operation: &str) -> &Value {
        &self.post(operation)["responses"]["200"]["content"]["application/json"]["schema"]
    }

    /// The schema of an operation's input, references resolved at its top.
    pub fn input(&self, operation: &str) -> &Value {
        self.resolve(&self.post(operation)["requestBody"]["content"]["application/json"]["schema"])
    }

    /// The schema that a reference, or a description around one, stands for.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(pointer) = schema["$ref"].as_str() {
            let target = self.0.pointer(pointer.trim_start_matches('#'));
            return self.resolve(target.unwrap_or_else(|| panic!("{pointer} leads nowhere")));
        }
        match schema["allOf"].as_array().map(Vec::as_slice) {
            Some([only]) => self.resolve(only),
            _ => schema,
        }
    }

    /// An input that fits the operation's schema and names nothing that exists, so that it can be sent repeatedly.
    pub fn sample(&self, operation: &str) -> Value {
        let schema = self.input(operation);
        let empty = Map::new();
        let fields = schema["properties"].as_object().unwrap_or(&empty);
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        // Deadlines are made short: nothing that a sample names can be found, however long it is looked for.
        let wanted = |name: &str| required.contains(&name) || name == "timeoutMs" || name == "waitMs";
        let fields = fields.iter().filter(|(name, _)| wanted(name));
        Value::Object(fields.map(|(name, schema)| (name.clone(), self.plausible(name, schema))).collect())
    }

    fn plausible(&self, field: &str, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        if let Some(first) = schema["enum"].as_array().and_then(|words| words.first()) {
            return first.clone();
        }
        match (field, schema["type"].as_str()) {
            ("contentId", _) => super::content_id(blake3::hash(b"nobody has this")).into(),
            ("peerId", _) => "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA".into(),
            ("address", _) => "/ip4/127.0.0.1/tcp/1".into(),
            ("timeoutMs" | "waitMs", _) => json!(300),
            ("data", _) => "AAEC".into(),
            ("topics", _) => json!(["content.published"]),
            (_, Some("integer" | "number")) => json!(1),
            (_, Some("boolean")) => json!(true),
            (_, Some("array")) => json!([]),
            _ => "sample".into(),
        }
    }
}
