//! Opening the page where a person approves, in a browser that outlives this process.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use ssoctl_protocol::browser::{OPENERS, OPENERS_WITHIN_WINDOWS, command_line};

use crate::environment;

/// Why no browser was started. `Display` fits after `no browser was opened: `.
#[derive(Debug)]
pub(crate) enum NotOpened {
    /// There is none that could show a page here.
    NoneHere(&'static str),
    /// The address is not one that is safe to hand to other programs.
    UnsafeAddress,
    /// None of the commands could be executed; the last one and its error.
    NotExecutable(String, io::Error),
}

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneHere(why) => f.write_str(why),
            Self::UnsafeAddress => f.write_str("the page is not at an https address; open it yourself if you trust it"),
            Self::NotExecutable(program, error) => write!(f, "{program}: {error}; open the page yourself"),
        }
    }
}

/// A browser that was started, or the command that hands the page to a running one.
pub(crate) struct Opener {
    program: String,
    child: Option<Child>,
}

impl Opener {
    /// Tells once, after it has happened, that the command ended without success.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        (!status.success()).then(|| format!("{} ended with {status}; open the page yourself", self.program))
    }
}

/// Opens a page, without waiting for anything.
///
/// Tried in this order: `configured`, the command of the daemon's configuration; `$BROWSER`; what the system has. No
/// shell is involved. Words of a command are separated by blanks, and quotes keep a word together; `{url}` stands for
/// the address, which comes last where it is not mentioned. `$BROWSER` may list several commands separated by colons,
/// and calls the address `%s`.
pub(crate) fn open(url: &str, configured: Option<&str>) -> Result<Opener, NotOpened> {
    if let Some(why) = no_browser_here(|name| environment::variable(name).is_some()) {
        return Err(NotOpened::NoneHere(why));
    }
    if !is_safe(url) {
        return Err(NotOpened::UnsafeAddress);
    }
    let commands = match (configured, environment::variable("BROWSER")) {
        (Some(configured), _) => vec![words(configured, "{url}", url)],
        (None, Some(list)) => list.to_string_lossy().split(':').map(|command| words(command, "%s", url)).collect(),
        (None, None) => system_openers(url),
    };
    let mut outcome = Err(NotOpened::NoneHere("no command is configured"));
    for words in commands {
        let Some((program, arguments)) = words.split_first() else { continue };
        let name = program.to_string_lossy().into_owned();
        match spawn(program, arguments) {
            Ok(child) => return Ok(Opener { program: name, child: Some(child) }),
            Err(error) => outcome = Err(NotOpened::NotExecutable(name, error)),
        }
    }
    outcome
}

/// Ctrl-C in the terminal is meant for `ssoctl`, so the browser is in a process group of its own.
fn spawn(program: &OsStr, arguments: &[OsString]) -> io::Result<Child> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// A browser opened over SSH would appear on the wrong screen, and without a display on none.
fn no_browser_here(is_set: impl Fn(&str) -> bool) -> Option<&'static str> {
    if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
        return Some("this is a session over SSH");
    }
    let has_display = cfg!(target_os = "macos")
        || is_set("DISPLAY")
        || is_set("WAYLAND_DISPLAY")
        // Windows Subsystem for Linux: the browser is that of Windows.
        || is_set("WSL_DISTRO_NAME");
    (!has_display).then_some("there is no display")
}

fn system_openers(url: &str) -> Vec<Vec<OsString>> {
    let is_within_windows = environment::variable("WSL_DISTRO_NAME").is_some();
    let commands = if is_within_windows { OPENERS_WITHIN_WINDOWS } else { OPENERS };
    let with_url = |words: &&[&str]| words.iter().copied().chain([url]).map(OsString::from).collect();
    commands.iter().map(with_url).collect()
}

fn words(command: &str, place: &str, url: &str) -> Vec<OsString> {
    command_line(command, place, url).into_iter().map(OsString::from).collect()
}

/// Only a web page over TLS, or one on this machine, and nothing that could be taken for anything but an address. The
/// daemon has compared the host with the service's; this is the last line, in front of other people's programs.
fn is_safe(url: &str) -> bool {
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte)) {
        return false;
    }
    let (secure, rest) = if let Some(rest) = url.strip_prefix("https://") {
        (true, rest)
    } else if let Some(rest) = url.strip_prefix("http://") {
        (false, rest)
    } else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(ipv6) => ipv6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = || host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    // A user name before `@` serves nobody but those who want a host to look like another.
    !host.is_empty() && !authority.contains('@') && (secure || loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_pages_over_tls_or_on_this_machine_are_opened() {
        for url in [
            "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH",
            "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH",
            "http://127.0.0.1:8443/device?user_code=A",
            "http://[::1]:80/",
            "http://localhost/",
        ] {
            assert!(is_safe(url), "{url}");
        }
        for url in [
            "http://corp.awsapps.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost@example.com/",
            "https://corp.awsapps.com@example.com/",
            "https:///path",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "-https://a/",
            "https://a/ b",
            "https://a/'; calc",
            "https://a/\u{1b}",
            "",
        ] {
            assert!(!is_safe(url), "{url}");
        }
    }

    #[test]
    fn commands_are_split_without_a_shell() {
        let url = "https://a/?x=1&y=$(id)";
        for (command, words) in [
            ("firefox", vec!["firefox", url]),
            ("firefox --new-window {url} -P 'my profile'", vec!["firefox", "--new-window", url, "-P", "my profile"]),
            ("\"/opt/a b/run\" --url={url} ''", vec!["/opt/a b/run", "--url=https://a/?x=1&y=$(id)", ""]),
            ("  ", vec![]),
        ] {
            assert_eq!(command_line(command, "{url}", url), words, "{command}");
        }
        assert_eq!(command_line("lynx %s", "%s", url), ["lynx", url]);
    }

    #[test]
    fn no_browser_is_opened_where_nobody_would_see_it() {
        let here = |set: &'static [&str]| no_browser_here(|name| set.contains(&name));
        assert_eq!(here(&["DISPLAY", "SSH_CONNECTION"]), Some("this is a session over SSH"));
        assert_eq!(here(&["WAYLAND_DISPLAY", "SSH_TTY"]), Some("this is a session over SSH"));
        for display in [&["DISPLAY"], &["WAYLAND_DISPLAY"], &["WSL_DISTRO_NAME"]] {
            assert_eq!(here(display), None);
        }
        assert_eq!(here(&[]).is_none(), cfg!(target_os = "macos"));
    }
}
