//! The limits that an operator can set and a caller is told of (contract, section 10).

use serde::{Deserialize, Serialize};

/// Bounds on what one caller, or all of them, may ask for. Each is a key under `[limits]` and listed by `node.info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of data that an answer or a request may hold within its XML or JSON.
    pub inline_bytes: u64,
    /// Parts of a multipart request, the envelope included.
    pub mime_parts: usize,
    /// Bytes of the head of one of these parts.
    pub mime_header_bytes: usize,
    /// Levels of elements in a request.
    pub xml_depth: usize,
    /// Attributes on one element.
    pub xml_attributes: usize,
    /// Calls in one system.multicall.
    pub multicall_calls: usize,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Seconds that a caller may take to send a request's head.
    pub request_seconds: u64,
    /// Calls that are under way at one time, those that only wait left out.
    pub concurrent_requests: usize,
    /// Calls that only wait (search.results and transfer.wait with waitMs), which hold no place among the others.
    pub long_polls: usize,
    /// Uploads in parts that are under way at one time.
    pub uploads: usize,
    /// Bytes that the uploads under way may have together.
    pub upload_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            inline_bytes: 64 << 20,
            mime_parts: 50,
            mime_header_bytes: 8 << 10,
            xml_depth: 64,
            xml_attributes: 64,
            multicall_calls: 1_000,
            header_bytes: 64 << 10,
            request_seconds: 10,
            concurrent_requests: 1_024,
            long_polls: 10_000,
            uploads: 1_000,
            upload_bytes: 256 << 30,
        }
    }
}

impl Limits {
    /// Bytes that a request's body may have: base64 data of the permitted size, and as much again as a small request.
    pub fn body_bytes(&self) -> usize {
        usize::try_from(self.inline_bytes / 3 * 4).unwrap_or(usize::MAX).saturating_add(1 << 20)
    }

    /// Every limit by its key, for `node.info`.
    pub fn list(&self) -> Vec<(String, String)> {
        let keys = serde_json::to_value(self).unwrap_or_default();
        keys.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value.to_string())).collect()
    }
}
