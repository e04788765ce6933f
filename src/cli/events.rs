//! `events`: prints what happens at the node, as it happens.

use std::time::{Duration, Instant};

use clap::Args;

use super::{Remote, client::Client, output};
use crate::{
    model::{Bounded, Event},
    operation::event::{EventPage, Pull, Renew, Subscribe, Unsubscribe},
};

const EXAMPLES: &str = "\
Examples:
  peergate events
  peergate events 'transfer.*' content.published
  peergate events search.hit --json | jq -r .subject

Topics are * for everything, patterns such as transfer.*, or names; `peergate call event.subscribe --help` lists them.
What happens while the command is not running is not shown.";

/// Seconds that the subscription of a command lasts which is no longer there.
const TTL_SECONDS: u32 = 300;
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(TTL_SECONDS as u64 / 3);

/// Prints what happens at the node until it is interrupted.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Events {
    /// Only these topics
    #[arg(value_name = "TOPIC", default_value = "*")]
    topics: Vec<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Events {
    /// Subscribes, prints until Ctrl-C, and ends the subscription.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.remote.node.client()?;
        let ttl_seconds = bounded(TTL_SECONDS);
        let input = Subscribe { topics: self.topics, callback_url: None, callback_binding: None, ttl_seconds };
        let subscription_id = client.call(&input).await?.subscription_id;
        let ended = tokio::select! {
            ended = follow(&client, &subscription_id, self.remote.json) => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        // A node that is gone has nothing to end, and one that is not ends the subscription by itself before long.
        let _ = client.call(&Unsubscribe { subscription_id }).await;
        ended
    }
}

fn bounded<const DEFAULT: u32, const MIN: u32, const MAX: u32>(value: u32) -> Bounded<DEFAULT, MIN, MAX> {
    serde_json::from_value(value.into()).unwrap_or_default()
}

async fn follow(client: &Client, subscription_id: &str, json: bool) -> anyhow::Result<()> {
    let pull =
        Pull { subscription_id: subscription_id.to_owned(), limit: Default::default(), wait_ms: bounded(30_000) };
    let renew = Renew { subscription_id: subscription_id.to_owned(), ttl_seconds: bounded(TTL_SECONDS) };
    let mut renewed = Instant::now();
    loop {
        let EventPage { events, missed } = client.call(&pull).await?;
        if missed > 0 {
            output::note(format!("{missed} events were missed; there were more than could be kept"));
        }
        events.iter().try_for_each(|event| print(event, json))?;
        if renewed.elapsed() > RENEW {
            client.call(&renew).await?;
            renewed = Instant::now();
        }
    }
}

fn print(event: &Event, json: bool) -> anyhow::Result<()> {
    let text = if json { serde_json::to_string(event)? } else { line(event) };
    Ok(output::line(text)?)
}

/// `2026-11-22T06:49:55.12Z  content.published  bafkr4i…  {…}`
fn line(event: &Event) -> String {
    let text = format!("{:<24}  {:<18}  {}  {}", event.time.to_string(), event.topic, event.subject, event.detail);
    output::clean(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    #[test]
    fn an_event_is_one_line_that_cannot_steer_the_terminal() {
        let event = Event {
            sequence: 1,
            topic: "search.hit".into(),
            time: Time::from_millis(0),
            subject: "s\n\u{1b}[2J".into(),
            detail: "{}".into(),
        };
        assert_eq!(line(&event), "1970-01-01T00:00:00Z      search.hit          s\u{fffd}\u{fffd}[2J  {}");
    }

    #[test]
    fn times_are_within_their_bounds() {
        assert_eq!(bounded::<3600, 1, 604_800>(TTL_SECONDS).get(), TTL_SECONDS);
    }
}
