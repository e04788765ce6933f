//! A subscriber's callback: an HTTP server that takes, refuses or redirects what it is sent, and can be down.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::{Element, soap, xmlrpc};

/// What the callback does with what it is sent.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Takes it, as its path's binding does.
    Take,
    /// Answers HTTP 500.
    Fail,
    /// Answers HTTP 307 to this address.
    Redirect(String),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
    pub was_taken: bool,
}

/// The callback, at paths `/xmlrpc`, `/soap` and `/json`.
pub struct Receiver {
    address: SocketAddr,
    scene: Arc<Mutex<Scene>>,
    server: JoinHandle<()>,
}

struct Scene {
    manner: Manner,
    requests: Vec<Request>,
}

impl Receiver {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind the callback");
        let address = listener.local_addr().expect("its address");
        let scene = Arc::new(Mutex::new(Scene { manner, requests: Vec::new() }));
        let server = tokio::spawn(serve(listener, scene.clone()));
        Self { address, scene, server }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn set(&self, manner: Manner) {
        self.scene.lock().expect("scene").manner = manner;
    }

    /// Closes the listener, so that connections are refused.
    pub async fn down(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    /// Listens at the same address again.
    pub async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("bind the callback again");
        self.server = tokio::spawn(serve(listener, self.scene.clone()));
    }

    /// All that came to a path.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        let scene = self.scene.lock().expect("scene");
        let of_path = scene.requests.iter().filter(|request| request.head.contains(&format!(" {path} ")));
        of_path.cloned().collect()
    }

    /// The events that were taken at a path, in the order in which they came, with their subscription.
    pub fn events(&self, path: &str) -> Vec<(String, Value)> {
        let taken = self.requests(path).into_iter().filter(|request| request.was_taken);
        taken.flat_map(|request| events_of(path, &request.body)).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One connection after the other, each with one request.
async fn serve(listener: TcpListener, scene: Arc<Mutex<Scene>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // A caller that went away in the middle is none of the callback's business.
        let _ = answer(stream, &scene).await;
    }
}

async fn answer(mut stream: TcpStream, scene: &Mutex<Scene>) -> std::io::Result<()> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let length = head.lines().filter_map(|line| line.split_once(':'));
    let mut length =
        length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim());
    let length: usize = length.next_back().and_then(|length| length.parse().ok()).unwrap_or(0);
    while read.len() < end + length {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
    let body = String::from_utf8(read[end..].to_vec()).expect("the call is UTF-8");
    let manner = scene.lock().expect("scene").manner.clone();
    let (status, answer) = match &manner {
        Manner::Take => ("200 OK", acknowledgement(&head)),
        Manner::Fail => ("500 Broken", String::new()),
        Manner::Redirect(to) => (&*format!("307 Elsewhere\r\nLocation: {to}"), String::new()),
    };
    let was_taken = matches!(manner, Manner::Take);
    scene.lock().expect("scene").requests.push(Request { head, body, was_taken });
    let length = answer.len();
    let reply = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}");
    stream.write_all(reply.as_bytes()).await
}

/// What a callback of the path's binding answers.
fn acknowledgement(head: &str) -> String {
    if head.contains(" /xmlrpc ") {
        let done = "<struct><member><name>done</name><value><boolean>1</boolean></value></member></struct>";
        return format!(
            "<?xml version=\"1.0\"?><methodResponse><params><param><value>{done}</value></param></params></methodResponse>"
        );
    }
    if head.contains(" /soap ") {
        let answer = "<NotifyEventsResponse><result><done>true</done></result></NotifyEventsResponse>";
        return soap::envelope(super::Binding::Soap11, answer);
    }
    "{\"done\":true}".to_owned()
}

fn events_of(path: &str, body: &str) -> Vec<(String, Value)> {
    let (subscription, events) = match path {
        "/xmlrpc" => {
            let call = Element::parse(body).expect("a methodCall");
            assert_eq!(call.child("methodName").expect("methodName").text, "notify.events");
            let parameters = call.child("params").expect("params").children("param");
            let values: Vec<_> = parameters.map(|param| xmlrpc::read(param.child("value").expect("value"))).collect();
            let [subscription, events] = values.as_slice() else { panic!("two parameters by position: {body}") };
            (subscription.clone(), events.clone())
        }
        "/soap" => {
            let envelope = Element::parse(body).expect("an envelope");
            let call = envelope.at(&["Body", "NotifyEvents"]).expect("NotifyEvents");
            assert_eq!(call.namespace, soap::NAMESPACE);
            let text = |element: &Element, name: &str| element.child(name).expect("a field").text.clone();
            let event = |event: &Element| {
                let sequence: u64 = text(event, "sequence").parse().expect("a number");
                json!({
                    "sequence": sequence, "topic": text(event, "topic"), "time": text(event, "time"),
                    "subject": text(event, "subject"), "detail": text(event, "detail"),
                })
            };
            (text(call, "subscriptionId").into(), call.children("events").map(event).collect())
        }
        _ => {
            let record: Value = serde_json::from_str(body).expect("a record");
            (record["subscriptionId"].clone(), record["events"].clone())
        }
    };
    let subscription = subscription.as_str().expect("subscriptionId").to_owned();
    events.as_array().expect("events").iter().map(|event| (subscription.clone(), event.clone())).collect()
}
