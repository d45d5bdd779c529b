//! A command gets the role that botocore's rules mean, in every way to ask for it and in every environment, or it is refused.
//!
//! Environments are generated; botocore says which profile and which role each means, and with which key a program in the
//! resulting environment would sign.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};

use fastrand::Rng;
use identity_center_simulator::Settings;
use serde_json::{Value, json};

use test_support::binaries::binaries;
use test_support::part::ask_python;
use test_support::speed::python_with_botocore;
use test_support::stage::{CORP, DEV};
use test_support::{Stage, until};

const SCRIPT: &str = include_str!("sdks/identities.py");
/// Another role than that of [`DEV`].
const LOOK: &str = "
[profile look]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = ReadOnlyAccess
";
const KEYS: &str = "aws_access_key_id = AKIASTALE\naws_secret_access_key = stale\n";
/// Other files of a home beside the profiles: more of the configuration, and `~/.boto`.
const HOMES: [(&str, &str); 5] = [
    ("", ""),
    ("[default]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnlyAccess\n", ""),
    ("[default]\n  role_arn = arn:aws:iam::111122223333:role/x\n  source_profile = dev\n", ""),
    ("[DEFAULT]\noutput = json\n[default]\nregion = eu-west-1\n", "[Boto]\ndebug = 0\n"),
    ("", "[Credentials]\naws_access_key_id = AKIABOTO\naws_secret_access_key = stale\n"),
];
const ENVIRONMENTS_PER_HOME: u64 = 48;

type Environment = BTreeMap<String, String>;

/// One of these, or more often none.
fn one_of<'a>(chance: &mut Rng, choices: &[&'a str]) -> Option<&'a str> {
    choices.get(chance.usize(..choices.len() + 3)).copied()
}

/// An environment, and the profile that the command line names.
fn generated(chance: &mut Rng, stage: &Stage) -> (Environment, Option<&'static str>) {
    let path = |name: &str| stage.home().join(name).display().to_string();
    let mut environment = Environment::new();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            environment.insert(name.to_owned(), value);
        }
    };
    set("AWS_PROFILE", one_of(chance, &["dev", "look", "nosuch", "default"]).map(str::to_owned));
    set("AWS_DEFAULT_PROFILE", one_of(chance, &["dev", "look"]).map(str::to_owned));
    if chance.u8(..3) == 0 {
        set("AWS_ACCESS_KEY_ID", Some("AKIAENV".to_owned()));
        set("AWS_SECRET_ACCESS_KEY", Some("stale".to_owned()));
    }
    set("AWS_SECURITY_TOKEN", one_of(chance, &["stale"]).map(str::to_owned));
    set("AWS_CREDENTIAL_FILE", one_of(chance, &["ec2.txt"]).map(path));
    set("BOTO_CONFIG", one_of(chance, &["boto-keys.cfg", "boto-plain.cfg"]).map(path));
    set("AWS_SHARED_CREDENTIALS_FILE", one_of(chance, &["keys-of-default", "keys-of-another"]).map(path));
    if chance.u8(..6) == 0 {
        set("AWS_WEB_IDENTITY_TOKEN_FILE", Some(path("ec2.txt")));
        set("AWS_ROLE_ARN", Some("arn:aws:iam::111122223333:role/web".to_owned()));
    }
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", one_of(chance, &["http://127.0.0.1:9/"]).map(str::to_owned));
    (environment, one_of(chance, &["dev", "look"]))
}

fn prepared((configuration, boto): (&str, &str)) -> Stage {
    let stage = Stage::without_daemon(Settings::default(), &format!("{CORP}{DEV}{LOOK}{configuration}"));
    stage.write("ec2.txt", "AWSAccessKeyId=AKIAEC2\nAWSSecretKey=stale\n");
    stage.write("boto-keys.cfg", &format!("[Credentials]\n{KEYS}"));
    stage.write("boto-plain.cfg", "[Boto]\ndebug = 0\n");
    stage.write("keys-of-default", &format!("[default]\n{KEYS}"));
    stage.write("keys-of-another", &format!("[another]\n{KEYS}"));
    if !boto.is_empty() {
        stage.write(".boto", boto);
    }
    stage.started().and_signed_in()
}

/// A command of this stage in an environment.
fn client(stage: &Stage, environment: &Environment, arguments: &[&str]) -> Command {
    let mut command = stage.ssoctl(arguments);
    command.envs(environment).env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn variables(bytes: &[u8]) -> Environment {
    let text = String::from_utf8_lossy(bytes);
    text.split('\0').filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

/// The environment that a command under `exec` has, or none if it was refused.
fn under_exec(stage: &Stage, environment: &Environment, profile: &[&str]) -> Option<Environment> {
    let arguments = [&["exec"], profile, &["--", "env", "-0"]].concat();
    let output = client(stage, environment, &arguments).output().unwrap();
    output.status.success().then(|| variables(&output.stdout))
}

/// The same of a shell that has read what `env` prints.
fn after_env(stage: &Stage, environment: &Environment, profile: &[&str]) -> Option<Environment> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "changes=$(\"$0\" env --shell sh \"$@\") || exit 9; eval \"$changes\"; exec env -0"]);
    shell.arg(&binaries().ssoctl).args(profile);
    let client = client(stage, environment, &["env"]);
    shell
        .env_clear()
        .envs(client.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(stage.home());
    let output = shell.output().unwrap();
    output.status.success().then(|| variables(&output.stdout))
}

/// The key that `credential-process` prints.
fn of_process(stage: &Stage, environment: &Environment, profile: &[&str]) -> Option<Value> {
    let output = client(stage, environment, &[&["credential-process"], profile].concat()).output().unwrap();
    let printed: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    printed.filter(|_| output.status.success()).map(|printed| printed["AccessKeyId"].clone())
}

/// A command under `exec --refreshable` that waits until its input ends, and its environment.
fn attended(stage: &Stage, environment: &Environment, profile: &[&str], number: usize) -> Option<(Child, Environment)> {
    let file = stage.home().join(format!("attended-{number}"));
    let script = "env -0 > \"$0.part\" && mv \"$0.part\" \"$0\"; cat > /dev/null";
    let arguments = [&["exec", "--refreshable"], profile, &["--", "sh", "-c", script]].concat();
    let mut command = client(stage, environment, &arguments);
    command.arg(&file).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let came = until("a command runs or is refused", || {
        if let Ok(bytes) = fs::read(&file) {
            return Some(Some(variables(&bytes)));
        }
        child.try_wait().unwrap().map(|_| None)
    });
    came.map(|variables| (child, variables))
}

#[test]
fn every_way_to_a_role_is_the_one_that_botocore_means_or_refused() {
    let Some(python) = python_with_botocore() else { return };
    let (mut accepted, mut refused, mut refreshable) = (0, 0, 0);
    for (home, beside) in HOMES.into_iter().enumerate() {
        let stage = prepared(beside);
        let mut chance = Rng::with_seed(u64::try_from(home).unwrap());
        let key = |role: &str| {
            stage.request("GET", &format!("/v1/credentials?session=corp&account=111122223333&role={role}")).1
                ["access_key_id"]
                .clone()
        };
        let keys = BTreeMap::from(["AdministratorAccess", "ReadOnlyAccess"].map(|role| (role.to_owned(), key(role))));
        let (mut questions, mut ways, mut running) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..usize::try_from(ENVIRONMENTS_PER_HOME).unwrap() {
            let (environment, named) = generated(&mut chance, &stage);
            let profile: Vec<&str> = named.iter().flat_map(|name| ["--profile", name]).collect();
            let base: Environment = client(&stage, &environment, &[])
                .get_envs()
                .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
                .collect();
            questions.push(json!({ "environment": base, "profile": named, "want": "role" }));
            let exec = under_exec(&stage, &environment, &profile);
            let env = after_env(&stage, &environment, &profile);
            let process = of_process(&stage, &environment, &profile);
            let (child, attended) = attended(&stage, &environment, &profile, number).unzip();
            running.extend(child);
            let what = format!("{beside:?} {environment:?} {profile:?}");
            assert_eq!([env.is_some(), process.is_some()], [exec.is_some(); 2], "they agree: {what}");
            assert!(exec.is_some() || attended.is_none(), "what is refused once is refused: {what}");
            refreshable += usize::from(attended.is_some());
            let differ = environment.get("AWS_PROFILE").zip(environment.get("AWS_DEFAULT_PROFILE"));
            if named.is_none() && differ.is_some_and(|(one, other)| one != other) {
                assert!(exec.is_none(), "two variables contradict each other: {what}");
            }
            let mut seen = Vec::new();
            for environment in [exec, env, attended].into_iter().flatten() {
                seen.push(questions.len());
                questions.push(json!({ "environment": environment, "want": "key" }));
            }
            ways.push((questions.len() - seen.len() - 1, seen, process, what));
        }
        let answers = ask_python(&mut stage.tool(&python), SCRIPT, &json!(questions));
        for mut child in running {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
        for (oracle, seen, process, what) in ways {
            let role = answers[oracle][1].as_str();
            let expected = role.and_then(|role| keys.get(role));
            if seen.is_empty() {
                refused += 1;
                continue;
            }
            accepted += 1;
            let expected = expected.unwrap_or_else(|| panic!("botocore knows no such role ({role:?}): {what}"));
            for key in seen.iter().map(|&place| &answers[place]).chain(&process) {
                assert_eq!(key, expected, "another identity: {what}");
            }
        }
    }
    assert!(accepted > 60 && refused > 40 && refreshable > 20, "{accepted} {refused} {refreshable}");
}
