//! The JSON binding's answers: the record, or `application/problem+json` (RFC 9457).

use serde_json::Value;

use super::{Binding, Fault, Reply};

pub fn decode(reply: &Reply) -> Result<Value, Fault> {
    if reply.status == 200 {
        assert_eq!(reply.header("content-type").split(';').next(), Some("application/json"));
        return Ok(reply.json());
    }
    let problem = reply.json();
    assert_eq!(reply.header("content-type").split(';').next(), Some("application/problem+json"), "{problem}");
    assert_eq!(problem["status"], reply.status, "{problem}");
    assert!(problem["title"].is_string(), "{problem}");
    let text = |field: &str| problem[field].as_str().unwrap_or_else(|| panic!("no {field} in {problem}")).to_owned();
    Err(Fault {
        binding: Binding::Json,
        status: reply.status,
        code: text("type"),
        kind: Some(text("kind")),
        message: text("detail"),
        retry_after_seconds: problem["retryAfterSeconds"].as_i64(),
    })
}
