//! Makes the picture of a notice for the README: the real daemon shows it, and xfce4-notifyd draws it on a virtual screen.

#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "the desktop of the picture runs on Linux"))]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command that a person runs")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[cfg(target_os = "linux")]
use test_support::{part, scene::Scene, screen};

const HELP: &str = "\
Makes a picture of a notice as a person sees it. Nothing leaves this computer.

Usage: cargo run --package ssoctl --example screenshot [FILE]

  FILE  where the picture goes; docs/notice.png of the project by default

Needs (Debian packages): xvfb xfce4-notifyd xfconf dbus xdotool imagemagick; for looks: adwaita-icon-theme
fonts-dejavu-core.";

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("screenshot: the desktop of the picture runs on Linux alone");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let mut file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/notice.png");
    if let Some(argument) = std::env::args_os().nth(1) {
        if argument == "--help" || argument == "-h" {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        file = PathBuf::from(argument);
    }
    let missing: Vec<_> =
        screen::parts().into_iter().chain(screen::CAMERA).filter(|program| !part::is_there(program)).collect();
    if !missing.is_empty() {
        eprintln!("screenshot: {missing:?} missing\n\n{HELP}");
        return ExitCode::FAILURE;
    }
    let scene = Scene::open("");
    let notice = scene.screen.notice();
    let written = scene.screen.picture(&notice).and_then(|picture| {
        std::fs::write(&file, picture).map_err(|error| format!("{} cannot be written: {error}", file.display()))
    });
    match written {
        Ok(()) => {
            println!("{}", file.display());
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprintln!("screenshot: {complaint}");
            ExitCode::FAILURE
        }
    }
}
