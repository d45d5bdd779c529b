//! The property list for launchd, read by programs that know what one is.

#[path = "../../client/tests/support/skipping.rs"]
#[allow(dead_code, reason = "shared with tests that need other parts")]
mod skipping;

use std::process::Command;

use skipping::skip;

const PROPERTY_LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../launchd/io.github.ssoctl.ssoctld.plist");

/// Python's reader is the strictest that runs everywhere.
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
    let Ok(output) = Command::new("python3").args(["-c", script, PROPERTY_LIST]).output() else {
        return skip("the property list", "python3 missing");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Where it is there, the other reader has to agree.
    if let Ok(output) = Command::new("plistutil").args(["-i", PROPERTY_LIST, "-o", "/dev/null"]).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
