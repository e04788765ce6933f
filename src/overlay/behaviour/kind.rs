//! What a kind of overlay brings along to be tried, and how tests wait.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    model::{ContentId, Journey},
    overlay::{
        Overlay,
        double::{Article, Shelf},
    },
};

/// Longest that anything may take before a test fails.
pub const AT_MOST: Duration = Duration::from_secs(30);
/// What the overlay on this side is called.
pub const NEAR: &str = "home";

/// What is to be on the other side.
pub struct FarSide {
    /// What it has, best first.
    pub articles: Vec<Article>,
    /// It takes questions in and answers none.
    pub is_mute: bool,
}

/// What a kind can do, beyond what its `Capabilities` say.
#[derive(Clone, Copy, Debug)]
pub struct Talents {
    /// The far side is reached over a wire, and what it says is a stranger's.
    pub wire: bool,
    /// The far side is told the journey of a question.
    pub journeys: bool,
    /// A content's record can be had by its id alone, without a search before.
    pub records: bool,
    /// Hits tell the bridges that they crossed beyond the far side.
    pub via: bool,
    /// Bytes under a native id are proved before they come out.
    pub proves: bool,
    /// Ids of other networks can be fetched through it, where the far side knows them.
    pub foreign: bool,
    /// The far side's contents have native ids from the start.
    pub native: bool,
}

/// An overlay with its far side, and how it is brought up.
pub trait Kind: Sized + Send + Sync {
    /// What it can do.
    const TALENTS: Talents;

    /// Brings up an overlay called [`NEAR`] whose far side has these contents; returns once questions reach it. Its patience
    /// is short, so that what never comes is given up within a second or two.
    fn bring_up(far: FarSide) -> impl Future<Output = Self> + Send;

    /// The overlay.
    fn overlay(&self) -> Arc<dyn Overlay>;

    /// What the far side has, and what it was asked.
    fn far_side(&self) -> &Shelf;

    /// What the overlay calls a content of the far side.
    fn id_of(&self, article: &Article) -> ContentId {
        article.id().clone()
    }

    /// An id such as the overlay could have, of a content that the far side does not have.
    fn unknown_id(&self) -> ContentId {
        ContentId::native([9; 32])
    }

    /// Ends the far side, as when its machine is switched off; returns once its sockets are closed.
    fn take_far_side_away(&self) -> impl Future<Output = ()> + Send;

    /// Whether the far side has heard that a content was published on this side.
    fn has_heard_of(&self, id: &ContentId) -> bool {
        let _ = id;
        true
    }

    /// The way of a question that somebody on this side asks.
    fn journey(&self) -> Journey {
        Journey::begin("12D3KooWSomebody").asked_in([self.overlay().id()])
    }

    /// The overlay on whose far side these lie, all well.
    fn holding(articles: impl IntoIterator<Item = Article>) -> impl Future<Output = Self> + Send {
        Self::bring_up(FarSide { articles: articles.into_iter().collect(), is_mute: false })
    }
}

/// What comes of it, unless it takes too long.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(AT_MOST, future).await.unwrap_or_else(|_| panic!("{what}: not within {AT_MOST:?}"))
}

/// Polls until the condition holds; fails when it takes too long.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let poll = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    within(what, poll).await;
}
