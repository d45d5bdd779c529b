//! The real `ssoctld` with the session `corp`, on the bus of a stage.

use std::fs;
use std::path::Path;

use identity_center_simulator::{Operation, Simulator};

use crate::harness::{Process, START_URL, session};
use crate::keyring::stage::Stage;
use test_support::waiting::until_so;

impl Stage {
    /// A daemon with this `secret_store`.
    pub(crate) async fn daemon(&self, secret_store: &str) -> Process {
        daemon(self.home(), &self.simulator, Some(&self.address), secret_store).await
    }

    /// The same, with a sign-in that is saved.
    pub(crate) async fn signed_in(&self, secret_store: &str) -> Process {
        let daemon = self.daemon(secret_store).await;
        daemon.sign_in_and_save().await;
        daemon
    }

    /// Kills the daemon: the one sign-in was enough, and another daemon serves it from the keyring.
    pub(crate) async fn kill_and_serve_by_the_next(&self, daemon: Process, secret_store: &str) {
        daemon.kill().await;
        let daemon = self.daemon(secret_store).await;
        until_so("the token is served", async || daemon.access_token_if_any().await.is_some()).await;
        assert_eq!((daemon.store().await.kind.as_str(), self.files()), ("keyring", 0));
        assert_eq!((self.simulator.calls(Operation::RegisterClient), self.simulator.violations()), (1, vec![]));
    }
}

impl Process {
    /// The problems of the machine, with their remedies.
    pub(crate) async fn problems(&self) -> String {
        let problems = self.report().await.daemon.machine_problems;
        problems.into_iter().map(|problem| format!("{}; {}\n", problem.message, problem.remedy)).collect()
    }
}

/// A daemon that finds its bus, if any, at this address.
pub(crate) async fn daemon(home: &Path, simulator: &Simulator, bus: Option<&str>, secret_store: &str) -> Process {
    let variables = bus.map(|address| ("DBUS_SESSION_BUS_ADDRESS", address));
    daemon_with(home, simulator, variables.as_slice(), secret_store).await
}

/// A daemon with these variables.
pub(crate) async fn daemon_with(
    home: &Path,
    simulator: &Simulator,
    variables: &[(&str, &str)],
    secret_store: &str,
) -> Process {
    let session = session("corp", START_URL);
    fs::write(home.join("config.toml"), format!("secret_store = \"{secret_store}\"\n{session}")).unwrap();
    let mut command = Process::command(home, simulator);
    command.env("SSOCTL_LOG", "ssoctld=trace,zbus=trace,keyring=trace,secret_service=trace");
    command.envs(variables.iter().copied());
    Process::run(home, &mut command).await
}
