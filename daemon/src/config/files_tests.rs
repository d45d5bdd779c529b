use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

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
        region: "eu-west-1".to_owned(),
        scopes: None,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
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
    assert_eq!((&origin.file, origin.line), (&paths.aws_credentials, 4));
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
fn an_unreadable_file_is_a_problem_and_the_other_one_stays() {
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
    assert_eq!(mode(&paths.own), 0o600);
    assert_eq!(mode(paths.own.parent().unwrap()), 0o700);
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
    fs::set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
    symlink("../../dotfiles/ssoctl.toml", &paths.own).unwrap();

    save_session(&paths, &work(), &Config::default()).unwrap();

    assert!(fs::symlink_metadata(&paths.own).unwrap().is_symlink());
    let text = fs::read_to_string(&target).unwrap();
    assert!(text.starts_with("# mine\n") && text.contains("[session.work]"), "{text}");
    assert_eq!(mode(&target), 0o644);
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
