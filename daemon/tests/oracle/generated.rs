//! Generates AWS files, some of them malformed.

use fastrand::Rng;

/// Headers of a configuration file.
pub(crate) const HEADERS: &[&str] = &[
    "[default]",
    "[profile default]",
    "[profile dev]",
    "[dev]",
    "[profile Company-[production]/Role]",
    "[profile 'two words']",
    "[profile \"dev\"] # mine",
    "[profiles x]",
    "[profile too many words]",
    "[ default ]",
    "[DEFAULT]",
    CORP,
    "[sso-session \"corp\"]",
    "[sso-session other]",
    "[services local]",
    "[plugins]",
];

/// The section that most profiles refer to.
const CORP: &str = "[sso-session corp]";

const KEYS: &[(&str, &[&str])] = &[
    ("sso_session", &["corp", "other", "none"]),
    ("sso_account_id", &["111122223333"]),
    ("sso_role_name", &["Admin", "Power+User=1"]),
    ("sso_start_url", &["https://corp.awsapps.com/start", "https://corp.awsapps.com/start#/"]),
    ("sso_region", &["eu-west-1", "us-east-1 # virginia"]),
    ("region", &["x", ""]),
    ("credential_process", &["tool 'a b'", "tool", ""]),
    ("s3", &[""]),
    ("odd", &["a = b : c", "\"q\"", "C:\\dir\\", "# no comment", "[x]", "é\u{a0}"]),
];

const BETWEEN: &[&str] = &["", "   ", "# comment", "  ; comment", "\t# a = b"];

/// Lines for which botocore mostly refuses the file.
const WRONG: &[&str] = &["nonsense", "= x", "[", "[]", "[half", "[half = x"];

pub(crate) fn pick<'a, T: ?Sized>(random: &mut Rng, list: &[&'a T]) -> &'a T {
    list[random.usize(..list.len())]
}

/// A file with one kind of line end.
pub(crate) fn file(random: &mut Rng, headers: &[&str]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut unused: Vec<&str> = headers.to_vec();
    random.shuffle(&mut unused);
    // Mostly with the section that most profiles refer to.
    if headers.contains(&CORP) && random.u8(..4) > 0 {
        unused.retain(|header| *header != CORP);
        unused.push(CORP);
    }
    for _ in 0..random.usize(0..6) {
        let indentation = pick(random, &["", "", "", " "]);
        let header = if random.u8(..60) == 0 { pick(random, headers) } else { unused.pop().unwrap_or("[last]") };
        lines.push(format!("{indentation}{header}"));
        let sound: &[&str] = match header {
            CORP => &["sso_start_url = https://corp.awsapps.com/start", "sso_region = eu-west-1"],
            _ if header.contains("session") => &[],
            _ => &["sso_session = corp", "sso_account_id = 111122223333", "sso_role_name = Admin"],
        };
        if random.u8(..4) > 0 {
            lines.extend(sound.iter().map(|line| format!("{indentation}{line}")));
            // Further members must not make a sound section malformed.
            section(random, &mut lines, &KEYS[5..]);
        } else {
            section(random, &mut lines, KEYS);
        }
    }
    if random.u8(..20) == 0 {
        lines.insert(random.usize(..=lines.len()), pick(random, WRONG).to_owned());
    }
    let mark = if random.u8(..30) == 0 { "\u{feff}" } else { "" };
    let end = pick(random, &["\n", "\n", "\r\n", "\r"]);
    let last = if random.bool() { end } else { "" };
    format!("{mark}{}{last}", lines.join(end))
}

fn section(random: &mut Rng, lines: &mut Vec<String>, keys: &[(&str, &[&str])]) {
    let mut unused: Vec<&(&str, &[&str])> = keys.iter().collect();
    random.shuffle(&mut unused);
    let indentation = pick(random, &["", "", "  "]);
    for _ in 0..random.usize(0..8) {
        if random.u8(..5) == 0 {
            lines.push(pick(random, BETWEEN).to_owned());
        }
        let (key, values) =
            if random.u8(..80) == 0 { ("region", &["again"][..]) } else { *unused.pop().expect("a key") };
        let key = if random.u8(..6) == 0 { key.to_uppercase() } else { key.to_owned() };
        let (delimiter, value) = (pick(random, &[" = ", "=", ": ", " :", "\t=\t"]), pick(random, values));
        lines.push(format!("{indentation}{key}{delimiter}{value}{}", pick(random, &["", "", " "])));
        if random.u8(..4) == 0 || key == "s3" {
            for _ in 0..random.usize(1..4) {
                let members = ["a = 1", "b=2", "c = d", "x=", "# c", "", "sso_region = x", "[a = b]"];
                let is_group = value.is_empty() && random.u8(..20) > 0;
                let more =
                    if is_group { pick(random, &members) } else { pick(random, &["more words", "[sso-session corp]"]) };
                lines.push(format!("{indentation}{}{more}", pick(random, &["  ", "\t", "    "])));
            }
        }
        if unused.is_empty() {
            break;
        }
    }
}
