//! Small help with inputs: contents by id or words, and numbers with a range.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{client::Client, failure::Failure, output, progress, search};
use crate::{
    model::{ContentId, Hit},
    operation::search::Find,
};

/// A number as the contract's type for it, whose range is checked here as the node would check it.
///
/// # Errors
/// Usage that names the option and the range.
pub fn within<T: DeserializeOwned + Default>(option: &str, number: Option<u32>) -> Result<T, Failure> {
    let Some(number) = number else { return Ok(T::default()) };
    serde_json::from_value(number.into()).map_err(|error| Failure::Usage(format!("{option} {error}")))
}

/// The content that the words name: by its id, or as the only one that a search for them finds.
///
/// # Errors
/// Nothing when no content matches, Usage when several do and `first` does not say to take the best.
pub async fn content(client: &Client, words: &[String], first: bool) -> anyhow::Result<ContentId> {
    if let [word] = words
        && let Ok(id) = word.parse()
    {
        return Ok(id);
    }
    let query = words.join(" ");
    let spinner = progress::spinner(&format!("searching {query}"));
    let find = Find { query, ..search::everything() };
    let mut hits = client.call(&find).await?.hits;
    spinner.finish_and_clear();
    if hits.len() > 1 && !first {
        return Err(several(&hits).into());
    }
    if hits.is_empty() {
        return Err(Failure::Nothing(format!("nothing matches {:?}", find.query)).into());
    }
    Ok(hits.swap_remove(0).content_id.clone())
}

fn several(hits: &[Arc<Hit>]) -> Failure {
    let table = search::table(hits.iter().map(|hit| &**hit));
    table.lines(None).iter().for_each(output::note);
    Failure::Usage(format!("{} contents match; name one by its id, or take the best with --first", hits.len()))
}
