//! Requests that are random, mutated, and sent by halves.

use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use test_support::speed::{number, seed};
use test_support::waiting::in_time;

use super::Victim;
use crate::foreign_bytes::mutated;
use crate::harness::exchange;

/// The number of requests in a quick run, and if all tests run; `SSOCTL_HOSTILE_REQUESTS` sets another number.
const REQUESTS: [u64; 2] = [4000, 20_000];
/// The number of clients that send them.
const CLIENTS: u64 = 8;
/// The number of connections that each client leaves open with half a request on them.
const LEFT_OPEN: usize = 16;
/// The largest growth of the memory in use.
const GROWTH: u64 = 2 << 20;

/// The requests that are mutated: some routes, in the forms that clients use.
const SOUND: &[&str] = &[
    "GET /v1/token HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /v1/token?session=corp&min_valid=60&wait=1 HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n",
    "GET /v1/token?start_url=https%3A%2F%2Fcorp.awsapps.com%2Fstart HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "GET /v1/sessions/corp/token HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /v1/sessions HTTP/1.0\r\n\r\n",
    "GET /v1/sessions/corp HTTP/1.1\r\nHost: x\r\nssoctl-version: 9.9.9\r\n\r\n",
    "GET /v1/session?profile=dev HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /v1/health HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nUpgrade: h2c\r\n\r\n",
    "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 33\r\n\r\n{\"start_url\":\"no\",\"region\":\"no!\"}",
    "POST /v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"sta\r\n1\r\n}\r\n0\r\n\r\n",
    "POST /v1/sessions/corp/login?if_needed=true HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "GET /v1/sessions/corp/login?flow=1&wait=1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "DELETE /v1/sessions/corp/login HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/// Bytes that are difficult for parsers.
const STUMBLING_BLOCKS: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b"%00",
    b"%zz",
    b"..%2f..%2f",
    b"\xff\xfe",
    b"\xf0\x9f\x92\xa9",
    b"Content-Length: 18446744073709551616\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"ffffffffffffffff\r\n",
    b"wait=99999999999999999999",
    b"min_valid=18446744073709551615",
    b"&&==&",
    b"HTTP/1.1",
];

#[tokio::test]
async fn no_request_however_broken_ends_the_daemon_blocks_others_or_stays_in_memory() {
    let victim = Victim::start().await;
    let total = number("SSOCTL_HOSTILE_REQUESTS", REQUESTS[0], REQUESTS[1]);
    let seed = seed();
    // Buffers, pages of the allocator and code that is used for the first time stay, and are not what this is about.
    attack(&victim, seed.wrapping_add(1), 2000).await;
    let (memory, descriptors) = (victim.daemon.memory_in_use(), victim.daemon.descriptors());
    attack(&victim, seed, total).await;
    let (memory_after, descriptors_after) = (victim.daemon.memory_in_use(), victim.daemon.descriptors());
    println!("{total} requests; memory in use {} KiB before, {} KiB after", memory >> 10, memory_after >> 10);
    assert!(memory_after <= memory + GROWTH, "{memory} bytes have become {memory_after}");
    assert!(descriptors_after <= descriptors + 4, "{descriptors} descriptors have become {descriptors_after}");
    assert!(!victim.daemon.log().contains("panicked"), "{}", victim.daemon.log());
}

async fn attack(victim: &Victim, seed: u64, total: u64) {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let chance = fastrand::Rng::with_seed(seed.wrapping_add(number << 32));
            tokio::spawn(client(victim.socket(), chance, total / CLIENTS))
        })
        .collect();
    for client in clients {
        client.await.expect("a client that saw nothing wrong");
    }
    // Answered only after everything that came before was looked at.
    probe(&victim.socket()).await;
}

async fn client(socket: PathBuf, mut chance: fastrand::Rng, requests: u64) {
    let mut left_open: Vec<UnixStream> = Vec::new();
    for number in 0..requests {
        let request = request(&mut chance);
        let mut stream = UnixStream::connect(&socket).await.expect("a daemon that lives");
        // The daemon may close before it has read everything.
        let _ = stream.write_all(&request).await;
        match chance.u8(0..8) {
            0 => {
                if left_open.len() == LEFT_OPEN {
                    left_open.swap_remove(chance.usize(..LEFT_OPEN));
                }
                left_open.push(stream);
            }
            1 => drop(stream),
            _ => {
                // A client that closes its side is answered or refused, and not kept.
                let _ = stream.shutdown().await;
                let mut answer = Vec::new();
                let what = format!("{:?} is answered", String::from_utf8_lossy(&request));
                // A reset is an end, too.
                let _ = in_time(&what, stream.read_to_end(&mut answer)).await;
            }
        }
        if number % 50 == 0 {
            probe(&socket).await;
        }
    }
}

/// An honest caller, who is served whatever others do.
async fn probe(socket: &std::path::Path) {
    let exchange = exchange(socket, "GET /v1/token?wait=20", "", b"");
    let answer = in_time("an honest caller is served", exchange).await.expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn request(chance: &mut fastrand::Rng) -> Vec<u8> {
    if chance.u8(0..20) == 0 {
        return (0..chance.usize(0..40_000)).map(|_| chance.u8(..)).collect();
    }
    mutated(SOUND, STUMBLING_BLOCKS, chance)
}
