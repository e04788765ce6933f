//! `transfers`: lists, follows and steers what is on its way to the node.

use std::time::Duration;

use clap::{Args, Subcommand};
use console::Term;

use super::{
    Remote,
    client::Client,
    failure::Failure,
    output,
    table::{Align, Table},
    units,
};
use crate::{
    model::{Transfer, TransferState},
    operation::transfer::{Cancel, List, Pause, Remove, Resume, TransferPage},
};

const EXAMPLES: &str = "\
Examples:
  peergate transfers --state active
  peergate transfers --watch
  peergate transfers pause 0192f0c1d2e37abc8def0123456789ab";

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(1);

/// Lists the transfers, the latest first, or steers one.
#[derive(Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Transfers {
    /// Only those in this state: queued, active, paused, complete, failed or cancelled
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Show them until none is under way
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    what: Option<What>,
}

/// What to do with one transfer.
#[derive(Subcommand)]
enum What {
    /// Stop it for now; it keeps what it has
    Pause(Id),
    /// Let a paused, failed or cancelled one go on
    Resume(Id),
    /// End it and give up what it has
    Cancel(Id),
    /// Forget it
    Remove {
        #[command(flatten)]
        id: Id,
        /// Unpublish the content that it brought, too
        #[arg(long)]
        delete_data: bool,
    },
}

#[derive(Args)]
struct Id {
    /// The transfer
    #[arg(value_name = "TRANSFER-ID")]
    transfer_id: String,
}

impl Transfers {
    /// Does one thing to one transfer, or lists.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.remote.node.client()?;
        if let Some(what) = self.what {
            return steer(&client, what, self.remote.json).await;
        }
        if !self.watch || self.remote.json || !output::is_terminal() {
            return self.once(&client).await;
        }
        tokio::select! {
            ended = self.follow(&client) => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }

    async fn once(&self, client: &Client) -> anyhow::Result<()> {
        let page = self.list(client).await?;
        if self.remote.json {
            return output::json(&page);
        }
        if page.transfers.is_empty() {
            output::note("there are no such transfers; `peergate get` starts one");
            return Ok(());
        }
        Ok(table(&page.transfers).print()?)
    }

    async fn list(&self, client: &Client) -> Result<TransferPage, Failure> {
        client.call(&List { state: self.state.clone(), limit: Default::default(), after: None }).await
    }

    async fn follow(&self, client: &Client) -> anyhow::Result<()> {
        let terminal = Term::stdout();
        let mut drawn = 0;
        loop {
            let page = self.list(client).await?;
            let rows = usize::from(terminal.size().0).saturating_sub(1);
            let lines = table(&page.transfers).lines(output::width());
            terminal.clear_last_lines(drawn)?;
            lines.iter().take(rows).try_for_each(output::line)?;
            drawn = lines.len().min(rows);
            if page.transfers.iter().all(|transfer| transfer.state.is_settled()) {
                return Ok(());
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

async fn steer(client: &Client, what: What, json: bool) -> anyhow::Result<()> {
    let transfer = match what {
        What::Pause(Id { transfer_id }) => client.call(&Pause { transfer_id }).await?,
        What::Resume(Id { transfer_id }) => client.call(&Resume { transfer_id }).await?,
        What::Cancel(Id { transfer_id }) => client.call(&Cancel { transfer_id }).await?,
        What::Remove { id: Id { transfer_id }, delete_data } => {
            let done = client.call(&Remove { transfer_id, delete_data }).await?;
            let said = if done.done { "removed" } else { "there was nothing to remove" };
            return if json { output::json(&done) } else { Ok(output::line(said)?) };
        }
    };
    if json { output::json(&transfer) } else { Ok(table(&[transfer]).print()?) }
}

fn table(transfers: &[Transfer]) -> Table {
    let mut table = Table::new([
        ("NAME", Align::Left),
        ("STATE", Align::Left),
        ("DONE", Align::Right),
        ("OF", Align::Right),
        ("RATE", Align::Right),
        ("LEFT", Align::Right),
        ("NOTE", Align::Left),
        ("TRANSFER ID", Align::Left),
    ]);
    for transfer in transfers {
        let active = transfer.state == TransferState::Active;
        let left = transfer.size.filter(|_| active).map(|size| size.saturating_sub(transfer.received));
        table.row([
            transfer.name.clone(),
            transfer.state.name().to_owned(),
            units::size(transfer.received),
            transfer.size.map_or_else(|| "?".to_owned(), units::size),
            if active { format!("{}/s", units::size(transfer.rate)) } else { String::new() },
            left.map(|left| units::eta(left, transfer.rate)).unwrap_or_default(),
            transfer.error.clone().unwrap_or_default(),
            transfer.transfer_id.clone(),
        ]);
    }
    table
}
