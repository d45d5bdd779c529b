use test_support::waiting::in_time;

use super::*;
use crate::config::Paths;
use crate::machine::MachineProblems;
use std::fs;
use std::os::unix::fs::symlink;

use notify::event::{CreateKind, DataChange, ModifyKind};
use tempfile::TempDir;

fn home() -> (TempDir, Paths) {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().canonicalize().unwrap();
    let paths = Paths {
        own: root.join("config/ssoctl/config.toml"),
        aws: root.join("aws/config"),
        aws_credentials: root.join("aws/credentials"),
    };
    (home, paths)
}

async fn noticed(watch: &mut FileWatch) {
    in_time("the change is noticed", watch.changed()).await;
}

#[tokio::test]
async fn a_file_that_is_written_replaced_or_removed_is_noticed() {
    let (_home, paths) = home();
    fs::create_dir_all(paths.aws.parent().unwrap()).unwrap();
    fs::write(&paths.aws, "one").unwrap();
    let mut watch = FileWatch::start(paths.all(), &MachineProblems::default());

    fs::write(&paths.aws, "two").unwrap();
    noticed(&mut watch).await;

    let temporary = paths.aws.with_extension("new");
    fs::write(&temporary, "three").unwrap();
    fs::rename(&temporary, &paths.aws).unwrap();
    noticed(&mut watch).await;

    fs::remove_file(&paths.aws).unwrap();
    noticed(&mut watch).await;
}

#[tokio::test]
async fn directories_that_appear_vanish_and_appear_again_are_followed() {
    let (_home, paths) = home();
    let mut watch = FileWatch::start(paths.all(), &MachineProblems::default());
    let directory = paths.own.parent().unwrap().to_owned();
    for round in ["first", "second"] {
        fs::create_dir_all(&directory).unwrap();
        noticed(&mut watch).await;
        fs::write(&paths.own, round).unwrap();
        noticed(&mut watch).await;
        fs::remove_dir_all(directory.parent().unwrap()).unwrap();
        noticed(&mut watch).await;
    }
}

#[tokio::test]
async fn a_directory_that_is_replaced_by_another_is_watched_again() {
    let (home, paths) = home();
    let directory = paths.aws.parent().unwrap();
    fs::create_dir_all(directory).unwrap();
    let mut watch = FileWatch::start(paths.all(), &MachineProblems::default());
    fs::rename(directory, home.path().join("old")).unwrap();
    fs::create_dir_all(directory).unwrap();
    noticed(&mut watch).await;
    fs::write(&paths.aws, "new").unwrap();
    noticed(&mut watch).await;
}

#[tokio::test]
async fn the_target_of_a_symbolic_link_is_watched_and_so_is_the_link() {
    let (home, paths) = home();
    let dotfiles = home.path().join("dotfiles");
    fs::create_dir_all(&dotfiles).unwrap();
    fs::create_dir_all(paths.aws.parent().unwrap()).unwrap();
    fs::write(dotfiles.join("aws"), "one").unwrap();
    symlink("../dotfiles/aws", &paths.aws).unwrap();
    let mut watch = FileWatch::start(paths.all(), &MachineProblems::default());

    fs::write(dotfiles.join("new"), "two").unwrap();
    fs::rename(dotfiles.join("new"), dotfiles.join("aws")).unwrap();
    noticed(&mut watch).await;

    fs::remove_file(&paths.aws).unwrap();
    symlink("../dotfiles/other", &paths.aws).unwrap();
    noticed(&mut watch).await;
    fs::write(dotfiles.join("other"), "three").unwrap();
    noticed(&mut watch).await;
}

#[tokio::test]
async fn directories_that_are_links_are_watched_wherever_they_stand_on_the_way() {
    let (home, paths) = home();
    let root = home.path().canonicalize().unwrap();
    // aws -> current/aws, current -> first
    for name in ["first", "second", "third"] {
        fs::create_dir_all(root.join(name).join("aws")).unwrap();
        fs::write(root.join(name).join("aws/config"), name).unwrap();
    }
    symlink("first", root.join("current")).unwrap();
    symlink("./current/../current/aws", root.join("aws")).unwrap();
    let mut watch = FileWatch::start(paths.all(), &MachineProblems::default());
    let swap = |link: &str, target: &str| {
        symlink(target, root.join("new link")).unwrap();
        fs::rename(root.join("new link"), root.join(link)).unwrap();
    };

    swap("current", "second");
    noticed(&mut watch).await;
    fs::write(root.join("second/aws/config"), "written in place").unwrap();
    noticed(&mut watch).await;

    swap("aws", "third/aws");
    noticed(&mut watch).await;
    fs::write(root.join("third/aws/config"), "written in place").unwrap();
    noticed(&mut watch).await;
    assert_eq!(fs::read_to_string(&paths.aws).unwrap(), "written in place");
}

#[test]
fn devices_are_not_watched() {
    assert_eq!(WatchedPaths::of(&["/dev/null".into()]), WatchedPaths::default());
}

#[test]
fn other_files_and_reading_do_not_count() {
    let (_home, paths) = home();
    let directory = paths.aws.parent().unwrap();
    fs::create_dir_all(directory).unwrap();
    let plan = WatchedPaths::of(&[paths.own.clone(), paths.aws.clone()]);
    let event = |kind: EventKind, path: &Path| Event::new(kind).add_path(path.to_owned());
    let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    let created = EventKind::Create(CreateKind::Any);
    let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
    let saved = EventKind::Access(AccessKind::Close(AccessMode::Write));

    assert!(plan.concerns(&event(written, &paths.aws)));
    assert!(plan.concerns(&event(saved, &paths.aws)));
    assert!(!plan.concerns(&event(opened, &paths.aws)));
    assert!(!plan.concerns(&event(opened, directory)));
    assert!(!plan.concerns(&event(written, &directory.join("credentials"))));
    // The own file's directories are missing: their first is waited for.
    let root = directory.parent().unwrap();
    assert!(plan.concerns(&event(created, &root.join("config"))));
    assert!(!plan.concerns(&event(created, &root.join("other"))));
}

#[test]
fn links_in_a_circle_end_the_search() {
    let (home, _paths) = home();
    let (a, b) = (home.path().join("a"), home.path().join("b"));
    symlink(&a, &b).unwrap();
    symlink(&b, &a).unwrap();
    let plan = WatchedPaths::of(std::slice::from_ref(&a));
    assert_eq!(plan.directories().len(), 1);
}
