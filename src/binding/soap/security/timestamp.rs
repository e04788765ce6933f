//! The Timestamp of a message (WS-Security 1.1, section 10), held against this node's clock.

use super::{
    Texts,
    problem::{Code, Problem},
};
use crate::{
    access::Access,
    binding::{
        refusal::{Refusal, shown},
        soap::names::{Scope, Step},
    },
    model::Time,
};

/// Most bytes of a time; a fraction may have any number of digits.
const MAX_TIME: usize = 64;

/// From when to when a message may be taken.
#[derive(Debug)]
pub struct Timestamp {
    created: Option<Time>,
    expires: Option<Time>,
}

impl Timestamp {
    /// Reads the element that has begun, with its end.
    pub fn read(scope: &mut Scope<'_>) -> Result<Result<Self, Problem>, Refusal> {
        let mut texts = Texts::new(["Created", "Expires"]);
        while let Step::Open(child) = scope.next()? {
            texts.take(scope, &child)?;
        }
        Ok(texts.finish("Timestamp").and_then(|[created, expires]| {
            let time =
                |text: Option<_>, name| text.map(|text: std::borrow::Cow<'_, str>| time(&text, name)).transpose();
            Ok(Self { created: time(created, "Created")?, expires: time(expires, "Expires")? })
        }))
    }

    /// Whether the message may be taken now. Both ends give way by the skew of the clocks; a message without an end is
    /// as old as that at most.
    pub fn check(&self, access: &Access) -> Result<(), Problem> {
        if let (Some(created), Some(expires)) = (self.created, self.expires)
            && expires < created
        {
            return Err(Problem::new(Code::InvalidSecurity, "the Timestamp expires before it was created"));
        }
        if let Some(created) = self.created {
            not_from_the_future(created, access)?;
        }
        match (self.created, self.expires) {
            (_, Some(end)) | (Some(end), None) => not_past(end, access),
            (None, None) => Ok(()),
        }
    }
}

/// Reads a time as it stands in the message.
pub fn time(text: &str, name: &str) -> Result<Time, Problem> {
    let time = if text.len() > MAX_TIME { None } else { text.trim().parse().ok() };
    time.ok_or_else(|| {
        let message = format!("{name}: {} is no time, want 2026-11-22T06:49:55Z", shown(text));
        Problem::new(Code::InvalidSecurityToken, message)
    })
}

/// Refuses what was made later than now, as far as clocks can tell.
pub fn not_from_the_future(created: Time, access: &Access) -> Result<(), Problem> {
    if created.as_millis() <= access.now().as_millis().saturating_add(skew(access)) {
        return Ok(());
    }
    Err(expired(access, &format!("the message was made in the future, at {created}")))
}

/// Refuses what has ended, as far as clocks can tell.
pub fn not_past(end: Time, access: &Access) -> Result<(), Problem> {
    if end.as_millis().saturating_add(skew(access)) >= access.now().as_millis() {
        return Ok(());
    }
    Err(expired(access, &format!("the message was good until {end}")))
}

/// Milliseconds by which clocks may differ.
pub fn skew(access: &Access) -> i64 {
    i64::try_from(access.clock_skew().as_millis()).unwrap_or(i64::MAX)
}

fn expired(access: &Access, what: &str) -> Problem {
    let (now, skew) = (access.now(), access.clock_skew().as_secs());
    let message = format!("{what}; it is {now}, and clocks may differ by access.clock_skew_seconds, {skew}");
    Problem::new(Code::MessageExpired, message)
}
