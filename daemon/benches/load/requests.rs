//! Tokens from memory, over connections that are kept and over new ones.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::figures::{Process, each};
use crate::rivals;
use crate::stage::{Stage, request, settings};

const KEPT_ALIVE: usize = 200_000;
const CONNECTIONS: usize = 16;
const NEW: usize = 20_000;

/// The number of answered requests, their time, and the processor time of the daemon.
struct Run {
    count: usize,
    took: Duration,
    cpu: Duration,
}

impl Run {
    fn print(&self, what: &str) {
        println!(
            "{what}: {:.0} requests a second, {} of the processor each",
            self.count as f64 / self.took.as_secs_f64(),
            each(self.cpu, self.count)
        );
    }
}

pub(crate) async fn run() {
    let stage = Stage::set(settings(), 1);
    stage.sign_in(1).await;
    let kept = measured(stage.process(), KEPT_ALIVE, kept_alive(&stage)).await;
    kept.print(&format!("ssoctld, {CONNECTIONS} connections that are kept"));
    let new = measured(stage.process(), NEW, new_connections(&stage)).await;
    new.print("ssoctld, a connection each");
    println!("ssoctld resident afterwards: {} KiB", stage.process().resident());
    for rival in rivals::installed(stage.home.path()) {
        let run = measured(rival.process(), rival.requests, rival.ask()).await;
        run.print(rival.name);
        println!(
            "  ssoctld's time of the processor is {:.2} of that",
            (new.cpu.as_secs_f64() / new.count as f64) / (run.cpu.as_secs_f64() / run.count as f64)
        );
    }
}

async fn measured(process: Process, count: usize, work: impl Future<Output = ()>) -> Run {
    let (begin, cpu) = (Instant::now(), process.cpu());
    work.await;
    Run { count, took: begin.elapsed(), cpu: process.cpu() - cpu }
}

async fn kept_alive(stage: &Stage) {
    // The answer is the same each time, so its length is.
    let length = stage.ask("/v1/token").await.len() - "connection: close\r\n".len();
    let asking: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let socket = stage.socket();
            tokio::spawn(async move {
                let mut stream = UnixStream::connect(socket).await.expect("a daemon");
                let (request, mut answer) = (request("/v1/token", "keep-alive"), vec![0; length]);
                for _ in 0..KEPT_ALIVE / CONNECTIONS {
                    stream.write_all(request.as_bytes()).await.expect("a daemon that reads");
                    stream.read_exact(&mut answer).await.expect("a daemon that answers");
                }
                assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"}"), "a whole token");
            })
        })
        .collect();
    for asked in asking {
        asked.await.expect("tokens");
    }
}

async fn new_connections(stage: &Stage) {
    for _ in 0..NEW {
        let answer = stage.ask("/v1/token").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}
