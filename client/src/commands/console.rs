//! `ssoctl console`
//!
//! The access portal has links that lead straight to a role's console (AWS IAM Identity Center User Guide, "Creating shortcut
//! links to AWS Management Console destinations"). The portal itself asks for a sign-in if there is none; nothing that the
//! daemon keeps is needed, and nothing in the link is secret.

use std::process::Termination;
use std::time::Duration;

use clap::Args;
use ssoctl_protocol::percent;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Assignment, Route};

use super::selection::RoleArguments;
use super::{Verb, choosing};
use crate::browser::{self, NotOpened, When};
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::output;

/// Open the AWS console with a role, through the access portal
///
/// If you are not signed in at the portal, it asks you to sign in, so this works while you are signed out of ssoctl.
#[derive(Args, Debug)]
pub(crate) struct Console {
    #[command(flatten)]
    role: RoleArguments,
    /// Print the address instead of opening it
    #[arg(long)]
    url_only: bool,
    /// Open it over SSH and without a display, too
    #[arg(long, conflicts_with = "url_only")]
    browser: bool,
    /// The page of the console; default: its home
    #[arg(long, value_name = "URL", value_parser = destination)]
    destination: Option<String>,
}

/// For anything else the portal shows an empty page.
fn destination(text: &str) -> Result<String, &'static str> {
    if text.starts_with("https://") {
        Ok(text.to_owned())
    } else {
        Err("expected the page's address, which begins with https://")
    }
}

impl Verb for Console {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::Shown)?;
        let query = self.role.query(Duration::ZERO)?;
        let ask = |query: &Query| daemon.fetch::<Assignment>(&Route::Assignment, query);
        let assignment = choosing::with_role(&daemon, query, ask)?;
        let link = link(&assignment, self.destination.as_deref());
        let when = if self.browser { When::Always } else { When::SomebodySeesIt };
        let opened = match self.url_only {
            true => Err(NotOpened::NothingToOpenWith),
            false => browser::open(&link, &assignment.session, when),
        };
        match opened {
            Ok(_) => Ok(()),
            Err(NotOpened::NothingToOpenWith) => output::write(format!("{link}\n").as_bytes()),
            Err(NotOpened::Because(why)) => {
                Err(Failure::Other(format!("no browser was opened: {why}; the page is {link}")))
            }
        }
    }
}

fn link(assignment: &Assignment, destination: Option<&str>) -> String {
    let portal = assignment.start_url.trim_end_matches(['/', '#']);
    let mut link = format!(
        "{portal}/#/console?account_id={}&role_name={}",
        percent::encode(&assignment.account),
        percent::encode(&assignment.role)
    );
    if let Some(destination) = destination {
        link.push_str("&destination=");
        link.push_str(&percent::encode(destination));
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(start_url: &str) -> Assignment {
        Assignment {
            session: "corp".into(),
            start_url: start_url.into(),
            sso_region: "eu-west-1".into(),
            account: "111122223333".into(),
            role: "Power.User+=@,x".into(),
            region: None,
            decided_by: Default::default(),
        }
    }

    #[test]
    fn the_link_has_the_form_that_the_portal_documents() {
        let ending = "/#/console?account_id=111122223333&role_name=Power.User%2B%3D%40%2Cx";
        for start_url in [
            "https://corp.awsapps.com/start",
            "https://corp.awsapps.com/start/",
            "https://corp.awsapps.com/start#",
            "https://corp.awsapps.com/start/#/",
        ] {
            assert_eq!(link(&assignment(start_url), None), format!("https://corp.awsapps.com/start{ending}"));
        }
        let china = "https://start.cn-north-1.home.awsapps.cn/directory/corp";
        assert_eq!(link(&assignment(china), None), format!("{china}{ending}"));
    }

    #[test]
    fn a_destination_keeps_its_own_query_and_fragment() {
        let destination = "https://eu-west-1.console.aws.amazon.com/s3/buckets?region=eu-west-1&x=1#top";
        let link = link(&assignment("https://corp.awsapps.com/start"), Some(destination));
        let encoded =
            "https%3A%2F%2Feu-west-1.console.aws.amazon.com%2Fs3%2Fbuckets%3Fregion%3Deu-west-1%26x%3D1%23top";
        assert!(link.ends_with(&format!("&destination={encoded}")), "{link}");
    }
}
