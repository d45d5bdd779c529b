//! AWS files, paths and endpoint settings mean here what they mean to botocore: every section, key and value, which files it refuses,
//! where each profile leads, which token file it reads, and which endpoints it calls. One Python answers for a whole batch.
//!
//! Needs a Python with botocore: `SSOCTL_TEST_PYTHON`, else `python3`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use fastrand::Rng;
use serde_json::{Map, Value, json};
use ssoctl_aws_files::{Document, Entry, nested};
use ssoctld::config::{Config, EndpointError, Environment, Paths, normalise_start_url, parse};
use ssoctld::issuer::Issuer;
use ssoctld::token_files::file::{self as token_file, Content, Holding};

#[path = "oracle/generated.rs"]
mod generated;
mod oracle;

use generated::{HEADERS, file, pick};

const ORACLE: &str = include_str!("aws_files_oracle.py");

/// Points in time as botocore reads them; `null` for text that is none, or has no offset and so cannot be compared with now.
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

/// The number of generated pairs of files.
const PAIRS: usize = 800;

const CREDENTIALS_HEADERS: &[&str] =
    &["[default]", "[dev]", "[profile dev]", "[Company-[production]/Role]", "[two words]", "[DEFAULT]", "[x] ; mine"];

/// Configuration files that a simpler reader would read wrongly.
const EXAMPLES: &[&str] = &[
    "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start#/\nsso_region = eu-west-1\nsso_registration_scopes = b:x, a:y,,\n\
     [profile dev]\nsso_session = corp\nsso_account_id = 012345678901\nsso_role_name = r+w\n",
    "[sso-session \"two words\"]\nSSO_Start_URL: https://two.awsapps.com/start ; no comment\nsso_region:eu-west-1\n",
    "[sso-session tidy]\n  sso_start_url = https://tidy.awsapps.com/start\n  sso_region = eu-west-1\n  # sso_region = us-east-1\n\
     [profile 'q q']\n    sso_session = tidy\n    sso_account_id = 111122223333\n    sso_role_name = r\n",
    "; comment\n\n[default]\nsso_start_url=https://legacy.awsapps.com/start/\nsso_region=us-east-1\nsso_account_id=111122223333\nsso_role_name=r\n\
     [profile second]\nsso_start_url = https://legacy.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = r\n",
    "[sso-session equals]\nsso_start_url = https://e.awsapps.com/start?a=b:c=d\nsso_region = eu-west-1\\\n\
     [sso-session after]\nsso_start_url = \"https://quoted.awsapps.com/start\"\nsso_region = eu-west-1\n",
    "[sso-session windows]\r\nsso_start_url = https://w.awsapps.com/start\r\nsso_region = eu-west-1\r\n\r\n\
     [profile w]\r\nsso_session = windows\r\nsso_account_id = 111122223333\r\nsso_role_name = r\r\n",
    "[sso-session s]\nsso_start_url = https://s.awsapps.com/start\nsso_region = eu-west-1\n\
     [profile agrees]\nsso_session = s\nsso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = r\n\
     [profile differs]\nsso_session = s\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = r\n\
     [profile differs-in-case]\nsso_session = s\nsso_start_url = https://S.awsapps.com/start\nsso_account_id = 111122223333\nsso_role_name = r\n\
     [profile nowhere]\nsso_session = none\nsso_account_id = 111122223333\nsso_role_name = r\n\
     [profile half]\nsso_start_url = https://s.awsapps.com/start\nsso_account_id = 111122223333\nsso_role_name = r\n",
    "[profile default]\nsso_start_url = https://first.awsapps.com/start\nsso_region = us-east-1\nsso_account_id=111122223333\nsso_role_name=r\n\
     [default]\nsso_start_url = https://later.awsapps.com/start\nsso_region = us-east-1\nsso_account_id=111122223333\nsso_role_name=r\n",
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

/// The answers to these questions, or `None` without a Python.
fn ask(kind: &str, home: &Path, questions: &Value) -> Option<Vec<Value>> {
    let python = test_support::speed::python_with_botocore()?;
    match oracle::ask(&python, ORACLE, home, &json!([kind, questions])) {
        Value::Array(answers) => Some(answers),
        other => panic!("{other}"),
    }
}

fn configured(config: &str, credentials: &str, environment: &Environment) -> Config {
    let paths = Paths { own: "own".into(), aws: "config".into(), aws_credentials: "credentials".into() };
    parse(&paths, "", config, credentials, environment)
}

/// The sections as botocore has them.
fn raw(document: &Document<'_>) -> Value {
    let value = |entry: &Entry<'_>| {
        if !entry.is_group() {
            return json!(entry.value);
        }
        let names = entry.value.split('\n').filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim());
        let members = names.map(|name| (name.to_owned(), json!(nested(&entry.value, name))));
        Value::Object(members.collect::<Map<_, _>>())
    };
    let sections = document.sections.iter().map(|section| {
        let entries = document.entries(section).map(|entry| (entry.key.to_string(), value(entry)));
        (section.header.to_owned(), Value::Object(entries.collect()))
    });
    Value::Object(sections.collect())
}

#[test]
fn files_are_read_and_merged_as_botocore_does_it() {
    let home = tempfile::tempdir().expect("a directory");
    let mut random = Rng::with_seed(14);
    let generated = (0..PAIRS).map(|_| [file(&mut random, HEADERS), file(&mut random, CREDENTIALS_HEADERS)]);
    let examples = EXAMPLES.iter().map(|&text| [text.to_owned(), String::new()]);
    let pairs: Vec<[String; 2]> = generated.chain(examples).collect();
    let Some(answers) = ask("files", home.path(), &json!(pairs)) else { return };
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for ([config, credentials], answer) in pairs.iter().zip(&answers) {
        for (text, expected) in [config, credentials].into_iter().zip(answer["raw"].as_array().expect("two answers")) {
            let document = Document::read(text);
            if expected.is_null() {
                assert!(!document.doubts.is_empty(), "botocore refuses this, and no doubt says so: {text:?}");
                *seen.entry("refused").or_default() += 1;
            } else {
                assert_eq!(document.doubts, [], "{text:?}");
                assert_eq!(raw(&document), *expected, "{text:?}");
                *seen.entry("read").or_default() += 1;
            }
        }
        let ours = configured(config, credentials, &Environment::default());
        let text = format!("{config}\n----\n{credentials}");
        for (name, expected) in answer["sso_sessions"].as_object().expect("sessions") {
            *seen.entry(compare_session(&ours, name, expected, &text)).or_default() += 1;
        }
        for (name, expected) in answer["profiles"].as_object().expect("profiles") {
            *seen.entry(compare_profile(&ours, name, expected, &text)).or_default() += 1;
        }
    }
    // The batch is worth something only if everything happens often.
    for what in ["refused", "read", "same session", "unusable session", "alike", "nowhere", "unusable"] {
        assert!(seen.get(what).is_some_and(|&count| count > 20), "{what}: {seen:?}");
    }
}

fn compare_session(ours: &Config, name: &str, expected: &Value, text: &str) -> &'static str {
    let member = |key: &str| expected[key].as_str().filter(|value| !value.is_empty());
    let Some((start_url, region)) = member("sso_start_url").zip(member("sso_region")) else {
        assert!(ours.session(name).is_none(), "{name} is incomplete in {text}");
        return "incomplete session";
    };
    let Some(session) = ours.session(name) else {
        // The problem quotes the value as botocore has it.
        let is_quoted = |value: &str| ours.problems.iter().any(|it| it.message.contains(&format!("{value:?}")));
        assert!(is_quoted(start_url) || is_quoted(region), "{name} is missing without a problem: {text}");
        return "unusable session";
    };
    assert_eq!(normalise_start_url(start_url).as_deref(), Ok(session.start_url()), "{text}");
    assert_eq!(session.region(), Some(region), "{text}");
    if let Some(scopes) = member("sso_registration_scopes") {
        let scopes: Vec<&str> = scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty()).collect();
        assert_eq!(session.scopes, scopes, "{text}");
    }
    "same session"
}

/// Whether a profile leads here where botocore has it lead.
fn compare_profile(ours: &Config, name: &str, expected: &Value, text: &str) -> &'static str {
    let found = ours.profiles.get(name).filter(|found| found.assignment.is_ok());
    let member = |key: &str| expected[key].as_str();
    let Some((start_url, region)) = member("sso_start_url").zip(member("sso_region")) else {
        assert!(found.is_none(), "{name} leads nowhere in {text}");
        return "nowhere";
    };
    let is_usable = normalise_start_url(start_url).is_ok() && !region.contains([' ', '\n', '\\']);
    let members = [member("sso_account_id"), member("sso_role_name")];
    if !is_usable || members.iter().flatten().any(|member| member.contains('\n')) || members.contains(&Some("")) {
        assert!(found.is_none(), "{name} cannot be used in {text}");
        return "unusable";
    }
    let found = found.unwrap_or_else(|| panic!("{name} leads nowhere: {text}\n{:#?}", ours.problems));
    let session = ours.session(&found.session).expect("its session");
    assert_eq!(normalise_start_url(session.start_url()), normalise_start_url(start_url), "{name} in {text}");
    assert_eq!(session.region(), Some(region), "{name} in {text}");
    let assignment = found.assignment.as_ref().expect("it was looked at");
    assert_eq!([Some(assignment.account.as_str()), Some(assignment.role.as_str())], members, "{name} in {text}");
    let token_files: Vec<String> = session.cache_keys.iter().map(|key| token_file::name(key)).collect();
    let expected = member("token_file").expect("a token file");
    assert!(token_files.iter().any(|file| file == expected), "{name} reads another one than {token_files:?} in {text}");
    "alike"
}

#[test]
fn paths_in_variables_are_expanded_as_botocore_does_it() {
    let home = tempfile::tempdir().expect("a directory");
    let parts = ["~", "/", "$HOME", "${HOME}", "$NONE", "${NONE", "$", "x", "a b", "é", "$LANG_X", "}"];
    let mut random = Rng::with_seed(41);
    let path = |random: &mut Rng| (0..random.usize(1..5)).map(|_| pick(random, &parts)).collect::<String>();
    // The daemon does not read the user database.
    let is_a_user = |path: &String| path.starts_with('~') && path != "~" && !path.starts_with("~/");
    let paths: Vec<String> = (0..500).map(|_| path(&mut random)).filter(|path| !is_a_user(path)).collect();
    let Some(answers) = ask("paths", home.path(), &json!(paths)) else { return };
    let variable = |name: &str| (name == "HOME").then(|| home.path().to_str().expect("text").to_owned());
    for (path, expected) in paths.iter().zip(&answers) {
        let environment = Environment::from_vars(|name| match name {
            "AWS_CONFIG_FILE" | "AWS_SHARED_CREDENTIALS_FILE" => Some(path.clone()),
            _ => variable(name),
        });
        let located = Paths::locate(Some("own".into()), &environment).expect("a home");
        assert_eq!(located.aws, Path::new(expected.as_str().expect("text")), "{path:?}");
        assert_eq!(located.aws_credentials, located.aws);
    }
}

#[test]
fn endpoints_are_those_that_botocore_would_call() {
    let home = tempfile::tempdir().expect("a directory");
    let with_variables = ENDPOINT_FILES
        .iter()
        .flat_map(|file| ENDPOINT_VARIABLES.iter().map(move |variables| (*file, *variables, "eu-west-1")));
    let in_regions =
        REGIONS.iter().flat_map(|region| ENDPOINT_FILES[..4].iter().map(move |file| (*file, &[][..], *region)));
    let cases: Vec<_> = with_variables.chain(in_regions).collect();
    let questions = cases.iter().map(|(file, variables, region)| {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        json!({ "file": file, "variables": variables, "region": region })
    });
    let Some(answers) = ask("endpoints", home.path(), &questions.collect()) else { return };
    for ((file, variables, region), answer) in cases.iter().zip(&answers) {
        let environment = Environment::from_vars(|name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        });
        let session =
            format!("[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = {region}\n");
        let config = configured(&format!("{session}{file}"), "", &environment);
        let answer: Vec<&str> = answer.as_array().expect("two URLs").iter().filter_map(Value::as_str).collect();
        let endpoints = &config.session("corp").expect("the session").endpoints;
        match endpoints.configured().ok_or_else(|| endpoints.error().expect("the region is configured")) {
            Ok(endpoints) => {
                let urls = [&endpoints.oidc, &endpoints.portal].map(|endpoint| endpoint.shown().as_str());
                assert_eq!(answer, urls.map(|url| url.trim_end_matches('/')), "{file:?} {variables:?} {region}");
            }
            // The rules of the models have an error here, and so has the daemon; botocore drops the switch silently.
            Err(EndpointError::ExcludesCustom { .. }) => {
                assert!(answer.iter().any(|url| url.starts_with("http://127.0.0.1:")), "{file:?} {variables:?}");
            }
            // One of them would get what the other one has issued.
            Err(EndpointError::TwoIssuers { .. }) => {
                assert_ne!(issuer(answer[0]), issuer(answer[1]), "{file:?} {variables:?}");
            }
            Err(error) => panic!("{file:?} {variables:?} {region}: {error}"),
        }
    }
}

/// The issuer at a URL, as far as this test has any: AWS, or one port of this machine.
fn issuer(url: &str) -> &str {
    url.strip_prefix("http://").map_or("AWS", |place| place.split('/').next().unwrap_or_default())
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
    let further = ["9999-12-31T23:59:59Z", "", "soon", "0", "1795435200", "2026-11-23", "2026-11-23Z"];
    let further = further.into_iter().chain(["2026-13-01T00:00:00Z", " 2026-11-23T11:16:07Z "]);
    texts.extend(further.map(str::to_owned));
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
