//! KeePassXC as the keyring, without a screen.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::keyring::stage::Stage;
use test_support::part::KEYRING_PASSWORD;
use test_support::part::Part;
use test_support::speed::has_programs;
use test_support::waiting::until_so;

/// Its settings: it is the keyring, and does not ask the person for each access.
const SETTINGS: &str = "[General]\nConfigVersion=2\nSingleInstance=false\nUpdateCheckMessageShown=true\n\
     [FdoSecrets]\nEnabled=true\nConfirmAccessItem=false\nConfirmDeleteItem=false\nShowNotification=false\n";

/// A database whose root group is what the keyring shows.
const DATABASE: &str = "<KeePassFile><Meta><Generator>a test</Generator><CustomData><Item>\
     <Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{00112233-4455-6677-8899-aabbccddeeff}</Value></Item></CustomData></Meta>\
     <Root><Group><UUID>ABEiM0RVZneImaq7zN3u/w==</UUID><Name>Root</Name></Group></Root></KeePassFile>";

/// The state of its database at the start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Locked,
    Unlocked,
}

/// Whether tests with KeePassXC run.
pub(crate) fn is_there() -> bool {
    has_programs(&["keepassxc", "keepassxc-cli", "dbus-daemon"])
}

impl Stage {
    /// Starts KeePassXC and waits until it is the keyring.
    pub(crate) async fn keepassxc(&self, database: Database) -> Part {
        let file = self.home().join("passwords.kdbx");
        if !file.exists() {
            fs::write(self.home().join("settings.ini"), SETTINGS).unwrap();
            fs::write(self.home().join("passwords.xml"), DATABASE).unwrap();
            let mut import = self.program("keepassxc-cli");
            import.args(["import", "--quiet", "--set-password", "--decryption-time", "100"]);
            let mut import = import.arg(self.home().join("passwords.xml")).arg(&file).spawn().unwrap();
            import
                .stdin
                .take()
                .unwrap()
                .write_all(format!("{KEYRING_PASSWORD}\n{KEYRING_PASSWORD}\n").as_bytes())
                .unwrap();
            assert!(import.wait().unwrap().success());
        }
        let mut program = self.program("keepassxc");
        program.arg("--config").arg(self.home().join("settings.ini"));
        program.arg("--localconfig").arg(self.home().join("local.ini")).arg(&file);
        if database == Database::Unlocked {
            program.arg("--pw-stdin");
        }
        let mut child = program.spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{KEYRING_PASSWORD}\n").as_bytes()).unwrap();
        let part = Part::from(child);
        let is_locked = database == Database::Locked;
        until_so("KeePassXC is the keyring", async || self.is_locked().await == Some(is_locked)).await;
        part
    }

    /// Unlocks its database as the person does.
    pub(crate) async fn unlock_keepassxc(&self) {
        let name = "org.keepassxc.KeePassXC.MainWindow";
        let body = (self.home().join("passwords.kdbx").display().to_string(), KEYRING_PASSWORD);
        self.connection.call_method(Some(name), "/keepassxc", Some(name), "openDatabase", &body).await.unwrap();
        until_so("KeePassXC is unlocked", async || self.is_locked().await == Some(false)).await;
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .env_clear()
            .env("PATH", test_support::part::path())
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.home())
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("QT_QPA_PLATFORM", "offscreen")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}
