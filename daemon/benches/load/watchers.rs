//! Two hundred watchers, one of which does not read, while sessions change and while nothing happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use identity_center_simulator::{Approval, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use crate::figures::each;
use crate::stage::{Stage, request, settings};

const WATCHERS: usize = 200;
const SESSIONS: usize = 100;
/// Connections of the sign-ins end by themselves after a while, and so do unused threads.
const SETTLING: Duration = Duration::from_secs(100);
const QUIET: Duration = Duration::from_secs(30);

pub(crate) async fn run() {
    let stage = Stage::set(Settings { approval: Approval::Manual, ..settings() }, SESSIONS);
    // Once all have read the store.
    while stage.ask("/v1/sessions").await.contains("\"loading\"") {}
    // One that watches already, so that what is measured is the further ones.
    let first = Watcher::open(&stage).await;
    let resident = stage.process().resident();
    let mut watchers = Vec::new();
    for _ in 1..WATCHERS - 1 {
        watchers.push(Watcher::open(&stage).await);
    }
    let mut slow = UnixStream::connect(stage.socket()).await.expect("a daemon");
    slow.write_all(request("/v1/events", "close").as_bytes()).await.expect("a daemon that reads");
    let told = first.told_by(watchers.iter()).await;
    let more = stage.process().resident() - resident;
    println!(
        "{WATCHERS} watchers of {SESSIONS} sessions have been told {told} lines each: {:.1} KiB each",
        more as f64 / (WATCHERS - 1) as f64
    );
    let (cpu, begin) = (stage.process().cpu(), Instant::now());
    for session in 0..SESSIONS {
        for method in ["POST", "DELETE"] {
            stage.send(method, &format!("/v1/sessions/s{session}/login")).await;
        }
    }
    let alone = stage.process().cpu() - cpu;
    let all = first.told_by(watchers.iter()).await;
    println!(
        "{} changes reach all of them {:.2} s after the first, {} of the processor for each line and watcher",
        all - told,
        begin.elapsed().as_secs_f64(),
        each(stage.process().cpu() - cpu, (all - told) * WATCHERS)
    );
    println!("resident with a watcher that does not read: {} KiB, {resident} before", stage.process().resident());
    let begin = Instant::now();
    stage.ask("/v1/sessions").await;
    println!(
        "somebody else is answered in {:.2} ms ({:.0} ms of the processor for the changes)",
        begin.elapsed().as_secs_f64() * 1e3,
        alone.as_secs_f64() * 1e3
    );
    tokio::time::sleep(SETTLING).await;
    let (sleeps, cpu) = (stage.process().sleeps(), stage.process().cpu());
    tokio::time::sleep(QUIET).await;
    println!(
        "idle for {} s with all watchers: {} wake-ups, {:.0} µs of the processor",
        QUIET.as_secs(),
        stage.process().sleeps() - sleeps,
        (stage.process().cpu() - cpu).as_secs_f64() * 1e6
    );
    let mut missed = String::new();
    // A daemon that has cut it off has also said what was in the socket.
    let _ = tokio::time::timeout(Duration::from_secs(1), slow.read_to_string(&mut missed)).await;
    println!("the one that does not read was told {} lines, and then cut off", missed.matches("\"seq\":").count());
    drop((first, watchers));
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("resident without watchers: {} KiB", stage.process().resident());
}

/// A watcher that reads, and counts its lines.
struct Watcher {
    lines: Arc<AtomicUsize>,
    reading: JoinHandle<()>,
}

impl Watcher {
    async fn open(stage: &Stage) -> Self {
        let mut stream = UnixStream::connect(stage.socket()).await.expect("a daemon");
        stream.write_all(request("/v1/events", "close").as_bytes()).await.expect("a daemon that reads");
        let lines = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&lines);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                // A line ends with one, and so does each chunk and its size.
                let ends = buffer[..length].windows(2).filter(|pair| pair == b"}\n").count();
                count.fetch_add(ends, Ordering::Relaxed);
            }
        });
        Self { lines, reading }
    }

    fn count(&self) -> usize {
        self.lines.load(Ordering::Relaxed)
    }

    /// Waits until this one and the others have been told the same number of lines, and no more come.
    async fn told_by(&self, others: impl Iterator<Item = &Self> + Clone) -> usize {
        loop {
            let count = self.count();
            tokio::time::sleep(Duration::from_millis(20)).await;
            if count > 0 && self.count() == count && others.clone().all(|other| other.count() == count) {
                return count;
            }
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
