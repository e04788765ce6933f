//! What this node holds.
#![allow(unused_variables, missing_docs)]
use crate::model::*;
use std::{ops::Range, sync::Arc};
pub struct Store;
#[derive(Default)]
pub struct NewContent {
    pub name: String,
    pub media_type: Option<String>,
    pub description: Option<String>,
    pub tags: Vec<String>,
    pub overlays: Vec<String>,
}
#[derive(Default)]
pub struct Changes {
    pub name: Option<String>,
    pub media_type: Option<String>,
    pub description: Option<String>,
    pub tags: Option<Vec<String>>,
}
#[derive(Default, Clone)]
pub struct PeerNote {
    pub peer_id: String,
    pub alias: Option<String>,
    pub trusted: bool,
    pub blocked: bool,
}
pub struct TransferRow {
    pub transfer: Transfer,
    pub overlays: Vec<String>,
}
pub struct Totals {
    pub contents: u64,
    pub bytes: u64,
}
pub struct BlobReader;
impl BlobReader {
    pub fn stream(self: Arc<Self>, range: Range<u64>) -> ByteStream {
        todo!()
    }
}
pub struct Partial;
#[derive(Debug)]
pub struct StoreError;
impl From<StoreError> for Fault {
    fn from(_: StoreError) -> Fault {
        todo!()
    }
}
impl Partial {
    pub fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        todo!()
    }
    pub fn received(&self) -> u64 {
        todo!()
    }
    pub fn write(&self, pieces: &[Piece]) -> Result<(), StoreError> {
        todo!()
    }
    pub async fn sync(&self) -> Outcome<()> {
        todo!()
    }
    pub async fn complete(&self, new: NewContent) -> Outcome<Arc<Content>> {
        todo!()
    }
    pub async fn discard(&self) -> Outcome<()> {
        todo!()
    }
}
impl Store {
    pub async fn publish(&self, new: NewContent, s: ByteStream) -> Outcome<Arc<Content>> {
        todo!()
    }
    pub async fn get(&self, id: &ContentId) -> Outcome<Option<Arc<Content>>> {
        todo!()
    }
    pub async fn list(
        &self,
        q: Option<&Query>,
        after: Option<&str>,
        limit: usize,
    ) -> Outcome<(Vec<Arc<Content>>, Option<String>)> {
        todo!()
    }
    pub async fn update(&self, id: &ContentId, c: Changes) -> Outcome<Arc<Content>> {
        todo!()
    }
    pub async fn unpublish(&self, id: &ContentId) -> Outcome<bool> {
        todo!()
    }
    pub async fn search(&self, q: &Query) -> Outcome<Vec<(f64, Arc<Content>)>> {
        todo!()
    }
    pub async fn reader(&self, id: &ContentId) -> Outcome<Option<Arc<BlobReader>>> {
        todo!()
    }
    pub async fn partial(&self, id: &ContentId, size: u64) -> Outcome<Arc<Partial>> {
        todo!()
    }
    pub async fn save_transfer(&self, r: &TransferRow) -> Outcome<()> {
        todo!()
    }
    pub async fn transfers(&self) -> Outcome<Vec<TransferRow>> {
        todo!()
    }
    pub async fn delete_transfer(&self, id: &str) -> Outcome<()> {
        todo!()
    }
    pub async fn save_peer_note(&self, n: &PeerNote) -> Outcome<()> {
        todo!()
    }
    pub async fn peer_notes(&self) -> Outcome<Vec<PeerNote>> {
        todo!()
    }
    pub fn totals(&self) -> Totals {
        todo!()
    }
}
