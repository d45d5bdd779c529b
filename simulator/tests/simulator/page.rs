//! The approval page as a browser without scripts uses it.

use std::time::Duration;

use crate::support::{Answer, Bench, Client, START_URL};
use serde_json::json;

fn assert_page(answer: &Answer, status: u16, title: &str) {
    assert_eq!(answer.status, status, "{title}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let html = answer.text();
    assert!(html.contains(&format!("<title>{title}</title>")), "{html}");
    assert!(html.contains(&format!("<h1>{title}</h1>")), "{html}");
}

#[test]
fn a_person_enters_the_code_confirms_it_and_the_client_is_signed_in() {
    let (bench, client, codes) = Bench::new().started();

    let entry = bench.get("/device");
    assert_page(&entry, 200, "Enter the code");
    assert!(entry.text().contains(r#"<form method="get" action="/device">"#));
    assert!(entry.text().contains(r#"<label for="user_code">"#));

    let confirmation = bench.get(&format!("/device?user_code={}", codes.user));
    assert_page(&confirmation, 200, "Allow this request?");
    assert!(confirmation.text().contains(&codes.user));
    assert!(confirmation.text().contains(START_URL));
    assert!(confirmation.text().contains(r#"<form method="post" action="/device/approve">"#));
    assert!(confirmation.text().contains(r#"<form method="post" action="/device/deny">"#));

    assert_page(&bench.submit("/device/approve", &codes.user), 200, "Request approved");
    assert_eq!(bench.poll(&client, &codes).status, 200);
}

#[test]
fn a_person_denies() {
    let (bench, client, codes) = Bench::new().started();
    assert_page(&bench.submit("/device/deny", &codes.user), 200, "Request denied");
    assert_eq!(bench.poll(&client, &codes).exception(), "AccessDeniedException");
}

#[test]
fn a_code_may_be_typed_in_any_case_without_the_hyphen_and_with_spaces() {
    let (bench, _, codes) = Bench::new().started();
    let bare = codes.user.replace('-', "");
    for typed in [bare.to_lowercase(), format!("+{}+{}+", &bare[..4], &bare[4..]), codes.user.to_lowercase()] {
        assert_page(&bench.get(&format!("/device?user_code={typed}")), 200, "Allow this request?");
    }
    assert_page(&bench.submit("/device/approve", &bare.to_lowercase()), 200, "Request approved");
}

#[test]
fn an_empty_code_asks_again() {
    assert_page(&Bench::new().get("/device?user_code=+"), 200, "Enter the code");
}

#[test]
fn the_page_reports_a_wrong_code_and_lets_the_person_correct_it() {
    let bench = Bench::new();
    for answer in [
        bench.get("/device?user_code=AAAA-AAAA"),
        bench.submit("/device/approve", "AAAA-AAAA"),
        bench.submit("/device/deny", ""),
    ] {
        assert_page(&answer, 404, "Wrong code");
        assert!(answer.text().contains(r#"<form method="get" action="/device">"#));
    }
}

#[test]
fn the_page_reports_an_expired_code() {
    let (bench, client, codes) = Bench::new().started();
    bench.clock.advance(Duration::from_mins(10));
    assert_page(&bench.get(&format!("/device?user_code={}", codes.user)), 410, "Code expired");
    assert_page(&bench.submit("/device/approve", &codes.user), 410, "Code expired");
    assert_eq!(bench.poll(&client, &codes).exception(), "ExpiredTokenException");
}

#[test]
fn a_decision_cannot_be_changed() {
    let (bench, client, codes) = Bench::new().started();
    bench.submit("/device/deny", &codes.user);
    assert_page(&bench.submit("/device/approve", &codes.user), 409, "Already decided");
    assert_page(&bench.get(&format!("/device?user_code={}", codes.user)), 409, "Already decided");
    assert_eq!(bench.poll(&client, &codes).exception(), "AccessDeniedException");
}

#[test]
fn following_a_link_decides_nothing() {
    let (bench, client, codes) = Bench::new().started();
    for path in ["/device/approve", "/device/deny"] {
        let answer = bench.get(&format!("{path}?user_code={}", codes.user));
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }
    assert_eq!(bench.poll(&client, &codes).exception(), "AuthorizationPendingException");
}

#[test]
fn input_of_clients_and_people_is_text_and_never_markup() {
    let bench = Bench::new();
    let name = r#"<script>alert("it's")</script>"#;
    let client = Client::from(&bench.register_with(json!({ "clientName": name, "scopes": ["<b>&"] })));
    let codes = bench.start_at(&client, "https://example.com/\"><img src=x>");
    let confirmation = bench.get(&format!("/device?user_code={}", codes.user)).text();
    assert!(confirmation.contains("&lt;script&gt;alert(&quot;it&#39;s&quot;)&lt;/script&gt;"), "{confirmation}");
    assert!(confirmation.contains("&lt;b&gt;&amp;"));
    let approved = bench.submit("/device/approve", &codes.user).text();
    let wrong = bench.get("/device?user_code=%22%3E%3Cscript%3E").text();
    for page in [confirmation, approved, wrong] {
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"), "{page}");
    }
}

#[test]
fn the_page_loads_nothing_and_may_not_be_framed_or_kept() {
    let (bench, _, codes) = Bench::new().started();
    let answer = bench.get(&format!("/device?user_code={}", codes.user));
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let html = answer.text();
    for loading in ["src=", "<link", "@import", "url("] {
        assert!(!html.contains(loading), "{loading}");
    }
}
