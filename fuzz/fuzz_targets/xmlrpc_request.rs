//! An XML-RPC request, read into the input record of every operation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use peergate::{binding::xmlrpc, model::Limits};

fuzz_target!(|body: &[u8]| {
    // Without a charset, the byte order mark and the declaration in the body choose the encoding.
    let _ = xmlrpc::check_request(body, None, &Limits::default());
});
