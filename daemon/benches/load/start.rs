//! From the first connection to the first token, with socket activation.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::stage::{Stage, request, settings};

const ROUNDS: usize = 21;

pub(crate) async fn run() {
    let stage = Stage::set(settings(), 1);
    let home = tempfile::tempdir().expect("a directory");
    let configuration = fs::read_to_string(stage.home.path().join("config.toml")).expect("a file");
    fs::write(home.path().join("config.toml"), configuration.replace("\"memory\"", "\"file\"")).expect("a file");
    let mut times = Vec::new();
    for round in 0..=ROUNDS {
        let socket = home.path().join("s");
        // One that an earlier round left is in the way.
        let _ = fs::remove_file(&socket);
        let daemon = Stage::command(&home, &stage.simulator);
        let mut activation = Command::new("systemd-socket-activate");
        activation.arg("--listen").arg(&socket).env_clear().stdin(Stdio::null());
        activation.stdout(Stdio::null()).stderr(Stdio::null());
        for (name, value) in daemon.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            let mut setting = name.to_os_string();
            setting.push("=");
            setting.push(value);
            activation.arg("--setenv").arg(setting);
        }
        let Ok(mut activated) = activation.arg(daemon.get_program()).args(["--log", "off"]).spawn() else {
            println!("not installed: systemd-socket-activate");
            return;
        };
        while !socket.exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // A moment until it listens.
        let mut stream = loop {
            match UnixStream::connect(&socket).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        let begin = Instant::now();
        // The first round signs in, and those that follow find the token in the store.
        stream.write_all(request("/v1/token?wait=60", "close").as_bytes()).await.expect("a daemon that reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        if round > 0 {
            times.push(begin.elapsed());
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        // It has become the daemon by now.
        let _ = activated.kill();
        let _ = activated.wait();
    }
    times.sort_unstable();
    println!(
        "start to first token, by socket activation: median {:.1} ms of {ROUNDS}, {:.1} to {:.1}",
        times[times.len() / 2].as_secs_f64() * 1e3,
        times[0].as_secs_f64() * 1e3,
        times[times.len() - 1].as_secs_f64() * 1e3
    );
}
