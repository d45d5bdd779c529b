//! Man pages and completion scripts for packages, from what the programs know of themselves: the doc comments that are their help, the
//! document of the configuration, and the OpenAPI document.

mod api;
mod command;
mod document;
mod roff;

use std::fs;
use std::io;
use std::path::Path;

/// A page, and what it says.
pub struct Manual {
    /// Its name, such as `ssoctl-login`.
    pub name: String,
    /// 1, 5, 7 or 8.
    pub section: u8,
    /// The page in roff.
    pub text: String,
}

const CONFIGURATION: &str = include_str!("../../docs/configuration.md");
const API: &str = include_str!("../../docs/api.md");
const EVENTS: &str = include_str!("../../docs/events.md");

/// Every page. `date` is like `2026-11-27`.
pub fn manuals(date: &str) -> Vec<Manual> {
    let mut all = command::manuals(date);
    let configuration = document::manual(
        date,
        ("ssoctl-config", 5, "configuration of ssoctl and ssoctld"),
        CONFIGURATION,
        &[("ssoctl", 1), ("ssoctld", 8), ("ssoctl-doctor", 1)],
    );
    all.push(configuration);
    all.push(api::manual(date, API, EVENTS));
    all
}

/// The places of the completion scripts below a directory, under the names that the shells look for.
fn place(shell: &str) -> String {
    match shell {
        "zsh" => "zsh/_ssoctl".to_owned(),
        "fish" => "fish/ssoctl.fish".to_owned(),
        "powershell" => "powershell/ssoctl.ps1".to_owned(),
        other => format!("{other}/ssoctl"),
    }
}

/// Writes pages and scripts into a directory, which is made if it is not there.
///
/// # Errors
/// A file cannot be written.
pub fn write(directory: &Path, date: &str) -> io::Result<()> {
    let put = |path: String, text: &str| {
        let path = directory.join(path);
        path.parent().map(fs::create_dir_all).transpose()?;
        fs::write(path, text)
    };
    for Manual { name, section, text } in manuals(date) {
        put(format!("man/man{section}/{name}.{section}"), &text)?;
    }
    ssoctl::completion_scripts().try_for_each(|(shell, script)| put(place(shell), script))
}
