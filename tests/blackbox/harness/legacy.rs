//! A legacy catalogue: an XML-RPC server that answers catalog.search and catalog.read as it is told to, and can be down.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use super::{Element, NodeConfig, xmlrpc};

/// What the catalogue does when bytes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Answers them.
    Honest,
    /// Leaves one out.
    Short,
    /// Says that the entry is larger than it is, and fills up with zeros.
    Boastful,
    /// Answers with the fault of a broken database.
    Broken,
}

/// One entry.
#[derive(Clone)]
pub struct Record {
    pub id: String,
    pub name: String,
    pub data: Vec<u8>,
    /// As XML-RPC writes a moment.
    pub modified: Option<String>,
}

/// The catalogue.
pub struct Legacy {
    address: SocketAddr,
    scene: Arc<Scene>,
    server: JoinHandle<()>,
}

struct Scene {
    records: Mutex<Vec<Record>>,
    conduct: Mutex<Conduct>,
    /// Bytes from here on are answered only once this was raised.
    gate: watch::Sender<u64>,
    /// Offset and length of every read.
    reads: Mutex<Vec<(u64, u64)>>,
}

impl Legacy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind the catalogue");
        let address = listener.local_addr().expect("its address");
        let scene = Arc::new(Scene {
            records: Mutex::default(),
            conduct: Mutex::new(Conduct::Honest),
            gate: watch::Sender::new(u64::MAX),
            reads: Mutex::default(),
        });
        let server = tokio::spawn(serve(listener, scene.clone()));
        Self { address, scene, server }
    }

    /// A node with the catalogue as the overlay `archive`.
    pub fn node(&self) -> NodeConfig {
        let url = format!("http://{}/RPC2", self.address);
        NodeConfig::new().with(&format!("[[overlay]]\nname = \"archive\"\nkind = \"catalog\"\nurl = {url:?}\n"))
    }

    /// Adds an entry, or puts it in the place of the one with its id.
    pub fn put(&self, id: &str, name: &str, data: Vec<u8>, modified: Option<&str>) {
        let mut records = lock(&self.scene.records);
        records.retain(|record| record.id != id);
        let modified = modified.map(str::to_owned);
        records.push(Record { id: id.to_owned(), name: name.to_owned(), data, modified });
    }

    pub fn remove(&self, id: &str) {
        lock(&self.scene.records).retain(|record| record.id != id);
    }

    pub fn conduct(&self, conduct: Conduct) {
        *lock(&self.scene.conduct) = conduct;
    }

    /// Holds back reads from this offset on.
    pub fn hold_from(&self, offset: u64) {
        self.scene.gate.send_replace(offset);
    }

    /// Offset and length of every read so far that asked for bytes.
    pub fn reads(&self) -> Vec<(u64, u64)> {
        lock(&self.scene.reads).clone()
    }

    /// Refuses connections from now on.
    pub async fn down(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    /// Listens at the same address again.
    pub async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("bind the catalogue again");
        self.server = tokio::spawn(serve(listener, self.scene.clone()));
    }
}

impl Drop for Legacy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("the catalogue's scene")
}

async fn serve(listener: TcpListener, scene: Arc<Scene>) {
    // Aborted with the server, so that a catalogue that is down answers nothing.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let scene = scene.clone();
        connections.spawn(async move {
            // A node that went away in the middle is none of the catalogue's business.
            let _ = answer(stream, &scene).await;
        });
    }
}

async fn answer(mut stream: TcpStream, scene: &Scene) -> std::io::Result<()> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    while read.len() < end + length {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
    let body = std::str::from_utf8(&read[end..]).expect("the call is UTF-8");
    let answered = match call(body, scene).await {
        Ok(value) => format!("<params><param><value>{}</value></param></params>", xmlrpc::write("", &value)),
        Err((code, text)) => {
            let fault = json!({ "faultCode": code, "faultString": text });
            format!("<fault><value>{}</value></fault>", xmlrpc::write("", &fault))
        }
    };
    let document = format!("<?xml version=\"1.0\"?><methodResponse>{answered}</methodResponse>");
    let head = format!("HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n", document.len());
    stream.write_all(&[head.as_bytes(), document.as_bytes()].concat()).await
}

async fn call(body: &str, scene: &Scene) -> Result<Value, (i32, String)> {
    let call = Element::parse(body).expect("a methodCall");
    let params = call.child("params").expect("params").children("param");
    let params: Vec<Value> = params.map(|param| xmlrpc::read(param.child("value").expect("value"))).collect();
    match (call.child("methodName").expect("methodName").text.as_str(), params.as_slice()) {
        ("catalog.search", [query, limit]) => Ok(search(scene, query.as_str().expect("words"), limit)),
        ("catalog.read", [id, offset, length]) => {
            let (offset, length) = (offset.as_u64().expect("an offset"), length.as_u64().expect("a length"));
            read(scene, id.as_str().expect("an id"), offset, length).await
        }
        (method, params) => panic!("{method} with {params:?}"),
    }
}

fn search(scene: &Scene, query: &str, limit: &Value) -> Value {
    let records = lock(&scene.records);
    let matching = records.iter().filter(|record| query.split(' ').all(|word| record.name.contains(word)));
    let entries = matching.take(limit.as_u64().expect("a limit") as usize).map(|record| {
        let mut entry = json!({ "entryId": record.id, "name": record.name, "size": record.data.len(), "tags": [] });
        if let Some(modified) = &record.modified {
            entry["modified"] = modified.as_str().into();
        }
        entry
    });
    json!({ "entries": entries.collect::<Vec<_>>() })
}

async fn read(scene: &Scene, id: &str, offset: u64, length: u64) -> Result<Value, (i32, String)> {
    if length > 0 {
        lock(&scene.reads).push((offset, length));
        let mut gate = scene.gate.subscribe();
        let _ = gate.wait_for(|held| offset < *held).await;
    }
    let found = lock(&scene.records).iter().find(|record| record.id == id).cloned();
    let record = found.ok_or_else(|| (404, format!("no entry {id}")))?;
    let mut size = record.data.len();
    let from = size.min(offset as usize);
    let mut data = record.data[from..size.min(from + length as usize)].to_vec();
    match *lock(&scene.conduct) {
        Conduct::Honest => {}
        Conduct::Short => drop(data.pop()),
        Conduct::Boastful => {
            size += 1000;
            data.resize(length as usize, 0);
        }
        Conduct::Broken => return Err((1, "the database is broken".to_owned())),
    }
    let eof = from + data.len() >= size;
    let data = base64_simd::STANDARD.encode_to_string(&data);
    Ok(json!({ "data": data, "offset": offset, "size": size, "eof": eof }))
}
