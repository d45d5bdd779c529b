//! The pages that the browser shows, as whole answers. Pure.
//!
//! No script, nothing that is loaded from anywhere, no form, no link: a page says how the sign-in ended, and that is all.

use ssoctl_protocol::text::shown;

use super::request::Refusal;

/// The longest texts that are shown, in characters.
const MAX_NAME: usize = 64;
const MAX_TEXT: usize = 400;

/// How a sign-in ended, for the person who looks at the browser.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignInEnd {
    /// The session has a new token.
    SignedIn,
    /// It has none.
    Failed {
        /// What happened, as a sentence.
        what: String,
        /// What to do about it, as a sentence.
        remedy: String,
    },
}

const STYLE: &str = "
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1c2128; --quiet: #57606a; --line: #d5dae0; --good: #1a7f37; --bad: #b42318; }
@media (prefers-color-scheme: dark) {
:root { --back: #0f1318; --card: #171c23; --text: #e8ecf1; --quiet: #9aa6b2; --line: #2d353f; --good: #4ac26b; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; padding: 1.5rem; display: grid; place-items: center; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 30rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-top: .375rem solid var(--quiet); border-radius: .75rem; overflow-wrap: anywhere; }
main.good { border-top-color: var(--good); }
main.bad { border-top-color: var(--bad); }
h1 { margin: 0 0 1rem; font-size: 1.625rem; line-height: 1.25; }
p { margin: 0 0 .75rem; }
footer { margin-top: 1.75rem; font-size: .875rem; color: var(--quiet); }
";

/// The hash of [`STYLE`], by which the policy admits it and no other.
const STYLE_HASH: &str = "sha256-2lPBWIqM7UIumHfM4AYiCkSO6MaXU1IqR6a0TryC1CE=";

/// The answer that leads to the page which says how the sign-in ended, so that the code stays in no history.
pub(super) fn redirect(path: &str) -> Vec<u8> {
    answer("303 See Other", &format!("Location: {path}\r\n"), &page("", "Signing in", ""))
}

/// The page for the end of a sign-in.
pub(super) fn of_end(session: &str, end: &SignInEnd) -> Vec<u8> {
    let session = escaped(session, MAX_NAME);
    let body = match end {
        SignInEnd::SignedIn => page(
            "good",
            "Signed in",
            &format!("<p>Session <strong>{session}</strong> is signed in.</p>\n<p>You can close this window.</p>"),
        ),
        SignInEnd::Failed { what, remedy } => page(
            "bad",
            "Not signed in",
            &format!(
                "<p>Session <strong>{session}</strong> could not be signed in.</p>\n<p>{}</p>\n<p>{}</p>",
                escaped(what, MAX_TEXT),
                escaped(remedy, MAX_TEXT)
            ),
        ),
    };
    answer("200 OK", "", &body)
}

/// The page for a request that changes nothing.
pub(super) fn of_refusal(refusal: &Refusal) -> Vec<u8> {
    let allow = if refusal.status.starts_with("405") { "Allow: GET\r\n" } else { "" };
    answer(refusal.status, allow, &page("", "Nothing to see here", &format!("<p>{}</p>", refusal.text)))
}

fn page(kind: &str, title: &str, content: &str) -> String {
    format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>{title} - ssoctl</title>
<style>{STYLE}</style>
</head>
<body>
<main class=\"{kind}\">
<h1>{title}</h1>
{content}
<footer>ssoctl shows this page from your own machine.</footer>
</main>
</body>
</html>
"
    )
}

fn answer(status: &str, fields: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\
         Content-Security-Policy: default-src 'none'; style-src '{STYLE_HASH}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'\r\n{fields}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Foreign text in HTML, on one line.
fn escaped(text: &str, longest: usize) -> String {
    let text = shown(text, longest);
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// Base64 of bytes (RFC 4648, section 4).
    fn base64(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let chunks = bytes.chunks(3).map(|chunk| {
            let bits = chunk.iter().chain(&[0; 2]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
            let digits = (0..4).map(|place| char::from(ALPHABET[bits >> (18 - 6 * place) & 63]));
            digits.enumerate().map(|(place, digit)| if place > chunk.len() { '=' } else { digit }).collect::<String>()
        });
        chunks.collect()
    }

    fn text(answer: Vec<u8>) -> String {
        String::from_utf8(answer).unwrap()
    }

    fn failed(what: &str, remedy: &str) -> SignInEnd {
        SignInEnd::Failed { what: what.into(), remedy: remedy.into() }
    }

    #[test]
    fn the_policy_admits_the_style_and_nothing_else() {
        assert_eq!(base64(b"light w"), "bGlnaHQgdw==");
        assert_eq!(STYLE_HASH, format!("sha256-{}", base64(&Sha256::digest(STYLE))));
        for answer in [of_end("corp", &SignInEnd::SignedIn), redirect("/x")] {
            let answer = text(answer);
            assert!(answer.contains(&format!("default-src 'none'; style-src '{STYLE_HASH}';")), "{answer}");
            assert!(answer.contains(&format!("<style>{STYLE}</style>")), "{answer}");
            for absent in ["<script", "style=", "href", "src=", "<form", "url("] {
                assert!(!answer.split_once("\r\n\r\n").unwrap().1.contains(absent), "{absent} in {answer}");
            }
        }
    }

    #[test]
    fn names_and_messages_are_text_and_no_markup() {
        let answer = text(of_end("<b>a\u{202e}&\"'", &failed("<script>alert(1)</script>", "run \x1b[2J")));
        assert!(answer.contains(r"<strong>&lt;b&gt;a\u{202e}&amp;&quot;&#39;</strong>"), "{answer}");
        assert!(answer.contains("<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>") && answer.contains(r"run \u{1b}[2J"));
        let long = text(of_end(&"x".repeat(100_000), &failed(&"y".repeat(100_000), "")));
        assert!(long.len() < 10_000 && long.contains("x…") && long.contains("y…"));
    }

    #[test]
    fn an_answer_says_its_length_and_is_kept_by_nobody() {
        for answer in [of_end("corp", &failed("a", "b")), redirect("/x")] {
            let answer = text(answer);
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            for field in [
                &format!("Content-Length: {}", body.len()),
                "Cache-Control: no-store",
                "Referrer-Policy: no-referrer",
                "X-Content-Type-Options: nosniff",
                "X-Frame-Options: DENY",
                "Connection: close",
            ] {
                assert!(head.split("\r\n").any(|line| line == field), "{field}: {head}");
            }
        }
    }
}
