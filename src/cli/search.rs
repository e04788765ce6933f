//! `search`: asks every overlay; on a terminal the hits appear as they come.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;

use super::{
    Remote,
    client::Client,
    failure::Failure,
    output,
    pick::within,
    progress,
    table::{Align, Table},
    units,
};
use crate::{
    model::{Hit, OverlayAnswer, OverlayOutcome},
    operation::search::{Cancel, Find, Results, Start},
};

const EXAMPLES: &str = "\
Examples:
  peergate search debian netinst
  peergate search '\"annual report\"' -- -draft 'minut*'
  peergate search report --type application/pdf --min-size 10MB --limit 5 --json

All words must match the name, the description or the tags. \"A phrase\" and prefix* work, and so does -without after `--`.";

/// How long a page of hits is waited for, in milliseconds: until the spinner should say something new.
const WAIT_MS: u32 = 1_000;

/// Widths of the columns but the last, which must fit hits that are yet to come.
const COLUMNS: &[usize] = &[32, 7, 24, 7, 7];

/// Searches every overlay at once.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Search {
    /// What to look for
    #[arg(required = true, value_name = "WORDS")]
    words: Vec<String>,
    /// Only this overlay; can be given several times
    #[arg(long = "overlay", value_name = "NAME")]
    overlays: Vec<String>,
    /// Only this media type; image/* takes every image
    #[arg(long = "type", value_name = "MEDIATYPE")]
    media_type: Option<String>,
    /// Only contents with this tag; can be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only contents of at least this size, such as 10MB or 1.5GiB
    #[arg(long, value_name = "SIZE", value_parser = units::parse_size)]
    min_size: Option<u64>,
    /// Only contents of at most this size
    #[arg(long, value_name = "SIZE", value_parser = units::parse_size)]
    max_size: Option<u64>,
    /// Most hits wanted
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Milliseconds to wait for peers
    #[arg(long = "timeout", value_name = "MS")]
    timeout_ms: Option<u32>,
    #[command(flatten)]
    remote: Remote,
}

impl Search {
    /// Asks and prints.
    pub async fn run(self) -> anyhow::Result<()> {
        let client = self.remote.node.client()?;
        let json = self.remote.json;
        let find = Find {
            query: self.words.join(" "),
            overlays: self.overlays,
            media_type: self.media_type,
            tags: self.tags,
            min_size: self.min_size,
            max_size: self.max_size,
            limit: within("--limit", self.limit)?,
            timeout_ms: within("--timeout", self.timeout_ms)?,
            journey: None,
        };
        if output::is_terminal() && !json { follow(&client, find).await } else { whole(&client, &find, json).await }
    }
}

/// A search without words, filters or wishes, to be completed.
pub fn everything() -> Find {
    Find {
        query: String::new(),
        overlays: Vec::new(),
        media_type: None,
        tags: Vec::new(),
        min_size: None,
        max_size: None,
        limit: Default::default(),
        timeout_ms: Default::default(),
        journey: None,
    }
}

/// Hits as a table.
pub fn table<H: std::borrow::Borrow<Hit>>(hits: impl IntoIterator<Item = H>) -> Table {
    let mut table = Table::new([
        ("NAME", Align::Left),
        ("SIZE", Align::Right),
        ("TYPE", Align::Left),
        ("SOURCES", Align::Right),
        ("OVERLAY", Align::Left),
        ("CONTENT ID", Align::Left),
    ]);
    for hit in hits {
        let hit = hit.borrow();
        table.row([
            hit.name.clone(),
            units::size(hit.size),
            hit.media_type.clone(),
            hit.providers.to_string(),
            hit.overlay.clone(),
            hit.content_id.to_string(),
        ]);
    }
    table
}

/// One answer with everything in it: for pipes and scripts, where nobody watches the hits come.
async fn whole(client: &Client, find: &Find, json: bool) -> anyhow::Result<()> {
    let found = client.call(find).await?;
    if json {
        output::json(&found)?;
    } else if !found.hits.is_empty() {
        table(found.hits.iter().map(|hit| &**hit)).print()?;
    }
    if found.hits.is_empty() {
        return Err(nothing(&find.query));
    }
    if !found.complete {
        output::note(format!("not everybody answered: {}", outcomes(&found.outcomes)));
    }
    Ok(())
}

fn outcomes(outcomes: &[OverlayOutcome]) -> String {
    let said = |outcome: &OverlayOutcome| {
        let word = match outcome.outcome {
            OverlayAnswer::Answered => "answered",
            OverlayAnswer::Timedout => "was out of time",
            OverlayAnswer::Refused => "refused",
            OverlayAnswer::Unsupported => "cannot be searched",
        };
        format!("{} {word} ({})", output::clean(&outcome.overlay), units::count(outcome.hits as usize, "hit"))
    };
    outcomes.iter().map(said).collect::<Vec<_>>().join(", ")
}

/// Prints hits in the order in which they come.
async fn follow(client: &Client, find: Find) -> anyhow::Result<()> {
    let (query, patience) = (find.query.clone(), find.timeout_ms.millis());
    let spinner = progress::spinner(&format!("searching {query}"));
    let started = Instant::now();
    let search_id = client.call(&Start(find)).await?.search_id;
    let mut shown: Vec<Arc<Hit>> = Vec::new();
    loop {
        let results = Results {
            search_id: search_id.clone(),
            after: within("after", u32::try_from(shown.len()).ok())?,
            limit: Default::default(),
            wait_ms: within("waitMs", Some(WAIT_MS))?,
        };
        let page = tokio::select! {
            page = client.call(&results) => page?,
            _ = tokio::signal::ctrl_c() => {
                spinner.finish_and_clear();
                client.call(&Cancel { search_id }).await?;
                return Err(Failure::Interrupted("the search was ended".to_owned()).into());
            }
        };
        if !page.hits.is_empty() {
            let lines = table(page.hits.iter().map(|hit| &**hit)).at_least(COLUMNS).lines(output::width());
            // Titles stand once; they take as many lines as a row.
            let titles = if shown.is_empty() { 0 } else { lines.len() / (page.hits.len() + 1) };
            spinner.suspend(|| lines[titles..].iter().try_for_each(output::line))?;
        }
        shown.extend(page.hits);
        spinner.set_message(format!("searching {query}: {}", units::count(shown.len(), "hit")));
        if page.complete {
            break;
        }
    }
    spinner.finish_and_clear();
    epilogue(&query, &shown, started.elapsed(), patience)
}

/// How complete it is, and what to type next.
fn epilogue(query: &str, shown: &[Arc<Hit>], took: Duration, patience: Duration) -> anyhow::Result<()> {
    let Some(best) = shown.iter().max_by(|a, b| a.score.total_cmp(&b.score)) else { return Err(nothing(query)) };
    let end = if took < patience { "everybody answered" } else { "not everybody answered: allow more with --timeout" };
    output::note(format!("\n{} in {} ms, {end}", units::count(shown.len(), "hit"), took.as_millis()));
    output::note(format!("get the best with: peergate get {}", best.content_id));
    Ok(())
}

fn nothing(query: &str) -> anyhow::Error {
    Failure::Nothing(format!(
        "nothing matches {query:?}; all words must match: try fewer, a prefix*, or see with `peergate peers` who is asked"
    ))
    .into()
}
