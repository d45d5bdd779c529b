//! The mounts of an isolated command, in the order in which they are made: what comes later lies on top.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use super::places::{KEPT, PRIVATE, Places};
use crate::failure::Failure;

/// The place of this program in there.
pub(super) const OWN_PROGRAM: &str = "/run/ssoctl";

/// The system's run-time directories, and below them where media are mounted. Those alone may be changed if they are named.
const RUN: &str = "/run";
const MEDIA: &str = "/run/media";

/// What the command sees, and what it may change.
pub(super) struct Plan {
    places: Places,
    /// Empty directories of the command's own, in the places of those that exist.
    private: BTreeSet<PathBuf>,
    writable: Vec<PathBuf>,
    /// The directory of the grant's socket.
    grant: Option<PathBuf>,
}

impl Plan {
    /// Where nothing may be changed yet.
    pub(super) fn new(places: Places) -> Result<Self, Failure> {
        let whole = places.homes.iter().find_map(|home| {
            let around = places.hidden.iter().find(|hidden| home.starts_with(hidden))?;
            Some((around, home))
        });
        if let Some((around, home)) = whole {
            return Err(Failure::Usage(format!(
                "the command cannot be isolated: {} has to be hidden from it, and your home directory {} is in there; give \
                 the socket of the daemon, or what else is hidden, a directory of its own",
                around.display(),
                home.display()
            )));
        }
        let private = PRIVATE.iter().filter_map(|place| fs::canonicalize(place).ok()).collect();
        Ok(Self { places, private, writable: Vec::new(), grant: None })
    }

    /// Has the command start in this directory, which it may change.
    pub(super) fn start_in(&mut self, directory: &Path) -> Result<(), Failure> {
        self.allow(directory).map_err(|why| {
            Failure::Usage(format!(
                "the command cannot be isolated here, because it may change the current directory, and {why}; start it in a \
                 directory that has nothing but its work"
            ))
        })
    }

    /// Lets the command change another place.
    pub(super) fn make_writable(&mut self, path: &Path) -> Result<(), Failure> {
        self.allow(path).map_err(|why| Failure::Usage(format!("--writable: {why}; name less than that")))?;
        // A command that was isolated here before may have put a link there.
        let named = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (here, place) = (&self.writable[0], &self.writable[self.writable.len() - 1]);
        if named.starts_with(here) && !place.starts_with(here) {
            return Err(Failure::Usage(format!(
                "--writable: {} is a link out of the current directory; name the place itself, {}, if that is meant",
                path.display(),
                place.display()
            )));
        }
        Ok(())
    }

    fn allow(&mut self, path: &Path) -> Result<(), String> {
        let place = fs::canonicalize(path).map_err(|error| format!("{} cannot be found: {error}", path.display()))?;
        let shown = place.display();
        let contains = |other: &Path| format!("{shown} contains {}", other.display());
        for home in &self.places.homes {
            if *home == place {
                return Err(format!("{shown} is your home directory"));
            }
            if home.starts_with(&place) {
                return Err(contains(home));
            }
        }
        for private in &self.private {
            if private.starts_with(&place) {
                return Err(format!("{shown} has the sockets and files of other programs"));
            }
        }
        if place.starts_with(RUN) && !place.starts_with(MEDIA) {
            return Err(format!("{shown} has the sockets and files of other programs"));
        }
        for (off_limits, name) in &self.places.off_limits {
            let name = name.display();
            if *off_limits == place || place.starts_with(off_limits) {
                return Err(format!("{shown} is within {name}, which is hidden from it or must stay as it is"));
            }
            if off_limits.starts_with(&place) {
                return Err(format!("{name} is within {shown}, and is hidden from it or must stay as it is"));
            }
        }
        self.writable.push(place);
        Ok(())
    }

    /// The places that the command may change, the directory where it starts first.
    pub(super) fn writable(&self) -> impl Iterator<Item = &Path> {
        self.writable.iter().map(PathBuf::as_path)
    }

    /// Hides those of these sockets that can be seen, unless the command may change their places anyway.
    pub(super) fn hide_sockets(&mut self, sockets: impl Iterator<Item = PathBuf>) {
        let is_at_home = |path: &PathBuf| self.places.homes.iter().any(|home| path.starts_with(home));
        let is_work = |path: &PathBuf| self.writable.iter().any(|writable| path.starts_with(writable));
        let is_socket = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.file_type().is_socket());
        let found = sockets.filter_map(|path| fs::canonicalize(path).ok());
        let found: Vec<_> = found.filter(|path| is_at_home(path) && !is_work(path) && is_socket(path)).collect();
        self.places.hidden.extend(found);
    }

    /// Shows the directory of a grant's socket.
    pub(super) fn give_grant(&mut self, directory: PathBuf) {
        self.grant = Some(directory);
    }

    /// The arguments of bubblewrap. `own` is this program.
    pub(super) fn arguments(&self, own: &Path) -> Vec<OsString> {
        let mut mounts = Mounts::default();
        mounts.add("--ro-bind", [Path::new("/"), Path::new("/")]);
        mounts.add("--dev", ["/dev"]);
        mounts.add("--proc", ["/proc"]);
        self.private.iter().for_each(|place| mounts.add("--tmpfs", [place]));
        for place in KEPT.iter().map(Path::new) {
            if self.is_private(place) {
                mounts.add("--ro-bind-try", [place, place]);
            } else if let Ok(target) = fs::canonicalize(place)
                && self.is_private(&target)
            {
                mounts.add("--ro-bind-try", [&target, &target]);
            }
        }
        let homes: Vec<_> = self.places.homes.iter().filter(|home| self.is_private(home)).collect();
        homes.iter().for_each(|home| mounts.add("--ro-bind", [home, home]));
        self.places.runtime.iter().for_each(|runtime| mounts.add("--tmpfs", [runtime]));
        for hidden in self.covered() {
            match hidden.is_dir() {
                true => mounts.add("--tmpfs", [hidden]),
                false => mounts.add("--ro-bind", [Path::new("/dev/null"), hidden]),
            }
        }
        self.places.shown.iter().for_each(|(file, place)| mounts.add("--ro-bind", [file, place]));
        self.writable.iter().for_each(|place| mounts.add("--bind", [place, place]));
        self.grant.iter().for_each(|directory| mounts.add("--ro-bind", [directory, directory]));
        mounts.add("--ro-bind", [own, Path::new(OWN_PROGRAM)]);
        self.writable.first().into_iter().for_each(|start| mounts.add("--chdir", [start]));
        mounts.0
    }

    fn is_private(&self, path: &Path) -> bool {
        self.private.iter().any(|place| path.starts_with(place))
    }

    /// The hidden places that nothing hides that lies above them.
    fn covered(&self) -> impl Iterator<Item = &Path> {
        let is_gone = |path: &Path| {
            let is_at_home = self.places.homes.iter().any(|home| path.starts_with(home));
            (self.is_private(path) && !is_at_home)
                || self.places.runtime.as_ref().is_some_and(|runtime| path.starts_with(runtime))
                || path.ancestors().skip(1).any(|above| self.places.hidden.contains(above))
        };
        self.places.hidden.iter().map(PathBuf::as_path).filter(move |path| !is_gone(path))
    }
}

/// Options of bubblewrap.
#[derive(Default)]
struct Mounts(Vec<OsString>);

impl Mounts {
    fn add<P: AsRef<OsStr>, const N: usize>(&mut self, option: &str, paths: [P; N]) {
        self.0.push(option.into());
        self.0.extend(paths.iter().map(|path| path.as_ref().to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    /// A home with some places, and the same seen through a link.
    struct Person {
        _root: tempfile::TempDir,
        home: PathBuf,
    }

    impl Person {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let real = fs::canonicalize(root.path()).unwrap().join("real");
            for directory in [".ssh", ".aws/sso", ".config/fish", "project/src", "dotfiles", "run/ssoctl"] {
                fs::create_dir_all(real.join(directory)).unwrap();
            }
            fs::write(real.join("dotfiles/bashrc"), "").unwrap();
            symlink("dotfiles/bashrc", real.join(".bashrc")).unwrap();
            symlink(&real, root.path().join("home")).unwrap();
            Self { home: root.path().join("home"), _root: root }
        }

        fn plan(&self) -> Plan {
            self.plan_with(&self.home.join("run/ssoctl/ssoctld.sock")).unwrap()
        }

        fn plan_with(&self, daemon: &Path) -> Result<Plan, Failure> {
            let runtime = Some(self.home.join("run").into_os_string());
            let variable = |name: &str| runtime.clone().filter(|_| name == "XDG_RUNTIME_DIR");
            Plan::new(Places::new(&variable, std::slice::from_ref(&self.home), daemon))
        }

        fn real(&self, path: &str) -> PathBuf {
            fs::canonicalize(self.home.join(path)).unwrap()
        }
    }

    fn mounts(plan: &Plan) -> Vec<Vec<String>> {
        let words: Vec<String> =
            plan.arguments(Path::new("/own")).iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut mounts: Vec<Vec<String>> = Vec::new();
        for word in words {
            match mounts.last_mut() {
                Some(last) if !word.starts_with("--") => last.push(word),
                _ => mounts.push(vec![word]),
            }
        }
        mounts
    }

    #[test]
    fn the_command_may_change_its_directory_and_what_is_named_and_sees_nothing_hidden() {
        let person = Person::new();
        let mut plan = person.plan();
        plan.start_in(&person.home.join("project")).unwrap();
        plan.make_writable(&person.home.join("dotfiles/bashrc")).unwrap_err();
        let cache = person.home.join(".config/tool");
        fs::create_dir(&cache).unwrap();
        plan.make_writable(&cache).unwrap();
        let socket = person.home.join("tool.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        plan.hide_sockets([socket, person.home.join("gone.sock")].into_iter());
        plan.give_grant(person.real("run/ssoctl").join("grants/ci"));
        let mounts = mounts(&plan);
        let place = |option: &str, path: &str| {
            let path = person.real(".").join(path).display().to_string();
            mounts.iter().position(|mount| mount[0] == option && *mount.last().unwrap() == path)
        };
        for hidden in [".ssh", ".aws", "run"] {
            assert!(place("--tmpfs", hidden).is_some(), "{hidden} in {mounts:#?}");
        }
        assert_eq!(place("--tmpfs", ".aws/sso"), None, "it is in a hidden place already");
        assert_eq!(place("--tmpfs", "run/ssoctl"), None, "it is in the runtime directory");
        let covered: Vec<_> = mounts.iter().filter(|mount| mount[1] == "/dev/null").collect();
        assert_eq!(covered.len(), 1, "{covered:?}");
        let writable: Vec<_> = mounts.iter().filter(|mount| mount[0] == "--bind").map(|mount| &mount[2]).collect();
        assert_eq!(writable, [&person.real("project").display().to_string(), &cache_text(&person)]);
        assert!(place("--tmpfs", "run") < place("--ro-bind", "run/ssoctl/grants/ci"), "{mounts:#?}");
        assert_eq!(mounts[0], ["--ro-bind", "/", "/"]);
        assert!(place("--chdir", "project").is_some(), "{mounts:#?}");
    }

    fn cache_text(person: &Person) -> String {
        person.real(".config/tool").display().to_string()
    }

    #[test]
    fn no_place_may_be_changed_by_which_the_command_gets_out() {
        let person = Person::new();
        for (place, why) in [
            ("", "is your home directory"),
            ("..", "contains"),
            ("/", "contains"),
            (".ssh", "is within"),
            (".aws/sso", "is within"),
            (".config", "is within"),
            (".config/fish", "is within"),
            ("dotfiles", "bashrc is within"),
            ("run", "is within"),
            ("run/ssoctl", "is within"),
            ("/var/tmp", "other programs"),
            ("/dev", "is within /dev"),
            ("/proc/self", "is within /proc"),
            ("nowhere", "cannot be found"),
        ] {
            let refused = person.plan().start_in(&person.home.join(place)).unwrap_err().to_string();
            assert!(refused.contains(why), "{place}: {refused}");
        }
        let mut plan = person.plan();
        let project = person.real("project");
        plan.start_in(&project).unwrap();
        let refused = plan.make_writable(&person.home.join(".config")).unwrap_err().to_string();
        assert!(refused.starts_with("--writable: "), "{refused}");
        fs::create_dir(person.home.join("other")).unwrap();
        symlink("../other", project.join("cache")).unwrap();
        let refused = plan.make_writable(&project.join("cache")).unwrap_err().to_string();
        assert!(refused.contains("is a link out of the current directory"), "{refused}");
        plan.make_writable(&person.home.join("other")).unwrap();
    }

    #[test]
    fn a_daemon_whose_socket_lies_in_the_home_itself_has_to_move_first() {
        let person = Person::new();
        let refused = person.plan_with(&person.home.join("ssoctld.sock")).err().unwrap().to_string();
        assert!(refused.contains("a directory of its own"), "{refused}");
        let mut plan = person.plan_with(&person.home.join("project/ssoctld.sock")).unwrap();
        let refused = plan.start_in(&person.home.join("project")).unwrap_err().to_string();
        assert!(refused.contains("is within"), "{refused}");
    }
}
