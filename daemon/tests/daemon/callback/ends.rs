//! How a flow ends, and what the browser shows then.

use std::time::Duration;

use ssoctl_protocol::Secret;
use ssoctld::callback::{AuthorizationErrorName, Listener, SignInEnd};
use test_support::waiting::{in_time, until_so};
use tokio::net::{TcpListener, TcpStream};

use super::{CODE, Flow, STATE, callback, exchange, get, request};

#[tokio::test]
async fn the_code_leaves_the_address_at_once_and_the_page_waits_for_the_end() {
    let (flow, result) = Flow::with_code().await;
    assert!(!result.contains(CODE) && !result.contains(STATE) && result.starts_with("/oauth/result/"), "{result}");
    let port = flow.listener.port();
    // The browser follows the redirect before anybody knows how the sign-in ends.
    let page = tokio::spawn(async move { get(port, &result).await });
    TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    assert!(!page.is_finished());
    in_time("the page was fetched", flow.listener.finish(&SignInEnd::SignedIn)).await;
    let page = page.await.unwrap();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<h1>Signed in</h1>") && page.body.contains("<strong>corp</strong>"), "{page:?}");
    assert!(page.body.contains("You can close this window."), "{page:?}");
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn the_page_says_what_went_wrong_and_what_to_do() {
    let (flow, result) = Flow::with_code().await;
    let port = flow.listener.port();
    let end = SignInEnd::Failed { what: "The service is down.".into(), remedy: "Run ssoctl login again.".into() };
    let (page, ()) = tokio::join!(get(port, &result), flow.listener.finish(&end));
    for text in ["<h1>Not signed in</h1>", "<strong>corp</strong>", "The service is down.", "Run ssoctl login again."] {
        assert!(page.body.contains(text), "{text}: {page:?}");
    }
}

#[tokio::test]
async fn a_person_who_denies_the_request_is_told_so() {
    let mut flow = Flow::start();
    let port = flow.listener.port();
    let target = format!("/oauth/callback?error=access_denied&error_description=You+said+no&state={STATE}");
    let (came, answer) = tokio::join!(flow.code(), get(port, &target));
    let error = came.unwrap_err();
    assert_eq!((error.name, error.description.as_deref()), (AuthorizationErrorName::AccessDenied, Some("You said no")));
    let end = SignInEnd::Failed { what: "The request was denied.".into(), remedy: "Run ssoctl login again.".into() };
    let result = answer.location();
    let (page, ()) = tokio::join!(get(port, &result), flow.listener.finish(&end));
    assert!(page.body.contains("The request was denied."), "{page:?}");
}

#[tokio::test]
async fn a_callback_that_is_sent_again_leads_to_the_page_and_a_guess_does_not() {
    let (flow, result) = Flow::with_code().await;
    let port = flow.listener.port();
    let come_again = async {
        assert_eq!(get(port, &callback()).await.location(), result);
        let other_code = format!("/oauth/callback?code=other&state={STATE}");
        assert_eq!(get(port, &other_code).await.location(), result);
        assert_eq!(get(port, "/oauth/callback?code=x&state=guess").await.status, 403);
        assert_eq!(get(port, "/oauth/result/guess").await.status, 404);
        get(port, &result).await
    };
    let (page, ()) = tokio::join!(come_again, flow.listener.finish(&SignInEnd::SignedIn));
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn a_second_callback_brings_no_second_code() {
    let (mut flow, _) = Flow::with_code().await;
    let port = flow.listener.port();
    let again = tokio::spawn(async move { exchange(port, request(port, &callback(), "").as_bytes()).await });
    let state = Secret::from(STATE);
    tokio::select! {
        biased;
        code = flow.listener.code(&state) => panic!("a second code: {code:?}"),
        _ = TcpStream::connect(("127.0.0.1", port)) => {}
    }
    drop(flow);
    assert!(in_time("the connection ends", again).await.unwrap().is_err());
}

#[tokio::test]
async fn a_flow_without_a_browser_ends_at_once_and_one_whose_browser_stays_away_after_a_while() {
    let flow = Flow::start();
    let port = flow.listener.port();
    in_time("it ends", flow.listener.finish(&SignInEnd::SignedIn)).await;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());

    let (flow, _) = Flow::with_code().await;
    let (clock, port) = (flow.clock, flow.listener.port());
    let ended = tokio::spawn(async move { flow.listener.finish(&SignInEnd::SignedIn).await });
    assert_eq!(get(port, "/other").await.status, 404, "it still answers");
    assert!(!ended.is_finished());
    clock.advance(Duration::from_secs(5));
    in_time("it ends", ended).await.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn waiting_can_be_cancelled_and_taken_up_again_without_losing_the_browser() {
    let mut flow = Flow::start();
    let port = flow.listener.port();
    let browser = tokio::spawn(async move { get(port, &callback()).await });
    // Each time it is cancelled after another step.
    let mut came = None;
    until_so("the code is there", async || {
        came = tokio::select! {
            biased;
            code = flow.code() => Some(code),
            () = tokio::task::yield_now() => None,
        };
        came.is_some()
    })
    .await;
    assert_eq!(came, Some(Ok(Secret::from(CODE))));
    assert_eq!(browser.await.unwrap().status, 303);
}

#[tokio::test]
async fn a_fixed_port_can_be_used_again_and_again_but_not_by_two() {
    let (flow, _) = Flow::with_code().await;
    let (clock, port) = (flow.clock.clone(), flow.listener.port());
    assert_eq!(flow.listener.redirect_uri(), format!("http://127.0.0.1:{port}/oauth/callback"));
    assert!(Listener::bind(Some(port), "corp", clock.clone()).is_err(), "it is in use");
    assert!(TcpListener::bind(("0.0.0.0", port)).await.is_err(), "nor can anybody take the port on all interfaces");
    drop(flow);
    assert_eq!(Listener::bind(Some(port), "corp", clock).unwrap().port(), port);
}

#[tokio::test]
async fn the_listener_is_reached_at_127_0_0_1_alone() {
    let flow = Flow::start();
    for other in ["127.0.0.2", "::1"] {
        assert!(TcpStream::connect((other, flow.listener.port())).await.is_err(), "{other}");
    }
}

#[tokio::test]
async fn a_name_is_shown_as_text() {
    let mut flow = Flow::of("<img src=x>");
    let port = flow.listener.port();
    let (_, answer) = tokio::join!(flow.code(), get(port, &callback()));
    let result = answer.location();
    let (page, ()) = tokio::join!(get(port, &result), flow.listener.finish(&SignInEnd::SignedIn));
    assert!(page.body.contains("<strong>&lt;img src=x&gt;</strong>"), "{page:?}");
}
