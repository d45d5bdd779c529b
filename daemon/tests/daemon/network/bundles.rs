//! Files of certificates in every state, and OpenSSL's opinion of each.

use std::fs;
use std::path::Path;
use std::time::Duration;

use identity_center_simulator::{Settings, Simulator};
use ssoctld::transport::reach::Probe;
use tokio::process::Command;

use crate::desktop::stage::{Stage, output, play};
use crate::network::front::{Front, RIGHT, authority, certificates};

const MARK: &str = "\u{feff}";

/// The authority's certificate as `openssl x509` writes it with these options.
async fn rewritten(options: &[&str]) -> String {
    let authority = authority();
    output("openssl", &[&["x509", "-in", authority.to_str().unwrap()], options].concat()).await
}

/// Whether OpenSSL trusts the server's certificate with this file.
async fn openssl_trusts(bundle: &Path) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.args(["verify", "-purpose", "sslserver", "-no-CApath", "-no-CAstore", "-CAfile"]);
    openssl.arg(bundle).arg(certificates().join("right.pem"));
    openssl.output().await.expect("openssl runs").status.success()
}

#[test]
fn bundles_that_openssl_accepts_are_accepted_and_a_bad_certificate_is_named_by_its_number() {
    play(Stage::Loopback(&[]), &["openssl"], || async {
        each_bundle_is_taken_as_openssl_takes_it().await;
    });
}

async fn each_bundle_is_taken_as_openssl_takes_it() {
    let text = |name: &str| fs::read_to_string(certificates().join(name)).unwrap();
    let block = |text: &str| {
        let (start, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n");
        let from = text.find(start).unwrap();
        text[from..from + text[from..].find(end).unwrap() + end.len()].to_owned()
    };
    let (good, other) = (block(&text("authority.pem")), block(&text("self_signed.pem")));
    let label = |pem: &str, label: &str| pem.replace("CERTIFICATE-----", &format!("{label}-----"));
    let spoiled = |pem: &str, at: usize| {
        let mut lines: Vec<String> = pem.lines().map(str::to_owned).collect();
        lines[at].replace_range(..1, "!");
        lines.join("\n") + "\n"
    };
    let pieces = [
        ("nothing", String::new()),
        ("text", "# a comment\nsubject=CN = x\n".to_owned()),
        ("another", other.clone()),
        ("a key", text("server.key")),
        ("bad base64", spoiled(&other, 2)),
        ("no DER", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n".to_owned()),
        ("cut off", other.lines().take(4).map(|line| format!("{line}\n")).collect()),
    ];
    let wholes = [
        ("plain", good.clone()),
        ("CRLF", good.replace('\n', "\r\n")),
        ("X509", label(&good, "X509 CERTIFICATE")),
        ("trusted", rewritten(&["-trustout"]).await),
        ("with a name", rewritten(&["-trustout", "-setalias", "ours"]).await),
        ("for servers", rewritten(&["-addtrust", "serverAuth"]).await),
        ("for mail", rewritten(&["-addtrust", "emailProtection"]).await),
        ("not for servers", rewritten(&["-addreject", "serverAuth"]).await),
        ("not for mail", rewritten(&["-addreject", "emailProtection"]).await),
        ("none", String::new()),
    ];
    let simulator = Simulator::start(Settings::default()).expect("a port");
    let front = Front::new(&simulator, RIGHT);
    let url = front.url().parse().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let bundle = directory.path().join("bundle.pem");
    let (mut taken, mut refused) = (0, 0);
    // With something before it, and with something behind it.
    let nothing = ("nothing", String::new());
    let around = pieces.iter().map(|piece| (piece, &nothing)).chain(pieces.iter().map(|piece| (&nothing, piece)));
    let around: Vec<_> = around.collect();
    for (what, whole) in &wholes {
        for ((before, first), (after, last)) in &around {
            fs::write(&bundle, [first.as_str(), whole, last].concat()).unwrap();
            let theirs = openssl_trusts(&bundle).await;
            for mark in ["", MARK] {
                fs::write(&bundle, [mark, first, whole, last].concat()).unwrap();
                let probe = Probe::new(Some(&bundle));
                let case = format!("{before}, {what}, {after} {mark:?}: {:?}", probe.as_ref().err());
                if let Err(error) = &probe {
                    let is_first = ["bad base64", "no DER", "cut off"].contains(before);
                    assert!(error.contains("bundle.pem) cannot be used: "), "{case}");
                    assert!(!is_first || error.contains("certificate 1 of it"), "{case}");
                }
                let ours = match probe {
                    Ok(probe) => probe.reach(&url, Duration::from_secs(20)).await.is_ok(),
                    Err(_) => false,
                };
                assert_eq!(ours, theirs, "{case}");
                if ours { taken += 1 } else { refused += 1 }
            }
        }
    }
    assert!(taken > 50 && refused > 50, "{taken} {refused}");
}
