//! Generated AWS files mean here what they mean to botocore: every section, key and value, which files it refuses, and where each
//! profile of the two files together leads. One Python answers for a whole batch.
//!
//! Needs a Python with botocore: `SSOCTL_TEST_PYTHON`, else `python3`.

use std::collections::BTreeMap;
use std::path::Path;

use fastrand::Rng;
use serde_json::{Map, Value, json};
use ssoctl_aws_files::Document;
use ssoctld::config::{Config, Environment, Paths, normalise_start_url, parse};

#[path = "oracle/generated.rs"]
mod generated;
mod oracle;

use generated::{HEADERS, file, pick};

const ORACLE: &str = include_str!("aws_files_oracle.py");

/// How many pairs of files are compared.
const PAIRS: usize = 800;

const CREDENTIALS_HEADERS: &[&str] =
    &["[default]", "[dev]", "[profile dev]", "[Company-[production]/Role]", "[two words]", "[DEFAULT]", "[x] ; mine"];

/// The sections as botocore has them.
fn raw(document: &Document<'_>) -> Value {
    let value = |entry: &ssoctl_aws_files::Entry<'_>| {
        if !entry.is_group() {
            return json!(entry.value);
        }
        let names = entry.value.split('\n').filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim());
        let members = names.map(|name| (name.to_owned(), json!(ssoctl_aws_files::nested(&entry.value, name))));
        Value::Object(members.collect::<Map<_, _>>())
    };
    let sections = document.sections.iter().map(|section| {
        let entries = document.entries(section).map(|entry| (entry.key.to_string(), value(entry)));
        (section.header.to_owned(), Value::Object(entries.collect()))
    });
    Value::Object(sections.collect())
}

#[test]
fn generated_files_are_read_and_merged_as_botocore_does_it() {
    let Some(python) = test_support::speed::python_with_botocore() else { return };
    let home = tempfile::tempdir().expect("a directory");
    let mut random = Rng::with_seed(14);
    let pairs: Vec<[String; 2]> =
        (0..PAIRS).map(|_| [file(&mut random, HEADERS), file(&mut random, CREDENTIALS_HEADERS)]).collect();
    let answers = oracle::ask(&python, ORACLE, home.path(), &json!({ "files": pairs, "paths": [] }));
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for ([config, credentials], answer) in pairs.iter().zip(answers["files"].as_array().expect("answers")) {
        for (text, expected) in [config, credentials].into_iter().zip(answer["raw"].as_array().expect("two answers")) {
            let document = Document::read(text);
            if expected.is_null() {
                assert!(!document.doubts.is_empty(), "botocore refuses this and nobody is told: {text:?}");
                *seen.entry("refused").or_default() += 1;
            } else {
                assert_eq!(document.doubts, [], "{text:?}");
                assert_eq!(raw(&document), *expected, "{text:?}");
                *seen.entry("read").or_default() += 1;
            }
        }
        let Some(profiles) = answer["profiles"].as_object() else { continue };
        let paths = Paths { own: "own".into(), aws: "config".into(), aws_credentials: "credentials".into() };
        let ours = parse(&paths, "", config, credentials, &Environment::default());
        for (name, expected) in profiles {
            *seen.entry(leads_alike(&ours, name, expected, &format!("{config}\n----\n{credentials}"))).or_default() +=
                1;
        }
    }
    // The batch is worth something only if everything happens often.
    for what in ["refused", "read", "alike", "nowhere", "unusable"] {
        assert!(seen.get(what).is_some_and(|&count| count > 20), "{what}: {seen:?}");
    }
}

/// Whether a profile leads here where botocore has it lead.
fn leads_alike(ours: &Config, name: &str, expected: &Value, text: &str) -> &'static str {
    let found = ours.profiles.get(name).filter(|found| found.assignment.is_ok());
    let member = |key: &str| expected[key].as_str();
    let Some((start_url, region)) = member("sso_start_url").zip(member("sso_region")) else {
        assert!(found.is_none(), "{name} leads nowhere in {text}");
        return "nowhere";
    };
    let is_usable = normalise_start_url(start_url).is_ok() && !region.contains([' ', '\n']);
    let members = [member("sso_account_id"), member("sso_role_name")];
    if !is_usable || members.iter().flatten().any(|member| member.contains('\n')) || members.contains(&Some("")) {
        assert!(found.is_none(), "{name} cannot be used in {text}");
        return "unusable";
    }
    let found = found.unwrap_or_else(|| panic!("{name} leads nowhere: {text}\n{:#?}", ours.problems));
    let session = ours.session(&found.session).expect("its session");
    assert_eq!(normalise_start_url(session.start_url()), normalise_start_url(start_url), "{name} in {text}");
    assert_eq!(session.region(), region, "{name} in {text}");
    let assignment = found.assignment.as_ref().expect("it was looked at");
    assert_eq!([Some(assignment.account.as_str()), Some(assignment.role.as_str())], members, "{name} in {text}");
    "alike"
}

#[test]
fn paths_in_variables_are_expanded_as_botocore_does_it() {
    let Some(python) = test_support::speed::python_with_botocore() else { return };
    let home = tempfile::tempdir().expect("a directory");
    let parts = ["~", "/", "$HOME", "${HOME}", "$NONE", "${NONE", "$", "x", "a b", "é", "$LANG_X", "}"];
    let mut random = Rng::with_seed(41);
    let path = |random: &mut Rng| (0..random.usize(1..5)).map(|_| pick(random, &parts)).collect::<String>();
    // Which users there are, nobody asks here.
    let is_a_user = |path: &String| path.starts_with('~') && path != "~" && !path.starts_with("~/");
    let paths: Vec<String> = (0..500).map(|_| path(&mut random)).filter(|path| !is_a_user(path)).collect();
    let answers = oracle::ask(&python, ORACLE, home.path(), &json!({ "files": [], "paths": paths }));
    let variable = |name: &str| (name == "HOME").then(|| home.path().to_str().expect("text").to_owned());
    for (path, expected) in paths.iter().zip(answers["paths"].as_array().expect("answers")) {
        let environment = Environment::from_vars(|name| match name {
            "AWS_CONFIG_FILE" | "AWS_SHARED_CREDENTIALS_FILE" => Some(path.clone()),
            _ => variable(name),
        });
        let located = Paths::locate(Some("own".into()), &environment).expect("a home");
        assert_eq!(located.aws, Path::new(expected.as_str().expect("text")), "{path:?}");
        assert_eq!(located.aws_credentials, located.aws);
    }
}
