//! Contents under foreign ids: which of this node's own contents one is, and the other ids of a record.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    model::{Content, ContentId, Journey, Outcome},
    overlay::Overlays,
    store::Store,
};

/// How long the other side is waited for before what is known of its content is believed.
const RECHECK: Duration = Duration::from_secs(3);

/// The content of this node that an id names: by its own id, or by a foreign one whose native id was learnt. For the
/// latter the other side is asked first whether it still shows the same; when it cannot be asked, what was learnt counts.
///
/// # Errors
/// Internal when the catalogue cannot be read.
pub async fn content_here(
    store: &Store,
    overlays: &Overlays,
    id: &ContentId,
    journey: &Journey,
) -> Outcome<Option<Arc<Content>>> {
    if matches!(id, ContentId::Native(_)) {
        return store.get(id).await;
    }
    let Some(alias) = store.alias(id).await? else { return Ok(None) };
    if store.get(&alias.native()).await?.is_none() {
        return Ok(None);
    }
    // Whoever sees the other side's answer forgets an alias that it ends.
    let _ = timeout(RECHECK, overlays.locate(id, &[], journey)).await;
    match store.alias(id).await? {
        Some(alias) => store.get(&alias.native()).await,
        None => Ok(None),
    }
}

/// A record under the id that was asked for, with all other ids of the same bytes.
///
/// # Errors
/// Internal when the catalogue cannot be read.
pub async fn under(store: &Store, id: &ContentId, content: Content) -> Outcome<Content> {
    let native = match id {
        ContentId::Native(_) => Some(id.clone()),
        foreign => store.alias(foreign).await?.map(|alias| alias.native()),
    };
    let mut aliases = Vec::new();
    if let Some(ContentId::Native(hash)) = &native {
        aliases = store.foreign_ids(hash).await?;
        aliases.retain(|alias| alias != id);
    }
    aliases.splice(0..0, native.filter(|native| native != id));
    Ok(Content { content_id: id.clone(), aliases, ..content })
}
