//! A program of the same user that gets in the way of a sign-in at the browser: it floods the port, guesses, comes first with a code of
//! its own, and replays what the browser brought.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use identity_center_simulator::{Grant, Settings};

use test_support::browser::Browser;
use test_support::visit::{allow, visit};
use test_support::{Stage, until};

/// As long as the `state` of ssoctl, and never the right one.
fn guess(number: usize) -> String {
    format!("{number:043}")
}

/// Sends half a request, and waits for what becomes of it.
fn half_a_request(port: u16) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
    let _ = stream.write_all(b"GET /oauth/callback?code=a&st");
    let _ = stream.read(&mut [0]);
}

#[test]
fn a_flood_guesses_a_foreign_code_and_replays_change_nothing_and_one_token_comes_out() {
    let stage = Stage::with_corp(Settings::default());
    let service = &stage.identity_center;
    let browser = Browser::on(&stage);
    let login = stage.start(browser.command(&stage, ["login", "--flow", "browser"]));
    let page = browser.page();
    let port = u16::try_from(stage.status("corp")["login"]["callback_port"].as_u64().unwrap()).unwrap();
    let callback = format!("http://127.0.0.1:{port}/oauth/callback");

    // Mallory has a sign-in at the same portal, and wants its code to be taken for the person's.
    let request = visit(&page).unwrap().request();
    let foreign = service.allow_request_as(&request, "mallory").unwrap();
    let (foreign, _) = foreign.split_once("&state=").unwrap();
    visit(&format!("{foreign}&state={}", guess(0))).unwrap().shows("Nothing was changed");
    visit(&format!("{callback}?error=access_denied&state={}", guess(0))).unwrap().shows("Nothing was changed");

    let (is_over, guesses) = (AtomicBool::new(false), AtomicUsize::new(1));
    let location = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let number = guesses.fetch_add(1, Ordering::SeqCst);
                    // When the sign-in has ended, nobody listens any more.
                    let _ = visit(&format!("{callback}?code=a&state={}", guess(number)));
                    half_a_request(port);
                }
            });
        }
        until("the flood has come", || (guesses.load(Ordering::SeqCst) > 100).then_some(()));
        assert_eq!(stage.status("corp")["login"]["callback_port"], port, "the sign-in still waits");
        let shown = allow(service, &page);
        is_over.store(true, Ordering::SeqCst);
        shown.shows("<h1>Signed in</h1>").url
    });
    login.finish().exits(0).says("Signed in to corp");

    // The port is closed, so neither the page nor what the browser brought can be had again.
    until("nobody listens", || TcpStream::connect(("127.0.0.1", port)).is_err().then_some(()));
    assert!(visit(&location).is_err());
    let token = stage.run(["token"]).exits(0).stdout;
    assert_eq!(service.issued_access_tokens(), [token.trim_end()]);
    assert_eq!(service.token_calls(Grant::AuthorizationCode), 1, "no other code was tried");
}

#[test]
fn what_the_browser_brought_is_used_once_however_often_it_is_replayed() {
    let stage = Stage::with_corp(Settings::default());
    let service = &stage.identity_center;
    let browser = Browser::on(&stage);
    let login = stage.start(browser.command(&stage, ["login", "--flow", "browser"]));
    let request = visit(&browser.page()).unwrap().request();
    let location = service.allow_request(&request).unwrap();
    // Eight at once, of which one is the browser.
    let pages = thread::scope(|scope| {
        let visits: Vec<_> = (0..8).map(|_| scope.spawn(|| visit(&location))).collect();
        visits.into_iter().map(|visit| visit.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(pages.iter().flatten().any(|page| page.html.contains("<h1>Signed in</h1>")), "{pages:?}");
    login.finish().exits(0);
    let token = stage.run(["token"]).exits(0).stdout;
    assert_eq!(service.issued_access_tokens(), [token.trim_end()]);
    assert_eq!(service.token_calls(Grant::AuthorizationCode), 1);
}
