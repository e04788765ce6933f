//! Shared folders.
use crate::{model::Outcome, store::Store};
use std::{path::PathBuf, sync::Arc};
pub struct Library;
impl Library {
    pub async fn start(_: Arc<Store>, _: Vec<PathBuf>, _: Vec<String>) -> Outcome<Arc<Self>> {
        Ok(Arc::new(Self))
    }
    pub async fn stop(&self) {}
}
