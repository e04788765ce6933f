//! The credentials of HTTP: Basic (RFC 7617) and Bearer (RFC 6750), looked at before anything of a body is read.

use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE},
};

use super::Gateway;
use crate::{
    access::{Binding, Caller},
    model::{Fault, FaultKind, Outcome},
};

/// What a caller without a credential, or with a wrong one, is told to show. Basic comes first: the oldest clients look
/// at the first challenge only, and it is the one that they know.
const CHALLENGES: [&str; 2] = ["Basic realm=\"peergate\", charset=\"UTF-8\"", "Bearer realm=\"peergate\""];

impl Gateway {
    /// Who sends these headers.
    ///
    /// # Errors
    /// NotAuthenticated for a credential that is wrong or cannot be read; none at all is no error yet.
    pub(super) fn caller(&self, headers: &HeaderMap, binding: Binding) -> Outcome<Caller> {
        let stranger = Caller::stranger(self.access.clone(), binding);
        if !self.access.has_tokens() {
            return Ok(stranger);
        }
        let mut shown = headers.get_all(AUTHORIZATION).into_iter();
        match (shown.next(), shown.next()) {
            (None, _) => Ok(stranger),
            (Some(credential), None) => show(stranger, credential),
            (Some(_), Some(_)) => Err(refused("there are two Authorization headers; send one")),
        }
    }

    /// Who sends these headers, if they may use the operation; for the paths that are no binding.
    ///
    /// # Errors
    /// NotAuthenticated and NotPermitted.
    pub(super) fn authorised(&self, headers: &HeaderMap, binding: Binding, operation: &str) -> Outcome<Caller> {
        let caller = self.caller(headers, binding)?;
        caller.authorise(operation)?;
        Ok(caller)
    }
}

/// Adds what a 401 has to say (RFC 9110, section 11.6.1).
pub fn challenge(headers: &mut HeaderMap) {
    for challenge in CHALLENGES {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
}

fn show(stranger: Caller, credential: &HeaderValue) -> Outcome<Caller> {
    let credential = credential.as_bytes().trim_ascii();
    let end = credential.iter().position(|byte| *byte == b' ').unwrap_or(credential.len());
    let (scheme, rest) = credential.split_at(end);
    if scheme.eq_ignore_ascii_case(b"Bearer") {
        return stranger.show_secret(rest.trim_ascii());
    }
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return Err(refused("the scheme of the Authorization header is not taken here, want Basic or Bearer"));
    }
    let decoded = base64_simd::forgiving_decode_to_vec(rest);
    let decoded = decoded.map_err(|_| refused("the Basic credential is not base64"))?;
    let pair = std::str::from_utf8(&decoded).map_err(|_| refused("the Basic credential is not UTF-8"))?;
    let (name, secret) =
        pair.split_once(':').ok_or_else(|| refused("the Basic credential has no colon between name and token"))?;
    stranger.show_named_secret(name, secret.as_bytes())
}

fn refused(message: &str) -> Fault {
    Fault::new(FaultKind::NotAuthenticated, message)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::access::{Access, Token};

    const SECRET: &str = "schlüssel-0123456789:abc";

    fn shown(credential: &[u8]) -> Outcome<String> {
        let token = Token::new("erp", SECRET, vec!["*".parse().unwrap()]).unwrap();
        let access = Access::new(vec![token], false, Duration::ZERO).unwrap();
        let stranger = Caller::stranger(Arc::new(access), Binding::Json);
        let caller = show(stranger, &HeaderValue::from_bytes(credential).unwrap())?;
        Ok(caller.token().unwrap().name().to_owned())
    }

    fn basic(pair: &[u8]) -> Vec<u8> {
        [b"Basic ", base64_simd::STANDARD.encode_to_string(pair).as_bytes()].concat()
    }

    #[test]
    fn basic_is_utf_8_and_ends_the_name_at_the_first_colon() {
        let pair = format!("erp:{SECRET}");
        assert_eq!(shown(&basic(pair.as_bytes())), Ok("erp".into()));
        let unpadded = String::from_utf8(basic(pair.as_bytes())).unwrap().replace('=', "").replace("Basic", "bAsIc");
        assert_eq!(shown(unpadded.as_bytes()), Ok("erp".into()));
    }

    #[test]
    fn bearer_is_the_token_alone() {
        assert_eq!(shown(format!("Bearer {SECRET}").as_bytes()), Ok("erp".into()));
        assert_eq!(shown(format!("bearer   {SECRET} ").as_bytes()), Ok("erp".into()));
    }

    #[test]
    fn everything_else_is_refused_and_says_why() {
        let latin1 = b"erp:schl\xFCssel-0123456789:abc";
        for (credential, named) in [
            (b"Bearer".to_vec(), "wrong"),
            (b"Bearer 0123456789".to_vec(), "wrong"),
            (b"Basic".to_vec(), "no colon"),
            (b"Basic ***".to_vec(), "not base64"),
            (basic(b"erp"), "no colon"),
            (basic(b"erp:"), "wrong"),
            (basic(b":"), "wrong"),
            (basic(latin1), "not UTF-8"),
            (b"Digest username=\"erp\"".to_vec(), "Basic or Bearer"),
            (b"".to_vec(), "Basic or Bearer"),
            (SECRET.as_bytes().to_vec(), "Basic or Bearer"),
        ] {
            let fault = shown(&credential).unwrap_err();
            assert_eq!(fault.kind, FaultKind::NotAuthenticated);
            assert!(fault.message.contains(named), "{credential:?}: {fault}");
        }
    }
}
