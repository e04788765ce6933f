//! All overlays of the node as one.

use std::sync::Arc;

use super::Overlay;

/// The overlays of this node, in the order of the configuration.
pub struct Overlays {
    all: Vec<Arc<dyn Overlay>>,
}

impl Overlays {
    /// The set of these overlays.
    pub fn new(all: Vec<Arc<dyn Overlay>>) -> Self {
        Self { all }
    }

    /// Each overlay, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Overlay>> {
        self.all.iter()
    }
}
