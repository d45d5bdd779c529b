//! The real desktop: a notification server that draws on a screen nobody looks at, and Chromium.
#![cfg(target_os = "linux")]

mod chromium;
mod notice;
mod page;
mod web_driver;
