//! `ssoctl console`
//!
//! The access portal has links that lead straight to a role's console (AWS IAM Identity Center User Guide, "Creating shortcut
//! links to AWS Management Console destinations"). The portal itself asks for a sign-in if there is none; nothing that the
//! daemon keeps is needed, and nothing in the link is secret.

use std::process::Termination;
use std::time::Duration;

use clap::Args;
use ssoctl_protocol::choices::AccountChoice;
use ssoctl_protocol::percent;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Assignment, Choices, Route, Selector};

use super::Verb;
use super::choosing::{self, Pick};
use super::selection::RoleArguments;
use crate::browser::{self, NotOpened, RoleNames, When};
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::console_page;
use crate::failure::Failure;
use crate::output;

/// The longest wait for the account's name, which the daemon may have in memory.
const PATIENCE: Duration = Duration::from_millis(200);

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
    /// The service whose page is opened, such as s3, ec2 or cloudwatch; default: the console's home
    #[arg(long, value_parser = console_page::service)]
    service: Option<String>,
    /// The region of that page; default: the profile's
    #[arg(long, value_parser = console_page::region)]
    region: Option<String>,
    /// The address of another page of the console
    #[arg(long, value_name = "URL", value_parser = destination, conflicts_with_all = ["service", "region"])]
    destination: Option<String>,
    #[command(flatten)]
    pick: Pick,
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
        let ask = |query: &Query| {
            let assignment: Assignment = daemon.fetch(&Route::Assignment, query)?;
            Ok((assignment, query.selector.clone()))
        };
        let (assignment, selector) = choosing::with_role(&daemon, query, self.pick, ask)?;
        let page = match (&self.destination, &self.service, &self.region) {
            (None, None, None) => None,
            (Some(destination), ..) => Some(destination.clone()),
            (None, service, region) => {
                let region = region.as_ref().or(assignment.region.as_ref()).map(String::as_str);
                Some(console_page::address(service.as_deref(), region, &assignment.sso_region))
            }
        };
        let link = link(&assignment, page.as_deref());
        let when = if self.browser { When::Always } else { When::SomebodySeesIt };
        let opened = match self.url_only {
            true => Err(NotOpened::NothingToOpenWith),
            false => {
                let names = || Some(role_names(&daemon, &assignment, selector));
                browser::open(&link, &assignment.session, when, names)
            }
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

/// The names of the role, for a browser that has a place for each role.
fn role_names(daemon: &Daemon, assignment: &Assignment, selector: Selector) -> RoleNames {
    let known = daemon.glance(&Route::Choices, &Query::default(), PATIENCE);
    let choices = known.and_then(|answer| daemon.read::<Choices>(&answer).ok());
    let accounts = choices.map(|choices| choices.accounts).unwrap_or_default();
    let is_it = |account: &AccountChoice| account.id == assignment.account && account.session == assignment.session;
    RoleNames {
        profile: match selector {
            Selector::Profile(profile) => Some(profile),
            Selector::Only | Selector::Session(_) | Selector::StartUrl(_) => None,
        },
        account_name: accounts.into_iter().find(is_it).and_then(|account| account.name),
        account: assignment.account.clone(),
        role: assignment.role.clone(),
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
