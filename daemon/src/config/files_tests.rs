use super::*;
use crate::config::{AddError, Config, EndpointSettings, SaveError, load, load_named, save_session};
use std::os::unix::fs::symlink;

use ssoctl_protocol::NewSession;
use tempfile::TempDir;
use test_support::{mode_of, set_mode};

const CORP: &str = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";

fn home() -> (TempDir, Paths) {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths {
        own: home.path().join("config/ssoctl/config.toml"),
        aws: home.path().join("aws-config"),
        aws_credentials: home.path().join("aws-credentials"),
    };
    (home, paths)
}

fn work() -> NewSession {
    NewSession {
        name: Some("work".to_owned()),
        start_url: "https://work.awsapps.com/start".to_owned(),
        region: Some("eu-west-1".to_owned()),
        scopes: None,
    }
}

#[test]
fn the_files_are_where_the_command_line_or_the_variables_say() {
    let environment = Environment {
        home: Some(PathBuf::from("/home/me")),
        own_config: Some(PathBuf::from("/etc/own.toml")),
        ..Environment::default()
    };
    let paths = Paths::locate(None, &environment).unwrap();
    assert_eq!(paths.own, Path::new("/etc/own.toml"));
    assert_eq!(paths.aws, Path::new("/home/me/.aws/config"));

    let environment = Environment { aws_config: Some(PathBuf::from("/home/me/aws")), ..environment };
    let paths = Paths::locate(Some(PathBuf::from("/tmp/flag.toml")), &environment).unwrap();
    assert_eq!(paths.own, Path::new("/tmp/flag.toml"));
    assert_eq!(paths.aws, Path::new("/home/me/aws"));

    let homeless = Environment { home: None, aws_config: None, ..environment };
    assert_eq!(Paths::locate(None, &homeless), Err(NoHome));
}

#[test]
fn missing_files_are_normal() {
    let (_home, paths) = home();
    assert_eq!(load(&paths, &Environment::default()), Config::default());
}

#[test]
fn both_aws_files_are_read_and_a_problem_names_the_right_one() {
    let (_home, paths) = home();
    fs::write(&paths.aws, format!("{CORP}[profile dev]\nsso_account_id = 111122223333\nsso_role_name = Admin\n"))
        .unwrap();
    let credentials = "[dev]\nsso_session = corp\nnonsense\n\
        [legacy]\nsso_start_url = https://old.awsapps.com/start\nsso_region = eu-west-1\n\
        [keys]\naws_access_key_id = A\naws_secret_access_key = hidden\n\
        credential_process = ssoctl credential-process --profile dev\n";
    fs::write(&paths.aws_credentials, credentials).unwrap();
    let config = load(&paths, &Environment::default());
    assert_eq!(config.profiles["dev"].session, "corp");
    assert!(config.profiles["dev"].assignment.is_ok());
    let decided = config.profiles["dev"].decided_by.session.clone();
    let decided = decided.map(|key| (key.file, key.line));
    assert_eq!(decided, Some((paths.aws_credentials.display().to_string(), 2)));
    let origin = &config.session("legacy").unwrap().origin;
    assert_eq!(origin.place.to_string(), format!("{}:4", paths.aws_credentials.display()));
    // AWS tools use the keys.
    assert!(!config.profiles.contains_key("keys"));
    let problems: Vec<_> = config.problems.iter().map(|problem| (&problem.file, problem.line)).collect();
    assert_eq!(problems, [(&paths.aws_credentials, Some(3))]);
    assert!(!format!("{config:?}").contains("hidden"));
}

#[test]
fn the_null_device_is_no_configuration() {
    let (_home, paths) = home();
    let paths = Paths { aws: PathBuf::from("/dev/null"), ..paths };
    assert_eq!(load(&paths, &Environment::default()), Config::default());
}

#[test]
fn an_unreadable_file_is_a_problem_and_the_other_one_is_read() {
    let (_home, paths) = home();
    fs::create_dir_all(&paths.own).unwrap();
    fs::write(&paths.aws, CORP).unwrap();
    let config = load(&paths, &Environment::default());
    assert!(config.session("corp").is_some());
    assert_eq!(config.problems.len(), 1);
    assert_eq!(config.problems[0].file, paths.own);
    assert_eq!(config.problems[0].line, None);
}

#[test]
fn a_file_that_is_not_utf_8_is_a_problem_at_that_line() {
    let (_home, paths) = home();
    fs::write(&paths.aws, [CORP.as_bytes(), b"# caf\xe9\n"].concat()).unwrap();
    let config = load(&paths, &Environment::default());
    assert_eq!(config.sessions, []);
    assert_eq!(config.problems[0].line, Some(4));
    assert_eq!(config.problems[0].to_string(), format!("{}:4: {}", paths.aws.display(), config.problems[0].message));
}

#[test]
fn a_saved_session_is_loaded_from_a_file_that_only_its_owner_reads() {
    let (_home, paths) = home();
    let name = save_session(&paths, &work(), &Config::default()).unwrap();
    assert_eq!(name, "work");
    assert_eq!(mode_of(&paths.own), 0o600);
    assert_eq!(mode_of(paths.own.parent().unwrap()), 0o700);
    let config = load(&paths, &Environment::default());
    assert_eq!(config.problems, []);
    assert_eq!(config.session("work").unwrap().start_url(), "https://work.awsapps.com/start");
    let again = save_session(&paths, &work(), &config).unwrap_err();
    assert!(matches!(again, SaveError::Add(AddError::Exists(_))), "{again:?}");
}

#[test]
fn a_name_that_the_aws_configuration_uses_is_taken() {
    let (_home, paths) = home();
    fs::write(&paths.aws, format!("{CORP}[profile work]\nsso_session = corp\n")).unwrap();
    let config = load(&paths, &Environment::default());
    let error = save_session(&paths, &work(), &config).unwrap_err();
    assert!(matches!(error, SaveError::Add(AddError::Exists(_))), "{error:?}");
    assert!(!paths.own.exists());
}

#[test]
fn a_symlinked_file_stays_a_link_and_keeps_its_mode_and_no_temporary_file_is_left() {
    let (home, paths) = home();
    let dotfiles = home.path().join("dotfiles");
    fs::create_dir_all(&dotfiles).unwrap();
    fs::create_dir_all(paths.own.parent().unwrap()).unwrap();
    let target = dotfiles.join("ssoctl.toml");
    fs::write(&target, "# mine\n").unwrap();
    set_mode(&target, 0o644);
    symlink("../../dotfiles/ssoctl.toml", &paths.own).unwrap();

    save_session(&paths, &work(), &Config::default()).unwrap();

    assert!(fs::symlink_metadata(&paths.own).unwrap().is_symlink());
    let text = fs::read_to_string(&target).unwrap();
    assert!(text.starts_with("# mine\n") && text.contains("[session.work]"), "{text}");
    assert_eq!(mode_of(&target), 0o644);
    assert_eq!(fs::read_dir(&dotfiles).unwrap().count(), 1);
    assert_eq!(fs::read_dir(paths.own.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_link_to_nothing_yet_makes_the_file_that_it_names() {
    let (home, paths) = home();
    fs::create_dir_all(paths.own.parent().unwrap()).unwrap();
    let target = home.path().join("dotfiles/ssoctl.toml");
    symlink(&target, &paths.own).unwrap();
    save_session(&paths, &work(), &Config::default()).unwrap();
    assert!(target.exists());
    assert!(load(&paths, &Environment::default()).session("work").is_some());
}

#[test]
fn links_in_a_circle_are_an_error() {
    let (_home, paths) = home();
    fs::create_dir_all(paths.own.parent().unwrap()).unwrap();
    symlink(&paths.own, &paths.own).unwrap();
    let error = save_session(&paths, &work(), &Config::default()).unwrap_err();
    assert!(matches!(error, SaveError::File { .. }), "{error:?}");
}

const ENDPOINTS: &str = "[default]\nservices = local\n[services local]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:1\n\
                         sso =\n  endpoint_url = http://127.0.0.1:1\n";

/// Writes a file with this mode.
fn write(directory: &TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    set_mode(&path, mode);
    path
}

#[test]
fn endpoint_settings_of_a_file_that_is_not_listed_are_ignored_and_reported() {
    let (home, paths) = home();
    let files = FilePair::of_config(write(&home, "config", &format!("{ENDPOINTS}{CORP}"), 0o600));
    let load = |settings| load_named(&paths, &files, settings, &Environment::default()).unwrap();
    let (ignored, counted) = (load(EndpointSettings::Ignored), load(EndpointSettings::Count));
    let oidc = |config: &Config| format!("{:?}", config.sessions[0].endpoints);
    assert!(oidc(&counted).contains("127.0.0.1"), "{}", oidc(&counted));
    assert!(oidc(&ignored).contains("oidc.eu-west-1.amazonaws.com"), "{}", oidc(&ignored));
    assert_eq!(counted.problems, []);
    assert_eq!(ignored.problems[0].line, Some(2));
    assert!(ignored.problems[0].message.contains("aws_config_files"), "{}", ignored.problems[0].message);
}

#[test]
fn a_named_file_that_others_can_change_is_not_read() {
    let (home, paths) = home();
    let read = |config: PathBuf| {
        load_named(&paths, &FilePair::of_config(config), EndpointSettings::Ignored, &Environment::default())
    };
    for (mode, is_read) in [(0o600, true), (0o644, true), (0o664, false), (0o606, false)] {
        assert_eq!(read(write(&home, "config", CORP, mode)).is_ok(), is_read, "{mode:o}");
    }
    for missing in ["none", "config/below"] {
        let loaded = read(home.path().join(missing));
        assert!(matches!(loaded, Err(NotUsable::Missing)), "{loaded:?}");
    }
    assert_eq!(read("/dev/null".into()).unwrap().sessions, []);
}

#[test]
fn a_credentials_file_counts_with_the_configuration_that_it_is_named_with() {
    let (home, paths) = home();
    let profile = |name: &str, session: &str| {
        format!("[{name}]\nsso_session = {session}\nsso_account_id = 111122223333\nsso_role_name = R\n")
    };
    fs::write(&paths.aws, CORP.replace("corp", "usual")).unwrap();
    fs::write(&paths.aws_credentials, profile("of-default", "usual")).unwrap();
    let config = write(&home, "config", CORP, 0o600);
    let keys = write(&home, "named-keys", &profile("named", "corp"), 0o600);
    let usual_keys = write(&home, "usual-keys", &profile("usual-named", "usual"), 0o600);
    let load = |config: Option<&PathBuf>, credentials: Option<&PathBuf>| {
        let files = FilePair { config: config.cloned(), credentials: credentials.cloned() };
        load_named(&paths, &files, EndpointSettings::Ignored, &Environment::default())
    };
    let missing = home.path().join("none");
    for (config, credentials, profiles) in [
        (Some(&config), None, &[][..]),
        (Some(&config), Some(&keys), &["named"]),
        (None, Some(&usual_keys), &["usual-named"]),
        (None, Some(&missing), &[]),
    ] {
        let found: Vec<String> = load(config, credentials).unwrap().profiles.into_keys().collect();
        assert_eq!(found, profiles, "{config:?} {credentials:?}");
    }
    write(&home, "named-keys", "", 0o666);
    assert!(matches!(load(None, Some(&keys)), Err(NotUsable::Writable(0o666))));
    let why = crate::chain::chain(&load(Some(&config), Some(&keys)).unwrap_err());
    assert!(why.contains("named-keys, which AWS_SHARED_CREDENTIALS_FILE names with it: others can write"), "{why}");
}
