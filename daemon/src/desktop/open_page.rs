//! `ssoctld open-page`: opens a page for a person who has just called `ssoctl`, in the caller's own environment. Nothing else
//! opens pages for the client.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use ssoctl_protocol::display::Display;

use super::environment::Launcher;
use super::page::Page;
use super::{DesktopEnvironment, browser};
use crate::config::BrowserCommand;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opening {
    /// Open the page where a browser would be seen, or where `$BROWSER` leads to one.
    IfSeen,
    /// Open it in any case.
    Always,
}

/// Becomes the browser, or the command that hands the page to a running one. If there is none, returns why, as a fragment that
/// fits after `no browser was opened: `.
pub fn open_page(
    page: &Page,
    command: Option<&BrowserCommand>,
    around: &DesktopEnvironment,
    opening: Opening,
) -> String {
    // A terminal may run in a service, and its programs are the person's own nevertheless.
    let launcher = if around.launcher == Launcher::Windows { Launcher::Windows } else { Launcher::Ourselves };
    let variable = crate::variable("BROWSER").filter(|list| !list.is_empty());
    let variable = variable.map(|list| list.to_string_lossy().into_owned());
    let commands = match commands(page, command, variable.as_deref(), around.display, launcher, opening) {
        Ok(commands) => commands,
        Err(why) => return why,
    };
    let mut why = "no command is configured".to_owned();
    for words in commands {
        let Some((program, arguments)) = words.split_first() else { continue };
        let error = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .exec();
        why = format!("{program}: {error}; open the page yourself");
    }
    why
}

/// The commands to try, in this order: the session's own; those of `$BROWSER`, separated by colons; the desktop's own. In a
/// remote session, and without a display, only `$BROWSER` can show the page to the person: editors set it.
fn commands(
    page: &Page,
    command: Option<&BrowserCommand>,
    variable: Option<&str>,
    display: Display,
    launcher: Launcher,
    opening: Opening,
) -> Result<Vec<Vec<String>>, String> {
    let unseen = match display {
        _ if opening == Opening::Always => None,
        Display::There => None,
        Display::Remote => Some("this is a session over SSH; --browser opens one nevertheless"),
        Display::Missing => Some("there is no display; --browser opens one nevertheless"),
    };
    match (command, variable, unseen) {
        (Some(_), _, None) | (None, None, None) => Ok(browser::direct(page.as_str(), command, launcher)),
        (_, Some(list), _) => {
            let commands = list.split(':').map(BrowserCommand::of_variable).filter_map(Result::transpose);
            let words = commands.map(|command| command.map(|command| command.words(page.as_str())));
            words.collect::<Result<_, _>>().map_err(|wrong| {
                let expected = wrong.to_string().replace("{url}", "%s");
                format!("BROWSER must be {expected}")
            })
        }
        (_, None, Some(why)) => Err(why.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::page::admit;

    const PAGE: &str = "https://corp.awsapps.com/";

    fn tried(
        command: Option<&str>,
        variable: Option<&str>,
        display: Display,
        opening: Opening,
    ) -> Result<Vec<String>, String> {
        let command = command.map(|command| BrowserCommand::configured(command, "corp").unwrap());
        let page = admit(PAGE, None).unwrap();
        let commands = commands(&page, command.as_ref(), variable, display, Launcher::Ourselves, opening);
        let first = |words: Vec<String>| words[..words.len() - 1].join(" ");
        commands.map(|all| all.into_iter().map(first).collect())
    }

    #[test]
    fn a_browser_is_tried_where_the_person_can_see_it_or_if_configured() {
        use Display::{Missing, Remote, There};
        use Opening::{Always, IfSeen};
        let own = Some("firefox -P work {url}");
        let some = |words: &[&str]| Ok(words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        let system = browser::direct("", None, Launcher::Ourselves)[0][0].clone();
        for opening in [IfSeen, Always] {
            assert_eq!(tried(own, Some("lynx"), There, opening), some(&["firefox -P work"]));
            assert_eq!(tried(None, Some("lynx::w3m -x"), There, opening), some(&["lynx", "w3m -x"]));
            assert_eq!(tried(None, None, There, opening), some(&[&system]));
        }
        for display in [Remote, Missing] {
            assert_eq!(tried(own, Some("/e/browser.sh"), display, IfSeen), some(&["/e/browser.sh"]));
            assert_eq!(tried(own, Some("lynx"), display, Always), some(&["firefox -P work"]));
            assert_eq!(tried(None, None, display, Always), some(&[&system]));
            assert!(tried(own, None, display, IfSeen).is_err_and(|why| why.contains("--browser")));
        }
        let script = tried(None, Some("sh -c 'firefox %s'"), There, IfSeen).unwrap_err();
        assert!(script.starts_with("BROWSER must be") && script.contains("- %s"), "{script}");
    }
}
