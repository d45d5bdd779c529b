//! Two daemons with one record: the real binaries, in real time. Each has its own state directory, and the test copies the record
//! between them, as a home directory that two machines share does.

use std::fs;
use std::path::{Path, PathBuf};

use identity_center_simulator::{Operation, Simulator};
use rustix::process::Signal;
use tempfile::TempDir;
use test_support::service::{renewing, simulator};
use test_support::set_mode;
use test_support::waiting::until_so;

use crate::harness::{Process, START_URL, secs, session};

/// A daemon that keeps its record in a file.
struct Machine {
    daemon: Process,
    home: TempDir,
}

impl Machine {
    /// One that begins with this record, if any.
    async fn with(record: Option<&Path>, simulator: &Simulator) -> Self {
        let home = tempfile::tempdir().unwrap();
        let configuration = format!("secret_store = \"file\"\n{}", session("corp", START_URL));
        fs::write(home.path().join("config.toml"), configuration).unwrap();
        if let Some(record) = record {
            let records = home.path().join("state/records");
            fs::create_dir_all(&records).unwrap();
            for directory in [home.path().join("state"), records.clone()] {
                set_mode(directory, 0o700);
            }
            fs::copy(record, records.join(record.file_name().unwrap())).unwrap();
        }
        let daemon = Process::start(home.path(), simulator).await;
        Self { daemon, home }
    }

    fn record(&self) -> PathBuf {
        let mut records = fs::read_dir(self.home.path().join("state/records")).unwrap();
        records.next().expect("a record").unwrap().path()
    }
}

/// A daemon that stands still while another one spends its refresh token; and that one's record.
async fn overtaken(simulator: &Simulator) -> (Machine, Machine, String) {
    let first = Machine::with(None, simulator).await;
    first.daemon.sign_in_and_save().await;
    let token = first.daemon.access_token().await;
    first.daemon.signal(Signal::STOP);
    let second = Machine::with(Some(&first.record()), simulator).await;
    second.daemon.renewed(&token).await;
    second.daemon.until_saved().await;
    second.daemon.signal(Signal::STOP);
    (first, second, token)
}

#[tokio::test]
async fn a_refresh_token_that_another_daemon_has_spent_costs_no_sign_in_where_its_record_is_newer() {
    let simulator = simulator(renewing(secs(8)));
    let (first, second, token) = overtaken(&simulator).await;
    let newer = first.home.path().join("newer");
    fs::copy(second.record(), &newer).unwrap();
    fs::rename(&newer, first.record()).unwrap();
    first.daemon.signal(Signal::CONT);
    until_so("the newer record is found", async || {
        first.daemon.log().contains("another daemon has stored a newer token")
    })
    .await;
    first.daemon.renewed(&token).await;
    let sign_ins = [Operation::RegisterClient, Operation::StartDeviceAuthorization].map(|it| simulator.calls(it));
    assert_eq!(sign_ins, [1, 1]);
    // The one that was spent, once: it could not know.
    assert_eq!(simulator.violations(), ["refresh token 1 sent after its successor arrived"]);
}

#[tokio::test]
async fn a_refresh_token_that_was_turned_down_costs_a_sign_in_where_the_record_is_the_same() {
    let simulator = simulator(renewing(secs(8)));
    let (first, _second, _) = overtaken(&simulator).await;
    first.daemon.signal(Signal::CONT);
    until_so("somebody is asked again", async || simulator.calls(Operation::StartDeviceAuthorization) == 2).await;
    assert!(!first.daemon.log().contains("another daemon has stored a newer token"));
    assert_eq!(simulator.violations(), ["refresh token 1 sent after its successor arrived"]);
}
