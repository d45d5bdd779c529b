use super::*;
use crate::issuer::Issuer;
use serde_json::json;

/// A file that `aws sso login` writes.
fn by_the_aws_cli() -> Value {
    json!({
        "startUrl": "https://corp.awsapps.com/start",
        "region": "eu-west-1",
        "accessToken": "at",
        "expiresAt": "2026-11-23T11:16:00Z",
        "clientId": "id",
        "clientSecret": "cs",
        "registrationExpiresAt": "2027-02-21T10:16:00Z",
        "refreshToken": "rt",
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut file = by_the_aws_cli();
    file[member] = value;
    file
}

fn without(member: &str) -> Value {
    let mut file = by_the_aws_cli();
    file.as_object_mut().unwrap().remove(member);
    file
}

fn members(value: &Value) -> Members {
    match Content::parse(Some(value.to_string().as_bytes())) {
        Content::Members(members) => *members,
        other => panic!("{other:?} in {value}"),
    }
}

fn holding(value: &Value) -> Holding {
    members(value).holding(&Issuer::aws("eu-west-1"), Path::new("/cache/a.json"))
}

fn found(value: &Value) -> Found {
    match holding(value) {
        Holding::Foreign(found) => found,
        other => panic!("{other:?} in {value}"),
    }
}

fn at(text: &str) -> SystemTime {
    text.parse::<Timestamp>().unwrap().into()
}

fn publication(access_token: &Secret<String>) -> Publication<'_> {
    Publication {
        start_url: "https://corp.awsapps.com/start#/",
        region: "eu-west-1",
        access_token,
        expires_at: "2026-11-23T12:16:00Z".parse().unwrap(),
    }
}

fn published(before: Members, access_token: &Secret<String>) -> Value {
    serde_json::from_slice(before.publish(&publication(access_token)).expose()).unwrap()
}

#[test]
fn files_have_the_names_that_readers_look_for() {
    for (key, expected) in [
        ("my-sso", "0ad374308c5a4e22f723adf10145eafad7c4031c.json"),
        ("https://d-9067xxxx.awsapps.com/start", "909438293503fe4b2a76ff6e3120ac11b5217ca6.json"),
    ] {
        assert_eq!(name(key), expected);
    }
}

#[test]
fn a_sign_in_of_the_aws_cli_is_read_as_one() {
    let found = found(&by_the_aws_cli());
    let renewal = found.renewal.as_ref().unwrap();
    assert_eq!(found.access_token.expose(), "at");
    assert_eq!(found.expires_at, at("2026-11-23T11:16:00Z"));
    assert_eq!(renewal.refresh_token.expose(), "rt");
    assert_eq!(renewal.registration.client_id, "id");
    assert_eq!(renewal.registration.client_secret.expose(), "cs");
    assert_eq!(renewal.registration.expires_at, Some(at("2027-02-21T10:16:00Z")));
    assert_eq!(renewal.registration.issued_at, at("2026-11-23T10:16:00Z"));
}

#[test]
fn times_are_read_as_all_tools_write_them() {
    for text in [
        "2026-11-23T11:16:00Z",
        "2026-11-23T11:16:00UTC",
        "2026-11-23T11:16:00 UTC",
        "2026-11-23T11:16:00+00:00",
        "2026-11-23T11:16:00+0000",
        "2026-11-23T03:16:00-08:00",
        "2026-11-23 12:16:00+01",
        "20261123T111600Z",
    ] {
        let file = with("expiresAt", json!(text));
        assert_eq!(found(&file).expires_at, at("2026-11-23T11:16:00Z"), "{text}");
        let token = Secret::from("at");
        let publication = Publication {
            start_url: "https://corp.awsapps.com/start",
            expires_at: "2026-11-23T11:16:00Z".parse().unwrap(),
            ..publication(&token)
        };
        assert!(members(&file).says(&publication), "{text}");
    }
    let fraction = found(&with("expiresAt", json!("2026-11-23T11:16:00.25Z"))).expires_at;
    assert_eq!(fraction, at("2026-11-23T11:16:00Z") + Duration::from_millis(250));
}

#[test]
fn characters_that_no_token_and_no_header_has_are_refused() {
    let complaint = "what it holds has characters that no token and no registration has";
    for member in ["accessToken", "refreshToken", "clientId", "clientSecret"] {
        for text in
            ["", "a b", " a", "a\n", "\u{1b}[31m", "a\u{7f}", "a\u{9b}", "ä", "a\r\nx-amz-header: b", "\u{202e}"]
        {
            assert_eq!(holding(&with(member, json!(text))), Holding::Unreadable(complaint), "{member} {text:?}");
        }
        let all: String = ('!'..='~').collect();
        assert!(matches!(holding(&with(member, json!(all))), Holding::Foreign(_)), "{member}");
    }
}

#[test]
fn a_refresh_token_without_its_whole_registration_renews_nothing() {
    for member in ["refreshToken", "clientId", "clientSecret"] {
        assert_eq!(found(&without(member)).renewal, None, "{member}");
    }
    let eternal = found(&without("registrationExpiresAt")).renewal.unwrap();
    assert_eq!(eternal.registration.expires_at, None);
}

#[test]
fn a_token_that_cannot_be_understood_is_not_taken_for_nothing() {
    for (file, complaint) in [
        (with("expiresAt", json!("soon")), "its expiresAt is not a time"),
        (without("expiresAt"), "its expiresAt is not a time"),
        (without("accessToken"), "it has no accessToken"),
    ] {
        assert_eq!(holding(&file), Holding::Unreadable(complaint));
    }
    assert_eq!(holding(&json!({"startUrl": "https://corp.awsapps.com/start", "more": 1})), Holding::Nothing);
}

#[test]
fn torn_and_foreign_content_is_garbled() {
    let whole = by_the_aws_cli().to_string();
    for length in 0..whole.len() {
        assert_eq!(Content::parse(Some(&whole.as_bytes()[..length])), Content::Garbled, "{length} bytes");
    }
    for text in ["[]", "null", "\"x\"", "{\"accessToken\":5}", "{\"expiresAt\":[]}", "{} {}"] {
        assert_eq!(Content::parse(Some(text.as_bytes())), Content::Garbled, "{text}");
    }
    assert_eq!(Content::parse(Some(b"{\"accessToken\":\"\xff\"}")), Content::Garbled, "not UTF-8");
    assert_eq!(Content::parse(None), Content::Absent);
}

#[test]
fn a_published_file_holds_no_other_secret_and_keeps_foreign_members() {
    let token = Secret::from("new");
    let mut before = with("accessToken", json!("old"));
    before["colour"] = json!({"of": ["mind", 7]});
    let file = published(members(&before), &token);
    let mark = file["publishedBySsoctl"].as_str().unwrap();
    assert_eq!(
        file,
        json!({
            "startUrl": "https://corp.awsapps.com/start#/",
            "region": "eu-west-1",
            "accessToken": "new",
            "expiresAt": "2026-11-23T12:16:00Z",
            "colour": {"of": ["mind", 7]},
            "publishedBySsoctl": mark,
        })
    );
    assert!(members(&file).says(&publication(&token)) && !members(&file).has_secrets());
}

#[test]
fn we_know_what_we_have_published_until_another_program_puts_its_own_there() {
    let file = published(Members::default(), &Secret::from("ours"));
    assert_eq!(holding(&file), Holding::Published);
    let mut overwritten = file.clone();
    overwritten["accessToken"] = json!("theirs");
    assert!(matches!(holding(&overwritten), Holding::Foreign(_)));
    let mut completed = file;
    completed["refreshToken"] = json!("rt");
    assert!(matches!(holding(&completed), Holding::Foreign(_)));
}

#[test]
fn a_second_more_or_less_is_no_reason_to_write() {
    let token = Secret::from("ours");
    let file = members(&published(Members::default(), &token));
    for (seconds, same) in [(-3_i64, false), (-2, true), (0, true), (2, true), (3, false)] {
        let expected = publication(&token);
        let moved = Timestamp::from_unix(expected.expires_at.as_unix().wrapping_add_signed(seconds));
        assert_eq!(file.says(&Publication { expires_at: moved, ..expected }), same, "{seconds}");
    }
}

#[test]
fn no_secret_is_shown_for_debugging() {
    let shown = format!("{:?}", members(&by_the_aws_cli()));
    for secret in ["\"at\"", "\"rt\"", "\"cs\""] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
