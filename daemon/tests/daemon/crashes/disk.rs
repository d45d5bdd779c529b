//! Disks that are full or read-only, and records that are damaged or not ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ssoctl_protocol::SessionStatus;

use crate::crashes::scene::Scene;
use crate::harness::{Process, exchange};
use test_support::part::Part;
use test_support::service::preauthorised;
use test_support::set_mode;
use test_support::speed::has_programs;
use test_support::waiting::until_so;

/// A home with one session, `s0`.
fn scene() -> Scene {
    Scene::with_files(preauthorised(), 1)
}

/// A mount namespace in which one directory of the home is a separate small disk.
struct SmallDisk {
    scene: Scene,
    directory: PathBuf,
    keeper: Part,
}

impl SmallDisk {
    /// `None` where tests that mount something do not run.
    fn mount(scene: Scene, directory: &str) -> Option<Self> {
        if !has_programs(&["unshare", "nsenter"]) {
            return None;
        }
        let directory = scene.home().join(directory);
        fs::create_dir_all(&directory).unwrap();
        set_mode(&directory, 0o700);
        let script = "mount -t tmpfs -o size=64k,mode=700 tmpfs \"$0\" && echo mounted && exec sleep infinity";
        let mut keeper = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            keeper.arg("--map-root-user");
        }
        keeper.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(&directory);
        let (keeper, ()) = Part::that_says(&mut keeper, |line| (line == "mounted").then_some(()));
        Some(Self { scene, directory, keeper })
    }

    /// The words before a command that sees the disk.
    fn words(&self) -> Vec<String> {
        let id = self.keeper.id();
        let mut words = vec!["nsenter".to_owned(), format!("--mount=/proc/{id}/ns/mnt")];
        if !rustix::process::geteuid().is_root() {
            words.extend([format!("--user=/proc/{id}/ns/user"), "--preserve-credentials".to_owned()]);
        }
        words
    }

    /// The daemon, started with the disk in sight and by these further words.
    fn daemon_by(&self, words: &[&str]) -> Command {
        let own = self.words();
        self.scene.command_by(&own.iter().map(String::as_str).chain(words.iter().copied()).collect::<Vec<_>>())
    }

    fn daemon(&self) -> Command {
        self.daemon_by(&[])
    }

    async fn start(&self) -> Process {
        self.scene.start_by(&mut self.daemon()).await
    }

    /// Runs this, in which `$0` is the directory, and returns what it prints. Filling a disk fails in the end.
    fn run(&self, script: &str) -> String {
        let words = self.words();
        let mut shell = Command::new(&words[0]);
        shell.args(&words[1..]).args(["sh", "-c", script]).arg(&self.directory).current_dir("/");
        String::from_utf8(shell.stderr(Stdio::null()).output().unwrap().stdout).unwrap()
    }
}

const FILL: &str = "cat /dev/zero > \"$0/fill\"";
const FREE: &str = "rm \"$0/fill\"";
const NO_SPACE: &str = "No space left on device";

/// Signs in with a disk that works, and again with one that does not: the daemon serves both tokens, and says of the second
/// one, in these words, why it is not kept.
async fn goes_on(disk: &SmallDisk, obstacle: &str, words: &str) -> (Process, [String; 2]) {
    let daemon = disk.start().await;
    let first = daemon.sign_in_and_save().await;
    disk.run(obstacle);
    let second = daemon.sign_in().await;
    daemon.until("that is said", |status| status.unsaved).await;
    daemon.until_store_says(words).await;
    assert!(disk.scene.log().contains(words), "{}", disk.scene.log());
    (daemon, [first, second])
}

/// The disk works again, and the daemon stores what it served meanwhile.
async fn catches_up(disk: &SmallDisk, daemon: Process, remedy: &str, token: &str) {
    disk.run(remedy);
    daemon.until_saved().await;
    daemon.kill().await;
    assert_eq!(disk.start().await.access_token().await, token);
}

#[tokio::test]
async fn a_full_disk_costs_nothing_that_was_there_and_is_caught_up_with() {
    let Some(disk) = SmallDisk::mount(scene(), "state") else { return };
    let (daemon, [first, _]) = goes_on(&disk, FILL, NO_SPACE).await;
    daemon.kill().await;
    let daemon = disk.start().await;
    assert_eq!(
        daemon.access_token().await,
        first,
        "what was there is served by a daemon that was started on a full disk"
    );
    let third = daemon.sign_in().await;
    catches_up(&disk, daemon, FREE, &third).await;
}

#[tokio::test]
async fn a_sign_out_on_a_full_disk_leaves_no_token_there() {
    let Some(disk) = SmallDisk::mount(scene(), "state") else { return };
    let (daemon, [first, _]) = goes_on(&disk, FILL, NO_SPACE).await;
    let records = || disk.run("cat \"$0\"/records/*.json");
    assert!(records().contains(&first), "{}", records());
    daemon.request("POST /v1/sessions/s0/logout").await;
    until_so("the record is gone", async || records().is_empty()).await;
    disk.run(FREE);
    daemon.until_saved().await;
    assert!(records().contains("client_secret") && !records().contains("access_token"), "{}", records());
}

#[tokio::test]
async fn a_daemon_that_starts_on_a_full_disk_serves_what_it_gets_and_keeps_it_later() {
    let Some(disk) = SmallDisk::mount(scene(), "state") else { return };
    disk.run(FILL);
    let daemon = disk.start().await;
    assert!(disk.scene.log().contains("could not write the holder's name into the lock"), "{}", disk.scene.log());
    let mut second = disk.daemon();
    assert_eq!(second.env("SSOCTL_SOCKET", disk.scene.home().join("second")).status().unwrap().code(), Some(1));
    assert!(disk.scene.log().contains("ssoctld is running already"), "the lock holds: {}", disk.scene.log());
    let token = daemon.sign_in().await;
    daemon.until("that is said", |status| status.unsaved).await;
    daemon.until_store_says(NO_SPACE).await;
    catches_up(&disk, daemon, FREE, &token).await;
}

#[tokio::test]
async fn a_log_that_cannot_be_written_costs_its_lines_and_nothing_else() {
    let Some(disk) = SmallDisk::mount(scene(), "log-disk") else { return };
    let script = "exec \"$1\" --log debug 2>>\"$0/ssoctld.log\"";
    let mut command = disk.daemon_by(&["sh", "-c", script, &disk.directory.display().to_string()]);
    let daemon = disk.scene.start_by(&mut command).await;
    daemon.sign_in().await;
    disk.run(FILL);
    let length = || disk.run("wc -c < \"$0/ssoctld.log\"").trim().parse::<usize>().unwrap();
    until_so("not one line more fits", async || {
        let before = length();
        daemon.sign_in().await;
        length() == before
    })
    .await;
    daemon.until_saved().await;
    let full = length();
    disk.run(FREE);
    daemon.sign_in().await;
    until_so("it is written again", async || length() > full).await;
    let log = disk.run("cat \"$0/ssoctld.log\"");
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_session_that_cannot_be_saved_on_a_full_disk_does_not_change_the_configuration() {
    let Some(disk) = SmallDisk::mount(scene(), "own") else { return };
    disk.run("cp \"$0/../config.toml\" \"$0\"");
    let before = disk.run("cat \"$0/config.toml\"");
    disk.run(FILL);
    let mut command = disk.daemon();
    let daemon = disk.scene.start_by(command.env("SSOCTL_CONFIG", disk.directory.join("config.toml"))).await;
    let body = br#"{"start_url":"https://second.awsapps.com/start","region":"eu-west-1"}"#;
    let save = async || exchange(&daemon.socket(), "POST /v1/sessions", "", body).await.unwrap();
    let refused = save().await;
    assert_eq!(refused.code(), "configuration_unwritable");
    assert!(refused.body.contains(NO_SPACE) && refused.body.contains("make room"), "{}", refused.body);
    assert_eq!(disk.run("cat \"$0/config.toml\""), before);
    disk.run(FREE);
    assert_eq!(disk.run("ls -A \"$0\""), "config.toml\n", "nothing is left behind");
    assert_eq!(save().await.status, 200);
    let after = disk.run("cat \"$0/config.toml\"");
    assert!(after.starts_with(&before) && after.contains("https://second.awsapps.com/start"), "{after}");
}

#[tokio::test]
async fn a_token_that_cannot_be_published_on_a_full_disk_is_served_and_published_later() {
    let scene = scene();
    let file = scene.home().join("config.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap() + "sdk_cache = \"on\"\n").unwrap();
    let Some(disk) = SmallDisk::mount(scene, ".aws/sso/cache") else { return };
    let daemon = disk.start().await;
    let published = async || disk.run(&format!("cat \"$0/{}\"", ssoctld::token_files::file::name("s0")));
    let first = daemon.sign_in().await;
    until_so("it is published", async || published().await.contains(&first)).await;
    disk.run(FILL);
    let second = daemon.sign_in().await;
    let complaint = |status: &SessionStatus| status.token_files.as_ref().and_then(|files| files.error.clone());
    daemon.until("that is said", |status| complaint(status).is_some_and(|error| error.contains(NO_SPACE))).await;
    assert!(published().await.contains(&first), "what was there is whole");
    disk.run(FREE);
    until_so("it is published", async || published().await.contains(&second)).await;
    daemon.until("nothing is wrong", |status| complaint(status).is_none()).await;
}

#[tokio::test]
async fn a_home_that_becomes_read_only_costs_nothing_and_is_caught_up_with() {
    let Some(disk) = SmallDisk::mount(scene(), "state") else { return };
    let (read_only, remedy) = ("mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"", "umount \"$0\"");
    let (daemon, [first, second]) = goes_on(&disk, read_only, "Read-only file system").await;
    catches_up(&disk, daemon, remedy, &second).await;

    // The records there could not be protected from others, so it does not start.
    disk.run(read_only);
    fs::write(disk.scene.home().join("log"), "").unwrap();
    assert_eq!(disk.daemon().status().unwrap().code(), Some(1));
    let words = "cannot be used: Read-only file system (os error 30); have its file system mounted read-write";
    assert!(disk.scene.log().contains(words), "{}", disk.scene.log());
    disk.run(remedy);
    assert_eq!(disk.start().await.access_token().await, second);
    assert_ne!(first, second);
}

/// Damages a record's bytes.
type Damage = fn(&[u8]) -> Vec<u8>;

/// Something that is done to a file.
type Change = fn(&Path);

/// The only record.
fn record(scene: &Scene) -> PathBuf {
    let mut records = fs::read_dir(scene.records()).unwrap().map(|record| record.unwrap().path());
    records.find(|record| record.extension().is_some_and(|extension| extension == "json")).expect("a record")
}

#[tokio::test]
async fn a_torn_record_is_put_aside_with_a_word_and_the_service_goes_on() {
    let scene = scene();
    let damages: [Damage; 4] = [
        |_| Vec::new(),
        |whole| whole[..whole.len() / 2].to_vec(),
        |whole| vec![0; whole.len()],
        |_| b"\xff\xfe{\"version\":1}".to_vec(),
    ];
    for damage in damages {
        let daemon = scene.start().await;
        daemon.sign_in_and_save().await;
        daemon.kill().await;
        let path = record(&scene);
        let damaged = damage(&fs::read(&path).unwrap());
        fs::write(&path, &damaged).unwrap();
        fs::write(scene.home().join("log"), "").unwrap();
        let daemon = scene.start().await;
        assert_eq!(daemon.request("GET /v1/token").await.code(), "sign_in_required");
        assert!(scene.log().contains("it was moved aside"), "{}", scene.log());
        assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), damaged);
        let token = daemon.sign_in_and_save().await;
        daemon.kill().await;
        assert_eq!(scene.start().await.access_token().await, token);
    }
}

#[tokio::test]
async fn a_record_that_others_could_read_is_left_alone_until_its_mode_is_corrected() {
    let scene = scene();
    let daemon = scene.start().await;
    let token = daemon.sign_in_and_save().await;
    daemon.kill().await;
    let spoil_and_mend: [(Change, Change, &str); 2] = [
        (|path| set_mode(path, 0o644), |path| set_mode(path, 0o600), "chmod 600"),
        (|path| give(path, 65_534), |path| give(path, 0), "belongs to nobody (uid 65534)"),
    ];
    // Only the superuser can give files away.
    let possible = if rustix::process::geteuid().is_root() { 2 } else { 1 };
    for (spoil, mend, words) in &spoil_and_mend[..possible] {
        let path = record(&scene);
        spoil(&path);
        let daemon = scene.start().await;
        daemon.until_store_says(words).await;
        let refused = daemon.request("GET /v1/token").await;
        assert_eq!(refused.code(), "store_unavailable");
        mend(&path);
        until_so("it is served", async || daemon.request("GET /v1/token").await.status == 200).await;
        assert_eq!(daemon.access_token().await, token);
    }
}

fn give(path: &Path, uid: u32) {
    std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
}
