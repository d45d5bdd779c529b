//! `ssoctl console`
//!
//! The access portal has links that lead straight to a role's console (AWS IAM Identity Center User Guide, "Creating shortcut
//! links to AWS Management Console destinations"). The portal itself asks who is not signed in there to do so; nothing that
//! the daemon keeps is needed, and nothing secret is in the link.

use ssoctl_protocol::percent;
use ssoctl_protocol::{Assignment, Route};

use super::role;
use crate::browser::{self, NotOpened, Wish};
use crate::cli;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::output;

pub(super) fn run(daemon: &Daemon, arguments: cli::Console) -> Result<(), Failure> {
    let answer = daemon.ask(&Route::Assignment, &role::query(arguments.which, cli::Validity::default())?)?;
    let assignment: Assignment = daemon.read(&answer)?;
    let link = link(&assignment, arguments.destination.as_deref());
    if arguments.url_only {
        return output::write(format!("{link}\n").as_bytes());
    }
    let wish = if arguments.browser { Wish::Anyhow } else { Wish::WhereItIsSeen };
    match browser::open(&link, &assignment.session, wish) {
        Ok(_) => Ok(()),
        Err(NotOpened::NothingToOpenWith) => output::write(format!("{link}\n").as_bytes()),
        Err(NotOpened::Because(why)) => {
            Err(Failure::Other(format!("no browser was opened: {why}; the page is {link}")))
        }
    }
}

/// The portal's shortcut link.
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
