use super::*;
use crate::assignment::{AccountId, RoleName};
use crate::config::{self, Config, Environment, Paths};
use crate::configure::choice::tests::account;
use crate::configure::document::MARK;
use crate::configure::request::Writing;

const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
const CORP: &str = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n";

fn wanted(name: &str, account: &str, role: &str) -> WantedProfile {
    let (account, role) = (AccountId::new(account).unwrap(), RoleName::new(role).unwrap());
    WantedProfile { name: name.to_owned(), assignment: Assignment { account, role } }
}

/// A run with two accounts, of which the second was not asked for its roles.
struct Run {
    request: Request,
    session: SessionStatus,
    profiles: Vec<WantedProfile>,
    accounts: Vec<ListedAccount>,
}

impl Run {
    fn new(profiles: &[WantedProfile]) -> Self {
        let session = serde_json::json!({
            "name": "corp", "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1",
            "scopes": ["sso:account:access"], "state": "signed_in", "refreshable": true,
        });
        let not_asked = ListedAccount { roles: None, ..account(ACCOUNTS[1], None, &[]) };
        Self {
            request: Request {
                accounts: Vec::new(),
                roles: Vec::new(),
                template: "{role}".parse().unwrap(),
                region: None,
                form: Form::SsoSession,
                stale: Stale::Kept,
                writing: Writing::Done,
            },
            session: serde_json::from_value(session).unwrap(),
            profiles: profiles.to_vec(),
            accounts: vec![account(ACCOUNTS[0], Some("Dev"), &["Admin", "Read"]), not_asked],
        }
    }

    fn plan(&self, text: &str) -> Result<Plan, Unchangeable> {
        let Self { request, session, profiles, accounts } = self;
        plan(text, &Intent { request, session, profiles, accounts })
    }
}

fn fates(plan: &Plan) -> Vec<(&str, &Fate)> {
    plan.outcomes.iter().map(|outcome| (outcome.name.as_str(), &outcome.fate)).collect()
}

/// A profile that `configure` has written.
fn ours(name: &str, account: &str, role: &str) -> String {
    format!("{MARK}\n[profile {name}]\nsso_session = corp\nsso_account_id = {account}\nsso_role_name = {role}\n")
}

#[test]
fn missing_sections_are_added_and_the_next_run_changes_nothing() {
    let mut run = Run::new(&[wanted("Dev-Admin", ACCOUNTS[0], "Admin")]);
    run.request.region = Some("eu-central-1".to_owned());
    let first = run.plan("# mine\n[default]\nregion = x").unwrap();
    let expected = "\
# mine
[default]
region = x

# written by ssoctl configure
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

# written by ssoctl configure
[profile Dev-Admin]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Admin
region = eu-central-1
";
    assert_eq!(first.text, expected);
    assert_eq!(fates(&first), [("sso-session corp", &Fate::Added), ("Dev-Admin", &Fate::Added)]);
    let second = run.plan(&first.text).unwrap();
    assert_eq!(second.text, expected);
    assert_eq!(fates(&second), [("Dev-Admin", &Fate::Unchanged)]);
}

#[test]
fn a_session_section_of_a_person_stays_and_a_written_one_is_updated() {
    let run = Run::new(&[wanted("a", ACCOUNTS[0], "Admin")]);
    for header in ["[sso-session corp]", "[sso-session 'corp']"] {
        let plan = run.plan(&format!("{header}\nsso_region = elsewhere\n")).unwrap();
        assert_eq!(fates(&plan), [("a", &Fate::Added)]);
    }
    let plan = run.plan(&format!("{MARK}\n{CORP}sso_registration_scopes = old\nmine = 1\n")).unwrap();
    assert_eq!(fates(&plan), [("sso-session corp", &Fate::Changed), ("a", &Fate::Added)]);
    let section = format!("{MARK}\n{CORP}sso_registration_scopes = sso:account:access\nmine = 1\n");
    assert!(plan.text.starts_with(&section), "{}", plan.text);
}

#[test]
fn a_session_without_scopes_has_no_section_and_needs_none_for_a_credential_process() {
    let mut run = Run::new(&[wanted("a", ACCOUNTS[0], "Admin")]);
    run.session.scopes.clear();
    assert_eq!(run.plan("").err(), Some(Unchangeable::NoScopes("corp".to_owned())));
    run.request.form = Form::CredentialProcess { ssoctl: "/bin/ssoctl".to_owned() };
    let expected = "\
# written by ssoctl configure
[profile a]
credential_process = /bin/ssoctl credential-process --session corp --account 111122223333 --role Admin
";
    assert_eq!(run.plan("").unwrap().text, expected);
}

#[test]
fn a_written_profile_changes_its_role_or_form_and_keeps_what_a_person_has_added() {
    let text = format!("{CORP}\n{}output = json # mine\nregion = mine\n", ours("a", ACCOUNTS[1], "Old"));
    let mut run = Run::new(&[wanted("a", ACCOUNTS[0], "Admin")]);
    let plan = run.plan(&text).unwrap();
    assert_eq!(fates(&plan), [("a", &Fate::Changed)]);
    let expected = format!("{CORP}\n{}output = json # mine\nregion = mine\n", ours("a", ACCOUNTS[0], "Admin"));
    assert_eq!(plan.text, expected);

    run.request.form = Form::CredentialProcess { ssoctl: "/bin/ssoctl".to_owned() };
    run.request.region = Some("eu-west-1".to_owned());
    let process = run.plan(&plan.text).unwrap();
    assert_eq!(fates(&process), [("a", &Fate::Changed)]);
    let command =
        "credential_process = /bin/ssoctl credential-process --session corp --account 111122223333 --role Admin";
    assert_eq!(
        process.text,
        format!("{CORP}\n{MARK}\n[profile a]\n{command}\noutput = json # mine\nregion = eu-west-1\n")
    );
}

#[test]
fn sections_of_others_are_left_alone_with_the_reason() {
    let run = Run::new(&[wanted("a", ACCOUNTS[0], "Admin")]);
    let of_other = ours("a", ACCOUNTS[0], "Admin").replace("corp", "other");
    for (section, reason) in [
        ("[profile a]\nregion = x\n".to_owned(), Reason::NotOurs),
        ("[profile \"a\"]\n".to_owned(), Reason::NotOurs),
        (format!("{MARK}\n\n[profile a]\n"), Reason::NotOurs),
        (format!("{MARK}\n[profile a]\nregion = x\n"), Reason::Unrecognisable),
        (of_other, Reason::OtherSession("other".to_owned())),
    ] {
        let text = format!("{CORP}{section}");
        let plan = run.plan(&text).unwrap();
        assert_eq!(fates(&plan), [("a", &Fate::Left(reason))]);
        assert_eq!(plan.text, text);
    }
    let default = Run::new(&[wanted("default", ACCOUNTS[0], "Admin")]);
    for header in ["[default]", "[profile default]"] {
        let plan = default.plan(&format!("{CORP}{header}\n")).unwrap();
        assert_eq!(fates(&plan), [("default", &Fate::Left(Reason::NotOurs))]);
    }
    assert!(default.plan(CORP).unwrap().text.contains("\n[default]\nsso_session = corp\n"));
}

#[test]
fn a_profile_whose_role_is_not_listed_is_reported_or_removed() {
    let gone = ours("gone", ACCOUNTS[0], "Write");
    let lost = ours("lost-account", "777788889999", "Admin");
    let unknown = ours("not-asked", ACCOUNTS[1], "Whatever");
    let twin = ours("twin", ACCOUNTS[0], "Admin");
    let other = ours("other", ACCOUNTS[0], "Write").replace("corp", "other");
    let hand = ours("hand", ACCOUNTS[0], "Write").replace(MARK, "# mine");
    let text = format!("{CORP}\n{gone}\n{lost}\n{unknown}\n{twin}\n{other}\n{hand}");
    let mut run = Run::new(&[wanted("a", ACCOUNTS[0], "Admin")]);
    let same = Fate::Left(Reason::SameRole("a".to_owned()));
    let kept = run.plan(&text).unwrap();
    let left = Fate::Left(Reason::NotListed);
    assert_eq!(fates(&kept), [("a", &Fate::Added), ("gone", &left), ("lost-account", &left), ("twin", &same)]);
    run.request.stale = Stale::Removed;
    let pruned = run.plan(&text).unwrap();
    let removed = Fate::Removed;
    assert_eq!(fates(&pruned), [("a", &Fate::Added), ("gone", &removed), ("lost-account", &removed), ("twin", &same)]);
    let added = ours("a", ACCOUNTS[0], "Admin");
    assert_eq!(pruned.text, format!("{CORP}\n{unknown}\n{twin}\n{other}\n{hand}\n{added}"));
}

#[test]
fn a_file_that_botocore_would_refuse_is_refused() {
    let run = Run::new(&[wanted("a", ACCOUNTS[0], "Admin")]);
    for (text, line) in [
        ("[default]\nnonsense\n", 2),
        ("[a]\n[a]\n", 2),
        ("x = 1\n", 1),
        ("\u{feff}[a]\n", 1),
        ("[a]\ncredential_process =\n  ssoctl credential-process\n", 2),
    ] {
        assert!(matches!(run.plan(text), Err(Unchangeable::Doubtful(doubt)) if doubt.line == line), "{text:?}");
    }
    let mut odd = run;
    odd.session.name = "a\nb".to_owned();
    assert!(matches!(odd.plan(""), Err(Unchangeable::Doubtful(_) | Unchangeable::MeaningChanged)));
}

#[test]
fn brackets_in_a_name_are_read_back() {
    let mut odd = Run::new(&[wanted("x", ACCOUNTS[0], "Admin")]);
    odd.session.name = "a]b [c".to_owned();
    let text = odd.plan("").unwrap().text;
    assert!(text.contains("[sso-session \"a]b [c\"]\n"), "{text}");
    assert_eq!(parsed(&text).profiles["x"].session, "a]b [c");
}

#[test]
fn inherited_members_must_not_decide_on_the_credentials_of_a_profile() {
    let run = Run::new(&[wanted("x", ACCOUNTS[0], "Admin")]);
    for (key, line) in [("role_arn", 3), ("sso_region", 3), ("credential_process", 3)] {
        let refusal = run.plan(&format!("# c\n[DEFAULT]\n{key} = x\n")).err();
        assert_eq!(refusal, Some(Unchangeable::Defaults { line, key: key.to_owned() }));
    }
    assert!(run.plan("[DEFAULT]\nregion = x\n").is_ok());
}

/// The configuration of a text, without lines.
fn parsed(text: &str) -> Config {
    let paths = Paths { own: "own".into(), aws: "aws".into(), aws_credentials: "credentials".into() };
    let mut config = config::parse(&paths, "", text, "", &Environment::default());
    config.sessions.iter_mut().for_each(|session| session.origin.place.line = 0);
    config
}

/// The lines of the text without written sections.
fn foreign(text: &str) -> Vec<String> {
    let mut document = Document::read(text).unwrap();
    let marked: Vec<usize> = (0..document.sections.len()).filter(|&section| document.is_marked(section)).collect();
    marked.into_iter().for_each(|section| document.remove(section));
    document.text().lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

#[test]
fn in_any_file_exactly_the_intended_profiles_change() {
    let fragments = [
        "# a comment\n",
        "\n",
        "[profile hand]\nsso_session = corp\nsso_account_id = 444455556666\nsso_role_name = Mine\n",
        "[profile Dev-Read]\r\nregion = x\r\n",
        "[default]\n  region = x\n  s3 =\n    a = 1\n\n    # b\n    c = 2\n",
        "[profile 'two words']\nREGION: y\n; c\n",
        "[services s]\nsso =\n  endpoint_url = http://127.0.0.1:1\n",
        "[plugins]\nx = a=b:c",
        "[profile Company-[production]/Role] # mine\nsso_session = corp\nsso_account_id = 444455556666\nsso_role_name = R\n",
        "[profile process]\ncredential_process = ssoctl\n  credential-process --profile hand\n",
        "[DEFAULT]\noutput = json\n",
        &ours("Dev-Admin", ACCOUNTS[1], "Old"),
        &ours("gone", ACCOUNTS[0], "Write"),
    ];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..500 {
        let mut order: Vec<&str> = fragments.to_vec();
        random.shuffle(&mut order);
        order.truncate(random.usize(..=fragments.len()));
        order.insert(random.usize(..=order.len()), CORP);
        let mut text = String::new();
        for fragment in order {
            let gap = if text.is_empty() || text.ends_with(['\n', '\r']) { "" } else { "\n" };
            text.extend([gap, fragment]);
        }
        let profiles = [wanted("Dev-Admin", ACCOUNTS[0], "Admin"), wanted("Dev-Read", ACCOUNTS[0], "Read")];
        let mut run = Run::new(&profiles);
        if random.bool() {
            run.request.form = Form::CredentialProcess { ssoctl: "/opt/my tools/ssoctl".to_owned() };
        }
        run.request.region = random.bool().then(|| "eu-west-1".to_owned());
        run.request.stale = if random.bool() { Stale::Kept } else { Stale::Removed };
        let plan = run.plan(&text).unwrap();
        assert_eq!(foreign(&plan.text), foreign(&text), "{text}\n----\n{}", plan.text);

        let again = run.plan(&plan.text).unwrap();
        assert_eq!(again.text, plan.text, "{text}");

        let (mut before, mut after) = (parsed(&text), parsed(&plan.text));
        // Lines move if profiles are added before them.
        for profile in before.profiles.values_mut().chain(after.profiles.values_mut()) {
            profile.decided_by = Default::default();
        }
        assert_eq!(after.sessions, before.sessions);
        let is_hand_written = text.contains("[profile Dev-Read]");
        for WantedProfile { name, assignment } in &profiles {
            let profile = after.profiles.remove(name);
            if name == "Dev-Read" && is_hand_written {
                assert_eq!(profile, None, "it does not lead to a session");
            } else {
                let profile = profile.unwrap_or_else(|| panic!("no {name} in {}", plan.text));
                assert_eq!((profile.session.as_str(), profile.assignment.as_ref()), ("corp", Ok(assignment)));
            }
        }
        let mut others = before.profiles;
        others.retain(|name, _| profiles.iter().all(|wanted| wanted.name != *name));
        if run.request.stale == Stale::Removed {
            others.remove("gone");
        }
        assert_eq!(after.profiles, others);
    }
}
