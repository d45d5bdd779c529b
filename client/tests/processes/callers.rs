//! Callers with different AWS files, and one daemon for all of them.

use std::fs;

use test_support::client::Outcome;
use test_support::service::preauthorised;
use test_support::stage::{CORP, DEV};
use test_support::{Stage, set_mode, until};

/// Another person's sign-in under the same name, from a client's directory.
fn client() -> String {
    [&CORP.replace("https://corp", "https://client"), DEV].concat()
}

fn stage() -> Stage {
    let stage = Stage::without_daemon(preauthorised(), CORP);
    stage.write("client/config", &client());
    stage
}

#[test]
fn each_caller_gets_the_session_of_its_own_file_in_any_order() {
    for client_first in [false, true] {
        let stage = stage();
        if client_first {
            stage.run_with("client/config", &["status"]).exits(0);
        }
        stage.run(["login", "corp", "--no-browser"]).exits(0);
        let file = stage.home().join("client/config");
        let file = file.to_str().unwrap();
        stage.run_with(file, &["token"]).exits(3).prints_nothing();
        stage.run_with(file, &["login", "--no-browser"]).exits(0);
        let own = stage.run(["token", "--json"]).exits(0).json();
        assert_eq!(own["start_url"], "https://corp.awsapps.com/start");
        // Every way to name the file leads to it.
        for name in [file, "client/config", "./client/../client/config", "~/client/config", "$HOME/client/config"] {
            let theirs = stage.run_with(name, &["token", "--json"]).exits(0).json();
            assert_eq!(theirs["start_url"], "https://client.awsapps.com/start", "{name}");
            assert_ne!(theirs["access_token"], own["access_token"]);
        }
        // A profile of one file is not known in another.
        stage.run_with(file, &["credential-process", "--profile", "dev"]).exits(0);
        stage.run_with(file, &["exec", "--profile", "dev", "--", "true"]).exits(0);
        stage.run_with(file, &["env", "--profile", "dev", "--shell", "json"]).exits(0);
        stage.run_with(file, &["console", "--profile", "dev", "--url-only"]).exits(0);
        stage.run(["console", "--profile", "dev", "--url-only"]).exits(6).prints_nothing();
        let status = stage.run_with(file, &["status", "--json"]).exits(0).json();
        assert_eq!(status["sessions"].as_array().map(Vec::len), Some(1));
        assert_eq!(status["sessions"][0]["start_url"], "https://client.awsapps.com/start");
        stage.run_with(file, &["logout"]).exits(0);
        stage.run_with(file, &["token"]).exits(3).prints_nothing();
        stage.run(["token"]).exits(0);
        // `--all` means all sessions, with any file.
        stage.run_with(file, &["logout", "--all"]).exits(0);
        stage.run(["token"]).exits(3).prints_nothing();
    }
}

#[test]
fn the_home_of_the_caller_does_not_matter() {
    let stage = stage().started().and_signed_in();
    assert_eq!(
        stage.run_in(&[("HOME", stage.home().join("client"))], &["token", "--json"]).exits(0).json()["start_url"],
        "https://corp.awsapps.com/start"
    );
}

#[test]
fn a_file_that_cannot_be_used_is_refused_with_its_path_and_never_answered_from_another() {
    let stage = stage().started().and_signed_in();
    let open = stage.write("open", &client());
    set_mode(&open, 0o666);
    fs::create_dir(stage.home().join("directory")).unwrap();
    for (name, why) in [
        ("nowhere/config", "there is no such file"),
        ("open", "others can write to it"),
        ("directory", "not a regular file"),
    ] {
        let path = stage.home().join(name);
        for verb in [&["token"][..], &["login", "corp"], &["logout", "corp"], &["status"], &["import"]] {
            stage.run_with(name, verb).exits(1).prints_nothing().says(path.to_str().unwrap()).says(why);
        }
    }
    // Nothing at all is configured there.
    stage.run_with("/dev/null", &["token"]).exits(6).prints_nothing();
    stage.run(["token"]).exits(0);
}

#[test]
fn a_credentials_file_that_a_caller_names_counts_with_the_configuration_that_it_names_or_the_default_one() {
    let stage = stage();
    let of_corp = "[of-keys]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = R\n";
    stage.write("keys", of_corp);
    stage.start_daemon();
    let profile = |config: Option<&str>, credentials: Option<&str>| {
        let mut command = stage.ssoctl(["status", "--json", "--profile", "of-keys"]);
        command.envs(config.map(|config| ("AWS_CONFIG_FILE", config)));
        command.envs(credentials.map(|credentials| ("AWS_SHARED_CREDENTIALS_FILE", credentials)));
        stage.finish(command)
    };
    let start_url = |outcome: &Outcome| outcome.json()["sessions"][0]["start_url"].clone();
    profile(None, None).exits(6).prints_nothing();
    profile(Some("client/config"), None).exits(6).prints_nothing();
    assert_eq!(start_url(&profile(None, Some("~/keys")).exits(0)), "https://corp.awsapps.com/start");
    let theirs = profile(Some("client/config"), Some("keys")).exits(0);
    assert_eq!(start_url(&theirs), "https://client.awsapps.com/start");
    // It is remembered, and watched.
    stage.write("keys", &of_corp.replace("of-keys", "other"));
    until("the change is seen", || (profile(None, Some("keys")).code == Some(6)).then_some(()));
    let shown = stage.run(["status"]).exits(0).stdout;
    let keys = stage.home().join("keys");
    assert!(shown.contains(&format!("client/config with {}", keys.display())), "{shown}");
    // As with botocore, one that is not there is empty; one that others can change is refused.
    profile(None, Some("none")).exits(6);
    set_mode(&keys, 0o666);
    let why = "keys, which AWS_SHARED_CREDENTIALS_FILE names: others can write to it";
    until("that is seen", || {
        let refused = profile(None, Some("keys"));
        (refused.code == Some(1)).then(|| refused.prints_nothing().says(why).code)
    });
    profile(None, Some("keys")).exits(1).prints_nothing().says(why);
    profile(Some("client/config"), Some("keys"))
        .exits(1)
        .says("AWS_SHARED_CREDENTIALS_FILE names with it: others can write");
}

#[test]
fn a_named_file_is_watched_and_forgotten_with_its_end() {
    let stage = stage().started();
    stage.run_with("client/config", &["status", "corp"]).exits(0);
    let known = || stage.run(["status", "--json"]).exits(0).json()["daemon"]["settings"]["aws_config_files"].clone();
    assert_eq!(known()[0]["path"], stage.home().join("client/config").to_str().unwrap());
    assert_eq!((&known()[0]["sessions"], &known()[0]["listed"]), (&1.into(), &false.into()));
    stage.write("client/config", &client().replace("corp", "other"));
    until("the change is seen", || {
        let status = stage.run_with("client/config", &["status", "--json", "other"]);
        (status.code == Some(0)).then_some(())
    });
    stage.run_with("client/config", &["status", "corp"]).exits(6);
    fs::remove_file(stage.home().join("client/config")).unwrap();
    until("it is forgotten", || known().as_array().is_some_and(Vec::is_empty).then_some(()));
    stage.run_with("client/config", &["status", "other"]).exits(1).says("there is no such file");
}

#[test]
fn of_two_sessions_of_one_name_only_the_default_one_has_a_token_file() {
    let stage = stage();
    // If only a variable names the service, a session shares token files only if it says so.
    stage.write(".aws/config", &format!("{CORP}{}", stage.services()));
    let named = stage.write("client/config", &format!("{}{}", client(), stage.services()));
    stage.write_own_config(&format!("aws_config_files = [\"{}\"]\n", named.display()));
    stage.start_daemon();
    stage.run_with("client/config", &["login", "corp", "--no-browser"]).exits(0);
    stage.run(["login", "corp", "--no-browser"]).exits(0);
    until("the file is published", || {
        let files = stage.status("corp")["token_files"]["published"].clone();
        files.as_array().is_some_and(|files| files.len() == 1).then_some(())
    });
    let theirs = stage.run_with("client/config", &["status", "--json", "corp"]).exits(0).json();
    let files = &theirs["sessions"][0]["token_files"];
    assert!(files["published"].as_array().is_some_and(Vec::is_empty), "{files}");
    let why = files["error"].as_str().unwrap_or_default();
    assert!(why.contains("\"corp\" is another one in") && why.contains(".aws/config"), "{files}");
}

#[test]
fn a_session_of_two_files_is_one_with_one_sign_in() {
    let stage = stage();
    stage.write("same/config", CORP);
    stage.start_daemon();
    stage.sign_in("corp");
    let token = stage.run(["token"]).exits(0).stdout;
    assert_eq!(stage.run_with("same/config", &["token"]).exits(0).stdout, token);
    let status = stage.run(["status", "--json"]).exits(0).json();
    assert_eq!(status["daemon"]["sessions"], 1);
}

#[test]
fn profiles_are_written_into_the_callers_file_and_into_no_other() {
    let stage = stage().started().and_signed_in();
    stage.run_with("client/config", &["login", "--no-browser"]).exits(0);
    let read = |path: &str| fs::read_to_string(stage.home().join(path)).unwrap();
    stage.run_with("client/config", &["configure"]).exits(0);
    assert!(read("client/config").contains("sso_account_id"), "{}", read("client/config"));
    assert_eq!(read(".aws/config"), CORP);
    // The home of this shell does not matter: the file is the one that the daemon reads.
    let after = read("client/config");
    stage.run_in(&[("HOME", stage.home().join("client"))], &["configure", "corp"]).exits(0);
    assert!(read(".aws/config").contains("sso_account_id"), "{}", read(".aws/config"));
    assert_eq!(read("client/config"), after);
    assert!(!stage.home().join("client/.aws").exists());
}

#[test]
fn endpoint_settings_count_in_listed_files_alone() {
    let stage = stage();
    let text = client() + "[default]\nuse_fips_endpoint = true\n";
    let file = stage.write("client/config", &text);
    stage.start_daemon();
    let endpoint_trouble = || {
        let status = stage.run_with("client/config", &["status", "--json", "corp"]).exits(0).json();
        status["sessions"][0]["last_error"]["message"].as_str().map(str::to_owned)
    };
    assert_eq!(endpoint_trouble(), None);
    stage.run(["status"]).exits(0);
    stage.run_with("client/config", &["status"]).exits(0);
    stage.write_own_config(&format!("aws_config_files = [\"{}\"]\n", file.display()));
    // The stage has custom endpoints, which FIPS excludes.
    until("the list counts", || endpoint_trouble().filter(|why| why.contains("FIPS")));
}

#[test]
fn a_caller_without_a_match_is_told_how_daemon_and_shell_differ() {
    let stage = stage().started();
    let mut elsewhere = stage.ssoctl(["token", "nosuch"]);
    elsewhere.env("XDG_CONFIG_HOME", stage.home().join("x")).env("XDG_STATE_HOME", stage.home().join("y"));
    elsewhere.env("HTTPS_PROXY", "http://ada:s3cret@127.0.0.1:9");
    let told = stage.finish(elsewhere).exits(6).prints_nothing();
    for part in ["x/ssoctl/config.toml", "y/ssoctl", "HTTPS_PROXY=http://***@127.0.0.1:9 of this shell"] {
        assert!(told.stderr.contains(part), "no {part:?} in {told:?}");
    }
    assert!(!told.stderr.contains("s3cret"), "{told:?}");
    let same = stage.run(["token", "nosuch"]).exits(6);
    assert!(!same.stderr.contains("the daemon"), "{same:?}");
}

#[test]
fn a_daemon_that_ssoctl_starts_takes_proxies_and_nothing_that_decides_where_secrets_go() {
    let stage = stage();
    let mut first = stage.ssoctl(["status", "--json"]);
    first.env("XDG_CONFIG_HOME", stage.home().join("x")).env("XDG_STATE_HOME", stage.home().join("y"));
    first.env("SSOCTL_CONFIG", stage.home().join("z.toml")).env("SSOCTL_STATE_DIR", stage.home().join("z"));
    first.env("AWS_CONFIG_FILE", "client/config").env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    first.env("NO_PROXY", "127.0.0.1,localhost").env("TZ", "UTC0");
    stage.finish(first).exits(0);
    let settings = stage.run(["--no-start", "status", "--json"]).exits(0).json()["daemon"]["settings"].clone();
    let home = |below: &str| stage.home().join(below).to_str().unwrap().to_owned();
    assert_eq!(settings["started_by"], "ssoctl");
    assert_eq!(settings["aws_config"], home(".aws/config"));
    if cfg!(not(target_os = "macos")) {
        assert_eq!(settings["config_toml"], home(".config/ssoctl/config.toml"));
        assert_eq!(settings["state_directory"], home(".local/state/ssoctl"));
    }
    let names: Vec<&str> =
        settings["variables"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["NO_PROXY", "AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC", "TZ"]);
    let shown = stage.run(["status"]).exits(0).stdout;
    assert!(shown.contains("NO_PROXY=127.0.0.1,localhost (of the shell that ssoctl was called from)"), "{shown}");
}
