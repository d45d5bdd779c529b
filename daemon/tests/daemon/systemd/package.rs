//! The units of a package. `packaging/test` has the package itself.

use crate::systemd::stage::Person;

/// The person's system has a package with the units, which run this program.
fn install_package(person: &Person, program: &str) {
    let units = "/usr/local/lib/systemd/user";
    for command in [
        &["mount", "-t", "tmpfs", "tmpfs", "/usr/local/lib"][..],
        &["mkdir", "-p", units],
        &["cp", concat!(env!("CARGO_MANIFEST_DIR"), "/../systemd/ssoctld.socket"), units],
        &["cp", concat!(env!("CARGO_MANIFEST_DIR"), "/../systemd/ssoctld.service"), units],
        &["sed", "-i", &format!("s|/usr/bin/ssoctld|{program}|"), &format!("{units}/ssoctld.service")],
    ] {
        assert!(person.as_superuser(command).status.success(), "{command:?}");
    }
    person.ok("systemctl", &["--user", "daemon-reload"]);
}

const OWN_UNITS: &str = "find ~/.config/systemd/user -name 'ssoctld.*' -type f";

#[test]
fn the_units_of_a_package_are_enabled_and_disabled_and_take_the_place_of_ones_own() {
    let Some(person) = Person::new() else { return };
    person.ok("ssoctl", &["service", "install"]);
    install_package(&person, "/home/person/bin/ssoctld");
    let before = person.pid();

    let taken = person.ok("ssoctl", &["service", "install"]);
    assert!(taken.contains("take the place of your own") && taken.contains("runs now"), "{taken}");
    assert_eq!(person.ok("sh", &["-c", OWN_UNITS]), "");
    assert_eq!(person.property("FragmentPath"), "/usr/local/lib/systemd/user/ssoctld.service");
    assert_eq!((person.property("UnitFileState"), person.property("ActiveState")), ("enabled".into(), "active".into()));
    assert_ne!(person.pid(), before);
    assert_eq!(person.ok("ssoctl", &["service", "install"]), "already installed and running; nothing was changed\n");

    assert!(person.ok("ssoctl", &["service", "uninstall"]).contains("uninstalled"));
    assert_eq!(
        (person.property("UnitFileState"), person.property("ActiveState")),
        ("disabled".into(), "inactive".into())
    );
    assert_eq!(person.ok("ssoctl", &["service", "uninstall"]), "not installed; nothing was changed\n");
    // The package is still there, and the first call starts its socket.
    person.ok("ssoctl", &["status"]);
    person.until("the service is ready", || person.property("ActiveState") == "active");
}

#[test]
fn units_of_a_package_that_run_another_program_are_hidden_by_ones_own() {
    let Some(person) = Person::new() else { return };
    install_package(&person, "/usr/bin/ssoctld");
    let output = person.run("ssoctl", &["service", "install"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("hides the one in /usr/local/lib/systemd/user"), "{said}");
    assert_eq!(person.property("FragmentPath"), "/home/person/.config/systemd/user/ssoctld.service");
    assert_eq!(person.property("ActiveState"), "active");
    person.ok("ssoctl", &["service", "uninstall"]);
    assert_eq!(person.property("FragmentPath"), "/usr/local/lib/systemd/user/ssoctld.service");
}
