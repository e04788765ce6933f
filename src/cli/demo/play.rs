//! What happens in the demo, step by step: two networks that do not know each other, a gateway between them, a legacy
//! system behind it, and a caller of one ordinary peer.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value as Json;

use super::{
    catalogue::{Catalogue, Entry},
    library::{self, Library, Sought},
    paint::{good, quote, tell},
    peer::{SOON, Setup},
    request::{self, Request},
    scene::{ARCHIVE, GATEWAY, Scene},
    snippets,
};
use crate::{
    cli::{client::Client, failure::Failure, units},
    model::{Bridge, ContentId, Data, Hit, OverlayState},
    operation::{bridge, content, node, overlay, peer, search},
};

/// The rule of the bridge between the networks.
const RULES: &str = "deny = [\"tag:internal\"]";

/// What came of it, to be compared at the end.
struct Brought {
    what: String,
    way: &'static str,
    want: blake3::Hash,
    bytes: Vec<u8>,
}

/// Plays all of it.
///
/// # Errors
/// What went wrong in the step that is under way.
pub async fn play(scene: &mut Scene, share: Option<&Path>, keep: bool) -> anyhow::Result<()> {
    scene.begin("Choose what is shared")?;
    let libraries = library::choose(share, scene.folder())?;
    let sought = library::sought(&libraries[0].folder)?;
    for library in &libraries {
        let files = library.files.map_or_else(|| "the files".to_owned(), |files| units::count(files, "file"));
        tell(format!("{:<8}{files} in {}", library.peer, library.folder.display()))?;
    }
    let entry = start_catalogue(scene).await?;
    start_networks(scene, &libraries).await?;
    settle(scene, &libraries, &sought, entry.is_some()).await?;

    let door = scene.peer("red-1")?.ready.http_address.clone();
    let mut brought = Vec::new();
    find_and_get(scene, &door, &sought, &mut brought).await?;
    if let Some(entry) = &entry {
        get_entry(scene, &door, entry, &mut brought).await?;
    }
    compare(scene, &brought)?;
    show_denied(scene).await?;
    show_bridges(scene).await?;
    crate::cli::output::line(snippets::text(&door, &sought.words, &ContentId::native(sought.hash), keep))?;
    Ok(())
}

async fn start_catalogue(scene: &mut Scene) -> anyhow::Result<Option<Entry>> {
    scene.begin("Start a legacy system: a catalogue in Python that is no peer and knows of none")?;
    let entry = scene.start_catalogue().await?;
    match scene.catalogue_url() {
        Some(url) => tell(format!(
            "{url}  answers catalog.search and catalog.read over XML-RPC, for {}",
            units::count(Catalogue::count(), "entry").replace("entrys", "entries")
        ))?,
        None => tell("there is no python3 here, so the steps of the catalogue are left out")?,
    }
    Ok(entry)
}

async fn start_networks(scene: &mut Scene, libraries: &[Library]) -> anyhow::Result<()> {
    scene.begin("Start two networks, red and blue, and a gateway between them")?;
    let shared = |peer: &str| libraries.iter().find(|library| library.peer == peer).map(|library| &*library.folder);
    let first = |network: &str, peer: &str| Setup::sharing(shared(peer)).in_network(network, &[]);
    scene.start(&[("red-1", first("red", "red-1")), ("blue-1", first("blue", "blue-1"))]).await?;
    let second =
        |network: &str, peer: &str| Setup::sharing(shared(peer)).in_network(network, &scene.addresses(network));
    let seconds = [("red-2", second("red", "red-2")), ("blue-2", second("blue", "blue-2"))];
    scene.start(&seconds).await?;
    let mut gateway = Setup::sharing(None);
    for network in ["red", "blue"] {
        gateway = gateway.in_network(network, &scene.addresses(network));
    }
    if let Some(url) = scene.catalogue_url() {
        gateway = gateway.with_catalogue(ARCHIVE, url);
    }
    gateway = gateway.with_bridge("red", "blue", RULES);
    if scene.catalogue_url().is_some() {
        gateway = gateway.with_bridge("red", ARCHIVE, "bidirectional = false");
    }
    scene.start(&[(GATEWAY, gateway.clone())]).await?;
    for (name, what) in [
        ("red-1", "a peer of red, and the door of all that follows; its configuration names red alone"),
        ("red-2", "a peer of red"),
        (GATEWAY, "takes part in red and in blue, and joins them:"),
        ("blue-1", "a peer of blue"),
        ("blue-2", "a peer of blue"),
    ] {
        tell(format!("{name:<8}{}  {what}", scene.peer(name)?.ready.http_address))?;
        if name == GATEWAY {
            quote(gateway.bridges())?;
        }
    }
    Ok(())
}

/// Waits until the peers know each other, the files are hashed, and the gateway has reached the catalogue.
async fn settle(scene: &mut Scene, libraries: &[Library], sought: &Sought, has_catalogue: bool) -> anyhow::Result<()> {
    scene.begin("Wait until the peers have met and the files are hashed")?;
    let gateway = scene.peer(GATEWAY)?.client()?;
    while connected(&gateway).await? < 4 || connected(&scene.peer("red-1")?.client()?).await? < 2 {
        tokio::time::sleep(SOON).await;
    }
    for library in libraries {
        let client = scene.peer(library.peer)?.client()?;
        let wanted = library.files.unwrap_or(1) as u64;
        while client.call(&node::Stats {}).await?.contents < wanted {
            tokio::time::sleep(SOON).await;
        }
    }
    let first = scene.peer(libraries[0].peer)?.client()?;
    let id = ContentId::native(sought.hash);
    let list = || content::List { query: Some(sought.words.clone()), limit: Default::default(), after: None };
    while !first.call(&list()).await?.contents.iter().any(|content| content.content_id == id) {
        tokio::time::sleep(SOON).await;
    }
    let is_up = |page: overlay::OverlayPage| {
        page.overlays.iter().any(|overlay| overlay.name == ARCHIVE && overlay.state == OverlayState::Up)
    };
    while has_catalogue && !is_up(gateway.call(&overlay::List {}).await?) {
        tokio::time::sleep(SOON).await;
    }
    tell("the gateway has met two peers on either side; red-1 has met red-2 and the gateway, and nobody of blue")
}

async fn connected(client: &Client) -> anyhow::Result<usize> {
    let list = peer::List { overlay: None, limit: Default::default(), after: None };
    Ok(client.call(&list).await?.peers.iter().filter(|peer| peer.connected).count())
}

/// The file of blue, at the red peer's door, through XML-RPC and through SOAP.
async fn find_and_get(
    scene: &mut Scene,
    door: &str,
    sought: &Sought,
    brought: &mut Vec<Brought>,
) -> anyhow::Result<()> {
    let id = ContentId::native(sought.hash);
    let name = || sought.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let answer = scene.show(&Request::xmlrpc_search(door, &sought.words)).await?;
    found(scene, &request::xmlrpc_record("search.find", &answer)?, &id).await?;
    let answer = scene.show(&Request::xmlrpc_download(door, &id)).await?;
    let mut downloaded = request::xmlrpc_record("content.download", &answer)?;
    let Data(bytes) = serde_json::from_value(downloaded["data"].take())?;
    brought.push(Brought { what: name(), way: "XML-RPC", want: sought.hash, bytes: bytes.into() });

    let answer = scene.show(&Request::soap_search(door, &sought.words)).await?;
    let ids = request::soap_texts(&answer, "contentId")?;
    ensure!(ids.contains(&id.to_string()), "none of {} is the file", units::count(ids.len(), "hit"));
    let vias = request::soap_texts(&answer, "via")?;
    good(format!("found through SOAP as well, via {}", vias.first().context("the hit names no bridge")?))?;
    let bytes = soap_download(scene, door, &id).await?;
    brought.push(Brought { what: name(), way: "SOAP", want: sought.hash, bytes });
    Ok(())
}

/// The entry of the legacy system, likewise.
async fn get_entry(scene: &mut Scene, door: &str, entry: &Entry, brought: &mut Vec<Brought>) -> anyhow::Result<()> {
    let answer = scene.show(&Request::xmlrpc_search(door, entry.words).titled(ENTRY_SEARCH)).await?;
    let record = request::xmlrpc_record("search.find", &answer)?;
    let hits = hits(&record)?;
    let hit = hits.iter().find(|hit| hit.name == entry.name);
    let id = hit.with_context(|| format!("none of {} is {}", units::count(hits.len(), "hit"), entry.name))?;
    let id = id.content_id.clone();
    found(scene, &record, &id).await?;
    let bytes = soap_download(scene, door, &id).await?;
    brought.push(Brought { what: entry.name.to_owned(), way: "SOAP", want: entry.hash, bytes });
    let native = ContentId::native(entry.hash);
    let describe = || content::Describe { content_id: id.clone(), journey: None };
    for name in [GATEWAY, "red-1"] {
        let content = scene.peer(name)?.client()?.call(&describe()).await?;
        ensure!(content.aliases.contains(&native), "{name} has not learnt the native id of {}", entry.name);
    }
    good(format!("the gateway and red-1 have learnt its native id while it passed: {native}"))
}

const ENTRY_SEARCH: &str = "Search for an entry of the legacy system, at the same door";

async fn soap_download(scene: &mut Scene, door: &str, id: &ContentId) -> anyhow::Result<Vec<u8>> {
    let answer = scene.show(&Request::soap_download(door, id)).await?;
    let data = request::soap_texts(&answer, "data")?.into_iter().next().context("the answer holds no data")?;
    base64_simd::forgiving_decode_to_vec(data.as_bytes()).context("the data are not base64")
}

/// Tells that a hit is there, and which bridge it has crossed.
async fn found(scene: &Scene, record: &Json, id: &ContentId) -> anyhow::Result<()> {
    let hits = hits(record)?;
    let hit = hits.iter().find(|hit| hit.content_id == *id);
    let hit = hit.with_context(|| format!("none of {} is {id}", units::count(hits.len(), "hit")))?;
    let via = hit.via.first().context("the hit names no bridge")?;
    let bridges = bridges(scene).await?;
    let bridge = bridges.iter().find(|bridge| bridge.bridge_id == *via).context("no such bridge")?;
    good(format!("{} found in {} ms, via {via}", hit.name, record["elapsedMs"]))?;
    tell(format!("  which is the bridge {} of the gateway; red-1 itself has no bridge at all", ends(bridge)))
}

fn hits(record: &Json) -> anyhow::Result<Vec<Hit>> {
    Ok(serde_json::from_value(record["hits"].clone())?)
}

fn compare(scene: &mut Scene, brought: &[Brought]) -> anyhow::Result<()> {
    scene.begin("Compare the BLAKE3 hashes of the originals and of what came")?;
    let mut shown = None;
    for Brought { what, way, want, bytes } in brought {
        let hash = blake3::hash(bytes);
        if shown.replace(want) != Some(want) {
            tell(format!("original         {want}  {what}"))?;
        }
        tell(format!("{:<17}{hash}  {}", format!("through {way}"), units::size(bytes.len() as u64)))?;
        ensure!(hash == *want, "the bytes of {what} that came through {way} are not those of the original");
    }
    good("all equal")
}

/// What the rule holds back can be neither found nor fetched, and the gateway says why.
async fn show_denied(scene: &mut Scene) -> anyhow::Result<()> {
    scene.begin("Look for what the rule holds back: blue-2 shares a file that is tagged as internal")?;
    let internal = library::internal();
    let id = ContentId::native(internal.hash);
    let find: search::Find = serde_json::from_value(serde_json::json!({ "query": internal.words }))?;
    let in_blue = scene.peer("blue-1")?.client()?.call(&find).await?;
    ensure!(in_blue.hits.iter().any(|hit| hit.content_id == id), "blue-1 does not find it");
    good(format!("blue-1 finds {:?}", internal.path.display().to_string()))?;
    let red = scene.peer("red-1")?.client()?;
    let in_red = red.call(&find).await?;
    ensure!(in_red.hits.iter().all(|hit| hit.content_id != id), "red-1 finds it");
    good("red-1 does not")?;
    match red.call(&content::Describe { content_id: id, journey: None }).await {
        Err(Failure::Fault { code: 404, message }) => good(format!("nor does its id help: {message}"))?,
        other => anyhow::bail!("red-1 is answered {:?}", other.map(|content| content.name)),
    }
    tell("bridge.explain at the gateway says why:")?;
    let explain = bridge::Explain { query: internal.words };
    for decision in scene.peer(GATEWAY)?.client()?.call(&explain).await?.decisions {
        let verdict = if decision.forwarded { "passes" } else { "held  " };
        quote(&format!("{verdict}  {:<13}{}", decision.rule, decision.reason))?;
    }
    Ok(())
}

async fn show_bridges(scene: &mut Scene) -> anyhow::Result<()> {
    scene.begin("See at the gateway what has crossed")?;
    scene.peer(GATEWAY)?.show_verb("bridges").await
}

async fn bridges(scene: &Scene) -> anyhow::Result<Vec<Bridge>> {
    Ok(scene.peer(GATEWAY)?.client()?.call(&bridge::List {}).await?.bridges)
}

fn ends(bridge: &Bridge) -> String {
    format!("{} {} {}", bridge.from, if bridge.bidirectional { "⇄" } else { "→" }, bridge.to)
}
