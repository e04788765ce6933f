//! A SOAP request with its attachments, read into the input record of every operation. The first line of the input is the
//! content type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use peergate::{binding::soap, model::Limits};

fuzz_target!(|request: &[u8]| {
    let _ = soap::check_request(request, &Limits::default());
});
