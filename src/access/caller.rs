//! One caller: which binding they came through, and which token they have shown.

use std::sync::Arc;

use super::{Access, Token, same};
use crate::model::{Fault, FaultKind, Outcome, Time};

/// A way to reach the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// SOAP 1.1 and 1.2.
    Soap,
    /// XML-RPC.
    Xmlrpc,
    /// JSON.
    Json,
    /// The bytes themselves, under `/content`.
    Content,
}

impl Binding {
    /// How many there are.
    pub const COUNT: usize = 4;

    /// The name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Soap => "soap",
            Self::Xmlrpc => "xmlrpc",
            Self::Json => "json",
            Self::Content => "content",
        }
    }
}

/// Who calls: a stranger until a credential is shown.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The binding that the call came through.
    pub binding: Binding,
    access: Arc<Access>,
    token: Option<Arc<Token>>,
}

impl Caller {
    /// Somebody who has shown nothing yet.
    pub fn stranger(access: Arc<Access>, binding: Binding) -> Self {
        Self { binding, access, token: None }
    }

    /// The same caller, who shows a secret alone.
    ///
    /// # Errors
    /// NotAuthenticated when it is no token's, or that of another token than the caller has shown before.
    pub fn show_secret(self, secret: &[u8]) -> Outcome<Self> {
        let token = self.access.of_secret(secret).cloned();
        self.become_holder(token)
    }

    /// The same caller, who shows a name with a secret.
    ///
    /// # Errors
    /// As [`Caller::show_secret`].
    pub fn show_named_secret(self, name: &str, secret: &[u8]) -> Outcome<Self> {
        self.show_proof(name, |known| same(known, secret))
    }

    /// The same caller, who shows a name with something that proves the knowledge of its secret, which `proves` is
    /// given. It is asked whether or not there is such a name, so that the time tells nothing about names.
    ///
    /// # Errors
    /// As [`Caller::show_secret`].
    pub fn show_proof(self, name: &str, proves: impl FnOnce(&[u8]) -> bool) -> Outcome<Self> {
        let token = self.access.named(name);
        let proven = proves(token.map_or(&[], |token| token.secret()));
        let token = token.filter(|_| proven).cloned();
        self.become_holder(token)
    }

    fn become_holder(self, token: Option<Arc<Token>>) -> Outcome<Self> {
        if !self.access.has_tokens() {
            return Ok(self);
        }
        let refused = |message: String| Err(Fault::new(FaultKind::NotAuthenticated, message));
        match (token, &self.token) {
            (None, _) => refused("the credential is wrong: this node has no token with that name and secret".into()),
            (Some(shown), Some(before)) if shown.name() != before.name() => refused(format!(
                "the credential of HTTP is that of {}, the one of the message is that of {}; show one of them",
                before.name(),
                shown.name()
            )),
            (token, _) => Ok(Self { token, ..self }),
        }
    }

    /// Takes a nonce that came with a credential and may not come again until then.
    ///
    /// # Errors
    /// NotAuthenticated when it was taken before, LimitExceeded when too many are remembered.
    pub fn spend_nonce(&self, nonce: &[u8], until: Time) -> Outcome<()> {
        self.token.as_ref().map_or(Ok(()), |token| self.access.spend(token, nonce, until))
    }

    /// The name by which the caller is told from others; empty for strangers.
    pub fn name(&self) -> &str {
        self.token.as_ref().map_or("", |token| token.name())
    }

    /// The token that the caller has shown.
    pub fn token(&self) -> Option<&Arc<Token>> {
        self.token.as_ref()
    }

    /// What the node knows of credentials.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Whether the caller may do anything at all.
    ///
    /// # Errors
    /// NotAuthenticated when a credential is needed and none was shown.
    pub fn admitted(&self) -> Outcome<()> {
        if self.token.is_some() || self.access.admits_strangers() {
            return Ok(());
        }
        let message = "a token is needed: show it as HTTP Basic (its name and the token), as Authorization: Bearer, or in \
                       SOAP as a WS-Security UsernameToken";
        Err(Fault::new(FaultKind::NotAuthenticated, message))
    }

    /// Whether the caller may use the operation; every inner call of a multicall is asked for on its own.
    ///
    /// # Errors
    /// NotAuthenticated when no credential was shown, NotPermitted when the token does not cover the operation.
    pub fn authorise(&self, operation: &str) -> Outcome<()> {
        match &self.token {
            None => self.admitted(),
            Some(token) if token.covers(operation) => Ok(()),
            Some(token) => {
                let name = token.name();
                let message = format!("the token {name} may not call {operation}; none of its operations names it");
                Err(Fault::new(FaultKind::NotPermitted, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ERP: &str = "erp-secret-0123456789";
    const WIKI: &str = "wiki-secret-0123456789";

    fn stranger(open: bool) -> Caller {
        let token = |name, secret, operation: &str| Token::new(name, secret, vec![operation.parse().unwrap()]).unwrap();
        let tokens = vec![token("erp", ERP, "search.*"), token("wiki", WIKI, "*")];
        Caller::stranger(Arc::new(Access::new(tokens, open, Duration::ZERO).unwrap()), Binding::Json)
    }

    fn kind(outcome: Outcome<()>) -> Option<FaultKind> {
        outcome.err().map(|fault| fault.kind)
    }

    #[test]
    fn a_token_is_shown_by_its_secret_or_with_its_name() {
        let name = |outcome: Outcome<Caller>| outcome.map(|caller| caller.token().unwrap().name().to_owned());
        assert_eq!(name(stranger(false).show_secret(ERP.as_bytes())), Ok("erp".into()));
        assert_eq!(name(stranger(false).show_named_secret("wiki", WIKI.as_bytes())), Ok("wiki".into()));
        assert_eq!(name(stranger(false).show_proof("erp", |secret| secret == ERP.as_bytes())), Ok("erp".into()));
        let wrong = [
            stranger(false).show_secret(b""),
            stranger(false).show_secret(b"erp"),
            stranger(false).show_named_secret("erp", WIKI.as_bytes()),
            stranger(false).show_named_secret("erp", b""),
            stranger(false).show_named_secret("nobody", b""),
            stranger(false).show_proof("nobody", |_| true),
            stranger(true).show_secret(b"wrong"),
        ];
        for outcome in wrong {
            let fault = outcome.unwrap_err();
            assert_eq!(fault.kind, FaultKind::NotAuthenticated);
            assert!(!fault.message.contains("secret-"), "{fault}");
        }
    }

    #[test]
    fn two_credentials_have_to_agree() {
        let erp = || stranger(false).show_secret(ERP.as_bytes()).unwrap();
        assert!(erp().show_named_secret("erp", ERP.as_bytes()).is_ok());
        let fault = erp().show_named_secret("wiki", WIKI.as_bytes()).unwrap_err();
        assert!(fault.message.contains("that of erp") && fault.message.contains("that of wiki"), "{fault}");
    }

    #[test]
    fn rights_follow_the_token_and_strangers_have_none_unless_the_node_is_open() {
        let erp = stranger(false).show_secret(ERP.as_bytes()).unwrap();
        assert_eq!(kind(erp.authorise("search.find")), None);
        let fault = erp.authorise("content.publish").unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotPermitted);
        assert!(fault.message.contains("erp") && fault.message.contains("content.publish"), "{fault}");
        assert!(!fault.message.contains("search"), "{fault}");
        assert_eq!(kind(stranger(false).authorise("search.find")), Some(FaultKind::NotAuthenticated));
        assert_eq!(kind(stranger(false).admitted()), Some(FaultKind::NotAuthenticated));
        assert_eq!(kind(stranger(true).authorise("content.publish")), None);
        // Who shows a token has that token's rights, on an open node too.
        let erp = stranger(true).show_secret(ERP.as_bytes()).unwrap();
        assert_eq!(kind(erp.authorise("content.publish")), Some(FaultKind::NotPermitted));
    }

    #[test]
    fn a_node_without_tokens_looks_at_no_credential() {
        let access = Arc::new(Access::new(Vec::new(), false, Duration::ZERO).unwrap());
        let caller = Caller::stranger(access, Binding::Soap).show_named_secret("erp", b"whatever").unwrap();
        assert!(caller.token().is_none() && caller.authorise("content.publish").is_ok());
    }
}
