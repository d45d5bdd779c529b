//! A real sshd on loopback, which has users of its own: their homes, `/run` and `/etc/passwd` are in a mount namespace.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use identity_center_simulator::Settings;
use serde_json::Value;
use test_support::binaries::binaries;
use test_support::client::Outcome;
use test_support::part::Part;
use test_support::speed::{has_programs, has_superuser};
use test_support::{Stage, executable, until};

use crate::documents;

/// The users of the host, by their shells, and one to whom sshd forwards nothing.
pub(super) const USERS: [(&str, &str, u32); 6] = [
    ("builder", "/bin/bash", 64_401),
    ("posix", "/bin/sh", 64_402),
    ("zed", "/bin/zsh", 64_403),
    ("fisher", "/usr/bin/fish", 64_404),
    ("closed", "/bin/bash", 64_405),
    ("ada", "/bin/bash", 64_406),
];

/// In the process that becomes sshd. Its parameters: this directory, and the directory of the binaries.
const SETTING_UP: &str = r#"
set -e
for directory in /home /run; do mount -t tmpfs tmpfs "$directory"; done
mkdir /run/sshd
cp /etc/passwd /run/passwd
while read -r name shell uid; do
    echo "$name:x:$uid:$uid::/home/$name:$shell" >> /run/passwd
    mkdir -p "/home/$name/.ssh" "/home/$name/bin" "/home/$name/.aws"
    cp "$1/aws_config" "/home/$name/.aws/config"
    cp "$1/key.pub" "/home/$name/.ssh/authorized_keys"
    cp "$2/ssoctl" "/home/$name/bin"
    touch "/home/$name/.zshrc"
    echo 'PATH=$HOME/bin:$PATH' | tee "/home/$name/.bashrc" > "/home/$name/.bash_profile"
    cp "$1/program" "/home/$name/bin/terraform"
    cp "$1/program" "/home/$name/bin/make"
    chown -R "$uid:$uid" "/home/$name"
done < "$1/users"
mount --bind /run/passwd /etc/passwd
exec /usr/sbin/sshd -D -f "$1/sshd_config" -E "$1/sshd.log"
"#;

/// A person, and a host to which they can connect as several users.
pub(super) struct Hosts {
    pub(super) stage: Stage,
    _sshd: Part,
    pub(super) directory: PathBuf,
    pub(super) port: u16,
}

impl Hosts {
    pub(super) fn new() -> Option<Self> {
        let programs = ["/usr/sbin/sshd", "ssh", "ssh-keygen", "unshare", "bash", "zsh", "fish", "curl"];
        if !has_superuser() || !has_programs(&programs) {
            return None;
        }
        let stage = Stage::with_roles(Settings::default());
        let directory = stage.home().join("sshd");
        fs::create_dir(&directory).unwrap();
        for name in ["key", "host_key"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(directory.join(name))
                .status();
            assert!(made.unwrap().success());
        }
        let users: String = USERS.iter().map(|(name, shell, uid)| format!("{name} {shell} {uid}\n")).collect();
        fs::write(directory.join("users"), users).unwrap();
        let process = documents::line("docs/containers-and-ssh.md", "credential_process = sh");
        fs::write(directory.join("aws_config"), format!("[profile granted]\n{process}\n")).unwrap();
        executable::script(
            &directory.join("program"),
            "#!/bin/sh\necho \"${0##*/} $* $AWS_CONTAINER_CREDENTIALS_FULL_URI\"\n",
        );
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let shown = directory.display();
        let server = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {shown}/host_key\nPidFile none\nUsePAM no\nPasswordAuthentication no\n\
             LogLevel VERBOSE\nMatch User closed\nAllowStreamLocalForwarding no\n"
        );
        fs::write(directory.join("sshd_config"), server).unwrap();
        let hosts: String = USERS.iter().map(|(name, ..)| format!("Host {name}\n  User {name}\n")).collect();
        let client = format!(
            "{hosts}Host build-host\n  User ada\nHost *\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {shown}/key\n  IdentitiesOnly yes\n  BatchMode yes\n  \
             UserKnownHostsFile {shown}/known_hosts\n  StrictHostKeyChecking accept-new\n  LogLevel ERROR\n"
        );
        fs::write(directory.join("config"), client).unwrap();
        let mut sshd = Command::new("unshare");
        sshd.args([
            "--mount",
            "--propagation",
            "private",
            "--kill-child",
            "--fork",
            "--",
            "bash",
            "-c",
            SETTING_UP,
            "bash",
        ]);
        let sshd = Part::start(sshd.arg(&directory).arg(binaries().ssoctl.parent().unwrap()));
        until("sshd listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(Self { stage, _sshd: sshd, directory, port })
    }

    pub(super) fn config(&self) -> String {
        self.directory.join("config").display().to_string()
    }

    /// `ssoctl ssh`, with this for ssh.
    pub(super) fn ssoctl_ssh(&self, arguments: &[&str]) -> Command {
        self.stage.ssoctl([&["ssh", "--profile", "dev", "-F", &self.config()], arguments].concat())
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Outcome {
        self.stage.finish(self.ssoctl_ssh(arguments))
    }

    /// ssh itself.
    pub(super) fn plain(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new("ssh");
        command.args(["-F", &self.config()]).args(arguments);
        self.stage.finish(command)
    }

    /// How often somebody has authenticated.
    pub(super) fn authenticated(&self) -> usize {
        fs::read_to_string(self.directory.join("sshd.log")).unwrap().matches("Accepted publickey").count()
    }

    pub(super) fn grants(&self) -> Vec<Value> {
        self.stage.run(["grants", "--json"]).exits(0).json()["grants"].as_array().expect("grants").clone()
    }
}
