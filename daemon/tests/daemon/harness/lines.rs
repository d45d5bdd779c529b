//! The lines of `GET /v1/events`.

use std::path::Path;
use std::sync::{Arc, Mutex};

use ssoctl_protocol::event::{Watched, Watching};
use ssoctl_protocol::{Event, EventKind};
use test_support::document;
use test_support::waiting::in_time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::Harness;

/// A connection on which events come.
pub(crate) struct Lines {
    stream: UnixStream,
    /// What has come and is not decoded yet.
    received: Vec<u8>,
    /// What is decoded and is not a whole line yet.
    text: Vec<u8>,
    watching: Watching,
    /// Gets each line.
    said: Arc<Mutex<String>>,
}

impl Lines {
    /// Asks for events with this query.
    pub(crate) async fn open(socket: &Path, query: &str) -> Self {
        Self::told_to(Arc::default(), socket, query).await
    }

    async fn told_to(said: Arc<Mutex<String>>, socket: &Path, query: &str) -> Self {
        let mut stream = UnixStream::connect(socket).await.expect("a daemon");
        let request = format!("GET /v1/events?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("a daemon that reads");
        let mut watching = Watching::default();
        watching.begin();
        let mut lines = Self { stream, received: Vec::new(), text: Vec::new(), watching, said };
        let head = lines.until(b"\r\n\r\n").await.expect("an answer");
        let head = String::from_utf8(head).expect("a head").to_lowercase();
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        for field in ["content-type: application/jsonl", "transfer-encoding: chunked", "connection: close"] {
            assert!(head.contains(field), "no {field} in {head}");
        }
        lines
    }

    /// Takes what has come up to this mark and with it; `None` if the connection ends before.
    async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.received.windows(mark.len()).position(|window| window == mark) {
                return Some(self.received.drain(..at + mark.len()).collect());
            }
            self.receive().await?;
        }
    }

    async fn receive(&mut self) -> Option<()> {
        let count = self.stream.read_buf(&mut self.received).await.unwrap_or_default();
        (count > 0).then_some(())
    }

    /// Takes one chunk in; `None` after the last one, or if the connection ends.
    async fn chunk(&mut self) -> Option<()> {
        let head = self.until(b"\r\n").await?;
        let size = str::from_utf8(&head[..head.len() - 2]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        while self.received.len() < size + 2 {
            self.receive().await?;
        }
        let chunk: Vec<u8> = self.received.drain(..size + 2).collect();
        self.text.extend_from_slice(&chunk[..size]);
        (size > 0).then_some(())
    }

    /// The next line; `None` if there is no further one. Each is compared with the document.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        in_time("a line comes", self.line()).await
    }

    async fn line(&mut self) -> Option<Event> {
        let end = loop {
            match self.text.iter().position(|byte| *byte == b'\n') {
                Some(end) => break end,
                None => self.chunk().await?,
            }
        };
        let line: Vec<u8> = self.text.drain(..=end).collect();
        self.said.lock().expect("no panic").push_str(str::from_utf8(&line).expect("text"));
        let value = serde_json::from_slice(&line).expect("JSON");
        document::check("Event", &value).unwrap_or_else(|why| panic!("the document does not have {value}: {why}"));
        let event: Event = serde_json::from_value(value).expect("an event");
        self.watching.take(event.clone());
        Some(event)
    }

    /// The kinds of the lines up to the first one of this kind, and that line.
    pub(crate) async fn up_to(&mut self, kind: EventKind) -> (Vec<&'static str>, Event) {
        let mut kinds = Vec::new();
        loop {
            let event = self.next().await.expect("a line");
            kinds.push(event.kind.as_str());
            if event.kind == kind {
                return (kinds, event);
            }
        }
    }

    /// The state that the lines give so far.
    pub(crate) fn state(&self) -> &Watched {
        self.watching.state()
    }

    /// Takes lines in until the state is like this.
    pub(crate) async fn until_state(&mut self, is_it: impl Fn(&Watched) -> bool) {
        while !is_it(self.state()) {
            self.next().await.expect("a line");
        }
    }

    /// Takes everything in that is told at first, and returns the last line.
    pub(crate) async fn current(&mut self) -> Event {
        self.up_to(EventKind::Current).await.1
    }
}

impl Harness {
    pub(crate) async fn watch(&self, query: &str) -> Lines {
        Lines::told_to(Arc::clone(&self.said), &self.socket(), query).await
    }
}
