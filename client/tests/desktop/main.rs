//! The real desktop: a notification server that draws on a screen in memory, and Chromium.
#![cfg(target_os = "linux")]

mod grant;
mod notice;
mod page;
mod qr_code;
mod sign_in;
