//! `peers`: lists, connects, trusts and blocks peers.

use clap::{Args, Subcommand};

use super::{
    Remote,
    client::Client,
    output,
    table::{Align, Table},
};
use crate::{
    model::Peer,
    operation::peer::{Connect, Disconnect, List, PeerPage, Update},
};

const EXAMPLES: &str = "\
Examples:
  peergate peers
  peergate peers connect /ip4/192.0.2.7/tcp/7071/p2p/12D3KooWGRUfFY6qzJ2cF2kTjJxW6xk8nXwT8y6L6K2iNoQnF5sG
  peergate peers alias 12D3KooWGRUfFY6qzJ2cF2kTjJxW6xk8nXwT8y6L6K2iNoQnF5sG office";

/// Lists the peers that are connected or known to the node's users, or does something with one.
#[derive(Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Peers {
    /// Only the peers of this overlay
    #[arg(long, value_name = "NAME")]
    overlay: Option<String>,
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: Option<What>,
}

/// What to do with one peer.
#[derive(Subcommand)]
enum What {
    /// Connect to the peer at an address
    Connect {
        /// A multiaddr that ends in /p2p/ and the peer's id
        #[arg(value_name = "ADDR")]
        address: String,
        /// In which overlay; the first that has peers when absent
        #[arg(long, value_name = "NAME")]
        overlay: Option<String>,
    },
    /// End the connections to it; it may come back
    Disconnect(Id),
    /// Refuse it, at once and from then on
    Block(Id),
    /// No longer refuse it
    Unblock(Id),
    /// Trust it
    Trust(Id),
    /// No longer trust it
    Distrust(Id),
    /// Give it a name; an empty one takes the name away
    Alias {
        #[command(flatten)]
        id: Id,
        /// The name
        name: String,
    },
}

#[derive(Args)]
struct Id {
    /// The peer, 12D3Koo…
    #[arg(value_name = "PEER-ID")]
    peer_id: String,
}

impl Peers {
    /// Does one thing with one peer, or lists.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.remote.node.client()?;
        if let Some(what) = self.what {
            return steer(&client, what, self.remote.json).await;
        }
        let mut list = PeerPage { peers: Vec::new(), next: None };
        loop {
            let input = List { overlay: self.overlay.clone(), limit: Default::default(), after: list.next.take() };
            let page = client.call(&input).await?;
            list.peers.extend(page.peers);
            list.next = page.next;
            if list.next.is_none() {
                break;
            }
        }
        if self.remote.json {
            return output::json(&list);
        }
        if list.peers.is_empty() {
            let way =
                "connect to one with `peergate peers connect ADDR`, or name one as bootstrap in the configuration";
            output::note(format!("the node has no peers; {way}"));
            return Ok(());
        }
        Ok(table(&list.peers).print()?)
    }
}

async fn steer(client: &Client, what: What, json: bool) -> anyhow::Result<()> {
    let update = |Id { peer_id }: Id| Update { peer_id, alias: None, trusted: None, blocked: None };
    let input = match what {
        What::Connect { address, overlay } => return print(client.call(&Connect { address, overlay }).await?, json),
        What::Disconnect(Id { peer_id }) => {
            let done = client.call(&Disconnect { peer_id }).await?;
            let said = if done.done { "disconnected" } else { "it was not connected" };
            return if json { output::json(&done) } else { Ok(output::line(said)?) };
        }
        What::Block(id) => Update { blocked: Some(true), ..update(id) },
        What::Unblock(id) => Update { blocked: Some(false), ..update(id) },
        What::Trust(id) => Update { trusted: Some(true), ..update(id) },
        What::Distrust(id) => Update { trusted: Some(false), ..update(id) },
        What::Alias { id, name } => Update { alias: Some(name), ..update(id) },
    };
    print(client.call(&input).await?, json)
}

fn print(peer: Peer, json: bool) -> anyhow::Result<()> {
    if json { output::json(&peer) } else { Ok(table(&[peer]).print()?) }
}

fn table(peers: &[Peer]) -> Table {
    let mut table = Table::new([
        ("ALIAS", Align::Left),
        ("OVERLAY", Align::Left),
        ("STATE", Align::Left),
        ("PING", Align::Right),
        ("AGENT", Align::Left),
        ("ADDRESS", Align::Left),
        ("PEER ID", Align::Left),
    ]);
    for peer in peers {
        let state = [
            (peer.connected, "connected"),
            (peer.trusted, "trusted"),
            (peer.blocked, "blocked"),
            (peer.gateway, "gateway"),
        ];
        let state: Vec<_> = state.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        table.row([
            peer.alias.clone().unwrap_or_default(),
            peer.overlay.clone(),
            if state.is_empty() { "known".to_owned() } else { state.join(",") },
            peer.round_trip_ms.map(|ms| format!("{ms:.1} ms")).unwrap_or_default(),
            peer.agent.clone().unwrap_or_default(),
            peer.addresses.first().cloned().unwrap_or_default(),
            peer.peer_id.clone(),
        ]);
    }
    table
}
