//! What is hidden from an isolated command, and what it must not change, from the variables and the homes of its person.
//!
//! Links are followed: what is hidden is the place to which they lead.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use ssoctl_files::holder;
use ssoctl_protocol::settings;

use crate::environment;
use crate::failure::Failure;

/// Directories of which the command gets empty ones of its own: programs of all kinds put their sockets there.
pub(super) const PRIVATE: [&str; 4] = ["/tmp", "/var/tmp", "/run", "/var/run"];

/// Below [`PRIVATE`] directories: what programs need, and where media are mounted.
pub(super) const KEPT: [&str; 5] = [
    "/run/current-system",
    "/run/booted-system",
    "/run/opengl-driver",
    "/run/opengl-driver-32",
    // It may be a link there.
    "/etc/resolv.conf",
];

/// Below a home directory: credentials and sign-ins, keys and their agents, passwords, and what engines of containers listen at. Everything
/// in `.aws` but the configuration file: tokens, credentials, and credentials that the AWS CLI keeps.
const HIDDEN_AT_HOME: [&str; 40] = [
    ".aws",
    ".aws/cli",
    ".aws/credentials",
    ".aws/sso",
    ".local/state/ssoctl",
    ".cache/ssoctl",
    ".ssh",
    ".gnupg",
    ".password-store",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".config/keepassxc",
    ".config/1Password",
    ".config/op",
    ".config/Bitwarden",
    ".1password",
    ".bitwarden-ssh-agent.sock",
    ".mozilla",
    ".librewolf",
    ".config/mozilla",
    ".config/chromium",
    ".config/google-chrome",
    ".config/google-chrome-beta",
    ".config/google-chrome-unstable",
    ".config/BraveSoftware",
    ".config/microsoft-edge",
    ".config/vivaldi",
    ".config/opera",
    ".var/app",
    "snap/firefox",
    "snap/chromium",
    ".docker/run",
    ".docker/desktop",
    ".colima",
    ".lima",
    ".rd",
    ".local/share/containers/podman/machine",
    ".Xauthority",
    ".ICEauthority",
    ".dbus",
];

/// Elsewhere: engines of containers, and the display of the Windows Subsystem for Linux.
const HIDDEN: [&str; 5] =
    ["/var/snap/lxd/common/lxd", "/var/lib/lxd", "/var/lib/incus", "/var/lib/containerd", "/mnt/wslg"];

/// Below a directory that a variable names: the same as at home, where it has been moved.
const MOVED: [(&str, &str); 4] = [
    ("XDG_STATE_HOME", ".local/state"),
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_DATA_HOME", ".local/share"),
    ("XDG_CONFIG_HOME", ".config"),
];

/// Variables that name a hidden file, directory or socket, as a path or as an address `unix:PATH` or `unix:path=PATH`.
const NAMED: [&str; 14] = [
    "SSOCTL_STATE_DIR",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CREDENTIAL_PROFILES_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "GNUPGHOME",
    "PASSWORD_STORE_DIR",
    "SSH_AUTH_SOCK",
    "XAUTHORITY",
    "ICEAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "DOCKER_HOST",
    "CONTAINER_HOST",
];

/// Below a home directory: what the person's shells, desktop, service manager and tools run or read later. A command that could change
/// one of these would be out as soon as that happens.
const READ_LATER: [&str; 21] = [
    ".profile",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bashrc",
    ".zshenv",
    ".zprofile",
    ".zshrc",
    ".zlogin",
    ".zlogout",
    ".config/fish",
    ".config/environment.d",
    ".config/autostart",
    ".config/systemd",
    ".local/share/systemd",
    ".local/share/applications",
    ".config/ssoctl",
    ".config/git",
    ".gitconfig",
    ".local/bin",
    "bin",
];

/// Where nothing may be changed whatever is named.
const NEVER: [&str; 3] = ["/dev", "/proc", "/sys"];

/// The places, all of them with every link followed.
pub(super) struct Places {
    pub(super) homes: BTreeSet<PathBuf>,
    /// Hidden places that exist.
    pub(super) hidden: BTreeSet<PathBuf>,
    /// The person's runtime directory, which becomes an empty one.
    pub(super) runtime: Option<PathBuf>,
    /// AWS configuration files, which stay in sight within hidden directories, with their places there.
    pub(super) shown: Vec<(PathBuf, PathBuf)>,
    /// What a place that may be changed must neither contain, nor be in, with its name for a person. It need not exist.
    pub(super) off_limits: Vec<(PathBuf, PathBuf)>,
}

impl Places {
    pub(super) fn of_environment(daemon: &Path) -> Result<Self, Failure> {
        let homes = environment::home_directories();
        if homes.is_empty() {
            return Err(Failure::Other("there is no home directory to be protected; set HOME".to_owned()));
        }
        Ok(Self::new(&environment::variable, &homes, daemon))
    }

    pub(super) fn new(variable: &dyn Fn(&str) -> Option<OsString>, homes: &[PathBuf], daemon: &Path) -> Self {
        let mut named: Vec<PathBuf> = HIDDEN.iter().map(PathBuf::from).collect();
        named.extend(NAMED.iter().filter_map(|name| path_in(&variable(name)?)));
        for home in homes {
            named.extend(HIDDEN_AT_HOME.iter().flat_map(|place| at_home(home, place, variable)));
            named.extend(settings::state_directory(variable, Some(home.clone())));
        }
        named.extend(directories_of_daemons(variable, homes, daemon));
        let read_later =
            homes.iter().flat_map(|home| READ_LATER.iter().flat_map(|place| at_home(home, place, variable)));
        let never = NEVER.iter().map(PathBuf::from);
        let runtime = variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
        let own = homes.iter().filter_map(|home| settings::config_toml(variable, Some(home.clone())));
        let off_limits = named.iter().cloned().chain(read_later).chain(own).chain(never).chain(runtime.clone());
        Self {
            homes: homes.iter().map(|home| resolved(home)).collect(),
            off_limits: off_limits.map(|place| (resolved(&place), place)).collect(),
            hidden: named.iter().filter_map(|place| fs::canonicalize(place).ok()).collect(),
            runtime: runtime.and_then(|path| fs::canonicalize(path).ok()),
            shown: homes.iter().filter_map(|home| shown(&home.join(".aws"))).collect(),
        }
    }
}

/// The configuration file in a directory `.aws`, and its place there once the directory has been hidden.
fn shown(aws: &Path) -> Option<(PathBuf, PathBuf)> {
    let file = fs::canonicalize(aws.join("config")).ok()?;
    Some((file, fs::canonicalize(aws).ok()?.join("config")))
}

/// A place below a home, and where variables have moved it.
fn at_home(home: &Path, place: &str, variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let moved = MOVED.iter().filter_map(|(name, usual)| {
        let below = Path::new(place).strip_prefix(usual).ok()?;
        let directory = variable(name).map(PathBuf::from).filter(|path| path.is_absolute())?;
        Some(directory.join(below))
    });
    moved.chain([home.join(place)]).collect()
}

/// The directories of the sockets of the person's daemons: the one that was found, and those that lock files name.
fn directories_of_daemons(
    variable: &dyn Fn(&str) -> Option<OsString>,
    homes: &[PathBuf],
    daemon: &Path,
) -> Vec<PathBuf> {
    let state = |home: &PathBuf| settings::state_directory(variable, Some(home.clone()));
    let others = homes.iter().flat_map(|home| holder::sockets(state(home), Some(home.clone())));
    let sockets = others.chain([daemon.to_owned()]);
    sockets.filter_map(|socket| Some(std::path::absolute(socket).ok()?.parent()?.to_owned())).collect()
}

/// The path in the value of a variable.
pub(super) fn path_in(value: &OsStr) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = value.as_bytes();
    let path = [&b"unix:path="[..], b"unix://", b"unix:"].iter().find_map(|scheme| bytes.strip_prefix(*scheme));
    // Further parts of a D-Bus address.
    let path = path.map_or(bytes, |path| path.split(|byte| matches!(byte, b',' | b';')).next().unwrap_or(path));
    let path = PathBuf::from(OsStr::from_bytes(path));
    path.is_absolute().then_some(path)
}

/// The path with every link followed, as far as it exists.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let mut existing = path;
    loop {
        if let Ok(found) = fs::canonicalize(existing) {
            // Joining an empty rest would add a slash.
            return match path.strip_prefix(existing) {
                Ok(rest) if !rest.as_os_str().is_empty() => found.join(rest),
                _ => found,
            };
        }
        match existing.parent() {
            Some(parent) => existing = parent,
            None => return path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_hidden_place_is_hidden_where_links_and_variables_have_put_it() {
        let root = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(root.path()).unwrap();
        let make = |path: &str| {
            fs::create_dir_all(root.join(path)).unwrap();
            root.join(path)
        };
        let (home, secrets, data) = (make("home"), make("elsewhere/aws"), make("data/keyrings"));
        make("home/.ssh");
        symlink(&secrets, home.join(".aws")).unwrap();
        fs::write(root.join("agent"), "").unwrap();
        symlink(make("real-config"), home.join(".config")).unwrap();
        let chromium = make("real-config/chromium");
        let variable = |name: &str| -> Option<OsString> {
            match name {
                "XDG_DATA_HOME" => Some(root.join("data").into()),
                "SSH_AUTH_SOCK" => Some(root.join("agent").into()),
                "XDG_STATE_HOME" => Some("relative".into()),
                _ => None,
            }
        };
        fs::write(secrets.join("config"), "").unwrap();
        let places = Places::new(&variable, std::slice::from_ref(&home), &root.join("run/ssoctld.sock"));
        for hidden in [&home.join(".ssh"), &secrets, &data, &root.join("agent"), &chromium] {
            assert!(places.hidden.contains(hidden), "{} in {:?}", hidden.display(), places.hidden);
        }
        assert_eq!(places.shown, [(secrets.join("config"), secrets.join("config"))]);
        let off_limits: Vec<_> = places.off_limits.iter().map(|(place, _)| place.clone()).collect();
        for place in [&root.join("run"), &home.join(".gnupg"), &root.join("real-config/fish")] {
            assert!(off_limits.contains(place), "{} need not exist: {off_limits:?}", place.display());
        }
    }

    #[test]
    fn a_path_is_found_in_an_address() {
        let path = |value: &str| path_in(OsStr::new(value)).map(|path| path.display().to_string());
        for (value, expected) in [
            ("/run/x", Some("/run/x")),
            ("unix:///run/docker.sock", Some("/run/docker.sock")),
            ("unix:path=/run/bus,guid=7;unix:abstract=x", Some("/run/bus")),
            ("unix:abstract=/tmp/x", None),
            ("tcp://127.0.0.1:1", None),
            ("x", None),
        ] {
            assert_eq!(path(value).as_deref(), expected, "{value}");
        }
    }
}
