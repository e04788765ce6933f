//! What proxies say of the requests that they pass on, where they are trusted to say it.
//!
//! Anybody can write `X-Forwarded-Host` into a request, so these headers are taken out of every request that does not
//! come from a trusted proxy, and whoever reads them further inside need not ask again.

use std::net::IpAddr;

use hyper::{
    HeaderMap,
    header::{self, HeaderName},
};
use ipnet::IpNet;

/// What the names of all these headers begin with.
const FORWARDED: &str = "x-forwarded-";
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Under which name the caller reached the proxy.
pub const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The proxies whose word counts.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Those in these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Takes away what a sender who is no trusted proxy says of its callers.
    pub fn sift(&self, peer: IpAddr, headers: &mut HeaderMap) {
        // Most requests come past no proxy, and a look at all names takes less than one for each of three.
        if !headers.keys().any(|name| name.as_str().starts_with(FORWARDED)) {
            return;
        }
        let peer = peer.to_canonical();
        if !self.0.iter().any(|network| network.contains(&peer)) {
            for name in [PROTO, HOST, PREFIX] {
                headers.remove(name);
            }
        }
    }
}

/// The value that the nearest proxy wrote: the last one, since proxies append.
pub fn said(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
}

/// Where a request with these headers reached this node, as far as they say: `https://gate.example/p2p`.
pub fn base(headers: &HeaderMap) -> Option<String> {
    let host =
        said(headers, HOST).or_else(|| headers.get(header::HOST)?.to_str().ok()).filter(|host| is_authority(host))?;
    let proto = said(headers, PROTO).filter(|proto| matches!(*proto, "http" | "https")).unwrap_or("http");
    let prefix = said(headers, PREFIX).filter(|prefix| is_path(prefix)).unwrap_or_default().trim_end_matches('/');
    Some(format!("{proto}://{host}{prefix}"))
}

fn is_authority(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}

fn is_path(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_~%".contains(&byte);
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn base_for(peer: &str, pairs: &[(HeaderName, &str)]) -> Option<String> {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        let mut headers = headers(pairs);
        proxies.sift(peer.parse().unwrap(), &mut headers);
        base(&headers)
    }

    const SAID: [(HeaderName, &str); 4] =
        [(header::HOST, "inner:7070"), (PROTO, "https"), (HOST, "gate.example"), (PREFIX, "/p2p/")];

    #[test]
    fn a_trusted_proxy_says_where_the_caller_was() {
        for peer in ["10.1.2.3", "::ffff:10.1.2.3", "::1"] {
            assert_eq!(base_for(peer, &SAID).as_deref(), Some("https://gate.example/p2p"), "{peer}");
        }
    }

    #[test]
    fn nobody_else_does() {
        for peer in ["127.0.0.1", "192.0.2.1", "2001:db8::1"] {
            assert_eq!(base_for(peer, &SAID).as_deref(), Some("http://inner:7070"), "{peer}");
        }
    }

    #[test]
    fn of_several_values_the_last_is_the_proxys_own() {
        let appended =
            [(header::HOST, "inner"), (HOST, "forged.example, gate.example"), (PROTO, "gopher"), (PROTO, "https")];
        assert_eq!(base_for("10.1.2.3", &appended).as_deref(), Some("https://gate.example"));
    }

    #[test]
    fn what_is_no_address_is_not_repeated() {
        assert_eq!(base_for("10.1.2.3", &[(header::HOST, "a\"><x")]), None);
        assert_eq!(base_for("10.1.2.3", &[(HOST, "a/b?c")]), None);
        for prefix in ["//evil.example", "no-slash", "/a?b", "/a b"] {
            assert_eq!(
                base_for("10.1.2.3", &[(header::HOST, "inner"), (PREFIX, prefix)]).as_deref(),
                Some("http://inner")
            );
        }
        assert_eq!(base_for("10.1.2.3", &[]), None);
    }
}
