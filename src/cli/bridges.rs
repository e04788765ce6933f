//! `bridges`: what joins the node's overlays, what has crossed, and which rule says no.

use clap::{Args, Subcommand};

use super::{
    Remote,
    client::Client,
    output,
    pick::within,
    table::{Align, Table},
    units,
};
use crate::{
    model::Bridge,
    operation::bridge::{Create, Explain, Explanation, List, Pause, Remove, Resume},
};

const EXAMPLES: &str = "\
Examples:
  peergate bridges
  peergate bridges explain annual report
  peergate bridges create home partner --deny tag:internal
  peergate bridges pause 8f14e45fceea167a5a36dedd4bea2543";

/// Lists the bridges between the node's overlays, or does something with one.
#[derive(Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Bridges {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: Option<What>,
}

/// What to do.
#[derive(Subcommand)]
enum What {
    /// Say which rule decides for a query or a content
    Explain {
        /// Words as in a search, or a content id
        #[arg(value_name = "WORDS", required = true)]
        words: Vec<String>,
    },
    /// Join two overlays; the bridge is kept over restarts
    Create(New),
    /// Let nothing cross for now, after a restart too
    Pause(Id),
    /// Let a paused one go on
    Resume(Id),
    /// Remove one that `create` made
    Remove(Id),
}

#[derive(Args)]
struct New {
    /// The overlay whose peers find and fetch
    #[arg(value_name = "FROM")]
    from: String,
    /// The overlay in which it lies
    #[arg(value_name = "TO")]
    to: String,
    /// Not the other way round as well
    #[arg(long)]
    one_way: bool,
    /// Bridges that a question may still cross when it comes here
    #[arg(long, value_name = "N")]
    hop_limit: Option<u32>,
    /// Only what this pattern matches crosses; may be given again
    #[arg(long, value_name = "PATTERN")]
    allow: Vec<String>,
    /// What this pattern matches does not cross; may be given again
    #[arg(long, value_name = "PATTERN")]
    deny: Vec<String>,
    /// Only contents up to this size cross, such as 500MB
    #[arg(long, value_name = "SIZE", value_parser = units::parse_size)]
    max_size: Option<u64>,
}

#[derive(Args)]
struct Id {
    /// The bridge
    #[arg(value_name = "BRIDGE-ID")]
    bridge_id: String,
}

impl Bridges {
    /// Does one thing, or lists.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.remote.node.client()?;
        if let Some(what) = self.what {
            return steer(&client, what, self.remote.json).await;
        }
        let page = client.call(&List {}).await?;
        if self.remote.json {
            return output::json(&page);
        }
        if page.bridges.is_empty() {
            output::note(
                "the node has no bridges; `peergate bridges create FROM TO` makes one, or a [[bridge]] in the configuration",
            );
            return Ok(());
        }
        table(&page.bridges).print()?;
        for (bridge, reason) in page.bridges.iter().filter_map(|bridge| Some((bridge, bridge.reason.as_ref()?))) {
            output::note(format!("{}: {}", bridge.bridge_id, output::clean(reason)));
        }
        Ok(())
    }
}

async fn steer(client: &Client, what: What, json: bool) -> anyhow::Result<()> {
    let bridge = match what {
        What::Explain { words } => return explain(client, words.join(" "), json).await,
        What::Create(new) => client.call(&create(new)?).await?,
        What::Pause(Id { bridge_id }) => client.call(&Pause { bridge_id }).await?,
        What::Resume(Id { bridge_id }) => client.call(&Resume { bridge_id }).await?,
        What::Remove(Id { bridge_id }) => {
            let done = client.call(&Remove { bridge_id }).await?;
            return if json { output::json(&done) } else { Ok(output::line("removed")?) };
        }
    };
    if json {
        return output::json(&bridge);
    }
    table(std::slice::from_ref(&bridge)).print()?;
    if let Some(reason) = &bridge.reason {
        output::note(output::clean(reason));
    }
    Ok(())
}

fn create(new: New) -> anyhow::Result<Create> {
    let New { from, to, one_way, hop_limit, allow, deny, max_size } = new;
    let hop_limit = within("--hop-limit", hop_limit)?;
    Ok(Create { from, to, bidirectional: !one_way, hop_limit, allow, deny, max_size })
}

async fn explain(client: &Client, query: String, json: bool) -> anyhow::Result<()> {
    let Explanation { decisions } = client.call(&Explain { query }).await?;
    if json {
        return output::json(&Explanation { decisions });
    }
    if decisions.is_empty() {
        output::note("the node has no bridges, so nothing crosses");
        return Ok(());
    }
    let mut table =
        Table::new([("CROSSES", Align::Left), ("RULE", Align::Left), ("WHY", Align::Left), ("BRIDGE ID", Align::Left)]);
    for decision in decisions {
        let crosses = if decision.forwarded { "yes" } else { "no" };
        table.row([crosses.to_owned(), decision.rule, decision.reason, decision.bridge_id]);
    }
    Ok(table.print()?)
}

fn table(bridges: &[Bridge]) -> Table {
    let mut table = Table::new([
        ("FROM", Align::Left),
        ("", Align::Left),
        ("TO", Align::Left),
        ("STATE", Align::Left),
        ("QUERIES", Align::Right),
        ("HITS", Align::Right),
        ("BYTES", Align::Right),
        ("REFUSED", Align::Right),
        ("RULES", Align::Left),
        ("BRIDGE ID", Align::Left),
    ]);
    for bridge in bridges {
        table.row([
            bridge.from.clone(),
            if bridge.bidirectional { "<->" } else { "->" }.to_owned(),
            bridge.to.clone(),
            bridge.state.name().to_owned(),
            bridge.queries_forwarded.to_string(),
            bridge.hits_returned.to_string(),
            units::size(bridge.bytes_relayed),
            bridge.refusals.to_string(),
            rules(bridge),
            bridge.bridge_id.clone(),
        ]);
    }
    table
}

/// The rules in one cell: `+tag:public -*classified* <=10 MB`.
fn rules(bridge: &Bridge) -> String {
    let allow = bridge.allow.iter().map(|pattern| format!("+{pattern}"));
    let deny = bridge.deny.iter().map(|pattern| format!("-{pattern}"));
    let size = bridge.max_size.map(|most| format!("<={}", units::size(most)));
    allow.chain(deny).chain(size).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BridgeState;

    #[test]
    fn a_bridge_is_one_row_with_its_rules() {
        let bridge = Bridge {
            bridge_id: "8f14".into(),
            from: "home".into(),
            to: "partner".into(),
            bidirectional: true,
            hop_limit: 3,
            allow: vec!["tag:public".into()],
            deny: vec!["*classified*".into()],
            max_size: Some(10_000_000),
            state: BridgeState::Up,
            reason: None,
            queries_forwarded: 3,
            hits_returned: 2,
            bytes_relayed: 0,
            refusals: 1,
        };
        assert_eq!(rules(&bridge), "+tag:public -*classified* <=10 MB");
        let lines = table(&[bridge]).lines(None);
        assert!(lines[1].starts_with("home  <->  partner  up ") && lines[1].ends_with("8f14"), "{lines:?}");
    }
}
