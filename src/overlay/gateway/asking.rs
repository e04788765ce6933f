//! Searches of a far gateway, and records of single contents.

use std::{sync::Arc, time::Duration};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::oneshot;

use super::{
    DESCRIBE, Far,
    messages::{self, FIND, Find, Findings, Record, Which},
};
use crate::{
    model::{ContentId, Fault, Journey, Outcome, Query},
    overlay::{Found, Located, remote::Terms},
};

/// Searches that are under way at once, those included whose askers are gone.
pub(super) const MAX_SEARCHES: usize = 256;
/// How long a search may take whose asker does not say how long he waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the way there and back takes of the asker's time: a fifth, at most this.
const WAY: Duration = Duration::from_millis(300);
/// How long after the asker's time the far side is listened to, to learn whether it works at all.
const OVERTIME: Duration = Duration::from_secs(2);

/// Asks the far side; the stream ends when it has answered.
pub(super) fn search(far: Arc<Far>, query: Arc<Query>, journey: Journey) -> BoxStream<'static, Found> {
    let Ok(permit) = far.searches.clone().try_acquire_owned() else {
        return stream::iter([Found::Missing]).boxed();
    };
    let (answer, found) = oneshot::channel();
    // Not a part of the stream, which its asker drops when his time is up: a far side that never answers in time is one
    // that does not work, and somebody has to notice.
    tokio::spawn(async move {
        let _ = answer.send(ask(&far, &query, &journey).await);
        drop(permit);
    });
    let pages = async move { stream::iter(found.await.unwrap_or_else(|_| vec![Found::Missing])) };
    stream::once(pages).flatten().boxed()
}

async fn ask(far: &Far, query: &Query, journey: &Journey) -> Vec<Found> {
    match find(far, query, journey).await {
        Ok(found) => found,
        Err(fault) => {
            tracing::debug!(overlay = far.name, "{fault}");
            vec![Found::Missing]
        }
    }
}

async fn find(far: &Far, query: &Query, journey: &Journey) -> Outcome<Vec<Found>> {
    far.admit().await?;
    let Some(journey) = far.told(journey) else { return Ok(Vec::new()) };
    let patience = query.patience.unwrap_or(PATIENCE);
    let input = Find::of(query, patience.saturating_sub(WAY.min(patience / 5)));
    let terms = Terms { within: patience + OVERTIME, journey: Some(&journey) };
    let findings: Findings = far.health.note(far.remote.call(&FIND, &input, &terms).await)?;
    let lacks_something = findings.lacks_something();
    let hits = findings.hits.into_iter().take(query.limit).filter_map(|hit| hit.into_hit(&far.name)).collect();
    let missing = lacks_something.then_some(Found::Missing);
    Ok([Found::Page(hits)].into_iter().chain(missing).collect())
}

/// What the far side knows of a content.
pub(super) async fn locate(far: &Far, id: &ContentId, journey: &Journey) -> Outcome<Located> {
    let journey = far.told(journey).ok_or_else(|| far.ended(id))?;
    let terms = Terms { within: DESCRIBE, journey: Some(&journey) };
    let answer = far.remote.call::<_, Record>(&messages::DESCRIBE, &Which { content_id: id }, &terms).await;
    let record = far.health.note(answer)?;
    let hit = record.is_of(id).then_some(record).and_then(|record| record.into_hit(&far.name));
    let mut hit = hit.ok_or_else(|| {
        Fault::unavailable(format!("{}: content.describe answers another content than {id}", far.remote.place()))
    })?;
    hit.content_id = id.clone();
    Ok(Located { providers: hit.providers, hit })
}
