//! TLS over real sockets, wrong in every way.

use std::path::Path;
use std::process::Command;

use identity_center_simulator::Operation;
use ssoctl_protocol::{Problem, SessionState, SessionStatus};

use crate::desktop::stage::{Stage, play};
use crate::faults::settings;
use crate::harness::{Harness, Process, Way, join_all, mins};
use crate::network::front::{Front, IMPATIENT, Manner, RIGHT, authority, certificates, start_through};
use test_support::part::Part;
use test_support::service::simulator;
use test_support::waiting::until_so;

/// The faults, and their messages.
const WRONGS: [(Manner, &str); 8] = [
    (Manner::Tls("unknown_authority.pem"), "belongs in AWS_CA_BUNDLE"),
    (Manner::Tls("self_signed.pem"), "belongs in AWS_CA_BUNDLE"),
    (
        Manner::Tls("other_host.pem"),
        "its certificate is for another host: certificate not valid for name \"localhost\"",
    ),
    (Manner::Tls("expired.pem"), "its certificate has expired, or this machine's clock is wrong"),
    (Manner::Plain, "what answers there does not speak TLS"),
    (Manner::HangsUp, "it hung up during the TLS handshake"),
    (Manner::Silent, "it did not answer in time"),
    (Manner::Mute, "it did not answer in time"),
];

/// A daemon that loses its patience soon if that is what the server tries.
async fn behind(manner: Manner, wrong: Manner) -> (Harness, Front) {
    let mut front = None;
    let t = start_through(settings(), |simulator| {
        let way = front.insert(Front::new(simulator, manner)).way();
        if matches!(wrong, Manner::Silent | Manner::Mute) { Way { patience: IMPATIENT, ..way } } else { way }
    })
    .await;
    (t, front.expect("a front"))
}

/// The message for a person who signs in. A sign-in works as soon as the server is right.
async fn at_a_sign_in(wrong: Manner) -> String {
    let (t, front) = behind(wrong, wrong).await;
    let problem = t.while_time_passes(t.token("wait=3600")).await.expect_err("a problem");
    assert_eq!(problem.code.as_str(), "service_unavailable", "{wrong:?}: {problem:?}");
    assert_eq!(t.simulator.call_log().len(), 0, "{wrong:?}: nothing was said to a server that is not trusted");
    front.turn(RIGHT);
    t.while_time_passes(t.token("wait=3600")).await.expect("a token");
    problem.detail
}

/// The message while a token cannot be renewed. It is served, and renewed as soon as the server is right.
async fn at_a_refresh(wrong: Manner, words: &str) -> String {
    let (t, front) = behind(RIGHT, wrong).await;
    t.while_time_passes(t.token("wait=3600")).await.expect("a token");
    let (token, calls) = (t.access_token().await, t.simulator.calls(Operation::CreateToken));
    let before = t.status("corp").await.expires_at;
    front.turn(wrong);
    t.clock.advance(mins(45));
    // The first attempt may have met the connection that was just closed.
    let says = |status: &SessionStatus| status.last_error.as_ref().is_some_and(|error| error.message.contains(words));
    let status = t.while_time_passes(t.until(says)).await;
    assert_eq!((status.state, status.refreshable), (SessionState::SignedIn, true), "{wrong:?}");
    assert_eq!(t.access_token().await, token, "{wrong:?}");
    assert_eq!(t.simulator.calls(Operation::CreateToken), calls, "{wrong:?}: the refresh token was not sent");
    front.turn(RIGHT);
    let healed = t.until(|status| status.expires_at > before && status.last_error.is_none());
    t.while_time_passes(healed).await;
    assert_eq!(t.simulator.calls(Operation::StartDeviceAuthorization), 1, "{wrong:?}: one sign-in");
    let error = status.last_error.expect("an error");
    assert_eq!(error.code, "network", "{wrong:?}");
    error.message
}

async fn is_named_and_costs_nothing(wrongs: &[(Manner, &str)]) {
    let row = async |(wrong, words): (Manner, &str)| tokio::join!(at_a_sign_in(wrong), at_a_refresh(wrong, words));
    let rows = wrongs.iter().copied().map(row).collect();
    let mut unclear = Vec::new();
    for ((wrong, words), (sign_in, refresh)) in wrongs.iter().zip(join_all(rows).await) {
        println!("{wrong:?}: {sign_in} | {refresh}");
        if !sign_in.contains(words) {
            unclear.push(format!("{wrong:?}: {sign_in}"));
        }
    }
    assert_eq!(unclear, Vec::<String>::new());
}

#[tokio::test]
async fn wrong_tls_is_named_costs_nothing_and_is_forgotten_when_it_is_put_right() {
    is_named_and_costs_nothing(&WRONGS).await;
}

/// OpenSSL looks for a version that the client offers, and has none (the alert `protocol_version`). GnuTLS with TLS 1.1 alone
/// chooses that for everybody, as servers do that are older than TLS 1.3, and finds no cipher (`handshake_failure`).
#[test]
fn a_server_that_speaks_tls_1_1_alone_is_named_and_is_forgotten_when_it_is_put_right() {
    play(Stage::Loopback(&[]), &["openssl", "gnutls-serv"], || async {
        let (key, certificate) = (certificates().join("server.key"), certificates().join("right.pem"));
        let _openssl = Part::start(
            Command::new("openssl")
                .args(["s_server", "-accept", "4431", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-www", "-key"])
                .args([&key, Path::new("-cert"), &certificate]),
        );
        let _gnutls = Part::start(
            Command::new("gnutls-serv")
                .args(["--http", "--port", "4432", "--priority", "LEGACY:-VERS-ALL:+VERS-TLS1.1", "--x509keyfile"])
                .args([&key, Path::new("--x509certfile"), &certificate]),
        );
        let wrongs = [
            (Manner::Elsewhere(4431), "it speaks TLS 1.1 or older, which is not safe"),
            (Manner::Elsewhere(4432), "it accepts no safe way to encrypt; perhaps it speaks TLS 1.1 or older"),
        ];
        for port in [4431, 4432] {
            let listens = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
            until_so("the server listens", listens).await;
        }
        is_named_and_costs_nothing(&wrongs).await;
    });
}

#[tokio::test]
async fn the_daemon_trusts_a_private_authority_that_aws_ca_bundle_names_and_no_other() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(settings()));
    let front = Front::new(&simulator, RIGHT);
    let command = || Process::command_at(home.path(), &front.url());
    let daemon = Process::run(home.path(), &mut command()).await;
    let problem: Problem = daemon.request("GET /v1/token?wait=20").await.json();
    assert_eq!(problem.code.as_str(), "service_unavailable");
    assert!(problem.detail.contains("AWS_CA_BUNDLE"), "{}", problem.detail);
    drop(daemon);
    let daemon = Process::run(home.path(), command().env("AWS_CA_BUNDLE", authority())).await;
    daemon.sign_in().await;
    assert_eq!(simulator.calls(Operation::RegisterClient), 1);
}
