//! Text of the service that would control, reorder or hide what a person reads, or is far too long.

use identity_center_simulator::{Account, Fault, Operation, Settings, Times};

use test_support::{Stage, until};

/// Characters that control a terminal, and invisible ones.
const HIDDEN: &str = "\u{9b}2J\u{202e}evil\u{202c}\u{61c}\u{2060}\u{ad}\u{e0041}\u{7f}";
const ESCAPED: &str = r"\u{9b}2J\u{202e}evil\u{202c}\u{61c}\u{2060}\u{ad}\u{e0041}\u{7f}";

#[track_caller]
fn is_harmless(text: &str) {
    let harmful = |character: &char| HIDDEN.contains(*character) && !character.is_ascii_graphic();
    assert_eq!(text.chars().find(harmful), None, "{text}");
}

#[test]
fn names_of_accounts_and_roles_control_neither_terminal_nor_file() {
    let accounts = vec![Account::new("111122223333", &format!("Prod{HIDDEN}"), &[&format!("Admin{HIDDEN}")])];
    let stage = Stage::signed_in(Settings { accounts, ..Settings::default() });
    let table = stage.run(["accounts"]).exits(0).stdout;
    is_harmless(&table);
    assert!(table.contains(&format!("Prod{ESCAPED}")), "{table}");
    let document = stage.run(["accounts", "--json"]).exits(0);
    is_harmless(&document.stdout);
    let name = &document.json()["accounts"][0]["name"];
    assert_eq!(name, &format!("Prod{HIDDEN}"), "in JSON it is the same text, in escapes");
    for verb in [&["roles", "--account", "111122223333"][..], &["roles", "--account", "111122223333", "--json"]] {
        is_harmless(&stage.run(verb).exits(0).stdout);
    }
    for verb in [&["configure", "--dry-run"][..], &["configure"]] {
        let outcome = stage.run(verb);
        is_harmless(&outcome.stdout);
        is_harmless(&outcome.stderr);
    }
    is_harmless(&std::fs::read_to_string(stage.home().join(".aws/config")).unwrap());
    for (path, text) in stage.everything_said() {
        assert!(!text.contains('\u{9b}') && !text.contains('\u{202e}'), "{}", path.display());
    }
}

#[test]
fn a_code_that_controls_or_is_far_too_long_is_shown_shortened_and_in_escapes() {
    for code in [format!("AB{HIDDEN}"), "A".repeat(300_000)] {
        let stage = Stage::with_corp(Settings::default());
        let fault = Fault::replaced("userCode", code.as_str());
        stage.identity_center.inject(Operation::StartDeviceAuthorization, fault, Times::UntilCleared);
        let mut login = stage.start(stage.ssoctl(["login", "--no-browser"]));
        let said = until("the code is shown, or refused", || {
            let said = login.said();
            (said.contains("Code:") || !login.is_running()).then_some(said)
        });
        is_harmless(&said);
        assert!(said.len() < 20_000, "{} bytes", said.len());
        for verb in [&["status"][..], &["status", "--json"]] {
            let status = stage.run(verb).exits(0).stdout;
            is_harmless(&status);
            assert!(verb.len() == 2 || status.len() < 20_000, "{} bytes", status.len());
        }
        assert!(std::fs::metadata(stage.log()).unwrap().len() < 300_000, "the log has it whole");
    }
}
