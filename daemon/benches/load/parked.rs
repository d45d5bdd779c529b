//! Ten thousand callers wait for one sign-in, and are all answered.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use identity_center_simulator::{Approval, Operation, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::figures::each;
use crate::stage::{Stage, request, settings};

const CALLERS: usize = 10_000;
/// Memory is given back a moment after connections have ended.
const SETTLING: Duration = Duration::from_secs(10);

pub(crate) async fn run() {
    let stage = Stage::set(Settings { approval: Approval::Manual, ..settings() }, 1);
    // One that waits already, so that what is measured is the further ones.
    let mut parked = vec![park(&stage).await];
    let pending = stage.simulator.next_pending().await;
    let (resident, cpu, begin) = (stage.process().resident(), stage.process().cpu(), Instant::now());
    for _ in 1..CALLERS {
        parked.push(park(&stage).await);
    }
    // Answered after all that came before.
    stage.ask("/v1/health").await;
    let (more, took) = (stage.process().resident() - resident, begin.elapsed());
    println!(
        "{CALLERS} callers wait: {:.1} KiB each, {} of the processor each to come, in {:.1} s",
        more as f64 / CALLERS as f64,
        each(stage.process().cpu() - cpu, CALLERS),
        took.as_secs_f64()
    );
    let others = Instant::now();
    stage.ask("/v1/sessions").await;
    println!("somebody else is answered meanwhile in {:.2} ms", others.elapsed().as_secs_f64() * 1e3);
    let (cpu, begin) = (stage.process().cpu(), Instant::now());
    stage.simulator.approve(&pending.user_code).expect("a pending code");
    let mut first = Duration::ZERO;
    for (number, stream) in parked.iter_mut().enumerate() {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        if number == 0 {
            first = begin.elapsed();
        }
    }
    println!(
        "all answered {:.2} s after the first one, {} of the processor each; CreateToken brought one token in {} calls",
        (begin.elapsed() - first).as_secs_f64(),
        each(stage.process().cpu() - cpu, CALLERS),
        stage.simulator.calls(Operation::CreateToken)
    );
    println!("resident when they are answered: {} KiB", stage.process().resident());
    drop(parked);
    tokio::time::sleep(SETTLING).await;
    println!("resident afterwards: {} KiB, {resident} before", stage.process().resident());
}

async fn park(stage: &Stage) -> UnixStream {
    let mut stream = loop {
        match UnixStream::connect(stage.socket()).await {
            Ok(stream) => break stream,
            // The queue is full for a moment.
            Err(error) if error.kind() == ErrorKind::WouldBlock => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(error) => panic!("no connection: {error}"),
        }
    };
    stream.write_all(request("/v1/token?wait=3600", "close").as_bytes()).await.expect("a daemon that reads");
    stream
}
