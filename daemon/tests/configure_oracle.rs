//! What `configure` writes means to botocore what it is meant to mean, and everything else means what it meant before.
//!
//! Needs a Python with botocore: `SSOCTL_TEST_PYTHON`, else `python3`. Without it the comparison is skipped and says so, and
//! with `SSOCTL_TEST_REQUIRE=1` it fails instead.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};
use ssoctl_protocol::{SocketOwner, SocketPath};
use ssoctld::clock::SystemClock;
use ssoctld::configure::{self, Form, Request, Stale, Writing};

#[path = "../../client/tests/support/skipping.rs"]
#[allow(dead_code, reason = "shared with tests that need other parts")]
mod skipping;

/// Prints what botocore makes of the file that it is given: profiles, sessions, and commands as it would split them.
const ORACLE: &str = "
import json, sys
import botocore.configloader, botocore.compat
loaded = botocore.configloader.load_config(sys.argv[1])
for profile in loaded['profiles'].values():
    if 'credential_process' in profile:
        profile['credential_process'] = botocore.compat.compat_shell_split(profile['credential_process'])
json.dump({'profiles': loaded['profiles'], 'sso_sessions': loaded.get('sso_sessions', {})}, sys.stdout)
";

/// Files that botocore accepts, each with something that could be broken.
const FILES: &[&str] = &[
    "",
    "[default]\nregion = x",
    "; comment\r\n[sso-session corp]\r\nsso_start_url = https://corp.awsapps.com/start\r\nsso_region = eu-west-1\r\n",
    "[default]\ns3 =\n  max_concurrent_requests = 20\n\n  # comment\n  max_queue_size = 1\n\n",
    "[profile hand]\ncredential_process = /bin/x 'a b'\n[profile 'two words']\nregion:y\n  # indented",
    "# written by ssoctl configure\n[profile Dev-Read]\n  sso_session = corp\n  sso_account_id = 444455556666\n  sso_role_name = Old\n\
     \n  output = json\n[services s]\nsso =\n  endpoint_url = http://127.0.0.1:1\n",
];

#[tokio::test]
async fn botocore_finds_the_intended_profiles_and_all_others_as_they_were() {
    let Some(python) = skipping::python_with_botocore() else { return };
    for text in FILES {
        for ssoctl in [None, Some("/opt/it's mine/ssoctl")] {
            let home = tempfile::tempdir().expect("a directory");
            let path = home.path().join("config");
            fs::write(&path, text).expect("a file");
            let before = ask(&python, &path);
            configure(home.path(), ssoctl).await;
            let after = ask(&python, &path);

            let mut expected = before.clone();
            for role in ["Admin", "Read"] {
                let profile = &mut expected["profiles"][format!("Dev-{role}")];
                let others = ["output"].map(|key| (key, profile[key].clone()));
                *profile = match ssoctl {
                    None => json!({"sso_session": "corp", "sso_account_id": "111122223333", "sso_role_name": role}),
                    Some(ssoctl) => json!({"credential_process": [
                        ssoctl, "credential-process", "--session", "corp", "--account", "111122223333", "--role", role,
                    ]}),
                };
                for (key, value) in others.into_iter().filter(|(_, value)| !value.is_null()) {
                    profile[key] = value;
                }
                profile["region"] = json!("eu-central-1");
            }
            if ssoctl.is_none() && before["sso_sessions"].get("corp").is_none() {
                expected["sso_sessions"]["corp"] = json!({
                    "sso_start_url": "https://corp.awsapps.com/start", "sso_region": "eu-west-1",
                    "sso_registration_scopes": "sso:account:access, x:y",
                });
            }
            assert_eq!(after, expected, "{text}");
        }
    }
}

/// Configures two roles from the answers of a daemon that is a socket with canned ones.
async fn configure(home: &Path, ssoctl: Option<&str>) {
    let socket = home.join("s");
    let listener = UnixListener::bind(&socket).expect("a socket");
    // Session, accounts, roles: three questions.
    let daemon = thread::spawn(move || (0..3).for_each(|_| answer(&listener.accept().expect("a question").0)));
    let request = Request {
        session: "corp".to_owned(),
        accounts: Vec::new(),
        roles: Vec::new(),
        template: "{account_name}-{role}".parse().expect("a template"),
        region: Some("eu-central-1".to_owned()),
        form: ssoctl.map_or(Form::SsoSession, |ssoctl| Form::CredentialProcess { ssoctl: ssoctl.to_owned() }),
        stale: Stale::Kept,
        writing: Writing::Done,
    };
    let clock = Arc::new(SystemClock::start().expect("a clock"));
    let done =
        configure::run(&request, Some(&home.join("config")), (SocketPath::Chosen(socket), SocketOwner::Own), clock)
            .await;
    done.unwrap_or_else(|failure| panic!("{failure}"));
    daemon.join().expect("three answers");
}

fn answer(mut stream: &UnixStream) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a request") == 1 {
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).expect("text");
    let target = request.split(' ').nth(1).expect("a target");
    let body = match target.split('?').next().expect("a path") {
        "/v1/sessions/corp" => json!({
            "name": "corp", "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1",
            "scopes": ["sso:account:access", "x:y"], "state": "signed_in", "expires_at": null, "refreshable": true,
            "oidc_endpoint": null, "login": null, "last_error": null,
        }),
        "/v1/sessions/corp/accounts" => {
            json!({"session": "corp", "accounts": [{"id": "111122223333", "name": "Dev", "email": null}]})
        }
        "/v1/sessions/corp/accounts/111122223333/roles" => {
            json!({"session": "corp", "account": "111122223333", "roles": [{"name": "Admin"}, {"name": "Read"}]})
        }
        other => panic!("nobody should ask for {other}"),
    };
    write!(stream, "HTTP/1.0 200 OK\r\n\r\n{body}").expect("a written answer");
}

fn ask(python: &OsStr, config: &Path) -> Value {
    let output = Command::new(python).args(["-c", ORACLE]).arg(config).output().expect("a running Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
