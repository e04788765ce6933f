//! `get`: has the node fetch a content, verified, and writes it to a file under a safe name.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use super::{Remote, client::Client, failure::Failure, file_name, output, pick, progress, units};
use crate::{
    model::{ContentId, Transfer, TransferState},
    operation::{
        content::Describe,
        transfer::{Start, Wait},
    },
};

const EXAMPLES: &str = "\
Examples:
  peergate get bafkr4ihkr4ld3m4gqkjf4reryxsy2s5tkbxprqkow6fin2iiyvreuzzab4
  peergate get debian netinst --first -o debian.iso
  peergate get bafkr4i… -o - | less

The node fetches from all sources at once and verifies every byte; this command then checks the whole against the id.
The file is complete or not there. Ctrl-C leaves the transfer running on the node.";

/// How long the node is asked to wait before it says how far it is, in milliseconds.
const WAIT_MS: u32 = 500;

/// Gets a content and writes it to a file.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Get {
    /// The content's id, a magnet link or an ipfs:// address; or words that only it matches
    #[arg(required = true, value_name = "CONTENT-ID|WORDS")]
    what: Vec<String>,
    /// The file or folder to write to; `-` is standard output [default: the content's name, made safe]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Take the best hit when several contents match the words
    #[arg(long)]
    first: bool,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Get {
    /// Fetches and writes.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.remote.node.client()?;
        let to_stdout = self.output.as_deref() == Some(Path::new("-"));
        if to_stdout && self.remote.json {
            return Err(Failure::Usage("--json and -o - both want standard output".to_owned()).into());
        }
        self.refuse_overwrite(self.output.as_deref())?;
        let id = pick::content(&client, &self.what, self.first).await?;
        let known = match client.call(&Describe { content_id: id.clone(), journey: None }).await {
            Ok(content) => Some(content),
            // A source may turn up while the transfer looks for one.
            Err(Failure::Fault { .. }) => None,
            Err(failure) => return Err(failure.into()),
        };
        if let Some(content) = known.as_ref().filter(|_| !to_stdout) {
            self.refuse_overwrite(Some(&target(self.output.as_deref(), &content.name)))?;
        }
        let name = match known.filter(|content| content.local) {
            Some(content) => content.name,
            None => fetch(&client, &id).await?.name,
        };
        if to_stdout {
            return write(&client, &id, io::stdout().lock()).await.map(drop);
        }
        let target = target(self.output.as_deref(), &name);
        self.refuse_overwrite(Some(&target))?;
        let size = self.save(&client, &id, &target).await?;
        if self.remote.json {
            output::json(&json!({"contentId": id, "file": target, "size": size}))
        } else {
            Ok(output::line(format!("{} ({}, verified)", target.display(), units::size(size)))?)
        }
    }

    fn refuse_overwrite(&self, target: Option<&Path>) -> Result<(), Failure> {
        match target {
            Some(path) if path != Path::new("-") && !path.is_dir() && path.exists() && !self.force => {
                Err(Failure::Usage(format!(
                    "{} is there; replace it with --force, or name another with -o",
                    path.display()
                )))
            }
            _ => Ok(()),
        }
    }

    /// Writes beside the target and renames, so that nobody ever sees a part of the file.
    async fn save(&self, client: &Client, id: &ContentId, target: &Path) -> anyhow::Result<u64> {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let cannot = |error: io::Error| anyhow::anyhow!("{} cannot be written: {error}", target.display());
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let partial = builder.prefix(".peergate-").suffix(".part").tempfile_in(folder).map_err(cannot)?;
        let size = write(client, id, partial.as_file()).await?;
        partial.as_file().sync_all().map_err(cannot)?;
        let kept = if self.force { partial.persist(target) } else { partial.persist_noclobber(target) };
        kept.map_err(|error| cannot(error.error))?;
        Ok(size)
    }
}

/// Where a content is written: the given file, the given folder, or here, under its name made safe.
fn target(wanted: Option<&Path>, name: &str) -> PathBuf {
    match wanted {
        Some(folder) if folder.is_dir() => folder.join(file_name::safe(name)),
        Some(file) => file.to_owned(),
        None => PathBuf::from(file_name::safe(name)),
    }
}

/// Brings the content to the node and shows how far it is; answers the complete transfer.
async fn fetch(client: &Client, id: &ContentId) -> anyhow::Result<Transfer> {
    let start = Start { content_id: id.clone(), name: None, priority: 0, overlays: Vec::new() };
    let mut transfer = client.call(&start).await?;
    let bar = progress::told(&transfer.name);
    while !transfer.state.is_settled() {
        show(&bar, &transfer);
        let wait = Wait { transfer_id: transfer.transfer_id.clone(), wait_ms: pick::within("waitMs", Some(WAIT_MS))? };
        transfer = tokio::select! {
            transfer = client.call(&wait) => transfer?,
            _ = tokio::signal::ctrl_c() => {
                bar.finish_and_clear();
                return Err(Failure::Interrupted(format!(
                    "the transfer goes on at the node; see it with `peergate transfers`, end it with \
                     `peergate transfers cancel {}`", transfer.transfer_id
                )).into());
            }
        };
    }
    bar.finish_and_clear();
    let failed = |reason: String| anyhow::Error::from(Failure::Fault { code: 0, message: reason });
    match transfer.state {
        TransferState::Complete => Ok(transfer),
        TransferState::Failed => {
            let reason = transfer.error.unwrap_or_else(|| "the node does not say why".to_owned());
            Err(failed(format!("the transfer failed: {reason}; try again with `peergate get {id}`")))
        }
        state => Err(failed(format!(
            "the transfer was {} by somebody else; go on with `peergate transfers resume {}`",
            state.name(),
            transfer.transfer_id
        ))),
    }
}

fn show(bar: &indicatif::ProgressBar, transfer: &Transfer) {
    bar.set_length(transfer.size.unwrap_or(0));
    bar.set_position(transfer.received);
    bar.set_prefix(output::clean(&transfer.name).into_owned());
    let sources = units::count(transfer.sources as usize, "source");
    let left = transfer.size.map(|size| units::eta(size.saturating_sub(transfer.received), transfer.rate));
    let left = left.map_or_else(String::new, |left| format!(" {left} left"));
    let waits = transfer.error.as_deref().map(|why| format!(" ({})", output::clean(why))).unwrap_or_default();
    bar.set_message(format!("{}/s {sources}{left}{waits}", units::size(transfer.rate)));
}

/// Streams the bytes of a content that is on the node, and checks length and hash. It writes in between the reads, on
/// the same thread: nothing else is to be done by this process.
async fn write(client: &Client, id: &ContentId, mut to: impl Write) -> anyhow::Result<u64> {
    let mut answer = client.content(id).await?;
    let promised = answer.content_length();
    let bar = progress::bar("writing", promised.unwrap_or(0));
    let mut hasher = blake3::Hasher::new();
    let mut size = 0;
    while let Some(part) = answer.chunk().await? {
        hasher.update(&part);
        to.write_all(&part)?;
        size += part.len() as u64;
        bar.set_position(size);
    }
    to.flush()?;
    bar.finish_and_clear();
    anyhow::ensure!(promised.is_none_or(|promised| promised == size), "the node sent {size} of {promised:?} bytes");
    let verified = id.hash().is_none_or(|hash| hash == hasher.finalize());
    anyhow::ensure!(verified, "the bytes that the node sent do not have the hash in {id}");
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_the_network_never_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(target(Some(folder.path()), "../../etc/passwd"), folder.path().join("passwd"));
        assert_eq!(target(None, "/etc/passwd"), Path::new("passwd"));
        assert_eq!(target(Some(Path::new("a/b.iso")), "../x"), Path::new("a/b.iso"));
    }
}
