//! The agents that people know, where they are installed, asked for what they have in memory.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Command, Stdio};

use test_support::part::{Part, is_there};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::figures::Process;

pub(crate) struct Rival {
    pub(crate) name: &'static str,
    pub(crate) requests: usize,
    socket: PathBuf,
    agent: Part,
}

/// Those that can be run. Others are named.
pub(crate) fn installed(home: &Path) -> Vec<Rival> {
    let ssh = Rival::start(
        "ssh-agent, a connection each",
        20_000,
        home.join("ssh.sock"),
        "ssh-agent",
        &["-D", "-a", "ssh.sock"],
        home,
    );
    let oidc = Rival::start(
        "oidc-agent, a process of oidc-token each",
        500,
        home.join("oidc.sock"),
        "oidc-agent",
        &["--console", "--no-autoload", &format!("--socket-path={}", home.join("oidc.sock").display())],
        home,
    );
    [("ssh-agent", ssh), ("oidc-agent", oidc)]
        .into_iter()
        .filter_map(|(program, rival)| {
            if rival.is_none() {
                println!("not installed: {program}");
            }
            rival
        })
        .collect()
}

impl Rival {
    fn start(
        name: &'static str,
        requests: usize,
        socket: PathBuf,
        program: &str,
        arguments: &[&str],
        home: &Path,
    ) -> Option<Self> {
        let mut agent = Command::new(program);
        agent.args(arguments).current_dir(home).env("HOME", home).env("OIDC_CONFIG_DIR", home);
        let agent = is_there(program).then(|| Part::that_listens(&mut agent, &socket))?;
        Some(Self { name, requests, socket, agent })
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.agent.id())
    }

    pub(crate) fn ask(&self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        if self.socket.ends_with("ssh.sock") { Box::pin(self.list_identities()) } else { Box::pin(self.token()) }
    }

    /// SSH_AGENTC_REQUEST_IDENTITIES (draft-ietf-sshm-ssh-agent): a length, and the number of the request.
    async fn list_identities(&self) {
        for _ in 0..self.requests {
            let mut stream = UnixStream::connect(&self.socket).await.expect("an agent");
            stream.write_all(&[0, 0, 0, 1, 11]).await.expect("an agent that reads");
            let mut length = [0; 4];
            stream.read_exact(&mut length).await.expect("an agent that answers");
            let mut answer = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut answer).await.expect("a whole answer");
        }
    }

    /// Its protocol is encrypted, so its own client asks, for an account that is not loaded: one round trip.
    async fn token(&self) {
        for _ in 0..self.requests {
            let mut command = Command::new("oidc-token");
            command.arg("not-loaded").env("OIDC_SOCK", &self.socket).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            // It is told that there is no such account, which is a failure.
            let _ = command.status().expect("a client");
        }
    }
}
