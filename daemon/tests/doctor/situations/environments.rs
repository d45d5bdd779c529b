//! Environments and files of the daemon and of the shell.

use std::fs;
use std::os::unix::net::UnixStream;

use super::{Situation, examine_all, when};
use test_support::stage::CORP;
use test_support::{set_mode, until};

/// Another AWS configuration.
const OTHER: &str = "[sso-session other]\nsso_start_url = https://other.awsapps.com/start\nsso_region = eu-west-1\n";

const CLOSED: &str = "http://127.0.0.1:9";
const WITH_AT: &str = "http://ada:p@ss@127.0.0.1:9";
/// For the path of a socket.
const TOO_LONG: &str = "HOME/\
    ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss";

/// What is right where nothing is out of the ordinary.
fn is_calm(situation: Situation) -> Situation {
    situation
        .finds("daemon", "ok", "1 session")
        .finds("this shell", "ok", "the daemon has")
        .finds("configuration", "warning", "signs in at http://127.0.0.1")
        .finds("session bus", "skipped", "none here")
        .finds("keyring", "skipped", "")
        .finds("proxy", "ok", "none")
        .finds("endpoint", "ok", "answers")
}

#[test]
fn doctor_finds_what_runs_and_what_does_not() {
    examine_all([
        is_calm(when("daemon and shell have the same environment")),
        when("no daemon runs")
            .without_daemon()
            .finds("daemon", "problem", "none runs")
            .finds("socket", "skipped", "the daemon makes it")
            .finds("state directory", "skipped", "the daemon makes it")
            .finds("secret store", "skipped", "none answers")
            .finds("endpoint", "ok", "answers"),
        when("no daemon runs, and the shell has places that one would not have")
            .without_daemon()
            .shell_has("XDG_CONFIG_HOME", "HOME/x")
            .finds("daemon", "problem", "none runs")
            .finds("this shell", "warning", "once ssoctl has started it, the daemon reads its own configuration from"),
        when("a session bus where nobody listens")
            .both_have("DBUS_SESSION_BUS_ADDRESS", "unix:path=HOME/nobody")
            .finds("session bus", "problem", "does not answer")
            .finds("keyring", "skipped", "session bus")
            .finds("notifications", "skipped", "session bus"),
        when("another time zone").shell_has("TZ", "Europe/Berlin").finds(
            "this shell",
            "warning",
            "TZ=Europe/Berlin of this shell is not the daemon's",
        ),
    ]);
}

#[test]
fn doctor_judges_the_aws_files_that_the_daemon_reads_for_itself_and_for_the_shell() {
    examine_all([
        when("the shell names an AWS file, which the daemon reads for it")
            .file("other/config", OTHER)
            .shell_has("AWS_CONFIG_FILE", "other/config")
            .finds("this shell", "ok", "")
            .finds("configuration", "ok", "other (profiles"),
        when("the shell names an AWS file that others can write to")
            .file("other/config", OTHER)
            .before(|stage| set_mode(stage.home().join("other/config"), 0o666))
            .shell_has("AWS_CONFIG_FILE", "~/other/config")
            .finds("configuration", "problem", "which AWS_CONFIG_FILE names: others can write to it"),
        when("the shell names a credentials file with a profile")
            .file("keys", "[dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = R\n")
            .shell_has("AWS_SHARED_CREDENTIALS_FILE", "keys")
            .finds("this shell", "ok", "")
            .finds("configuration", "ok", "corp (profiles: 1)"),
        when("the daemon was started with another AWS file")
            .file("other/config", OTHER)
            .daemon_has("AWS_CONFIG_FILE", "HOME/other/config")
            .finds("this shell", "warning", "looks names up in")
            .finds("configuration", "ok", "other (profiles")
            .never_says("corp (profiles"),
        when("an AWS file with a line that is nothing")
            .before(|stage| drop(stage.write(".aws/config", &format!("{CORP}nonsense\n"))))
            .finds("configuration", "problem", "the AWS CLI refuses the whole file"),
    ]);
}

#[test]
fn doctor_judges_the_daemons_places_and_names_what_the_shell_has_otherwise() {
    examine_all([
        when("the shell has another configuration directory, with a file that is broken")
            .file("x/ssoctl/config.toml", "[broken")
            .shell_has("XDG_CONFIG_HOME", "HOME/x")
            .finds("this shell", "warning", "x/ssoctl/config.toml as this shell")
            .finds("configuration", "ok", "corp"),
        when("the daemon has another configuration directory, with a file that is broken")
            .file("x/ssoctl/config.toml", "[broken")
            .daemon_has("XDG_CONFIG_HOME", "HOME/x")
            .finds("this shell", "warning", "config.toml")
            .finds("configuration", "problem", ""),
        when("a configuration that is no TOML").before(|stage| stage.write_own_config("[broken")).finds(
            "configuration",
            "problem",
            "",
        ),
        when("the shell has another state directory")
            .shell_has("XDG_STATE_HOME", "HOME/y")
            .finds("this shell", "warning", "y/ssoctl as this shell")
            .finds("state directory", "ok", ".local/state/ssoctl, held by process"),
        when("the daemon has another state directory")
            .daemon_has("XDG_STATE_HOME", "HOME/y")
            .finds("this shell", "warning", "keeps its records in")
            .finds("state directory", "ok", "y/ssoctl, held by"),
    ]);
}

#[test]
fn doctor_finds_the_daemon_from_another_home_and_runtime_directory() {
    examine_all([
        when("another home, with nothing in it")
            .before(|stage| fs::create_dir(stage.home().join("second")).expect("a directory"))
            .shell_has("HOME", "HOME/second")
            .finds("this shell", "warning", "second/.aws/config as this shell would have it")
            .finds("configuration", "ok", "corp (profiles")
            .finds("state directory", "ok", "held by process"),
        when("no runtime directory in the shell, as cron has it")
            .shell_by(|_, mut command| {
                command.env_remove("XDG_RUNTIME_DIR");
                command
            })
            .finds("daemon", "ok", "answers")
            .finds("this shell", "warning", "listens at")
            .finds("socket", "ok", "run/ssoctl/"),
        when("a runtime directory in the shell that does not exist")
            .shell_has("XDG_RUNTIME_DIR", "HOME/nowhere")
            .finds("daemon", "ok", "answers")
            .finds("this shell", "warning", "listens at"),
        is_calm(when("the runtime directory was removed while the daemon ran").meanwhile(|stage| {
            fs::remove_dir_all(stage.home().join("run")).expect("a directory of ours");
            until("it is made again", || UnixStream::connect(stage.socket()).ok());
        })),
        when("a path that is too long for a socket")
            .without_daemon()
            .shell_has("SSOCTL_SOCKET", TOO_LONG)
            .finds("daemon", "problem", "name a shorter one with SSOCTL_SOCKET")
            .finds("socket", "problem", "longer than the 103 bytes")
            .never_says("SUN_LEN"),
    ]);
}

#[test]
fn doctor_judges_the_daemons_proxy_and_shows_no_password() {
    examine_all([
        when("the shell has a proxy that cannot be used, and the daemon none")
            .shell_has("HTTPS_PROXY", WITH_AT)
            .finds("this shell", "warning", "HTTPS_PROXY=http://***@127.0.0.1:9 of this shell")
            .finds("proxy", "ok", "none")
            .never_says("p@ss"),
        when("the daemon has a proxy that cannot be used, and the shell none")
            .daemon_has("HTTPS_PROXY", "nonsense://127.0.0.1:9")
            .finds("this shell", "warning", "HTTPS_PROXY=nonsense://127.0.0.1:9 is the daemon's")
            .finds("proxy", "problem", "HTTPS_PROXY does not hold the address of a proxy")
            .finds("endpoint", "skipped", "was not asked"),
        when("a password with @ in it, of the daemon and of the shell")
            .both_have("HTTPS_PROXY", WITH_AT)
            .finds("this shell", "ok", "")
            .finds("proxy", "problem", "write @ in the user or the password as %40")
            .never_says("p@ss"),
        when("a password with @ in it, of the daemon alone")
            .daemon_has("HTTPS_PROXY", WITH_AT)
            .finds("this shell", "warning", "HTTPS_PROXY=http://***@127.0.0.1:9 is the daemon's")
            .finds("machine", "warning", "write @ in the user or the password as %40")
            .never_says("p@ss"),
        // Plain http goes through no proxy.
        when("a proxy with a password")
            .both_have("https_proxy", "http://ada:hunter2@127.0.0.1:9")
            .finds("proxy", "ok", "https_proxy=http://127.0.0.1:9")
            .finds("endpoint", "ok", "answers")
            .never_says("hunter2"),
        when("a proxy with a blank and a CR after it")
            .both_have("HTTPS_PROXY", "http://127.0.0.1:9 \r")
            .finds("proxy", "ok", "HTTPS_PROXY=http://127.0.0.1:9")
            .finds("endpoint", "ok", "answers"),
    ]);
}

#[test]
fn doctor_judges_the_daemons_endpoints_and_certificates() {
    examine_all([
        when("the shell has an endpoint where nobody listens")
            .shell_has("AWS_ENDPOINT_URL_SSO", CLOSED)
            .shell_has("AWS_ENDPOINT_URL_SSO_OIDC", CLOSED)
            .finds("this shell", "warning", "AWS_ENDPOINT_URL_SSO_OIDC=http://127.0.0.1:9 of this shell")
            .finds("endpoint", "ok", "answers"),
        when("the daemon has an endpoint where nobody listens")
            .daemon_has("AWS_ENDPOINT_URL_SSO", CLOSED)
            .daemon_has("AWS_ENDPOINT_URL_SSO_OIDC", CLOSED)
            .finds("this shell", "warning", "which has http://127.0.0.1:9")
            .finds("endpoint", "problem", "no connection to http://127.0.0.1"),
        when("the shell has a bundle of certificates that is not there")
            .shell_has("AWS_CA_BUNDLE", "~/nowhere.pem")
            .finds("this shell", "warning", "AWS_CA_BUNDLE=")
            .finds("certificates", "ok", "the system's"),
        when("the daemon has a bundle of certificates that is not there")
            .daemon_has("AWS_CA_BUNDLE", "HOME/nowhere.pem")
            .finds("this shell", "warning", "nowhere.pem is the daemon's")
            .finds("certificates", "problem", "nowhere.pem")
            .finds("endpoint", "skipped", "was not asked"),
        when("a bundle of certificates that holds none")
            .file("bundle.pem", "no certificate")
            .daemon_has("AWS_CA_BUNDLE", "HOME/bundle.pem")
            .shell_has("AWS_CA_BUNDLE", "~/bundle.pem")
            .finds("this shell", "ok", "")
            .finds("certificates", "problem", "no PEM certificate"),
    ]);
}
