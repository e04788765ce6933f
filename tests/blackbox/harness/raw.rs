//! HTTP spoken by hand, for what no client library sends: broken heads, halves of requests, old versions.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::Node;

/// How long the node may take over one answer, or over closing a connection.
const REPLY_LIMIT: Duration = Duration::from_secs(20);

/// One TCP connection to a node's HTTP listener.
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// One answer, its head as text and its body by Content-Length.
#[derive(Debug)]
pub struct RawReply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl RawReply {
    /// A header's value, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
    }
}

impl Connection {
    pub async fn to(node: &Node) -> Self {
        let stream = TcpStream::connect(node.api.authority()).await.expect("connect to the node");
        Self { stream, unread: Vec::new() }
    }

    /// Sends bytes; a peer that has closed already is not an error here, the answer tells.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads the next answer's head and its body by Content-Length (1xx answers have none).
    pub async fn reply(&mut self) -> RawReply {
        let end = loop {
            match self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => assert!(self.read_more().await, "closed before an answer: {:?}", self.unread_text()),
            }
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).expect("head is ASCII");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("status line");
        let mut reply = RawReply { status, head, body: Vec::new() };
        let length = reply.header("content-length").parse().unwrap_or(0);
        while self.unread.len() < length {
            assert!(self.read_more().await, "closed within the body of {reply:?}");
        }
        reply.body = self.unread.drain(..length).collect();
        reply
    }

    /// Reads until the node closes the connection; answers what came.
    pub async fn until_closed(&mut self) -> String {
        while self.read_more().await {}
        self.unread_text()
    }

    fn unread_text(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// False at the end of the stream; a reset counts as one.
    async fn read_more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let read = timeout(REPLY_LIMIT, self.stream.read(&mut buffer)).await;
        let count = read.expect("the node neither answers nor closes").unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..count]);
        count > 0
    }
}
