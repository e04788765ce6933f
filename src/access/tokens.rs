//! Every token of this node, found by its name or by its secret, and what those may do who show none.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    nonces::{Nonces, Refused},
    token::{Token, TokenError},
};
use crate::model::{Fault, FaultKind, Time};

/// Most tokens of a node.
const MAX_TOKENS: usize = 10_000;

/// What tells the present moment; tests have one of their own.
type Clock = Box<dyn Fn() -> Time + Send + Sync>;

/// The tokens of this node.
pub struct Access {
    by_name: HashMap<String, Arc<Token>>,
    /// By the hash of the secret: how long a look-up takes tells nothing about a secret.
    by_secret: HashMap<blake3::Hash, Arc<Token>>,
    open: bool,
    clock: Clock,
    clock_skew: Duration,
    nonces: Mutex<Nonces>,
}

impl Access {
    /// A node with these tokens. With `open`, callers who show no credential may do everything; without any token,
    /// everybody may. `clock_skew` is how far a caller's clock may be from this node's.
    ///
    /// # Errors
    /// Names the tokens that have one name or one secret.
    pub fn new(tokens: Vec<Token>, open: bool, clock_skew: Duration) -> Result<Self, AccessError> {
        if tokens.len() > MAX_TOKENS {
            return Err(AccessError::TooMany(tokens.len()));
        }
        let (mut by_name, mut by_secret) = (HashMap::new(), HashMap::<_, Arc<Token>>::new());
        for token in tokens.into_iter().map(Arc::new) {
            if let Some(other) = by_secret.insert(blake3::hash(token.secret()), token.clone()) {
                return Err(AccessError::SecretTwice(other.name().to_owned(), token.name().to_owned()));
            }
            if let Some(other) = by_name.insert(token.name().to_owned(), token) {
                return Err(AccessError::NameTwice(other.name().to_owned()));
            }
        }
        let (clock, nonces): (Clock, _) = (Box::new(Time::now), Mutex::default());
        Ok(Self { by_name, by_secret, open, clock, clock_skew, nonces })
    }

    /// The same, at the time that the clock tells.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// Whether credentials are looked at. Without any token there are none to tell apart.
    pub fn has_tokens(&self) -> bool {
        !self.by_name.is_empty()
    }

    /// Whether callers who show no credential may do everything.
    pub fn admits_strangers(&self) -> bool {
        self.open || !self.has_tokens()
    }

    /// The present moment.
    pub fn now(&self) -> Time {
        (self.clock)()
    }

    /// How far a caller's clock may be from this node's, and how old a message without an end of its own may be.
    pub fn clock_skew(&self) -> Duration {
        self.clock_skew
    }

    pub(super) fn named(&self, name: &str) -> Option<&Arc<Token>> {
        self.by_name.get(name)
    }

    pub(super) fn of_secret(&self, secret: &[u8]) -> Option<&Arc<Token>> {
        self.by_secret.get(&blake3::hash(secret))
    }

    /// Takes a nonce that this token's holder may not show again until then.
    pub(super) fn spend(&self, token: &Token, nonce: &[u8], until: Time) -> Result<(), Fault> {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = nonces.spend(token.name(), nonce, until.as_millis(), self.now().as_millis());
        spent.map_err(|refused| match refused {
            Refused::Replayed => {
                Fault::new(FaultKind::NotAuthenticated, "the nonce was shown before; every message needs a new one")
            }
            Refused::Full(seconds) => {
                let message = format!(
                    "{} nonces are fresh, which is all that are remembered; use HTTP credentials, which need none",
                    super::nonces::MAX_NONCES
                );
                Fault { retry_after_seconds: Some(seconds), ..Fault::new(FaultKind::LimitExceeded, message) }
            }
        })
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("tokens", &self.by_name.len()).field("open", &self.open).finish_non_exhaustive()
    }
}

/// Why the tokens cannot be used together.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// One of them cannot be used at all.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Two have one name.
    #[error("access.token: the name {0:?} is given twice; each token needs a name of its own")]
    NameTwice(String),
    /// Two have one secret, so that a Bearer credential could mean either.
    #[error("access.token: {0} and {1} are the same token; give each a secret of its own")]
    SecretTwice(String, String),
    /// There are more than a node takes.
    #[error("access.token: {0} tokens, want at most {MAX_TOKENS}")]
    TooMany(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, secret: &str) -> Token {
        Token::new(name, secret, vec!["*".parse().unwrap()]).unwrap()
    }

    #[test]
    fn names_and_secrets_are_each_tokens_own() {
        let access = |tokens| Access::new(tokens, false, Duration::ZERO).map(|_| ()).unwrap_err().to_string();
        let (one, two) = ("0123456789abcdef", "fedcba9876543210");
        let twice = access(vec![token("a", one), token("a", two)]);
        assert!(twice.contains("\"a\" is given twice"), "{twice}");
        let shared = access(vec![token("a", one), token("b", one)]);
        assert!(shared.contains("a and b are the same token") && !shared.contains(one), "{shared}");
    }

    #[test]
    fn strangers_are_admitted_where_nobody_is_known_or_the_node_is_open() {
        for (tokens, open, admits) in [(0, false, true), (0, true, true), (1, false, false), (1, true, true)] {
            let tokens: Vec<_> = (0..tokens).map(|_| token("a", "0123456789abcdef")).collect();
            assert_eq!(Access::new(tokens, open, Duration::ZERO).unwrap().admits_strangers(), admits);
        }
    }
}
