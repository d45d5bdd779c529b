//! The property list for launchd, read by programs that know what one is.

use std::process::Command;

use test_support::speed::has_programs;

const PROPERTY_LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../launchd/io.github.ssoctl.ssoctld.plist");

/// Python's reader is strict, and says what it has read; libplist is a second opinion.
#[test]
fn the_property_list_is_valid_and_says_what_launchd_needs() {
    let script = "
import plistlib, sys
agent = plistlib.load(open(sys.argv[1], 'rb'))
assert agent['Label'] == 'io.github.ssoctl.ssoctld'
assert agent['RunAtLoad'] is True and agent['LowPriorityIO'] is True
assert agent['KeepAlive'] == {'SuccessfulExit': False}
assert agent['ProgramArguments'] == ['{program}']
socket = agent['Sockets']['ssoctld']
assert socket['SockPathName'] == '{socket}' and socket['SockPathMode'] == 0o600
assert agent['StandardErrorPath'] == agent['StandardOutPath'] == '{log}'
assert agent['Umask'] == 0o077
";
    if !has_programs(&["python3", "plistutil"]) {
        return;
    }
    for (program, arguments) in
        [("python3", &["-c", script, PROPERTY_LIST][..]), ("plistutil", &["-i", PROPERTY_LIST, "-o", "/dev/null"])]
    {
        let output = Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
