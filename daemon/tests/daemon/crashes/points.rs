//! Killed at each point of a new token's way from the service into the store.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use identity_center_simulator::{Fault, Operation, Times};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::process::{Pid, Signal, kill_process};
use test_support::service::preauthorised;
use test_support::speed::runs_all;
use test_support::waiting::{PATIENCE, in_time};
use tokio::sync::Semaphore;
use zbus::MessageStream;
use zbus::export::futures_core::Stream;
use zbus::message::Type;

use crate::crashes::ledger::Ledger;
use crate::crashes::scene::Scene;
use crate::harness::exchange;
use crate::keyring::stage::Stage;

/// The point at which the daemon is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Point {
    /// The service carries this call out, and its answer is on the way.
    Called(Operation),
    /// This has happened to a file in the records' directory.
    File(WatchFlags),
    /// This call is on its way to the keyring, or its answer is on the way back.
    Message(&'static str, Type),
    /// A caller was given the token.
    Given,
}

const FILE_POINTS: [Point; 9] = [
    Point::Called(Operation::RegisterClient),
    Point::Called(Operation::StartDeviceAuthorization),
    Point::Called(Operation::CreateToken),
    Point::File(WatchFlags::CREATE),
    Point::File(WatchFlags::MODIFY),
    Point::File(WatchFlags::CLOSE_WRITE),
    Point::File(WatchFlags::MOVED_FROM),
    Point::File(WatchFlags::MOVED_TO),
    Point::Given,
];

const KEYRING_POINTS: [Point; 8] = [
    Point::Called(Operation::RegisterClient),
    Point::Called(Operation::StartDeviceAuthorization),
    Point::Called(Operation::CreateToken),
    Point::Message("OpenSession", Type::MethodCall),
    Point::Message("OpenSession", Type::MethodReturn),
    Point::Message("SetSecret", Type::MethodCall),
    Point::Message("SetSecret", Type::MethodReturn),
    Point::Given,
];

#[tokio::test]
async fn a_token_that_was_given_survives_a_kill_at_each_point_of_the_file_store() {
    let scene = Scene::with_files(preauthorised(), 1);
    lives(&scene, &FILE_POINTS, if runs_all() { 10 } else { 1 }).await;
}

#[tokio::test]
async fn a_token_that_was_given_survives_a_kill_at_each_point_of_the_keyring() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let scene = Scene::with_keyring(&stage, preauthorised(), 1);
    lives(&scene, &KEYRING_POINTS, 6).await;
}

/// A daemon is killed at each of these points, so many times, and each time the next one has to know what was given.
async fn lives(scene: &Scene, points: &[Point], rounds: usize) {
    sign_in_undisturbed(scene).await;
    let mut ledger = Ledger::new(1);
    let answers = Arc::new(Semaphore::new(0));
    for point in points.iter().cycle().take(points.len() * rounds) {
        let daemon = scene.start().await;
        ledger.check(scene, &daemon).await;
        assert_eq!(scene.unfinished(), 0, "what a kill left is swept away");
        ledger.count_lost(&scene.simulator);
        let callers = ledger.callers(&daemon, 0, &answers);
        let socket = daemon.socket();
        let killing = die_at(*point, scene, daemon.pid(), &socket);
        in_time(&format!("{point:?} is reached; the log is in {}", scene.home().display()), killing).await;
        daemon.ended().await;
        ledger.killed(callers).await;
        ledger.count_unfinished(scene);
        scene.simulator.clear_faults();
        if *point == Point::Called(Operation::RegisterClient) {
            // Else the next records would be of a registration alone.
            sign_in_undisturbed(scene).await;
        }
    }
    let daemon = scene.start().await;
    ledger.check(scene, &daemon).await;
    ledger.report(scene.store, &scene.simulator);
}

/// One life in which all becomes durable.
async fn sign_in_undisturbed(scene: &Scene) {
    let daemon = scene.start().await;
    daemon.sign_in_and_save().await;
    daemon.kill().await;
}

/// Has the daemon sign in anew, and kills it at this point.
async fn die_at(point: Point, scene: &Scene, pid: Pid, socket: &Path) {
    let kill = move || kill_process(pid, Signal::KILL).unwrap();
    let login = || exchange(socket, "POST /v1/sessions/s0/login", "", b"");
    match point {
        Point::Called(operation) => {
            if operation == Operation::RegisterClient {
                scene.simulator.revoke_registrations();
            }
            let calls = scene.simulator.calls(operation);
            scene.simulator.inject(operation, Fault::Delay { by: PATIENCE }, Times::Next(1));
            let (_, ()) = tokio::join!(login(), async {
                scene.simulator.calls_reached(operation, calls + 1).await;
                kill();
            });
        }
        Point::File(change) => {
            let changes = watch(&scene.records(), change);
            // A thread, because each switch between tasks would give the daemon time to get further.
            let killer = std::thread::spawn(move || {
                next_change(&changes);
                kill();
            });
            let _ = login().await;
            tokio::task::spawn_blocking(|| killer.join().unwrap()).await.unwrap();
        }
        Point::Message(member, kind) => {
            let mut messages = monitor(scene.bus.as_deref().expect("a bus")).await;
            let (_, ()) = tokio::join!(login(), async {
                seen(&mut messages, member, kind).await;
                kill();
            });
        }
        Point::Given => {
            let token = exchange(socket, "GET /v1/sessions/s0/token", "", b"").await.unwrap().body;
            let _ = login().await;
            while exchange(socket, "GET /v1/sessions/s0/token", "", b"").await.is_ok_and(|now| now.body == token) {}
            kill();
        }
    }
}

fn watch(directory: &Path, change: WatchFlags) -> OwnedFd {
    let changes = inotify::init(CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&changes, directory, change).unwrap();
    changes
}

fn next_change(changes: &OwnedFd) {
    let mut space = [MaybeUninit::uninit(); 512];
    let mut reader = inotify::Reader::new(changes, &mut space);
    while reader.next().unwrap().events().contains(ReadFlags::IGNORED) {}
}

/// Everything that is said on the bus (D-Bus specification, "org.freedesktop.DBus.Monitoring.BecomeMonitor").
async fn monitor(address: &str) -> MessageStream {
    let connection = zbus::connection::Builder::address(address).unwrap().build().await.unwrap();
    let everything: (Vec<String>, u32) = (Vec::new(), 0);
    let bus = ["org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring"];
    let messages = MessageStream::from(&connection);
    connection.call_method(Some(bus[0]), bus[1], Some(bus[2]), "BecomeMonitor", &everything).await.unwrap();
    messages
}

/// Waits for a call of this name, or for the answer to one.
async fn seen(messages: &mut MessageStream, member: &str, kind: Type) {
    let mut call = None;
    loop {
        let message = std::future::poll_fn(|context| std::pin::Pin::new(&mut *messages).poll_next(context)).await;
        let message = message.expect("a bus").expect("a message");
        let header = message.header();
        if message.message_type() == Type::MethodCall && header.member().is_some_and(|name| name.as_str() == member) {
            if kind == Type::MethodCall {
                return;
            }
            call = Some((message.primary_header().serial_num(), header.sender().map(ToString::to_string)));
        }
        let answers = (header.reply_serial(), header.destination().map(ToString::to_string));
        if call.as_ref().is_some_and(|(serial, caller)| answers == (Some(*serial), caller.clone())) {
            return;
        }
    }
}
