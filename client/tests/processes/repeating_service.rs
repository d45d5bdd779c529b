//! A service that repeats in its error texts what it was sent: the secrets of a call reach neither log, terminal nor status.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use identity_center_simulator::Settings;

use test_support::Stage;
use test_support::stage::CORP;

/// Stands before the simulator. While it repeats, it refuses every call with all that it was sent.
struct Front {
    url: String,
    repeats: Arc<AtomicBool>,
}

impl Front {
    fn before(url: &str) -> Self {
        let service: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let repeats = Arc::new(AtomicBool::new(false));
        let front = Self { url: format!("http://{}", listener.local_addr().unwrap()), repeats: Arc::clone(&repeats) };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let repeats = repeats.load(Ordering::SeqCst);
                // A caller that has gone needs no answer.
                thread::spawn(move || drop(if repeats { repeat(stream) } else { pass_on(stream, service) }));
            }
        });
        front
    }
}

/// Reads a request: its head without the last empty line, and its body.
fn request(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).trim_end().to_owned();
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}

fn repeat(mut stream: TcpStream) -> std::io::Result<()> {
    let (head, body) = request(&mut stream)?;
    let said = format!("you sent {head} {}", String::from_utf8_lossy(&body));
    let answer =
        serde_json::json!({"error": "StrangeException", "error_description": said, "message": said}).to_string();
    write!(
        stream,
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )
}

fn pass_on(mut stream: TcpStream, service: SocketAddr) -> std::io::Result<()> {
    let (head, body) = request(&mut stream)?;
    let mut service = TcpStream::connect(service)?;
    service.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())?;
    service.write_all(&body)?;
    std::io::copy(&mut service, &mut stream).map(drop)
}

#[test]
fn tokens_and_client_secrets_that_a_service_repeats_are_shown_nowhere() {
    let stage = Stage::without_daemon(Settings::default(), CORP);
    let front = Front::before(&stage.identity_center.url());
    stage.start_daemon_at(&front.url);
    stage.sign_in("corp");
    front.repeats.store(true, Ordering::SeqCst);
    let listing = stage.run(["accounts"]);
    assert!(listing.code != Some(0) && listing.stderr.contains("[removed]"), "{listing:?}");
    let secrets = stage.identity_center.secrets();
    assert!(secrets.len() >= 4, "client secret, device code and tokens");
    for verb in [
        &["token", "--min-valid", "59m 59s"][..],
        &["accounts", "--json"],
        &["credential-process", "--account", "111122223333", "--role", "ReadOnlyAccess"],
        &["login", "--no-browser"],
        &["status"],
        &["status", "--json"],
        &["doctor"],
        &["logout"],
        &["status", "--json"],
    ] {
        let outcome = stage.run(verb);
        // A token that works is what `token` is for.
        let is_said = secrets.iter().any(|secret| outcome.stdout.contains(secret));
        assert!(!is_said || (verb[0] == "token" && outcome.code == Some(0)), "{verb:?}: {outcome:?}");
    }
    let log = std::fs::read_to_string(stage.log()).unwrap();
    // All of it, and the standard errors of the clients, are searched for secrets at the end of the stage.
    assert!(log.contains("[removed]"), "what the service said of it is in the log");
}
