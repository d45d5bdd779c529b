//! Where the daemon's socket is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variable that names the socket.
pub const SOCKET_VARIABLE: &str = "SSOCTL_SOCKET";

/// The longest path that fits into a socket address on every supported system: 104 bytes on macOS, 108 on Linux, less
/// the terminating zero (`sockaddr_un`, unix(4) and unix(7)).
pub const LONGEST_PATH: usize = 103;

/// The path of the socket and who chose it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SocketPath {
    /// [`SOCKET_VARIABLE`] names it. The person answers for who else can reach it, and no daemon is started for it.
    Chosen(PathBuf),
    /// The default place. Its directory belongs to the user alone, and both sides check that.
    Default(PathBuf),
}

impl SocketPath {
    /// Finds the path from the environment.
    ///
    /// In this order: `$SSOCTL_SOCKET`; `$XDG_RUNTIME_DIR/ssoctl/ssoctld.sock`; `run/ssoctld.sock` in the user's cache
    /// directory of ssoctl, which is `$XDG_CACHE_HOME/ssoctl` or `~/.cache/ssoctl`, on macOS
    /// `~/Library/Caches/ssoctl`. Empty variables count as unset, and relative `XDG_*` directories are ignored, as the
    /// XDG Base Directory Specification demands. `None` if there is no home directory either.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<OsString>,
        home_directory: Option<PathBuf>,
    ) -> Option<Self> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let directory = |name: &str| variable(name).filter(|path| path.is_absolute());
        if let Some(chosen) = variable(SOCKET_VARIABLE) {
            return Some(Self::Chosen(chosen));
        }
        if let Some(runtime) = directory("XDG_RUNTIME_DIR") {
            return Some(Self::Default(runtime.join("ssoctl/ssoctld.sock")));
        }
        let home = || home_directory.filter(|path| path.is_absolute());
        let cache = if cfg!(target_os = "macos") {
            home()?.join("Library/Caches")
        } else {
            directory("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))?
        };
        Some(Self::Default(cache.join("ssoctl/run/ssoctld.sock")))
    }

    /// The path itself.
    pub fn path(&self) -> &Path {
        match self {
            Self::Chosen(path) | Self::Default(path) => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_with(variables: &[(&str, &str)], home: Option<&str>) -> Option<SocketPath> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        SocketPath::from_environment(find, home.map(PathBuf::from))
    }

    #[test]
    fn the_first_of_the_documented_places_is_taken() {
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
