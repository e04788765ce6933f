//! What happens in the demo, step by step.

use std::path::Path;

use anyhow::{Context, ensure};

use super::{
    library::{self, Library, Sought},
    peer::{Peer, SOON},
    request::{self, Request},
    snippets,
};
use crate::{
    cli::{output, units},
    model::{ContentId, Data},
    operation::{content, node, peer},
};

/// The peers, and where the demo is.
pub struct Scene {
    folder: tempfile::TempDir,
    peers: Vec<Peer>,
    step: &'static str,
    number: usize,
}

impl Scene {
    /// An empty temporary folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("peergate-demo-").tempdir().context("there is no temporary folder")?;
        Ok(Self { folder, peers: Vec::new(), step: "begin", number: 0 })
    }

    /// The step that is under way.
    pub fn step(&self) -> &'static str {
        self.step
    }

    /// All steps.
    ///
    /// # Errors
    /// What went wrong in the step that is under way.
    pub async fn play(&mut self, share: Option<&Path>, keep: bool) -> anyhow::Result<()> {
        self.begin("Choose files to share")?;
        let libraries = library::choose(share, self.folder.path())?;
        let sought = library::sought(&libraries[0].folder)?;
        for library in &libraries {
            let files = library.files.map_or_else(|| "the files".to_owned(), |files| units::count(files, "file"));
            tell(format!("the peer {:?} will share {files} in {}", library.peer, library.folder.display()))?;
        }
        self.start(&libraries).await?;
        self.settle(&libraries, &sought).await?;
        let gateway = self.gateway()?.ready.http_address.clone();
        let id = ContentId::native(sought.hash);
        let by_xmlrpc = self.by_xmlrpc(&gateway, &sought, &id).await?;
        let by_soap = self.by_soap(&gateway, &sought, &id).await?;
        self.compare(&sought, &by_xmlrpc, &by_soap)?;
        Ok(output::line(snippets::text(&gateway, &sought.words, &id, keep))?)
    }

    async fn start(&mut self, libraries: &[Library]) -> anyhow::Result<()> {
        self.begin("Start the peers and the gateway")?;
        for library in libraries {
            self.peers.push(Peer::start(library.peer, self.folder.path(), Some(&library.folder), &[])?);
        }
        for peer in &mut self.peers {
            peer.wait_ready().await?;
        }
        let bootstrap: Vec<_> = self.peers.iter().flat_map(|peer| peer.addresses().to_vec()).collect();
        self.peers.push(Peer::start("gateway", self.folder.path(), None, &bootstrap)?);
        for peer in &mut self.peers {
            peer.wait_ready().await?;
            tell(format!("{:<10}{}  peer {}", peer.name, peer.ready.http_address, peer.ready.peer_id))?;
        }
        Ok(())
    }

    /// Waits until the gateway is connected to all, and the files are hashed.
    async fn settle(&mut self, libraries: &[Library], sought: &Sought) -> anyhow::Result<()> {
        self.begin("Wait until the files are hashed and the gateway is connected")?;
        let gateway = self.gateway()?.client()?;
        let list = || peer::List { overlay: None, limit: Default::default(), after: None };
        while gateway.call(&list()).await?.peers.iter().filter(|peer| peer.connected).count() < libraries.len() {
            tokio::time::sleep(SOON).await;
        }
        tell(format!("the gateway is connected to {}", units::count(libraries.len(), "peer")))?;
        for (peer, library) in self.peers.iter().zip(libraries) {
            let client = peer.client()?;
            let wanted = library.files.unwrap_or(1) as u64;
            while client.call(&node::Stats {}).await?.contents < wanted {
                tokio::time::sleep(SOON).await;
            }
        }
        let first = self.peers[0].client()?;
        let id = ContentId::native(sought.hash);
        let list = || content::List { query: Some(sought.words.clone()), limit: Default::default(), after: None };
        while !first.call(&list()).await?.contents.iter().any(|content| content.content_id == id) {
            tokio::time::sleep(SOON).await;
        }
        tell("every file is hashed and can be found")
    }

    async fn by_xmlrpc(&mut self, gateway: &str, sought: &Sought, id: &ContentId) -> anyhow::Result<Vec<u8>> {
        let answer = self.show(&Request::xmlrpc_search(gateway, &sought.words)).await?;
        let found = request::xmlrpc_record("search.find", &answer)?;
        let hits = found["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_there = hits.iter().any(|hit| hit["contentId"].as_str() == Some(&id.to_string()));
        ensure!(is_there, "none of {} is the file {}", units::count(hits.len(), "hit"), sought.path.display());
        tell(format!("found among {} in {} ms", units::count(hits.len(), "hit"), found["elapsedMs"]))?;
        let answer = self.show(&Request::xmlrpc_download(gateway, id)).await?;
        let mut downloaded = request::xmlrpc_record("content.download", &answer)?;
        let Data(bytes) = serde_json::from_value(downloaded["data"].take())?;
        Ok(bytes.into())
    }

    async fn by_soap(&mut self, gateway: &str, sought: &Sought, id: &ContentId) -> anyhow::Result<Vec<u8>> {
        let answer = self.show(&Request::soap_search(gateway, &sought.words)).await?;
        let ids = request::soap_texts(&answer, "contentId")?;
        ensure!(ids.contains(&id.to_string()), "none of {} is the file", units::count(ids.len(), "hit"));
        tell(format!("found among {}", units::count(ids.len(), "hit")))?;
        let answer = self.show(&Request::soap_download(gateway, id)).await?;
        let data = request::soap_texts(&answer, "data")?.into_iter().next().context("the answer holds no data")?;
        base64_simd::forgiving_decode_to_vec(data.as_bytes()).context("the data are not base64")
    }

    fn compare(&mut self, sought: &Sought, by_xmlrpc: &[u8], by_soap: &[u8]) -> anyhow::Result<()> {
        self.begin("Compare the BLAKE3 hashes")?;
        tell(format!("original         {}  {}", sought.hash, sought.path.display()))?;
        for (way, bytes) in [("through XML-RPC", by_xmlrpc), ("through SOAP", by_soap)] {
            let hash = blake3::hash(bytes);
            tell(format!("{way:<17}{hash}  {}", units::size(bytes.len() as u64)))?;
            ensure!(hash == sought.hash, "the bytes that came {way} are not those of the original");
        }
        tell("all equal")
    }

    /// Shows a request as a step, sends it, and shows the answer.
    async fn show(&mut self, request: &Request) -> anyhow::Result<String> {
        self.begin(request.title)?;
        for line in request.curl().lines() {
            output::line(line)?;
        }
        let answer = request.send().await?;
        for line in request::shortened(&answer).lines() {
            tell(format!("| {line}"))?;
        }
        Ok(answer)
    }

    fn begin(&mut self, step: &'static str) -> anyhow::Result<()> {
        self.step = step;
        self.number += 1;
        Ok(output::line(format!("\n{}. {step}", self.number))?)
    }

    fn gateway(&self) -> anyhow::Result<&Peer> {
        self.peers.last().context("the gateway was not started")
    }

    /// Shows what the peers logged last.
    pub fn show_logs(&self) {
        for peer in &self.peers {
            output::note(format!("\n--- the log of {} ends with\n{}", peer.name, peer.log_tail()));
        }
    }

    /// Ends the peers and removes the folder.
    pub async fn end(mut self) {
        for peer in &mut self.peers {
            peer.end().await;
        }
        if let Err(error) = self.folder.close() {
            output::note(format!("the temporary folder stays: {error}"));
        }
    }
}

fn tell(text: impl AsRef<str>) -> anyhow::Result<()> {
    Ok(output::line(format!("   {}", output::clean(text.as_ref())))?)
}
