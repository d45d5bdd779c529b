//! Opening a page in a browser that outlives the daemon. No shell is involved.

use std::io;
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;
use tokio::runtime::Handle;

use super::environment::Launcher;
use super::page::Page;
use crate::config::BrowserCommand;

/// The commands that open a page in the desktop's browser, in the order in which they are tried. The address comes last.
const OPENERS: &[&[&str]] = if cfg!(target_os = "macos") { &[&["open"]] } else { &[&["xdg-open"]] };

/// The same in the Windows Subsystem for Linux, where the browser is that of Windows.
const OPENERS_WITHIN_WINDOWS: &[&[&str]] =
    &[&["wslview"], &["rundll32.exe", "url.dll,FileProtocolHandler"], &["xdg-open"]];

/// Starts a command in a separate service beside the daemon's. `KillMode` keeps a browser alive after the command that started it
/// has ended.
/// The description takes the place of the command line, which systemd would write to the journal: the page of a sign-in has its `state`.
const SERVICE: [&str; 7] = [
    "systemd-run",
    "--user",
    "--quiet",
    "--collect",
    "--description=A page of ssoctl",
    "--property=KillMode=process",
    "--",
];

/// Opens a page, without waiting for anything. Errors are logged.
pub(super) fn open(page: &Page, command: Option<&BrowserCommand>, launcher: Launcher, session: &str, runtime: &Handle) {
    let commands = commands(page.as_str(), command, launcher);
    let session = session.to_owned();
    let host = page.host().to_owned();
    runtime.spawn(async move {
        for words in commands {
            let Some((program, arguments)) = words.split_first() else { continue };
            tracing::info!(session, host, program, "opening the page");
            match run(program, arguments).await {
                Ok(status) if status.success() => return,
                Ok(status) => {
                    tracing::warn!(session, host, program, %status, "the command that opens the page failed");
                    if may_have_opened(program) {
                        return;
                    }
                }
                Err(error) => tracing::warn!(session, host, program, %error, "the page was not opened"),
            }
        }
    });
}

/// Whether a program that was run and failed may have opened the page, so that no other is tried. If `systemd-run` fails, there is
/// no service manager, and nothing was opened.
fn may_have_opened(program: &str) -> bool {
    program != SERVICE[0]
}

async fn run(program: &str, arguments: &[String]) -> io::Result<ExitStatus> {
    // Signals for the daemon's process group are not meant for a browser.
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .status()
        .await
}

/// The commands that open a page, in the order in which they are tried.
fn commands(page: &str, command: Option<&BrowserCommand>, launcher: Launcher) -> Vec<Vec<String>> {
    let direct = direct(page, command, launcher);
    if launcher != Launcher::ServiceManager {
        return direct;
    }
    // `systemd-run` expands `$NAME` with the variables of the service manager, unless the sign is doubled.
    let by_manager = direct.iter().map(|words| {
        SERVICE.into_iter().map(str::to_owned).chain(words.iter().map(|word| word.replace('$', "$$"))).collect()
    });
    by_manager.collect::<Vec<_>>().into_iter().chain(direct).collect()
}

/// The commands that open a page, without a service manager: the configured one, or the desktop's own.
pub(super) fn direct(page: &str, command: Option<&BrowserCommand>, launcher: Launcher) -> Vec<Vec<String>> {
    if let Some(command) = command {
        return vec![command.words(page)];
    }
    let openers = if launcher == Launcher::Windows { OPENERS_WITHIN_WINDOWS } else { OPENERS };
    openers.iter().map(|words| words.iter().copied().chain([page]).map(str::to_owned).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://corp.awsapps.com/?x=1&y=(id)";

    fn words(command: Option<&str>, launcher: Launcher) -> Vec<String> {
        let command = command.map(|command| BrowserCommand::configured(command, "corp").unwrap());
        commands(PAGE, command.as_ref(), launcher).into_iter().map(|words| words.join(" ")).collect()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_service_opens_pages_outside_of_its_sandbox_and_itself_only_where_there_is_no_manager() {
        let by_manager =
            "systemd-run --user --quiet --collect --description=A page of ssoctl --property=KillMode=process --";
        assert_eq!(words(None, Launcher::Ourselves), [format!("xdg-open {PAGE}")]);
        assert_eq!(
            words(None, Launcher::ServiceManager),
            [format!("{by_manager} xdg-open {PAGE}"), format!("xdg-open {PAGE}"),]
        );
        assert_eq!(
            words(Some("firefox -P '$x ${y}' {url}"), Launcher::ServiceManager),
            [format!("{by_manager} firefox -P $$x $${{y}} {PAGE}"), format!("firefox -P $x ${{y}} {PAGE}"),],
            "nothing is expanded"
        );
    }

    #[test]
    fn only_a_service_manager_that_is_not_there_leads_to_a_second_attempt() {
        let command = BrowserCommand::configured("firefox {url}", "corp").ok();
        let commands = commands(PAGE, command.as_ref(), Launcher::ServiceManager);
        assert_eq!(commands.iter().map(|words| may_have_opened(&words[0])).collect::<Vec<_>>(), [false, true]);
    }
}
