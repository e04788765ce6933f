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

    /// Its Content-Length, 0 when absent.
    pub fn length(&self) -> usize {
        self.header("content-length").parse().unwrap_or(0)
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
        let mut reply = self.begun_reply().await;
        let length = reply.length();
        while self.unread.len() < length {
            assert!(self.read_more().await, "closed within the body of {:?}", reply.head);
        }
        reply.body = self.unread.drain(..length).collect();
        reply
    }

    /// Reads the next answer's head only.
    pub async fn begun_reply(&mut self) -> RawReply {
        let end = loop {
            match self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => assert!(self.read_more().await, "closed before an answer: {:?}", self.unread_text()),
            }
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).expect("head is ASCII");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("status line");
        RawReply { status, head, body: Vec::new() }
    }

    /// Reads until the node closes the connection; answers what came.
    pub async fn until_closed(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes_until_closed().await).into_owned()
    }

    /// As [`Connection::until_closed`], for bytes that are no text.
    pub async fn bytes_until_closed(&mut self) -> Vec<u8> {
        while self.read_more().await {}
        std::mem::take(&mut self.unread)
    }

    fn unread_text(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// False at the end of the stream; a reset counts as one.
    async fn read_more(&mut self) -> bool {
        let mut buffer = vec![0; 64 << 10];
        let read = timeout(REPLY_LIMIT, self.stream.read(&mut buffer)).await;
        let count = read.expect("the node neither answers nor closes").unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..count]);
        count > 0
    }
}
