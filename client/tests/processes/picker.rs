//! What ssoctl asks on a terminal when nothing says which role or session is meant, in a real tmux with a keyboard's bytes.

use std::fs;

use identity_center_simulator::{Account, Operation, Settings};
use ssoctl_protocol::Choices;
use test_support::speed::has_programs;
use test_support::stage::CORP;
use test_support::terminal::{Terminal, program};
use test_support::{Stage, mode_of, until};

const NAMES: [&str; 40] = [
    "Agate",
    "Amber",
    "Azurite",
    "Basalt",
    "Beryl",
    "Calcite",
    "Chalk",
    "Citrine",
    "Coral",
    "Diamond",
    "Dolomite",
    "Emerald",
    "Flint",
    "Fluorite",
    "Garnet",
    "Gneiss",
    "Granite",
    "Gypsum",
    "Halite",
    "Jade",
    "Jasper",
    "Lapis",
    "Limestone",
    "Magnetite",
    "Malachite",
    "Marble",
    "Mica",
    "Obsidian",
    "Olivine",
    "Onyx",
    "Opal",
    "Pearl",
    "Pyrite",
    "Quartz",
    "Ruby",
    "Sapphire",
    "Slate",
    "Topaz",
    "Tuff",
    "Zircon",
];

const ROLES: [&str; 10] =
    ["Admin", "Audit", "Billing", "Build", "Deploy", "Network", "PowerUser", "ReadOnly", "Security", "Support"];

fn id(name: &str) -> String {
    let number = NAMES.iter().position(|one| *one == name).expect("a name");
    format!("{:012}", 100_000_000_000_u64 + number as u64)
}

/// Somebody with 400 roles who is signed in to one session and has no profile.
fn many_roles() -> Stage {
    let accounts = NAMES.iter().map(|name| Account::new(&id(name), name, &ROLES)).collect();
    Stage::signed_in(Settings { accounts, ..Settings::default() })
}

/// Shows which role a command has.
const SHOW: &str = "sh -c 'echo GOT $AWS_ACCOUNT_ID; exec sleep 100'";

fn exec<'a>(stage: &'a Stage, name: &str) -> Terminal<'a> {
    Terminal::open(stage, name, 120, &format!("ssoctl exec -- {SHOW}"))
}

/// A shell that waits for a line.
fn bash(stage: &Stage) -> Terminal<'_> {
    let shell = Terminal::open(stage, "shell", 120, "PS1='READY> ' bash --noprofile --norc -i");
    shell.until_shown("READY>");
    shell
}

fn choices(stage: &Stage) -> Choices {
    let mut curl = program(stage, "curl");
    curl.args(["--silent", "--unix-socket"]).arg(stage.socket()).arg("http://localhost/v1/choices");
    serde_json::from_str(&stage.finish(curl).exits(0).stdout).expect("choices")
}

#[test]
fn three_keys_lead_to_the_right_role_among_four_hundred_and_the_next_time_one() {
    if !has_programs(&["tmux", "curl"]) {
        return;
    }
    let stage = many_roles();
    stage.run(["roles"]).exits(0);
    let first = exec(&stage, "first");
    first.until_shown("Role (400): ");
    first.types("qz", &["Enter"]);
    first.until_shown(&format!("GOT {}", id("Quartz")));
    assert!(!first.shown().contains("Role ("), "the list is gone: {}", first.shown());
    assert!(first.shown().contains("Role: -  Quartz"), "what was picked stays: {}", first.shown());
    let picked = choices(&stage).picked;
    assert_eq!(picked.len(), 1, "{picked:?}");
    assert_eq!(picked[0].account, Some(id("Quartz")));
    assert_eq!(mode_of(stage.state_directory().join("picks.json")), 0o600);
    let second = exec(&stage, "second");
    second.until_shown("Quartz");
    second.types("", &["Enter"]);
    second.until_shown(&format!("GOT {}", id("Quartz")));

    stage.write_own_config("[picker]\nhistory = \"off\"\n");
    until("the history is forgotten", || choices(&stage).picked.is_empty().then_some(()));
    assert!(!stage.state_directory().join("picks.json").exists());
}

#[test]
fn roles_that_nobody_has_listed_yet_come_while_the_list_is_shown() {
    if !has_programs(&["tmux"]) {
        return;
    }
    let stage = many_roles();
    let terminal = exec(&stage, "terminal");
    terminal.until_shown("Role (400): ");
    terminal.types("onyx secu", &[]);
    terminal.until_shown("1 of 400): onyx secu");
    terminal.types("", &["BSpace", "BSpace", "BSpace", "BSpace", "Up", "Down", "Enter"]);
    terminal.until_shown(&format!("GOT {}", id("Onyx")));
    // A list that nobody looks at is not read on.
    assert!(stage.identity_center.calls(Operation::ListAccountRoles) <= 2 * NAMES.len());
}

/// Two sessions; profiles in one of them; and an account that wants to be confirmed.
const PROFILES: &str = "
[sso-session home]
sso_start_url = https://home.awsapps.com/start
sso_region = eu-west-1
[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = AdministratorAccess
[profile prod-admin]
sso_session = corp
sso_account_id = 444455556666
sso_role_name = ReadOnlyAccess
";

fn two_sessions() -> Stage {
    let stage = Stage::without_daemon(Settings::default(), &[CORP, PROFILES].concat());
    stage.write_own_config("[picker]\nconfirm = [\"prod-*\"]\n");
    stage.started().signed_out().and_signed_in()
}

#[test]
fn what_wants_to_be_confirmed_is_never_first_and_needs_a_second_key() {
    if !has_programs(&["tmux", "curl"]) {
        return;
    }
    let stage = two_sessions();
    let terminal = exec(&stage, "first");
    terminal.until_shown("Role (");
    terminal.types("prod", &["Enter"]);
    terminal.until_shown("is it meant? (y/n)");
    terminal.types("n", &[]);
    terminal.until_shown("): prod");
    terminal.types("", &["Enter"]);
    terminal.until_shown("is it meant? (y/n)");
    terminal.types("y", &[]);
    terminal.until_shown("GOT 444455556666");
    let picked: Vec<_> = choices(&stage).picked.into_iter().map(|role| role.profile).collect();
    assert_eq!(picked, [Some("prod-admin".to_owned())]);
    let terminal = exec(&stage, "second");
    terminal.until_shown("> dev");
    // A signal counts there, too, and a key that sends several bytes is one answer.
    let shell = bash(&stage);
    shell.types("sh -c 'echo $$ >pid; exec ssoctl exec -- true'; echo GOT $?", &["Enter"]);
    shell.until_shown("Role (");
    shell.types("prod", &["Enter"]);
    shell.until_shown("is it meant? (y/n)");
    shell.types("", &["Up"]);
    shell.until("the list is back", |shown| shown.contains("): prod") && !shown.contains("is it meant"));
    assert!(!shell.shown().contains("prod[A"), "{}", shell.shown());
    shell.types("", &["Enter"]);
    shell.until_shown("is it meant? (y/n)");
    end(&stage);
    shell.until_shown("GOT 143");
}

/// Sends SIGTERM to the process that has written its id.
fn end(stage: &Stage) {
    let pid = fs::read_to_string(stage.home().join("pid")).expect("a file");
    let mut kill = program(stage, "kill");
    kill.arg(pid.trim());
    stage.finish(kill).exits(0);
}

#[test]
fn env_login_console_and_grant_ask_too_and_esc_leaves_130() {
    if !has_programs(&["tmux"]) {
        return;
    }
    let stage = two_sessions();
    let shell = bash(&stage);
    shell.types("eval \"$(ssoctl env)\"; echo GOT $AWS_ACCOUNT_ID $?", &["Enter"]);
    shell.until_shown("Role (");
    shell.types("dev", &["Enter"]);
    shell.until_shown("GOT 111122223333 0");
    // Esc: nothing changes, and that is what the exit code says.
    shell.types("clear; eval \"$(ssoctl env)\"; echo GOT $? $AWS_ACCOUNT_ID", &["Enter"]);
    shell.until_shown("Role (");
    shell.types("", &["Escape"]);
    shell.until_shown("GOT 130 111122223333");
    shell.types("clear; unset AWS_ACCOUNT_ID; ssoctl exec -- true; echo GOT $?", &["Enter"]);
    shell.until_shown("Role (");
    shell.types("", &["C-c"]);
    shell.until_shown("GOT 130");
    shell.types("clear; ssoctl console --url-only", &["Enter"]);
    shell.until_shown("Role (");
    shell.types("dev", &["Enter"]);
    shell.until_shown("account_id=111122223333&role_name=AdministratorAccess");
    shell.types("clear; ssoctl grant --name picked", &["Enter"]);
    shell.until_shown("Role (");
    shell.types("dev", &["Enter"]);
    shell.until_shown("the grant picked gives AdministratorAccess in 111122223333");
    shell.types("clear; ssoctl login --no-browser", &["Enter"]);
    shell.until_shown("Session (2): ");
    shell.types("home", &["Enter"]);
    shell.until_shown("To sign in to home");
    shell.types("", &["C-c"]);
    // What was typed on the line is still seen: the terminal is as it was.
    shell.types("clear; stty -a | grep -c ' icanon'", &["Enter"]);
    shell.until("the terminal is as it was", |shown| shown.lines().any(|line| line == "1"));
}

#[test]
fn the_list_says_first_where_nobody_is_signed_in() {
    if !has_programs(&["tmux"]) {
        return;
    }
    let stage = Stage::configured(Settings::default(), &[CORP, PROFILES].concat()).signed_out();
    let shell = bash(&stage);
    shell.types("ssoctl exec -- true; echo GOT $?", &["Enter"]);
    shell.until_shown("Role (2): ");
    assert!(shell.shown().contains("Nobody is signed in to corp; "), "{}", shell.shown());
    assert!(!shell.shown().contains("signed in to home"), "none of its roles is there: {}", shell.shown());
    shell.types("", &["Enter"]);
    shell.until_shown("GOT 125");
    stage.sign_in("corp");
    shell.types("clear; ssoctl exec -- true; echo GOT $?", &["Enter"]);
    shell.until_shown("Role (");
    assert!(!shell.shown().contains("Nobody"), "{}", shell.shown());
}

#[test]
fn where_nobody_can_answer_nothing_is_asked() {
    if !has_programs(&["tmux"]) {
        return;
    }
    let stage = two_sessions();
    stage.run(["env", "--shell", "bash"]).exits(2);
    let shell = bash(&stage);
    for (number, line) in [
        "ssoctl --no-input exec -- true",
        "SSOCTL_NO_INPUT=1 ssoctl exec -- true",
        "CI=true ssoctl exec -- true",
        "TERM=dumb ssoctl exec -- true",
        "ssoctl exec -- true 2>told",
        "setsid --wait ssoctl exec -- true",
        "ssoctl exec -- true & wait $!",
        "ssoctl credential-process; sh -c 'exit 125'",
        "ssoctl login --if-needed; [ $? = 2 ]; sh -c 'exit $((125 - $?))'",
        "ssoctl login --cancel; [ $? = 2 ]; sh -c 'exit $((125 - $?))'",
    ]
    .iter()
    .enumerate()
    {
        shell.types(&format!("clear; {line}; echo \"RC{number} $?\""), &["Enter"]);
        shell.until_shown(&format!("RC{number} 125"));
    }
    let said = fs::read_to_string(stage.home().join("told")).expect("a file");
    assert!(said.contains("there are several sessions"), "{said}");
}

#[test]
fn a_list_that_is_ended_by_a_signal_leaves_the_terminal_as_it_was() {
    if !has_programs(&["tmux"]) {
        return;
    }
    let stage = two_sessions();
    let shell = bash(&stage);
    shell.types("sh -c 'echo $$ >pid; exec ssoctl exec -- true'; echo GOT $?", &["Enter"]);
    shell.until_shown("Role (");
    end(&stage);
    shell.until_shown("GOT 143");
    shell.types("clear; stty -a | grep -c ' icanon'", &["Enter"]);
    shell.until("the terminal is as it was", |shown| shown.lines().any(|line| line == "1"));
}

#[test]
fn a_signal_reaches_the_command_whose_role_was_picked_and_ssoctl_stays_with_it() {
    if !has_programs(&["tmux", "curl"]) {
        return;
    }
    let stage = two_sessions();
    let shell = bash(&stage);
    fs::write(
        stage.home().join("command"),
        "trap 'echo TRAPPED; curl --silent --header \"Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN\" \
         \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\" | grep -c AccessKeyId; exit 7' INT TERM\n\
         echo BEGUN\nwhile :; do sleep 0.05; done\n",
    )
    .expect("a file");
    for verb in ["exec --refreshable", "grant"] {
        for key in ["C-c", ""] {
            let line = format!("clear; sh -c 'echo $$ >pid; exec ssoctl {verb} -- sh command'; echo GOT $?");
            shell.types(&line, &["Enter"]);
            shell.until_shown("Role (");
            shell.types("dev", &["Enter"]);
            shell.until_shown("BEGUN");
            if key.is_empty() {
                end(&stage)
            } else {
                shell.types("", &[key])
            }
            shell.until_shown("GOT 7");
            let shown = shell.shown();
            assert!(shown.contains("TRAPPED\n1\n"), "{verb} {key}: the endpoint still answers: {shown}");
        }
    }
}

#[test]
fn a_signal_that_was_ignored_stays_ignored_for_the_command_whose_role_was_picked() {
    if !has_programs(&["tmux"]) {
        return;
    }
    let stage = two_sessions();
    let shell = bash(&stage);
    for verb in ["exec", "exec --refreshable"] {
        for (trap, told) in [("trap \"\" HUP INT; ", "ALIVE"), ("", "GOT 129")] {
            let command =
                format!("{trap}exec ssoctl {verb} -- sh -c \"kill -HUP \\$\\$; kill -INT \\$\\$; echo ALIVE\"");
            shell.types(&format!("clear; sh -c '{command}'; echo GOT $?"), &["Enter"]);
            shell.until_shown("Role (");
            shell.types("dev", &["Enter"]);
            shell.until(told, |shown| shown.lines().any(|line| line == told));
        }
    }
}

#[test]
fn a_name_that_would_control_the_terminal_is_shown_as_escapes() {
    if !has_programs(&["tmux"]) {
        return;
    }
    let hostile = "Dev\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}";
    let accounts = vec![Account::new("111122223333", hostile, &["Admin"])];
    let stage = Stage::signed_in(Settings { accounts, ..Settings::default() });
    stage.run(["roles"]).exits(0);
    let terminal = exec(&stage, "terminal");
    terminal.until_shown("Role (1): ");
    terminal.until_shown(r"> -  Dev\u{1b}]0;owned…");
    terminal.types("dev", &["Enter"]);
    terminal.until_shown("GOT 111122223333");
}

/// A line that reads the function of a shell and shows what it does, and the shell.
const SHELLS: [(&str, &str, &str); 3] = [
    ("bash", "PS1='READY> ' bash --noprofile --norc -i", "eval \"$(ssoctl shell-init bash)\""),
    ("zsh", "PROMPT='READY> ' zsh -d -f -i", "eval \"$(ssoctl shell-init zsh)\""),
    (
        "fish",
        "fish --no-config -i --init-command 'function fish_prompt; echo READY; end'",
        "ssoctl shell-init fish | source",
    ),
];

#[test]
fn a_function_takes_a_role_in_each_shell_and_gives_it_back() {
    if !has_programs(&["tmux", "bash", "zsh", "fish"]) {
        return;
    }
    let stage = two_sessions();
    for (name, line, init) in SHELLS {
        let shell = Terminal::open(&stage, name, 120, line);
        shell.until_shown("READY");
        let status = if name == "fish" { "$status" } else { "$?" };
        shell.types(&format!("clear; {init}; echo INIT {status}"), &["Enter"]);
        shell.until_shown("INIT 0");
        shell.types(&format!("clear; sso; echo GOT $AWS_ACCOUNT_ID {status}"), &["Enter"]);
        shell.until_shown("Role (");
        shell.types("dev", &["Enter"]);
        shell.until_shown("GOT 111122223333 0");
        // The list comes even if something says which role is meant.
        shell.types(&format!("clear; sso; echo LEFT {status} $AWS_ACCOUNT_ID"), &["Enter"]);
        shell.until_shown("Role (");
        shell.types("", &["Escape"]);
        shell.until_shown("LEFT 130 111122223333");
        shell.types("clear; sso --help", &["Enter"]);
        shell.until_shown("Usage: ssoctl env");
        shell.types(&format!("clear; sso --unset; echo \"UNSET$AWS_ACCOUNT_ID\" {status}"), &["Enter"]);
        shell.until_shown("UNSET 0");
    }
}
