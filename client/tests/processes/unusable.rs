//! Unusable parts of the configuration: every verb says why, with file and line.

use identity_center_simulator::Settings;

use test_support::Stage;
use test_support::stage::CORP;

/// A configuration of which every line matters.
const CONFIG: &str = "\
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = ReadOnlyAccess

[profile old]
sso_start_url = https://old.awsapps.com/start
sso_region = eu-west-1

[profile tool]
credential_process = ssoctl credential-process --profile dev

[profile hand]
credential_process = ssoctl credential-process --session corp --account 111122223333 --role ReadOnlyAccess

[profile top]
role_arn = arn:aws:iam::111122223333:role/top
source_profile = dev
";

/// Selections that need the lines of `corp`.
const OF_CORP: [&[&str]; 5] =
    [&["corp"], &["--profile", "dev"], &["--profile", "tool"], &["--profile", "hand"], &["--profile", "top"]];

/// Selections that need the lines of `dev`.
const OF_DEV: [&[&str]; 3] = [&["--profile", "dev"], &["--profile", "tool"], &["--profile", "top"]];

/// Selections that need the lines of `old`.
const OF_OLD: [&[&str]; 2] = [&["old"], &["--profile", "old"]];

/// One way to break the configuration.
struct Broken {
    text: String,
    /// The line that is wrong.
    line: usize,
    asked: Vec<&'static [&'static str]>,
}

/// The configuration with another text in this line, counted from 1; without the line if there is no text.
fn with_line(line: usize, text: Option<&str>) -> String {
    let lines = CONFIG.lines().enumerate().filter_map(|(index, old)| if index + 1 == line { text } else { Some(old) });
    lines.map(|line| format!("{line}\n")).collect()
}

/// The configuration in every way broken: each key that a sign-in needs is given each value that it cannot have, or taken
/// away, or hidden in a line that cannot be read.
fn every_way() -> Vec<Broken> {
    let urls =
        ["corp", "https://", "ftp://x/start", "https://corp.example/start?tab=accounts", "https://me:pw@corp/start"];
    let regions = ["eu_west_1", "eu west", "eu-west-1."];
    let scopes = ["a b", "\"sso:account:access\"", "ä"];
    let mut ways = Vec::new();
    let mut header = 0;
    for (index, old) in CONFIG.lines().enumerate() {
        let line = index + 1;
        let of = |asked: &[&'static [&'static str]], text: &str| Broken {
            text: with_line(line, Some(text)),
            line,
            asked: asked.to_vec(),
        };
        if old.starts_with('[') {
            header = line;
            match old {
                "[sso-session corp]" => ways.push(of(&OF_CORP[..1], "[sso-session corp")),
                "[profile dev]" => ways.extend(["[profile dev", "[profile d e v]"].map(|text| of(&OF_DEV[..1], text))),
                _ => {}
            }
        }
        let Some((key, value)) = old.split_once(" = ") else { continue };
        let asked = if header == 1 { OF_CORP.to_vec() } else { OF_OLD.to_vec() };
        let (values, is_needed): (&[&str], bool) = match key {
            "sso_start_url" => (&urls, true),
            "sso_region" => (&regions, true),
            "sso_registration_scopes" => (&scopes, false),
            "sso_session" => {
                ways.push(of(&OF_DEV, "sso_session = gone"));
                ways.push(of(&OF_DEV, "sso_session = corp # as everybody"));
                // A copy of the session's members that is out of date.
                for stale in ["sso_region = us-east-1", "sso_start_url = https://other.awsapps.com/start"] {
                    ways.push(Broken { line: line + 1, ..of(&OF_DEV, &format!("{old}\n{stale}")) });
                }
                continue;
            }
            _ => continue,
        };
        for (number, value) in values.iter().enumerate() {
            let asked = if number == 0 { &asked[..] } else { &asked[..1] };
            ways.push(of(asked, &format!("{key} = {value}")));
        }
        ways.push(of(&asked[..1], &format!("{key} = {value} # a comment")));
        if is_needed {
            ways.push(Broken { text: with_line(line, None), line: header, asked: asked[..1].to_vec() });
            ways.push(of(&asked[..1], key));
        }
    }
    ways
}

#[test]
fn each_failing_verb_names_the_file_and_line_of_the_broken_entry() {
    let stage = Stage::configured(Settings::default(), CORP);
    let ways = every_way();
    assert!(ways.len() > 30, "{}", ways.len());
    for (number, Broken { text, line, asked }) in ways.into_iter().enumerate() {
        let path = stage.write(&format!("broken-{number}"), &text);
        let place = format!("{}:{line}:", path.display());
        for arguments in asked {
            let outcome = stage.run_with(&path, &[&["token"], arguments].concat());
            assert!(!outcome.stderr.contains("me:pw"), "{outcome:?}");
            outcome.prints_nothing().says(&place);
        }
    }
}

#[test]
fn every_verb_that_needs_it_says_what_is_wrong_with_a_profile() {
    let stage = Stage::bare(Settings::default()).started();
    let text = with_line(3, Some("sso_region = us-east-1 # virginia"));
    let path = stage.write("config", &text);
    let place = format!("{}:3: \"us-east-1 # virginia\" is not a region", path.display());
    for verb in [
        &["token"][..],
        &["login", "--no-browser"],
        &["logout"],
        &["status"],
        &["accounts"],
        &["roles", "--account", "111122223333"],
        &["whoami"],
        &["env", "--shell", "json"],
        &["credential-process"],
        &["console", "--url-only"],
    ] {
        let arguments = [verb, &["--profile", "dev"]].concat();
        stage.run_with(&path, &arguments).prints_nothing().says(&place).says("its own line").exits(1);
    }
    stage.run_with(&path, &["exec", "--profile", "dev", "--", "true"]).says(&place).exits(125);
    // A profile with its own sign-in is not affected.
    stage.run_with(&path, &["token", "old"]).exits(3);
}

#[test]
fn a_role_that_a_profile_does_not_say_is_told_with_the_line() {
    let stage = Stage::bare(Settings::default()).started();
    for (line, text, wrong) in [
        (8, Some("sso_account_id = 12"), ":8: sso_account_id of profile \"dev\" cannot be used"),
        (9, Some("sso_role_name = a/b"), ":9: sso_role_name of profile \"dev\" cannot be used"),
        (9, Some("sso_role_name = ReadOnlyAccess # all"), ":9: sso_role_name of profile \"dev\" cannot be used"),
        (8, None, ":8)"),
        (9, None, ":8)"),
    ] {
        let path = stage.write(&format!("config-{line}-{}", text.unwrap_or_default().len()), &with_line(line, text));
        let place = format!("{}{wrong}", path.display());
        stage.run_with(&path, &["credential-process", "--profile", "dev"]).prints_nothing().says(&place);
    }
}

#[test]
fn without_usable_sessions_the_reason_is_given() {
    for (own, aws, place) in [
        (
            "",
            "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu west\n",
            ".aws/config:3:",
        ),
        ("", "[profile old]\nsso_start_url = https://corp.awsapps.com/start\n", ".aws/config:1:"),
        ("", "[sso-session corp\nsso_region = eu-west-1\n", ".aws/config:1:"),
        ("[session.corp]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = 1\n", "", "config.toml:3:"),
        (
            "[session.corp]\nregion = \"eu west\"\nstart_url = \"https://corp.awsapps.com/start\"\n",
            "",
            "config.toml:2:",
        ),
        ("[session.corp]\nregion = \"eu-west-1\"\n", "", "config.toml:1:"),
        ("[session.corp]\nscopes = [\"a b\"]\n", CORP, "config.toml:2:"),
        ("[session.corp]\nlabel = \"me\"\n", CORP, "config.toml:2:"),
        ("session = 1\n", "", "config.toml:1:"),
        ("[session.corp\n", "", "config.toml:1:"),
        ("[session.corp]\noidc_endpoint = \"ftp://x\"\n", CORP, "config.toml:2"),
    ] {
        let stage = Stage::without_daemon(Settings::default(), aws);
        stage.write_own_config(own);
        stage.start_daemon();
        for arguments in [&["token"][..], &["token", "corp"]] {
            if aws.contains("[profile old]") && arguments.len() == 2 {
                continue;
            }
            let outcome = stage.run(arguments).prints_nothing().says(place);
            assert_ne!(outcome.code, Some(0), "{own:?} {aws:?}");
        }
    }
}

#[test]
fn a_legacy_profile_does_not_take_the_name_of_a_session_that_cannot_be_used() {
    let stage = Stage::bare(Settings::default());
    let text = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n\
                [profile corp]\nsso_start_url = https://other.awsapps.com/start\nsso_region = eu-west-1\n";
    stage.write(".aws/config", text);
    stage.start_daemon();
    stage.run(["token", "corp"]).exits(1).prints_nothing().says(".aws/config:1:");
    stage.run(["token", "--profile", "corp"]).exits(3).says("needs a sign-in");
}
