//! Commands that people know, each with its own agent, if they are installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use test_support::part::Part;

use crate::contest::{Contestant, Ending, PATH};
use crate::stage::{PROFILE, Stage};

/// A rival and its agent, which is ended with it.
pub(crate) struct Rival {
    kind: Kind,
    socket: PathBuf,
    _agent: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The same question to the same daemon.
    Curl,
    /// Its agent has one key.
    SshAdd,
    /// An account can be set up only at a real provider, so this asks for one that is not loaded; see [`Rival::remark`].
    OidcToken,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Curl, Self::SshAdd, Self::OidcToken];

    const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Curl => &["curl"],
            Self::SshAdd => &["ssh-add", "ssh-agent", "ssh-keygen"],
            Self::OidcToken => &["oidc-token", "oidc-agent"],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::SshAdd => "ssh-add -l",
            Self::OidcToken => "oidc-token",
        }
    }
}

/// The rivals that can be run, and the names of the others.
pub(crate) fn installed(stage: &Stage) -> (Vec<Rival>, Vec<&'static str>) {
    let (present, absent): (Vec<Kind>, Vec<Kind>) =
        Kind::ALL.into_iter().partition(|kind| kind.programs().iter().all(|program| is_installed(program)));
    let rivals = present.into_iter().map(|kind| Rival::start(kind, stage)).collect();
    (rivals, absent.into_iter().map(Kind::name).collect())
}

/// The file in which the AWS CLI keeps the credentials of [`PROFILE`], below its home: the SHA-1 of
/// `{"accountId":"111122223333","roleName":"ReadOnlyAccess","sessionName":"corp"}`.
const KEPT_BY_THE_CLI: &str = ".aws/cli/cache/8bd1564069d4c89f6a2728b889b67f346dad593b.json";

/// AWS's own way to the credentials of a profile, if one of them is installed: `aws configure export-credentials`
/// of the AWS CLI 2, or the same done with botocore, on which it is built. `SSOCTL_TEST_PYTHON` names a Python that has it.
///
/// The CLI finds the credentials in its own cache, which is its fastest way. Versions before 2.13 know no `AWS_ENDPOINT_URL_SSO`, so
/// no other way can be measured with them.
pub(crate) fn of_aws(stage: &Stage) -> Option<Contestant> {
    let answers = |program: &str, arguments: &[&str], expected: &str| {
        let output = Command::new(program).args(arguments).env("PATH", PATH).stdin(Stdio::null()).output().ok()?;
        (output.status.success() && String::from_utf8_lossy(&output.stdout).starts_with(expected)).then_some(())
    };
    let python = std::env::var("SSOCTL_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let on_stage = |contestant: Contestant| {
        contestant
            .with("HOME", stage.home.path())
            .with("AWS_CONFIG_FILE", stage.home.path().join("config"))
            .with("AWS_PROFILE", PROFILE)
            .with("AWS_ENDPOINT_URL_SSO", stage.service())
            .with("AWS_ENDPOINT_URL_SSO_OIDC", stage.service())
    };
    if answers("aws", &["--version"], "aws-cli/2").is_some() {
        let kept = stage.home.path().join(KEPT_BY_THE_CLI);
        fs::create_dir_all(kept.parent().expect("a file is in a directory")).expect("a directory");
        let credentials = format!("{{\"ProviderType\": \"sso\", \"Credentials\": {}}}", stage.credentials());
        fs::write(kept, credentials).expect("a file in it");
        let cli = Contestant::new("aws configure export-credentials", "aws", &["configure", "export-credentials"]);
        let cli = on_stage(cli);
        if cli.works() {
            return Some(cli);
        }
        println!("the AWS CLI 2 gives no credentials here; botocore takes its place");
    }
    answers(&python, &["-c", "import botocore; print('here')"], "here")?;
    let script = "from botocore.session import Session; Session().get_credentials().get_frozen_credentials()";
    Some(on_stage(Contestant::new("botocore, without the AWS CLI", &python, &["-c", script])))
}

fn is_installed(program: &str) -> bool {
    ["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|directory| Path::new(directory).join(program).exists())
}

impl Rival {
    fn start(kind: Kind, stage: &Stage) -> Self {
        let home = stage.home.path();
        match kind {
            Kind::Curl => Self { kind, socket: stage.socket(), _agent: None },
            Kind::SshAdd => {
                let (socket, key) = (home.join("ssh.sock"), home.join("key"));
                let agent = Part::that_listens(Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket), &socket);
                let rival = Self { kind, socket, _agent: Some(agent) };
                succeed(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
                succeed(Command::new("ssh-add").arg("-q").arg(&key).env("SSH_AUTH_SOCK", &rival.socket));
                rival
            }
            Kind::OidcToken => {
                let directory = home.join("oidc");
                fs::create_dir(&directory).expect("a directory");
                let socket = home.join("oidc.sock");
                let mut agent = Command::new("oidc-agent");
                agent.args(["--console", "--no-autoload"]).arg(format!("--socket-path={}", socket.display()));
                agent.env("HOME", home).env("OIDC_CONFIG_DIR", &directory);
                let agent = Part::that_listens(&mut agent, &socket);
                Self { kind, socket, _agent: Some(agent) }
            }
        }
    }

    /// The way to read the figures of this rival.
    pub(crate) fn remark(&self) -> Option<&'static str> {
        (self.kind == Kind::OidcToken).then_some(
            "oidc-token asks its agent for an account that is not loaded and is told so: one round trip, without the \
             decryption that a token would take",
        )
    }

    pub(crate) fn is_oidc_token(&self) -> bool {
        self.kind == Kind::OidcToken
    }

    pub(crate) fn contestant(&self) -> Contestant {
        let name = self.kind.name();
        match self.kind {
            Kind::Curl => {
                let socket = self.socket.to_string_lossy();
                Contestant::new(name, "curl", &["-sf", "--unix-socket", &socket, "http://localhost/v1/token"])
            }
            Kind::SshAdd => Contestant::new(name, "ssh-add", &["-l"]).with("SSH_AUTH_SOCK", &self.socket),
            Kind::OidcToken => Contestant::new(name, "oidc-token", &["not-loaded"])
                .with("OIDC_SOCK", &self.socket)
                .with("HOME", self.socket.with_file_name("oidc"))
                .ending(Ending::Any),
        }
    }
}

fn succeed(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {status:?}");
}
