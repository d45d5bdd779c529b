//! The path of the daemon's socket, and the user whose process may be the daemon. Pure: variables come in as a function.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variable that names the socket.
pub const SOCKET_VARIABLE: &str = "SSOCTL_SOCKET";

/// The variable that names another user whose process may be the daemon: a uid, or `any`.
pub const OWNER_VARIABLE: &str = "SSOCTL_SOCKET_OWNER";

/// The longest path that fits into a socket address on every supported system: 104 bytes on macOS, 108 on Linux, less
/// the terminating zero (`sockaddr_un`, unix(4) and unix(7)).
pub const LONGEST_PATH: usize = 103;

/// The directory beside the daemon's socket that has a directory for each grant, and the name of the socket there.
pub const GRANTS: &str = "grants";
/// The name of a grant's socket in its directory.
pub const GRANT_SOCKET: &str = "s.sock";

/// The path of the socket and who chose it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SocketPath {
    /// [`SOCKET_VARIABLE`] names it. No daemon is started for it.
    Chosen(PathBuf),
    /// The default path. Its directory belongs to the user alone, and both sides check that.
    Default(PathBuf),
}

impl SocketPath {
    /// Finds the path, in this order: `$SSOCTL_SOCKET`; `$XDG_RUNTIME_DIR/ssoctl/ssoctld.sock`; `run/ssoctld.sock` in the user's cache
    /// directory of ssoctl, which is `$XDG_CACHE_HOME/ssoctl` or `~/.cache/ssoctl`, on macOS
    /// `~/Library/Caches/ssoctl`. Empty variables count as unset, and relative `XDG_*` directories are ignored, as the
    /// XDG Base Directory Specification demands. `None` if there is no home directory either.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<OsString>,
        home_directory: Option<PathBuf>,
    ) -> Option<Self> {
        if let Some(chosen) = variable(SOCKET_VARIABLE).filter(|value| !value.is_empty()) {
            return Some(Self::Chosen(chosen.into()));
        }
        if let Some(runtime) = variable("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute()) {
            return Some(Self::Default(runtime.join("ssoctl/ssoctld.sock")));
        }
        let cache = own_directory(variable, "XDG_CACHE_HOME", ".cache", "Library/Caches", home_directory)?;
        Some(Self::Default(cache.join("run/ssoctld.sock")))
    }

    /// The path itself.
    pub fn path(&self) -> &Path {
        match self {
            Self::Chosen(path) | Self::Default(path) => path,
        }
    }
}

/// The name of the grant whose socket has this path; `None` if it is no grant's.
pub fn grant_at(path: &Path) -> Option<&str> {
    let directory = path.parent().filter(|_| path.file_name().is_some_and(|name| name == GRANT_SOCKET))?;
    let is_of_grants = directory.parent().and_then(Path::file_name).is_some_and(|name| name == GRANTS);
    directory.file_name()?.to_str().filter(|_| is_of_grants)
}

/// The directory of ssoctl in the one that a variable of the XDG Base Directory Specification names, which demands that relative
/// ones are ignored, else below the home directory.
pub(crate) fn own_directory(
    variable: impl Fn(&str) -> Option<OsString>,
    name: &str,
    below_home: &str,
    on_macos: &str,
    home: Option<PathBuf>,
) -> Option<PathBuf> {
    let home = home.filter(|home| home.is_absolute());
    if cfg!(target_os = "macos") {
        return Some(home?.join(on_macos).join("ssoctl"));
    }
    let named = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(named.or_else(|| Some(home?.join(below_home)))?.join("ssoctl"))
}

/// The user whose process may be the daemon, wherever the socket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SocketOwner {
    /// The user's own.
    #[default]
    Own,
    /// The user's own, or this user's: a daemon may have another uid when it is seen from a container.
    Also(u32),
    /// Anybody's.
    Any,
}

impl SocketOwner {
    /// Reads [`OWNER_VARIABLE`]. The user's own if it is unset or empty.
    ///
    /// # Errors
    /// The variable holds neither a uid nor `any`.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let Some(value) = variable(OWNER_VARIABLE).filter(|value| !value.is_empty()) else { return Ok(Self::Own) };
        let text = value.to_string_lossy();
        if text == "any" {
            return Ok(Self::Any);
        }
        text.parse().map(Self::Also).map_err(|_| format!("{OWNER_VARIABLE} is {text:?}; set it to a uid or to \"any\""))
    }

    /// Checks whether a process of the user `listening` may be the daemon of the user `own`.
    ///
    /// # Errors
    /// It may not. The text says why and what to do.
    pub fn judge(self, listening: u32, own: u32, socket: &Path) -> Result<(), String> {
        if listening == own || self == Self::Any || self == Self::Also(listening) {
            return Ok(());
        }
        Err(format!(
            "refusing to talk to {}: a process of the user with uid {listening} listens there, not one of yours (uid {own}); \
             only if that daemon is meant, set {OWNER_VARIABLE}={listening}",
            socket.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_and_whom_the_variable_names_may_be_the_daemon() {
        let owner = |value: &str| SocketOwner::from_environment(|_| Some(value.into()));
        let judged = |value: &str| owner(value).unwrap().judge(1000, 1001, Path::new("/run/s")).is_ok();
        assert_eq!(["", "1000", "any", "1002", "0"].map(judged), [false, true, true, false, false]);
        assert_eq!(
            SocketOwner::Also(7).judge(1001, 1001, Path::new("/s")),
            Ok(()),
            "the user's own is always accepted"
        );
        for wrong in ["ada", "-1", "Any", "1000 ", "4294967296"] {
            assert!(owner(wrong).unwrap_err().contains(OWNER_VARIABLE), "{wrong}");
        }
        let refusal = SocketOwner::Own.judge(1000, 1001, Path::new("/run/s")).unwrap_err();
        assert!(refusal.contains("/run/s") && refusal.contains("SSOCTL_SOCKET_OWNER=1000"), "{refusal}");
    }

    fn path_with(variables: &[(&str, &str)], home: Option<&str>) -> Option<SocketPath> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        SocketPath::from_environment(find, home.map(PathBuf::from))
    }

    #[test]
    fn the_first_of_the_documented_paths_is_used() {
        let runtime = ("XDG_RUNTIME_DIR", "/run/user/1000");
        let cache = ("XDG_CACHE_HOME", "/home/ada/cache");
        let home = Some("/home/ada");
        let default = |path: &str| Some(SocketPath::Default(PathBuf::from(path)));
        assert_eq!(
            path_with(&[("SSOCTL_SOCKET", "s.sock"), runtime], home),
            Some(SocketPath::Chosen(PathBuf::from("s.sock")))
        );
        assert_eq!(path_with(&[runtime, cache], home), default("/run/user/1000/ssoctl/ssoctld.sock"));
        assert_eq!(path_with(&[("SSOCTL_SOCKET", ""), runtime], None), default("/run/user/1000/ssoctl/ssoctld.sock"));
        if cfg!(target_os = "macos") {
            assert_eq!(path_with(&[cache], home), default("/home/ada/Library/Caches/ssoctl/run/ssoctld.sock"));
        } else {
            assert_eq!(path_with(&[cache], home), default("/home/ada/cache/ssoctl/run/ssoctld.sock"));
            assert_eq!(path_with(&[], home), default("/home/ada/.cache/ssoctl/run/ssoctld.sock"));
            assert_eq!(
                path_with(&[("XDG_RUNTIME_DIR", "run"), ("XDG_CACHE_HOME", "cache")], home),
                default("/home/ada/.cache/ssoctl/run/ssoctld.sock")
            );
        }
        assert_eq!(path_with(&[], None), None);
    }
}
