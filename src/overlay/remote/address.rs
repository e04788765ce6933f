//! Where a remote system answers, in which binding, and the credential that it is shown.

use std::fmt;

use reqwest::{
    Url,
    header::{HeaderValue, InvalidHeaderValue},
};

/// The binding in which a remote system is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// SOAP 1.1, with MTOM in answers.
    Soap,
    /// XML-RPC.
    Xmlrpc,
}

impl Speech {
    /// What the path of an address suggests: SOAP for one that ends in `/soap`, else XML-RPC.
    fn by_path(path: &str) -> Self {
        let is_soap = path.trim_end_matches('/').rsplit('/').next().is_some_and(|last| last.starts_with("soap"));
        if is_soap { Self::Soap } else { Self::Xmlrpc }
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Soap => "SOAP",
            Self::Xmlrpc => "XML-RPC",
        }
    }
}

/// An address that can be called.
#[derive(Clone)]
pub struct Address {
    /// Without credentials, so that it can be shown.
    url: Url,
    speech: Speech,
    credential: Option<HeaderValue>,
}

/// Why an address cannot be called. The messages begin with the key of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is no URL.
    #[error("url: {0}, want http://host:port/path")]
    NoUrl(String),
    /// It is a URL of something else.
    #[error("url: want http or https, not {0}")]
    Scheme(String),
    /// Both the URL and the file hold a secret.
    #[error("token_file: url holds a password already; leave one of the two out")]
    TwoCredentials,
    /// The secret cannot be sent in a header.
    #[error("token_file: the token holds characters that no header carries")]
    Unsendable(#[from] InvalidHeaderValue),
}

impl Address {
    /// Reads an address. A name and password in it are shown as HTTP Basic, a name in it and a token as well, a token alone
    /// as Bearer.
    ///
    /// # Errors
    /// Says what of the address or the token cannot be used.
    pub fn new(url: &str, speech: Option<Speech>, token: Option<&str>) -> Result<Self, AddressError> {
        let mut url: Url = url.parse().map_err(|error| AddressError::NoUrl(format!("{error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Scheme(url.scheme().to_owned()));
        }
        let credential = credential(&url, token)?;
        // Only an address without a host refuses these, and http has always one.
        let _ = (url.set_username(""), url.set_password(None));
        url.set_fragment(None);
        let speech = speech.unwrap_or_else(|| Speech::by_path(url.path()));
        Ok(Self { url, speech, credential })
    }

    /// The URL that calls are posted to, without credentials.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The binding that is spoken there.
    pub fn speech(&self) -> Speech {
        self.speech
    }

    /// The value of the Authorization header.
    pub(super) fn credential(&self) -> Option<&HeaderValue> {
        self.credential.as_ref()
    }

    /// The URL of another path beside that of the calls: `/gate/content/x` where calls go to `/gate/soap`.
    pub fn beside(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().pop().extend(path);
        }
        url
    }

    /// Whether it leads to this machine, where no proxy has any business.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({} at {})", self.speech.name(), self.url)
    }
}

fn credential(url: &Url, token: Option<&str>) -> Result<Option<HeaderValue>, AddressError> {
    let plain = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let basic = |secret: &[u8]| {
        let pair = [&plain(url.username()), &b":"[..], secret].concat();
        format!("Basic {}", base64_simd::STANDARD.encode_to_string(pair))
    };
    let text = match (url.password(), token) {
        (Some(_), Some(_)) => return Err(AddressError::TwoCredentials),
        (Some(password), None) => basic(&plain(password)),
        (None, Some(token)) if url.username().is_empty() => format!("Bearer {token}"),
        (None, Some(token)) => basic(token.as_bytes()),
        (None, None) if url.username().is_empty() => return Ok(None),
        (None, None) => basic(b""),
    };
    let mut value = HeaderValue::from_str(&text)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str, token: Option<&str>) -> Result<Address, String> {
        Address::new(url, None, token).map_err(|error| error.to_string())
    }

    fn shown(url: &str, token: Option<&str>) -> Option<String> {
        let address = address(url, token).unwrap();
        assert!(!format!("{address} {address:?}").contains("s3cret"), "{address:?}");
        address.credential().map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_path_suggests_the_binding() {
        let speech = |url: &str| address(url, None).unwrap().speech();
        for url in ["http://h/soap", "http://h/gate/soap/", "https://h/soap12?x=1"] {
            assert_eq!(speech(url), Speech::Soap, "{url}");
        }
        for url in ["http://h/RPC2", "http://h/xmlrpc", "http://h/", "http://soap/"] {
            assert_eq!(speech(url), Speech::Xmlrpc, "{url}");
        }
        let stated = Address::new("http://h/catalog", Some(Speech::Soap), None).unwrap();
        assert_eq!(stated.speech(), Speech::Soap);
    }

    #[test]
    fn credentials_are_shown_to_the_other_side_alone() {
        let basic = |pair: &str| Some(format!("Basic {}", base64_simd::STANDARD.encode_to_string(pair)));
        assert_eq!(shown("http://h/soap", None), None);
        assert_eq!(shown("http://h/soap", Some("s3cret")), Some("Bearer s3cret".into()));
        assert_eq!(shown("http://a%40b:s3cret%3A@h/soap", None), basic("a@b:s3cret:"));
        assert_eq!(shown("http://erp@h/soap", Some("s3cret")), basic("erp:s3cret"));
    }

    #[test]
    fn what_cannot_be_called_is_refused_by_its_key() {
        for (url, token, named) in [
            ("gate.example/soap", None, "url: "),
            ("ftp://h/", None, "not ftp"),
            ("http://a:b@h/", Some("x"), "token_file"),
            ("http://h/", Some("a\nb"), "token_file"),
        ] {
            let error = address(url, token).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn other_paths_lie_beside_that_of_the_calls() {
        for (url, beside) in [
            ("http://h:1/soap", "http://h:1/content/a"),
            ("http://h/gate/xmlrpc?long=i8", "http://h/gate/content/a"),
            ("http://h/gate/soap/", "http://h/gate/content/a"),
        ] {
            assert_eq!(address(url, None).unwrap().beside(&["content", "a"]).as_str(), beside);
        }
    }
}
