//! The UsernameToken (UsernameToken Profile 1.1, section 3): a name with the secret itself or with a digest of it.

use std::borrow::Cow;

use sha1::{Digest, Sha1};

use super::{
    Texts,
    problem::{Code, Problem, Refused},
    timestamp::{not_from_the_future, not_past, skew, time},
};
use crate::{
    access::{Access, Caller, same},
    binding::{
        refusal::{Refusal, shown},
        soap::names::{Element, Scope, Step},
    },
    model::{FaultKind, Time},
};

/// Most bytes of a nonce; 16 are usual.
const MAX_NONCE: usize = 256;

/// A name, and what proves that its secret is known.
#[derive(Debug)]
pub struct UsernameToken {
    username: String,
    password: Password,
    nonce: Option<Vec<u8>>,
    /// As it stands in the message, since that is what goes into the digest.
    created: Option<String>,
}

/// What a Password holds.
enum Password {
    Text(String),
    Digest(Vec<u8>),
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(password)")
    }
}

impl UsernameToken {
    /// Reads the element that has begun, with its end.
    pub fn read(scope: &mut Scope<'_>) -> Result<Result<Self, Problem>, Refusal> {
        let mut texts = Texts::new(["Username", "Password", "Nonce", "Created"]);
        let (mut kind, mut encoding) = (String::new(), String::new());
        while let Step::Open(child) = scope.next()? {
            match child.local() {
                "Password" => kind = attribute(scope, &child, "Type")?,
                "Nonce" => encoding = attribute(scope, &child, "EncodingType")?,
                _ => {}
            }
            texts.take(scope, &child)?;
        }
        Ok(texts.finish("UsernameToken").and_then(|[username, password, nonce, created]| {
            let missing = |name| invalid(format!("the UsernameToken has no {name}"));
            let username = username.ok_or_else(|| missing("Username"))?.trim().to_owned();
            let password = Password::of(&kind, &password.ok_or_else(|| missing("Password"))?)?;
            let nonce = nonce.map(|text| decode_nonce(&encoding, &text)).transpose()?;
            let token = Self { username, password, nonce, created: created.map(Cow::into_owned) };
            match (&token.password, &token.nonce, &token.created) {
                (Password::Digest(_), None, _) | (Password::Digest(_), _, None) => {
                    Err(invalid("a PasswordDigest needs a Nonce and a Created"))
                }
                _ => Ok(token),
            }
        }))
    }

    /// The caller, who holds the token of that name.
    pub fn caller(self, caller: &Caller) -> Result<Caller, Refused> {
        let access = caller.access();
        let created = self.created.as_deref().map(|created| time(created, "Created")).transpose()?;
        if let Some(created) = created.filter(|_| access.has_tokens()) {
            fresh(created, access)?;
        }
        let holder = caller.clone().show_proof(&self.username, |secret| self.proves(secret));
        let holder = holder.map_err(|fault| failed(fault.message))?;
        if let Some(nonce) = &self.nonce {
            // From then on its time alone refuses the message.
            let until = created.unwrap_or_else(|| access.now()).as_millis().saturating_add(skew(access));
            holder.spend_nonce(nonce, Time::from_millis(until)).map_err(|fault| match fault.kind {
                FaultKind::NotAuthenticated => failed(fault.message).into(),
                _ => Refused::Fault(fault),
            })?;
        }
        Ok(holder)
    }

    fn proves(&self, secret: &[u8]) -> bool {
        match &self.password {
            Password::Text(text) => same(text.as_bytes(), secret),
            Password::Digest(shown) => {
                let (nonce, created) = (self.nonce.as_deref(), self.created.as_deref());
                same(shown, &digest(nonce.unwrap_or_default(), created.unwrap_or_default(), secret))
            }
        }
    }
}

/// SHA-1 of nonce, created and secret, one behind the other (section 3.1).
pub fn digest(nonce: &[u8], created: &str, secret: &[u8]) -> [u8; 20] {
    Sha1::new().chain_update(nonce).chain_update(created).chain_update(secret).finalize().into()
}

impl Password {
    /// The content of a Password of that type; text when none is named.
    fn of(kind: &str, text: &str) -> Result<Self, Problem> {
        // What names a type varies, down to the bare word of the drafts; what it ends with does not.
        match kind.trim().rsplit(['#', ':']).next() {
            Some("" | "PasswordText") => Ok(Self::Text(text.trim().to_owned())),
            Some("PasswordDigest") => base64_simd::forgiving_decode_to_vec(text.as_bytes())
                .map(Self::Digest)
                .map_err(|_| invalid("the PasswordDigest is not base64")),
            _ => {
                let message = format!("the type of Password {}, want PasswordText or PasswordDigest", shown(kind));
                Err(Problem::new(Code::UnsupportedSecurityToken, message))
            }
        }
    }
}

fn decode_nonce(encoding: &str, text: &str) -> Result<Vec<u8>, Problem> {
    if !matches!(encoding.trim().rsplit('#').next(), Some("" | "Base64Binary")) {
        return Err(invalid(format!("the encoding of Nonce {}, want Base64Binary", shown(encoding))));
    }
    let nonce = base64_simd::forgiving_decode_to_vec(text.as_bytes());
    let nonce = nonce.map_err(|_| invalid("the Nonce is not base64"))?;
    match nonce.len() {
        0 => Err(invalid("the Nonce is empty")),
        1..=MAX_NONCE => Ok(nonce),
        length => Err(invalid(format!("the Nonce has {length} bytes, want at most {MAX_NONCE}"))),
    }
}

/// A token is as old or as early as the clocks may differ.
fn fresh(created: Time, access: &Access) -> Result<(), Problem> {
    let fresh = not_from_the_future(created, access).and_then(|()| not_past(created, access));
    fresh.map_err(|problem| failed(format!("the UsernameToken is not fresh: {}", problem.message)))
}

/// The value of an attribute, whatever its namespace; empty when it is absent.
fn attribute(scope: &Scope<'_>, element: &Element<'_>, name: &str) -> Result<String, Refusal> {
    let mut found = String::new();
    scope.attributes(element, |_, local, value| {
        if local == name {
            value.clone_into(&mut found);
        }
    })?;
    Ok(found)
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidSecurityToken, message)
}

fn failed(message: impl Into<String>) -> Problem {
    Problem::new(Code::FailedAuthentication, message)
}
