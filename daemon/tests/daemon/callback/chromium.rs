//! Real Chromium comes back, shows how the sign-in ended, and keeps other pages from using the address.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use ssoctl_protocol::Secret;
use ssoctld::callback::SignInEnd;
use test_support::chromium::{self, Chromium};
use test_support::speed::has_programs;
use test_support::web_driver::Page;

use super::{CODE, Flow, STATE, callback};

/// A web site that answers everything with this, until the test process ends. Its address.
fn site(answer: String) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            // A browser may have gone away meanwhile.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn html(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!doctype html>{body}")
}

/// What a person sees: colours of the page and its text, and whether it is as wide as the window.
fn look(page: &Page, scheme: &str) -> (String, String) {
    let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    page.devtools("Emulation.setEmulatedMedia", &media);
    let phone = json!({"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": true});
    page.devtools("Emulation.setDeviceMetricsOverride", &phone);
    assert_eq!(page.script("return document.documentElement.scrollWidth"), 320, "it fits on a phone");
    let colour = |property: &str| {
        page.script(&format!("return getComputedStyle(document.querySelector('main')).{property}")).to_string()
    };
    (colour("backgroundColor"), colour("color"))
}

#[tokio::test]
async fn a_person_sees_how_the_sign_in_ended_and_the_code_is_in_no_history() {
    if !has_programs(&chromium::PARTS) {
        return;
    }
    let mut flow = Flow::of(&"long-name-".repeat(6));
    let port = flow.listener.port();
    let back = format!("http://127.0.0.1:{port}{}", callback());
    let first = site(html("<h1>First</h1>"));
    let portal =
        site(format!("HTTP/1.1 302 Found\r\nLocation: {back}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    let person = tokio::task::spawn_blocking(move || {
        let chromium = Chromium::with_new_profile();
        let page = chromium.open(&first);
        page.shows("First");
        page.go(&portal);
        page.shows("Signed in");
        let history = page.devtools("Page.getNavigationHistory", &json!({})).to_string();
        assert!(history.contains(&first) && history.contains("/oauth/result/"), "{history}");
        assert!(!history.contains(CODE) && !history.contains(STATE), "{history}");
        assert!(page.url().starts_with(&format!("http://127.0.0.1:{port}/oauth/result/")), "{}", page.url());
        let (light, dark) = (look(&page, "light"), look(&page, "dark"));
        assert!(light.0 != dark.0 && light.1 != dark.1, "the style is admitted: {light:?} {dark:?}");
    });
    assert_eq!(flow.code().await, Ok(Secret::from(CODE)));
    flow.listener.finish(&SignInEnd::SignedIn).await;
    person.await.unwrap();
}

#[tokio::test]
async fn a_web_page_that_knows_everything_can_neither_fetch_nor_embed_the_address() {
    if !has_programs(&chromium::PARTS) {
        return;
    }
    let mut flow = Flow::start();
    let back = format!("http://127.0.0.1:{}{}", flow.listener.port(), callback());
    let tries = format!(
        "<h1>Trying</h1><form method=post action='{back}' target=frame></form><iframe name=frame></iframe><script>
        const ended = (element) => new Promise((end) => {{ element.onload = element.onerror = end; document.body.append(element); }});
        const made = (name, properties) => Object.assign(document.createElement(name), properties);
        const frame = document.querySelector('iframe');
        const posted = new Promise((end) => {{ frame.onload = end; }});
        document.querySelector('form').submit();
        Promise.allSettled([
            posted, fetch('{back}'), fetch('{back}', {{ mode: 'no-cors' }}), fetch('{back}', {{ method: 'POST', mode: 'no-cors' }}),
            ended(made('img', {{ src: '{back}' }})), ended(made('script', {{ src: '{back}' }})), ended(made('iframe', {{ src: '{back}' }})),
        ]).then(() => {{ document.querySelector('h1').textContent = 'Tried'; }});
        </script>"
    );
    let hostile = site(html(&tries));
    let came = Arc::new(AtomicBool::new(false));
    let has_come = Arc::clone(&came);
    let person = tokio::task::spawn_blocking(move || {
        let chromium = Chromium::with_new_profile();
        let page = chromium.open(&hostile);
        page.shows("Tried");
        assert!(!has_come.load(Ordering::SeqCst), "a page has used the address");
        page.go(&back);
        page.shows("Signed in");
    });
    assert_eq!(flow.code().await, Ok(Secret::from(CODE)));
    came.store(true, Ordering::SeqCst);
    flow.listener.finish(&SignInEnd::SignedIn).await;
    person.await.unwrap();
}
