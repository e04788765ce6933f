//! A server for tests that answers over real sockets exactly the bytes it was told, however odd they are.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What it does with one request.
pub struct Canned {
    /// What is sent, head and all.
    pub bytes: Vec<u8>,
    /// What happens to the connection behind it.
    pub then: Then,
}

/// The end of an answer.
#[derive(Clone, Copy)]
pub enum Then {
    /// The next request is read.
    Keep,
    /// The connection is closed.
    Close,
    /// Nothing more is sent, and nothing is closed.
    Hang,
}

impl Canned {
    /// An answer with these lines as its head, behind which the length and the body come.
    pub fn answer(head: &str, body: &[u8]) -> Self {
        let head = format!("{}\r\nContent-Length: {}\r\n\r\n", head.trim_end(), body.len());
        Self { bytes: [head.as_bytes(), body].concat(), then: Then::Keep }
    }

    /// These bytes, and the end of the connection.
    pub fn closed(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::Close }
    }

    /// These bytes, and then silence.
    pub fn silent(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::Hang }
    }
}

/// A running server.
pub struct Server {
    /// `http://127.0.0.1:port`.
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Answers each request, head and body as one text, with what `answer` makes of it.
    pub async fn start(answer: impl Fn(&str) -> Canned + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answer, requests) = (Arc::new(answer), Arc::new(Mutex::new(Vec::new())));
        let seen = requests.clone();
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, answer.clone(), seen.clone()));
            }
        });
        Self { url, requests, task }
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<impl Fn(&str) -> Canned>, seen: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = read(&mut stream).await {
        seen.lock().unwrap().push(request.clone());
        let canned = answer(&request);
        if stream.write_all(&canned.bytes).await.is_err() {
            return;
        }
        match canned.then {
            Then::Keep => {}
            Then::Close => return,
            Then::Hang => std::future::pending().await,
        }
    }
}

/// The next request; its body is as long as its head says.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}
