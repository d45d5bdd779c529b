//! The daemon's memory holds nothing of a session after its sign-out, and other users cannot read it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use identity_center_simulator::{Operation, Settings};
use rustix::process::Pid;

use test_support::speed::has_superuser;
use test_support::{Stage, until};

/// So many characters of a secret are found by themselves: enough that nothing else looks like them.
const PIECE: usize = 24;

/// A user code.
const SHORTEST: usize = "ABCD-EFGH".len();

/// A page of memory that was never written to.
const UNTOUCHED: [u8; 4096] = [0; 4096];

/// All text in the writable memory of a process: its heap, and the stacks of its threads. Memory that is mapped from files and not
/// writable holds the content of the files.
fn text_in_memory(process: Pid) -> String {
    let directory = format!("/proc/{}", process.as_raw_nonzero());
    let maps = fs::read_to_string(format!("{directory}/maps")).expect("the superuser may read it");
    let memory = File::open(format!("{directory}/mem")).expect("the superuser may read it");
    let mut written: Vec<u8> = Vec::new();
    for region in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let (begin, end) = region.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let [begin, end] = [begin, end].map(|address| u64::from_str_radix(address, 16).expect("an address"));
        let mut bytes = vec![0; usize::try_from(end - begin).expect("it is in memory")];
        // It may have been given back since.
        if memory.read_exact_at(&mut bytes, begin).is_ok() {
            bytes.chunks(UNTOUCHED.len()).filter(|page| *page != UNTOUCHED).for_each(|page| written.extend(page));
        }
    }
    // Short text is no secret, and most of memory is no text.
    let texts = written.split(|byte| !byte.is_ascii_graphic()).filter(|text| text.len() >= SHORTEST);
    let texts: Vec<&[u8]> = texts.collect();
    String::from_utf8(texts.join(&b'\n')).expect("ASCII")
}

/// Whether a secret, or a good part of it, is in that memory.
fn holds(memory: &str, secret: &str) -> bool {
    let mut pieces = secret.as_bytes().chunks_exact(PIECE).map(|piece| str::from_utf8(piece).unwrap());
    memory.contains(secret) || pieces.any(|piece| memory.contains(piece))
}

/// The names of the secrets in memory. Nothing else of them may be printed.
fn found(memory: &str, secrets: &[(&'static str, String)]) -> Vec<&'static str> {
    secrets.iter().filter(|(_, secret)| holds(memory, secret)).map(|(name, _)| *name).collect()
}

#[test]
fn after_a_sign_out_memory_holds_nothing_of_the_session_but_the_secret_of_its_registration() {
    if !has_superuser() {
        return;
    }
    let stage = Stage::with_corp(Settings::default());
    let service = &stage.identity_center;
    let login = stage.start(stage.ssoctl(["login", "--no-browser"]));
    let user_code = stage.shown_by(&login).user_code;
    stage.approve_shown_by(&login);
    login.finish().exits(0);
    stage.run(["accounts"]).exits(0);
    until("the token is renewed", || {
        stage.run(["token", "--min-valid", "59m 59s"]);
        (service.calls(Operation::CreateToken) > 1 && service.issued_access_tokens().len() > 1).then_some(())
    });
    stage.run(["token"]).exits(0);
    let role = ["credential-process", "--session", "corp", "--account", "111122223333", "--role", "ReadOnlyAccess"];
    let credentials = stage.run(role).exits(0).json();

    let named = |name: &'static str, secrets: Vec<String>| secrets.into_iter().map(move |secret| (name, secret));
    let tokens = [service.issued_access_tokens(), service.issued_refresh_tokens()].concat();
    let of_role = ["SecretAccessKey", "SessionToken"].map(|name| credentials[name].as_str().unwrap().to_owned());
    let secrets = service.secrets();
    let others = secrets.iter().filter(|secret| !tokens.contains(secret) && !of_role.contains(secret));
    let [client_secret, device_code] = others.collect::<Vec<_>>().try_into().expect("one registration and one flow");
    let secrets: Vec<_> = named("access token", service.issued_access_tokens())
        .chain(named("refresh token", service.issued_refresh_tokens()))
        .chain(named("role credentials", of_role.into()))
        .chain(named("device code", vec![device_code.clone()]))
        .chain(named("user code", vec![user_code]))
        .collect();
    let while_signed_in = text_in_memory(stage.daemon_pid());
    for name in ["access token", "refresh token", "role credentials"] {
        assert!(found(&while_signed_in, &secrets).contains(&name), "the {name} in use is not found");
    }

    stage.run(["logout"]).exits(0);
    until("nothing of the session is left in memory", || {
        found(&text_in_memory(stage.daemon_pid()), &secrets).is_empty().then_some(())
    });
    assert!(holds(&text_in_memory(stage.daemon_pid()), client_secret), "the registration is kept for the next sign-in");
    stage.run(["logout", "--forget"]).exits(0);
    until("nothing of the registration is left in memory", || {
        (!holds(&text_in_memory(stage.daemon_pid()), client_secret)).then_some(())
    });
}
