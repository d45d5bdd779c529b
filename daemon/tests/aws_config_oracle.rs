//! The AWS configuration is read as botocore reads it, and endpoints are those that botocore would call.
//!
//! Needs a Python with botocore: `SSOCTL_TEST_PYTHON`, else `python3`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use ssoctld::config::{Config, EndpointError, Environment, Paths, load, normalise_start_url};
use ssoctld::issuer::Issuer;
use ssoctld::token_files::file::{self, Content, Holding};

mod oracle;

const ORACLE: &str = include_str!("aws_config_oracle.py");

/// Points in time as botocore reads them; `null` for what is none, or has no offset and so cannot be compared with now.
const TIMES: &str = r#"
import json, math, sys
import dateutil.parser

def read(text):
    try:
        time = dateutil.parser.parse(text)
    except (ValueError, OverflowError):
        return None
    return None if time.tzinfo is None else math.floor(time.timestamp())

json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
"#;

/// Files that botocore accepts, each written so that a simpler reader would go wrong.
const FILES: &[&str] = &[
    "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start#/\nsso_region = eu-west-1\nsso_registration_scopes = b:x, a:y,,\n\
     [profile dev]\nsso_session = corp\nsso_account_id = 012345678901\nsso_role_name = r+w\n",
    "[sso-session \"two words\"]\nSSO_Start_URL: https://two.awsapps.com/start ; no comment\nsso_region:eu-west-1\n",
    "[sso-session tidy]\n  sso_start_url = https://tidy.awsapps.com/start\n  sso_region = eu-west-1\n  # sso_region = us-east-1\n\
     [profile 'q q']\n    sso_session = tidy\n    sso_account_id = 1\n    sso_role_name = r\n",
    "; comment\n\n[default]\nsso_start_url=https://legacy.awsapps.com/start/\nsso_region=us-east-1\nsso_account_id=1\nsso_role_name=r\n\
     [profile second]\nsso_start_url = https://legacy.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = r\n",
    "[sso-session equals]\nsso_start_url = https://e.awsapps.com/start?a=b:c=d\nsso_region = eu-west-1\\\n\
     [sso-session after]\nsso_start_url = \"https://quoted.awsapps.com/start\"\nsso_region = eu-west-1\n",
    "[sso-session windows]\r\nsso_start_url = https://w.awsapps.com/start\r\nsso_region = eu-west-1\r\n\r\n[profile w]\r\nsso_session = windows\r\nsso_account_id = 1\r\nsso_role_name = r\r\n",
    "[sso-session s]\nsso_start_url = https://s.awsapps.com/start\nsso_region = eu-west-1\n\
     [profile agrees]\nsso_session = s\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n\
     [profile differs]\nsso_session = s\nsso_region = us-east-1\nsso_account_id = 1\nsso_role_name = r\n\
     [profile differs-in-case]\nsso_session = s\nsso_start_url = https://S.awsapps.com/start\nsso_account_id = 1\nsso_role_name = r\n\
     [profile nowhere]\nsso_session = none\nsso_account_id = 1\nsso_role_name = r\n\
     [profile half]\nsso_start_url = https://s.awsapps.com/start\nsso_account_id = 1\nsso_role_name = r\n",
    "[profile default]\nsso_start_url = https://first.awsapps.com/start\nsso_region = us-east-1\nsso_account_id=1\nsso_role_name=r\n\
     [default]\nsso_start_url = https://later.awsapps.com/start\nsso_region = us-east-1\nsso_account_id=1\nsso_role_name=r\n",
    "[default]\ns3 =\n  max_concurrent_requests = 20\n\n  # comment\n  max_queue_size = 1\nregion = x\n\
     [sso-session nested]\nsso_start_url =\thttps://n.awsapps.com/start\t\nsso_region\t=\teu-west-1\nodd = a\n  [sso-session hidden]\n  sso_region = z\n",
    "[plugins]\nx = 1\n[profiles]\ny = 2\n[profile]\nz = 3\n[profile too many words]\nsso_start_url = https://x.awsapps.com\nsso_region = x\n",
];

/// Files that decide on endpoints, for the default profile.
const ENDPOINT_FILES: &[&str] = &[
    "",
    "[default]\nuse_fips_endpoint = true\n",
    "[default]\nuse_dualstack_endpoint = True\n",
    "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n",
    "[default]\nservices = local\n[services local]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:2\nsso =\n    endpoint_url = http://127.0.0.1:2/portal\n",
    "[default]\nservices = local\nuse_fips_endpoint = true\n[services local]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:2\n",
    "[default]\nservices = local\nuse_dualstack_endpoint = true\n[services local]\nsso =\n  endpoint_url = http://127.0.0.1:2\n",
    "[default]\nservices = local\nignore_configured_endpoint_urls = true\n[services local]\nsso =\n  endpoint_url = http://127.0.0.1:2\n",
    "[default]\nservices = local\n[services local]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:2\n",
];

const ENDPOINT_VARIABLES: &[&[(&str, &str)]] = &[
    &[],
    &[("AWS_ENDPOINT_URL_SSO_OIDC", "http://127.0.0.1:4"), ("AWS_ENDPOINT_URL_SSO", "http://127.0.0.1:4")],
    &[("AWS_ENDPOINT_URL_SSO", "http://127.0.0.1:5")],
    &[("AWS_ENDPOINT_URL_SSO_OIDC", "http://127.0.0.1:6"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")],
    &[("AWS_USE_FIPS_ENDPOINT", "true")],
    &[("AWS_USE_FIPS_ENDPOINT", "false"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")],
];

const REGIONS: &[&str] =
    &["eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1", "moon-base-1"];

#[test]
fn values_and_references_are_read_as_botocore_reads_them() {
    let Some(python) = test_support::speed::python_with_botocore() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let answers = oracle::ask(&python, ORACLE, directory.path(), &json!({ "files": FILES, "endpoints": [] }));
    for (text, answer) in FILES.iter().zip(answers["files"].as_array().expect("answers")) {
        let config = load_text(directory.path(), text, &Environment::default());
        compare_sessions(text, &config, answer);
    }
}

#[test]
fn endpoints_are_those_that_botocore_would_call() {
    let Some(python) = test_support::speed::python_with_botocore() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let mut cases = Vec::new();
    for file in ENDPOINT_FILES {
        for variables in ENDPOINT_VARIABLES {
            cases.push((*file, *variables, "eu-west-1"));
        }
    }
    for region in REGIONS {
        for file in &ENDPOINT_FILES[..4] {
            cases.push((*file, &[], region));
        }
    }
    let questions: Vec<Value> = cases
        .iter()
        .map(|(file, variables, region)| {
            let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
            json!({ "file": file, "variables": variables, "region": region })
        })
        .collect();
    let answers = oracle::ask(&python, ORACLE, directory.path(), &json!({ "files": [], "endpoints": questions }));
    for ((file, variables, region), answer) in cases.iter().zip(answers["endpoints"].as_array().expect("answers")) {
        let environment = Environment::from_vars(|name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        });
        let session =
            format!("[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = {region}\n");
        let config = load_text(directory.path(), &format!("{session}{file}"), &environment);
        let answer: Vec<&str> = answer.as_array().expect("two URLs").iter().filter_map(Value::as_str).collect();
        let endpoints = match &config.session("corp").expect("the session").endpoints {
            Ok(endpoints) => endpoints,
            // The rules of the models have an error here, and so has the daemon; botocore drops the switch silently.
            Err(EndpointError::FipsAndCustom(_) | EndpointError::DualStackAndCustom(_)) => {
                assert!(answer.iter().any(|url| url.starts_with("http://127.0.0.1:")), "{file:?} {variables:?}");
                continue;
            }
            // One of them would get what the other one has issued.
            Err(EndpointError::TwoIssuers { .. }) => {
                assert_ne!(issuer(answer[0]), issuer(answer[1]), "{file:?} {variables:?}");
                continue;
            }
            Err(error) => panic!("{file:?} {variables:?} {region}: {error}"),
        };
        let endpoints =
            [&endpoints.oidc, &endpoints.portal].map(|endpoint| endpoint.shown().as_str().trim_end_matches('/'));
        assert_eq!(answer, endpoints, "{file:?} {variables:?} {region}");
    }
}

#[test]
fn the_end_of_a_token_is_read_as_botocore_reads_it() {
    let Some(python) = test_support::speed::python_with_botocore() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let mut texts = Vec::new();
    for (date, times) in [
        ("2026-11-23", ["11:16:07", "23:59:59", "00:00:00", "11:16"]),
        ("20261123", ["111607", "235959", "000000", "1116"]),
        ("2024-02-29", ["11:16:07", "24:00:01", "11:61:00", "soon"]),
        ("2026-02-30", ["11:16:07", "11:16", "", "x"]),
    ] {
        for time in times {
            let fractions: &[&str] =
                if time.len() < 6 { &[""] } else { &["", ".1", ".25", ".999", ".123456", ".123456789"] };
            for fraction in fractions {
                for zone in [
                    "Z", "z", "UTC", " UTC", "GMT", "+00:00", "+0000", "-00:00", "-08:00", "-0800", "+05:30", "+0530",
                    "+05", "+14:00", "-12:00", "",
                ] {
                    for separator in ["T", " "] {
                        texts.push(format!("{date}{separator}{time}{fraction}{zone}"));
                    }
                }
            }
        }
    }
    for text in [
        "9999-12-31T23:59:59Z",
        "",
        "soon",
        "0",
        "1795435200",
        "2026-11-23",
        "2026-11-23Z",
        "2026-13-01T00:00:00Z",
        " 2026-11-23T11:16:07Z ",
    ] {
        texts.push(text.to_owned());
    }
    let answers = oracle::ask(&python, TIMES, directory.path(), &json!(texts));
    let mut read = 0;
    for (text, answer) in texts.iter().zip(answers.as_array().expect("answers")) {
        let file = json!({"accessToken": "a", "expiresAt": text}).to_string();
        let Content::Members(members) = Content::parse(Some(file.as_bytes())) else { panic!("{file}") };
        let ours = match members.holding(&Issuer::aws("eu-west-1"), Path::new("a.json")) {
            Holding::Foreign(found) => Some(found.expires_at.duration_since(UNIX_EPOCH).expect("later").as_secs()),
            _ => None,
        };
        assert_eq!(ours, answer.as_u64(), "{text:?}");
        read += usize::from(ours.is_some());
    }
    assert!(read > texts.len() / 3, "{read} of {}", texts.len());
}

/// Who answers at a URL, as far as this test has any: AWS, or one port of this machine.
fn issuer(url: &str) -> &str {
    url.strip_prefix("http://").map_or("AWS", |place| place.split('/').next().unwrap_or_default())
}

fn compare_sessions(text: &str, config: &Config, answer: &Value) {
    for (name, expected) in answer["sso_sessions"].as_object().expect("sessions") {
        let (Some(start_url), Some(region)) = (expected["sso_start_url"].as_str(), expected["sso_region"].as_str())
        else {
            panic!("an incomplete sso-session in {text:?}");
        };
        match config.session(name) {
            Some(session) => {
                assert_eq!(normalise_start_url(start_url).as_deref(), Ok(session.start_url()), "{text}");
                assert_eq!(session.region(), region, "{text}");
                if let Some(scopes) = expected["scopes"].as_array() {
                    assert_eq!(&json!(session.scopes), &json!(scopes), "{text}");
                }
            }
            // A value that cannot be used is quoted in the problem, as botocore has it.
            None => assert!(
                config.problems.iter().any(|problem| {
                    [start_url, region].iter().any(|value| problem.message.contains(&format!("{value:?}")))
                }),
                "{name} is missing without a problem: {text} {:#?}",
                config.problems
            ),
        }
    }
    for (profile, expected) in answer["profiles"].as_object().expect("profiles") {
        let known = config.profiles.get(profile);
        let session = known.and_then(|known| config.session(&known.session));
        if let Some((expected, Ok(meant))) = expected.as_object().zip(known.map(|known| &known.assignment)) {
            assert_eq!(expected["sso_account_id"], meant.account.as_str(), "{text}");
            assert_eq!(expected["sso_role_name"], meant.role.as_str(), "{text}");
        }
        let token_file = expected["token_file"].as_str();
        let found = session.map(|session| (session.start_url().to_owned(), session.region().to_owned()));
        let expected = expected.as_object().map(|expected| {
            let text = |key: &str| expected[key].as_str().expect("a string");
            (normalise_start_url(text("sso_start_url")).expect("a start URL"), text("sso_region").to_owned())
        });
        assert_eq!(found, expected, "{profile} in {text}");
        if let Some((session, expected)) = session.zip(token_file) {
            let files: Vec<String> = session.cache_keys.iter().map(|key| file::name(key)).collect();
            assert!(files.iter().any(|file| file == expected), "{profile} reads {expected}, and {files:?} are written");
        }
    }
}

fn load_text(directory: &Path, text: &str, environment: &Environment) -> Config {
    let paths = Paths {
        own: directory.join("none.toml"),
        aws: directory.join("config"),
        aws_credentials: directory.join("credentials"),
    };
    std::fs::write(&paths.aws, text).expect("a written file");
    load(&paths, environment)
}
