//! Other programs of the same user, which guess, lie, repeat, and keep connections open, all at the same time.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use fastrand::Rng;
use ssoctl_protocol::Secret;
use ssoctld::callback::SignInEnd;
use test_support::speed::{number, seed};
use test_support::waiting::{PATIENCE, in_time, until_so};

use super::{CODE, Flow, STATE, callback, get, request};

/// The number of hostile programs.
const PROGRAMS: u64 = 4;
/// The number of requests that each has sent before the browser comes, in a quick run, and if all tests run.
const REQUESTS: [u64; 2] = [200, 1000];
/// The number of requests that each sends at the same time.
const BURST: u64 = 20;
/// The number of connections that each leaves open with half a request, or none, on them.
const LEFT_OPEN: usize = 100;

struct Hostile {
    sent: Arc<AtomicU64>,
    /// What the browser sends, once that has come: a program that watches the screen could know it.
    overheard: Arc<Mutex<Option<String>>>,
    stop: Arc<AtomicBool>,
    programs: Vec<JoinHandle<Vec<String>>>,
}

impl Hostile {
    fn start(port: u16) -> Self {
        let (sent, overheard, stop) =
            (Arc::<AtomicU64>::default(), Arc::<Mutex<Option<String>>>::default(), Arc::<AtomicBool>::default());
        let seed = seed();
        let programs = (0..PROGRAMS).map(|program| {
            let (sent, overheard, stop) = (Arc::clone(&sent), Arc::clone(&overheard), Arc::clone(&stop));
            thread::spawn(move || {
                let mut rng = Rng::with_seed(seed.wrapping_add(program));
                let (mut answers, mut open) = (Vec::new(), Vec::new());
                while !stop.load(Ordering::SeqCst) {
                    let overheard = overheard.lock().unwrap().clone();
                    answers.extend(burst(&mut rng, port, overheard.as_deref(), &mut open));
                    sent.fetch_add(BURST, Ordering::SeqCst);
                }
                answers
            })
        });
        let programs = programs.collect();
        Self { sent, overheard, stop, programs }
    }

    /// Waits until the programs have sent this many further requests.
    async fn have_sent(&self, count: u64) {
        let enough = self.sent.load(Ordering::SeqCst) + count;
        until_so("enough requests were sent", async || self.sent.load(Ordering::SeqCst) >= enough).await;
    }

    /// The first line of each answer.
    fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.programs.into_iter().flat_map(|program| program.join().unwrap()).collect()
    }
}

/// Sends many requests at the same time, some by halves; the first line of each answer.
fn burst(rng: &mut Rng, port: u16, overheard: Option<&str>, open: &mut Vec<TcpStream>) -> Vec<String> {
    let begun: Vec<_> = (0..BURST).filter_map(|_| begin(rng, port, overheard, open)).collect();
    let first_line = |mut stream: TcpStream| {
        let mut answer = Vec::new();
        // A connection that is reset may have had its answer.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).lines().next().map(str::to_owned)
    };
    begun.into_iter().filter_map(first_line).collect()
}

/// Sends one request, or a part of one; the connection, if an answer is due.
fn begin(rng: &mut Rng, port: u16, overheard: Option<&str>, open: &mut Vec<TcpStream>) -> Option<TcpStream> {
    let text = text(rng, port, overheard);
    // The port may be closed already, or the connection cut off.
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    match rng.u8(..8) {
        0..3 => {
            stream.write_all(&text.as_bytes()[..rng.usize(..text.len().min(60))]).ok()?;
            if open.len() == LEFT_OPEN {
                open.swap_remove(rng.usize(..LEFT_OPEN));
            }
            open.push(stream);
            None
        }
        // It does not wait for the answer.
        3 => stream.write_all(text.as_bytes()).ok().and(None),
        _ => {
            stream.write_all(text.as_bytes()).ok()?;
            stream.shutdown(Shutdown::Write).ok()?;
            Some(stream)
        }
    }
}

/// A request that must not count. Only a replay knows the state, and it brings another code.
fn text(rng: &mut Rng, port: u16, overheard: Option<&str>) -> String {
    let guess: String = (0..64).map(|_| char::from_digit(rng.u32(..16), 16).unwrap()).collect();
    let guessed = format!("/oauth/callback?code=theirs&state={guess}");
    let replayed = overheard.map_or_else(|| guessed.clone(), |target| target.replace(CODE, "theirs"));
    match rng.u8(..10) {
        0 => request(port, &guessed, ""),
        1 => request(port, &format!("/oauth/callback?error=access_denied&state={guess}"), ""),
        2 => request(port, &format!("/oauth/result/{}", &guess[..32]), ""),
        3 => request(port, &format!("/{guess}"), ""),
        4 => request(port, &replayed, "Sec-Fetch-Dest: image\r\n"),
        5 => request(1, &replayed, ""),
        6 => request(port, &replayed, "").replace("GET", "POST"),
        7 => request(port, &replayed, &format!("X: {}\r\n", "x".repeat(rng.usize(..100_000)))),
        8 => (0..rng.usize(1..300)).map(|_| char::from(rng.u8(..128))).collect(),
        _ => request(port, &replayed, ""),
    }
}

#[tokio::test]
async fn the_browser_gets_through_a_flood_of_guesses_halves_and_replays_and_one_code_comes_out() {
    let mut flow = Flow::start();
    let port = flow.listener.port();
    let hostile = Hostile::start(port);
    let browser = async {
        hostile.have_sent(PROGRAMS * number("SSOCTL_CALLBACK_REQUESTS", REQUESTS[0], REQUESTS[1])).await;
        let answer = get(port, &callback()).await;
        *hostile.overheard.lock().unwrap() = Some(callback());
        answer
    };
    let (code, answer) = tokio::join!(flow.code(), browser);
    assert_eq!(code, Ok(Secret::from(CODE)));
    let state = Secret::from(STATE);
    tokio::select! {
        biased;
        second = flow.listener.code(&state) => panic!("a second code: {second:?}"),
        () = tokio::task::yield_now() => {}
    }
    let finish = in_time("the page was fetched", flow.listener.finish(&SignInEnd::SignedIn));
    let (page, ()) = tokio::join!(get(port, &answer.location()), finish);
    assert!(page.body.contains("<h1>Signed in</h1>"), "{page:?}");
    let answers = hostile.end();
    let is_expected = |line: &String| {
        // A replay leads to the page, as a browser that lost the answer sends its request once more.
        ["303", "400", "403", "404", "405", "421", "431"].iter().any(|status| line.contains(status))
    };
    assert!(answers.len() > 100 && answers.iter().all(is_expected), "{answers:?}");
}
