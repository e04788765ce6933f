//! Refuses requests that a web page of somebody else could have made: a foreign Host is DNS rebinding, a foreign
//! Origin is a cross-site request.

use std::net::IpAddr;

use hyper::{HeaderMap, Uri, header};

use super::proxies;
use crate::model::{Fault, FaultKind, Outcome};

/// The names under which callers may reach this node.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Vec<String>,
    public_url: Option<String>,
}

impl Hosts {
    /// `localhost`, every IP address, the host of the public URL and these names.
    pub fn new(public_url: Option<&str>, names: &[String]) -> Self {
        let public = public_url.and_then(|url| url.parse::<Uri>().ok()).and_then(|url| url.host().map(str::to_owned));
        let names = names.iter().cloned().chain(public).chain(["localhost".to_owned()]);
        let names = names.map(|name| name.to_ascii_lowercase()).collect();
        Self { names, public_url: public_url.map(str::to_owned) }
    }

    /// What links say, where the configuration says it.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Whether a request with these headers was meant for this node. One without Host (HTTP/1.0) or Origin cannot
    /// come from a browser.
    ///
    /// # Errors
    /// NotPermitted that names the header.
    pub fn admit(&self, headers: &HeaderMap) -> Outcome<()> {
        let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = text(header::HOST);
        // Only a trusted proxy's word has come this far.
        let forwarded = proxies::said(headers, proxies::HOST);
        for (header, host) in [("Host", host), ("X-Forwarded-Host", forwarded)] {
            if let Some(host) = host
                && !self.is_own(host)
            {
                return Err(refused(
                    header,
                    host,
                    "use the node's address, or name it in http.hosts or http.public_url",
                ));
            }
        }
        if let Some(origin) = text(header::ORIGIN) {
            let site = origin.split_once("://").map(|(_, site)| site);
            let same = site.is_some_and(|site| [host, forwarded].contains(&Some(site)) || self.is_public(site));
            if !same {
                return Err(refused("Origin", origin, "pages of other sites cannot call this node"));
            }
        }
        Ok(())
    }

    fn is_own(&self, authority: &str) -> bool {
        let host = host_of(authority);
        // A browser sends an address only when it was asked for that address: rebinding needs a name.
        host.parse::<IpAddr>().is_ok() || self.names.iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    /// Behind a proxy the Origin is the public one, whatever Host the proxy sends.
    fn is_public(&self, authority: &str) -> bool {
        let host = host_of(authority);
        host != "localhost" && self.names.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

fn refused(header: &str, value: &str, advice: &str) -> Fault {
    let shown: String = value.chars().take(100).collect();
    Fault::new(FaultKind::NotPermitted, format!("the request's {header} {shown:?} is not this node's; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(host: Option<&str>, origin: Option<&str>) -> bool {
        let hosts = Hosts::new(Some("https://gate.example/"), &["nas.local".into()]);
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        hosts.admit(&headers).is_ok()
    }

    #[test]
    fn addresses_and_own_names_are_admitted() {
        for host in ["127.0.0.1:7070", "localhost:7070", "[::1]:7070", "192.0.2.7", "NAS.local:80", "gate.example"] {
            assert!(admit(Some(host), None), "{host}");
        }
        assert!(admit(None, None), "HTTP/1.0 sends no Host");
    }

    #[test]
    fn a_proxys_name_for_this_node_has_to_be_its_own() {
        let hosts = Hosts::new(None, &["gate.example".into()]);
        let admit = |pairs: [(&'static str, &'static str); 3]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(name, value.parse().unwrap());
            }
            hosts.admit(&headers).is_ok()
        };
        let (inner, name) = (("host", "127.0.0.1:7070"), "x-forwarded-host");
        assert!(admit([inner, (name, "gate.example"), ("origin", "https://gate.example")]));
        assert!(!admit([inner, (name, "evil.example"), ("origin", "https://evil.example")]));
        assert!(!admit([inner, (name, "gate.example"), ("origin", "https://evil.example")]));
    }

    #[test]
    fn a_rebound_name_is_refused() {
        for host in ["evil.example", "evil.example:7070", "127.0.0.1.evil.example", ""] {
            assert!(!admit(Some(host), None), "{host}");
        }
    }

    #[test]
    fn only_pages_of_this_node_may_call_it() {
        assert!(admit(Some("127.0.0.1:7070"), Some("http://127.0.0.1:7070")));
        assert!(admit(Some("127.0.0.1:7070"), Some("https://gate.example")));
        for origin in ["null", "http://evil.example", "http://127.0.0.1:9999", "http://localhost:9999"] {
            assert!(!admit(Some("127.0.0.1:7070"), Some(origin)), "{origin}");
        }
    }
}
