//! Requests to addresses that callers named: the callbacks of subscriptions, and where WS-Addressing sends answers.
//!
//! A node stands inside networks that its callers cannot reach themselves, so it goes only where the public does, and
//! where `events.callback_networks` says. What a name resolves to is checked and is what is connected to, so that a name
//! which says something else a moment later gains nothing; redirects and proxies are not followed.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderMap, USER_AGENT},
    redirect::Policy,
};

use crate::model::{Fault, Outcome};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole request may take, its answer included.
const WHOLE: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are read; what answers more is not what was asked for.
const MAX_ANSWER: usize = 64 << 10;
/// Longest address that a caller may name.
const MAX_URL: usize = 2_048;
/// Connections that are kept open to one host until the next request.
const IDLE_PER_HOST: usize = 2;

/// The addresses that this node goes to for its callers.
#[derive(Clone, Debug)]
pub struct Reach {
    public: bool,
    networks: Vec<IpNet>,
    /// The key that names the networks.
    key: &'static str,
}

impl Default for Reach {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Reach {
    /// Public addresses, and besides them these networks of `events.callback_networks`.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self { public: true, networks, key: "events.callback_networks" }
    }

    /// These networks alone, which that key of the configuration names.
    pub fn only(networks: Vec<IpNet>, key: &'static str) -> Self {
        Self { public: false, networks, key }
    }

    /// Whether the node goes to this address.
    ///
    /// # Errors
    /// What kind of address it is.
    pub fn check(&self, address: IpAddr) -> Result<(), Unreachable> {
        let address = plain(address);
        match kind_of(address) {
            None if self.public => Ok(()),
            None if self.networks.iter().any(|network| network.contains(&address)) => Ok(()),
            None => Err(Unreachable { address, kind: Kind::Public, key: self.key }),
            Some(kind) if kind.may_be_allowed() && self.networks.iter().any(|network| network.contains(&address)) => {
                Ok(())
            }
            Some(kind) => Err(Unreachable { address, kind, key: self.key }),
        }
    }
}

/// An address that the node does not go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    address: IpAddr,
    kind: Kind,
    key: &'static str,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, kind, key } = self;
        match kind.may_be_allowed() {
            true => write!(f, "{address} is {}, and {key} does not hold it", kind.name()),
            false => write!(f, "{address} is {}, and nothing is ever sent there", kind.name()),
        }
    }
}

impl std::error::Error for Unreachable {}

/// What an address is that is not simply gone to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unspecified,
    Multicast,
    LinkLocal,
    Metadata,
    Reserved,
    Loopback,
    Private,
    Public,
}

impl Kind {
    /// Whether the configuration can open it.
    fn may_be_allowed(self) -> bool {
        matches!(self, Self::Loopback | Self::Private | Self::Public)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "no host's address",
            Self::Multicast => "a multicast address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud's metadata service",
            Self::Reserved => "a reserved address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::Public => "a public address",
        }
    }
}

/// The IPv4 address that an IPv6 one stands for (RFC 4291, 2.5.5; RFC 6052; RFC 3056), since that is where it leads.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, .., g, h] = v6.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, _, _] => embedded(g, h),
        // The unspecified and the loopback address look like this form and are none.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => embedded(g, h),
        _ if a == 0x2002 => embedded(b, c),
        _ => address,
    }
}

fn kind_of(address: IpAddr) -> Option<Kind> {
    match address {
        IpAddr::V4(v4) => kind_of_v4(v4),
        IpAddr::V6(v6) => kind_of_v6(v6),
    }
}

fn kind_of_v4(address: Ipv4Addr) -> Option<Kind> {
    match address.octets() {
        [0, ..] => Some(Kind::Unspecified),
        [127, ..] => Some(Kind::Loopback),
        [169, 254, 169, 254] | [100, 100, 100, 200] => Some(Kind::Metadata),
        [169, 254, ..] => Some(Kind::LinkLocal),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18 | 19, ..] => {
            Some(Kind::Private)
        }
        [192, 0, 0, _] | [240..=255, ..] => Some(Kind::Reserved),
        [224..=239, ..] => Some(Kind::Multicast),
        _ => None,
    }
}

fn kind_of_v6(address: Ipv6Addr) -> Option<Kind> {
    /// Where Amazon's instances find their credentials.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match address.segments()[0] {
        _ if address.is_unspecified() => Some(Kind::Unspecified),
        _ if address.is_loopback() => Some(Kind::Loopback),
        _ if address == METADATA => Some(Kind::Metadata),
        0xff00..=0xffff => Some(Kind::Multicast),
        0xfe80..=0xfebf => Some(Kind::LinkLocal),
        0xfc00..=0xfdff | 0xfec0..=0xfeff => Some(Kind::Private),
        _ => None,
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status; a redirect is answered as one.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Sends to addresses that callers named.
#[derive(Clone, Debug)]
pub struct Outbound {
    reach: Arc<Reach>,
    client: reqwest::Client,
}

impl Outbound {
    /// Goes where `reach` says, and nowhere else.
    ///
    /// # Errors
    /// What the TLS library says.
    pub fn new(reach: Reach) -> Result<Self, reqwest::Error> {
        let reach = Arc::new(reach);
        let client = reqwest::Client::builder()
            .dns_resolver(Guarded(reach.clone()))
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .redirect(Policy::none())
            // A proxy would resolve names by itself and reach what this node does not.
            .no_proxy()
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .build()?;
        Ok(Self { reach, client })
    }

    /// Reads an address that a caller named, and makes sure that it leads somewhere this node goes to.
    ///
    /// # Errors
    /// InvalidRequest that names the field and says why.
    pub async fn check(&self, field: &str, address: &str) -> Outcome<Url> {
        let refused = |why: String| Fault::invalid(format!("{field}: {why}"));
        if address.len() > MAX_URL {
            return Err(refused(format!("the address has {} bytes, the limit is {MAX_URL}", address.len())));
        }
        let url: Url = address.parse().map_err(|error| refused(format!("no address: {error}")))?;
        self.check_literal(&url).map_err(refused)?;
        if let Some(name) = url.domain() {
            let resolved = self.reach.resolve(name).await;
            resolved.map_err(|error| refused(error.to_string()))?;
        }
        Ok(url)
    }

    /// Posts a body, and reads the whole answer, within stated bounds of time and size.
    ///
    /// # Errors
    /// Unavailable that says why nothing was answered, InvalidRequest for an address that this node does not go to.
    pub async fn post(&self, url: Url, headers: HeaderMap, body: impl Into<reqwest::Body>) -> Outcome<Answer> {
        // A name is checked while it is resolved; an address is never resolved.
        self.check_literal(&url).map_err(Fault::invalid)?;
        let agent = concat!("peergate/", env!("CARGO_PKG_VERSION"));
        let request = self.client.post(url).header(USER_AGENT, agent).headers(headers).body(body);
        let mut response = request.send().await.map_err(|error| unanswered(&error))?;
        let mut answer = Answer { status: response.status().as_u16(), body: Vec::new() };
        while let Some(part) = response.chunk().await.map_err(|error| unanswered(&error))? {
            if answer.body.len() + part.len() > MAX_ANSWER {
                return Err(Fault::unavailable(format!("the answer has more than {MAX_ANSWER} bytes")));
            }
            answer.body.extend_from_slice(&part);
        }
        Ok(answer)
    }

    fn check_literal(&self, url: &Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("want http or https, not {}", url.scheme()));
        }
        // `host_str` of an address of a special scheme is always the plain form, whatever the caller wrote.
        let host = url.host_str().unwrap_or_default();
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => self.reach.check(address).map_err(|error| error.to_string()),
            Err(_) if host.is_empty() => Err("the address names no host".to_owned()),
            Err(_) => Ok(()),
        }
    }
}

/// The innermost cause, which says what happened; the outer ones repeat the address, with its credentials.
fn unanswered(error: &reqwest::Error) -> Fault {
    if error.is_timeout() {
        return Fault::unavailable(format!("no answer within {} s", WHOLE.as_secs()));
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Fault::unavailable(cause.to_string().to_lowercase())
}

impl Reach {
    /// Where a name leads, as far as this node goes there.
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<std::net::SocketAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await;
        let found = found.map_err(|_| std::io::Error::other(format!("the host {name:?} cannot be resolved")))?;
        let mut refused = None;
        let mut reachable = Vec::new();
        for address in found {
            match self.check(address.ip()) {
                Ok(()) => reachable.push(address),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if reachable.is_empty() => Err(std::io::Error::other(format!("{name}: {error}"))),
            _ => Ok(reachable),
        }
    }
}

/// Resolves names for the HTTP client, and hands it only the addresses that were checked.
struct Guarded(Arc<Reach>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let addresses: Addrs = Box::new(reach.resolve(name.as_str()).await?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn reach(networks: &[&str]) -> Reach {
        Reach::new(networks.iter().map(|network| network.parse().unwrap()).collect())
    }

    fn outbound(networks: &[&str]) -> Outbound {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Outbound::new(reach(networks)).unwrap()
    }

    const NEVER: [&str; 19] = [
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.1.1",
        "100.100.100.200",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.0.8",
        "::",
        "ff02::1",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::ffff:0.0.0.0",
    ];
    const BY_CONFIGURATION: [&str; 14] = [
        "127.0.0.1",
        "127.9.9.9",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "::1",
        "fd12:3456::1",
        "fec0::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::c0a8:101",
    ];
    const PUBLIC: [&str; 7] =
        ["1.1.1.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "128.0.0.1"];

    #[test]
    fn only_public_addresses_are_reached_unless_a_network_is_named() {
        let everything = ["0.0.0.0/0", "::/0"];
        for address in NEVER {
            assert!(reach(&everything).check(address.parse().unwrap()).is_err(), "{address}");
        }
        for address in BY_CONFIGURATION {
            let refused = reach(&["203.0.113.0/24"]).check(address.parse().unwrap()).unwrap_err().to_string();
            assert!(refused.contains("events.callback_networks"), "{refused}");
            assert!(reach(&everything).check(address.parse().unwrap()).is_ok(), "{address}");
        }
        for address in PUBLIC {
            assert!(reach(&[]).check(address.parse().unwrap()).is_ok(), "{address}");
        }
        for address in PUBLIC {
            let only = |network: &str| Reach::only(vec![network.parse().unwrap()], "http.reply_networks");
            let refused = only("203.0.113.0/24").check(address.parse().unwrap()).unwrap_err().to_string();
            assert!(refused.contains("http.reply_networks"), "{refused}");
            let listed =
                [only("0.0.0.0/0"), only("::/0")].iter().any(|reach| reach.check(address.parse().unwrap()).is_ok());
            assert!(listed, "{address}");
        }
        assert!(reach(&["10.0.0.0/8"]).check("127.0.0.1".parse().unwrap()).is_err());
        assert!(reach(&["127.0.0.0/8"]).check("::ffff:127.0.0.1".parse().unwrap()).is_ok());
    }

    #[tokio::test]
    async fn addresses_in_disguise_are_known() {
        let closed = outbound(&[]);
        for address in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://0/",
            "http://localhost/",
            "http://LOCALHOST./",
            "ftp://example.org/",
            "file:///etc/passwd",
            "http://",
            "not an address",
        ] {
            let fault = closed.check("callbackUrl", address).await.unwrap_err();
            assert!(fault.message.starts_with("callbackUrl: "), "{address}: {fault}");
        }
        assert!(closed.check("callbackUrl", &format!("http://1.1.1.1/{}", "x".repeat(MAX_URL))).await.is_err());
        let open = outbound(&["127.0.0.0/8", "::1/128"]);
        for address in ["http://127.0.0.1:1/x", "http://localhost:1/x", "https://1.1.1.1/"] {
            assert!(open.check("callbackUrl", address).await.is_ok(), "{address}");
        }
    }

    /// A server that answers each connection with this text, and the address where it does.
    async fn canned(answer: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        format!("http://{address}/")
    }

    #[tokio::test]
    async fn a_name_is_checked_when_it_is_connected_to() {
        let url = canned("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into()).await;
        let by_name = url.replace("127.0.0.1", "localhost");
        for address in [&url, &by_name] {
            let refused = outbound(&[]).post(address.parse().unwrap(), HeaderMap::new(), "x").await.unwrap_err();
            assert!(refused.message.contains("events.callback_networks"), "{refused}");
        }
        let open = outbound(&["127.0.0.0/8"]);
        for address in [url, by_name] {
            let answer = open.post(address.parse().unwrap(), HeaderMap::new(), "x").await.unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
        }
    }

    #[tokio::test]
    async fn redirects_are_answers_and_answers_are_bounded() {
        let open = outbound(&["127.0.0.0/8"]);
        let target = canned("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".into()).await;
        let url = canned(format!("HTTP/1.1 307 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(open.post(url.parse().unwrap(), HeaderMap::new(), "x").await.unwrap().status, 307);
        let long = "x".repeat(MAX_ANSWER + 1);
        let url = canned(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{long}", long.len())).await;
        let refused = open.post(url.parse().unwrap(), HeaderMap::new(), "x").await.unwrap_err();
        assert!(refused.message.contains(&MAX_ANSWER.to_string()), "{refused}");
    }
}
