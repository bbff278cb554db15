//! The client's side: requests as one caller, replies, server-sent events, and raw bytes where a client library would
//! hide what is tested.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// One caller with one token, or with none.
pub struct Caller {
    client: reqwest::Client,
    address: String,
    token: Option<String>,
}

/// A whole reply.
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.body))
    }

    /// A header's value, empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// Checks that this is a problem with this status; about `field`, where one is given.
    pub fn assert_problem(&self, what: &str, status: u16, field: Option<&str>) {
        assert_eq!(self.status, status, "{what}: {}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json", "{what}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{what}");
        assert!(
            problem["type"]
                .as_str()
                .unwrap_or("")
                .starts_with("urn:chartlight:problem:"),
            "{what}: {problem}"
        );
        assert!(
            !problem["detail"].as_str().unwrap_or("").is_empty(),
            "{what}: {problem}"
        );
        if let Some(field) = field {
            assert_eq!(problem["field"], field, "{what}: {problem}");
        }
    }
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct SentEvent {
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
}

/// A stream of events that is read as it arrives.
pub struct LiveEvents {
    response: reqwest::Response,
    unread: Vec<u8>,
}

impl LiveEvents {
    /// The next event; `None` after the last one.
    pub async fn next(&mut self) -> Option<SentEvent> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.unread.drain(..end + 2).collect();
                if let Some(event) = event(std::str::from_utf8(&frame).unwrap()) {
                    return Some(event);
                }
            }
            self.unread.extend_from_slice(&self.response.chunk().await.unwrap()?);
        }
    }

    /// Reads until an event with this name; it is an error if none comes.
    pub async fn until(&mut self, name: &str) -> SentEvent {
        loop {
            let event = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the stream ended before the event {name}"));
            if event.name == name {
                return event;
            }
        }
    }

    /// Reads until the first block of this kind.
    pub async fn until_block(&mut self, kind: &str) -> SentEvent {
        loop {
            let event = self.until("block").await;
            if event.data["kind"] == kind {
                return event;
            }
        }
    }

    /// All events that are left.
    pub async fn rest(mut self) -> Vec<SentEvent> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

/// One frame; comments are no events.
fn event(frame: &str) -> Option<SentEvent> {
    let value = |name: &str| {
        frame
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let data = value("data")?;
    Some(SentEvent {
        name: value("event")?.to_owned(),
        data: serde_json::from_str(data).unwrap_or_else(|error| panic!("event data is not JSON ({error}): {data}")),
    })
}

impl Caller {
    pub(super) fn new(client: reqwest::Client, address: String, token: Option<String>) -> Self {
        Self { client, address, token }
    }

    /// A request with this caller's token.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it and reads the whole reply.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = String::from_utf8(response.bytes().await.unwrap().to_vec()).unwrap();
        Reply { status, headers, body }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// POST with any body.
    pub async fn post_bytes(&self, path: &str, content_type: &str, body: Vec<u8>) -> Reply {
        self.send(
            self.request(Method::POST, path)
                .header("content-type", content_type)
                .body(body),
        )
        .await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Puts a chart.
    pub async fn put_chart(&self, patient: &str, bundle: Vec<u8>) -> Reply {
        let request = self.request(Method::PUT, &format!("/v1/patients/{patient}/chart"));
        self.send(request.header("content-type", "application/fhir+json").body(bundle))
            .await
    }

    /// Begins a conversation and returns its id.
    pub async fn begin(&self) -> String {
        let reply = self.post("/v1/conversations", &json!({})).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// Asks for an answer as JSON.
    pub async fn ask(&self, conversation: &str, question: &str) -> Reply {
        self.post(&messages(conversation), &json!({ "question": question }))
            .await
    }

    /// Asks in a new conversation and returns the answer.
    pub async fn answer(&self, question: &str) -> Value {
        let reply = self.ask(&self.begin().await, question).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()["answer"].clone()
    }

    /// Asks for an answer as events, read as they arrive.
    pub async fn ask_live(&self, conversation: &str, question: &str) -> LiveEvents {
        let request = self
            .request(Method::POST, &messages(conversation))
            .header("accept", "text/event-stream");
        let response = request.json(&json!({ "question": question })).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let kind = response
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("");
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        LiveEvents {
            response,
            unread: Vec::new(),
        }
    }

    /// Sends only a request's head that announces a body of `length` bytes, then `body`, and returns what the server says
    /// to that. With `cut` the sending side is closed afterwards.
    pub async fn raw(&self, head: &str, length: usize, body: &[u8], cut: bool) -> Raw {
        let address = self.address.trim_start_matches("http://").to_owned();
        let authorization = self
            .token
            .as_ref()
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let head = format!("{head}\r\nHost: test\r\n{authorization}Content-Length: {length}\r\n\r\n");
        let bytes = [head.as_bytes(), body].concat();
        tokio::task::spawn_blocking(move || exchange(&address, &bytes, cut))
            .await
            .unwrap()
    }
}

/// The path of a conversation's messages.
pub fn messages(conversation: &str) -> String {
    format!("/v1/conversations/{conversation}/messages")
}

/// What came back over a bare connection; status 0 where the server only closed it.
pub struct Raw {
    /// HTTP status.
    pub status: u16,
    /// Head and as much of the body as its length announced.
    pub text: String,
}

fn exchange(address: &str, bytes: &[u8], cut: bool) -> Raw {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    if cut {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut read = Vec::new();
    let mut byte = [0u8; 1];
    while !is_whole(&read) && matches!(stream.read(&mut byte), Ok(1)) {
        read.extend_from_slice(&byte);
    }
    let text = String::from_utf8(read).unwrap();
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0);
    Raw { status, text }
}

fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0usize)
}
