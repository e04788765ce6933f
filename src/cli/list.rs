//! `list`: what the node shares.

use clap::Args;

use super::{Remote, output, pick::within, share, units};
use crate::operation::content::{ContentPage, List as Operation};

const EXAMPLES: &str = "\
Examples:
  peergate list
  peergate list minutes --all
  peergate list --all --json | jq -r '.contents[].contentId'";

/// Lists the contents of the node, those that match or all.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// Only contents that match; as in a search
    #[arg(value_name = "WORDS")]
    words: Vec<String>,
    /// Most contents on a page
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// All pages
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    remote: Remote,
}

impl List {
    /// Lists one page, or all.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.remote.node.client()?;
        let query = (!self.words.is_empty()).then(|| self.words.join(" "));
        let mut list = ContentPage { contents: Vec::new(), next: None };
        loop {
            let limit = within("--limit", self.limit)?;
            let input = Operation { query: query.clone(), limit, after: list.next.take() };
            let page = client.call(&input).await?;
            list.contents.extend(page.contents);
            list.next = page.next;
            if !self.all || list.next.is_none() {
                break;
            }
        }
        if self.remote.json {
            return output::json(&list);
        }
        if list.contents.is_empty() {
            output::note(match query {
                Some(query) => format!("the node shares nothing that matches {query:?}"),
                None => "the node shares nothing yet; publish with `peergate share FILE`".to_owned(),
            });
            return Ok(());
        }
        share::table(list.contents.iter().map(|content| &**content)).print()?;
        if list.next.is_some() {
            output::note(format!(
                "\n{}, and there are more: --all lists them",
                units::count(list.contents.len(), "content")
            ));
        }
        Ok(())
    }
}
