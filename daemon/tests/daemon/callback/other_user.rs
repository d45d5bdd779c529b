//! Another user of the machine, who may even know the state, since command lines of browsers can be read.

use std::process::Command;

use ssoctl_protocol::Secret;
use test_support::crowd::{AS_NOBODY, Crowd};
use test_support::speed::{has_programs, has_superuser};

use super::{CODE, Flow, callback, get};

#[tokio::test]
async fn a_code_that_another_user_sends_is_refused_and_four_hundred_silent_connections_keep_nobody_out() {
    if !has_superuser() || !has_programs(&["setpriv", "curl", "python3"]) {
        return;
    }
    let mut flow = Flow::start();
    let port = flow.listener.port();
    let url = format!("http://127.0.0.1:{port}{}", callback());
    let come = async {
        let curl = move |as_whom: &[&str]| {
            let words = [as_whom, &["curl", "--silent", "--write-out", "%{http_code}", &url]].concat();
            let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let refused = tokio::task::spawn_blocking(move || curl(&AS_NOBODY)).await.unwrap();
        assert!(refused.ends_with("403") && refused.contains("belongs to another user"), "{refused}");
        let crowd = Crowd::of_another_user(port);
        for _ in 0..5 {
            assert_eq!(get(port, "/").await.status, 404);
        }
        let answer = get(port, &callback()).await;
        drop(crowd);
        answer
    };
    let (code, answer) = tokio::join!(flow.code(), come);
    assert_eq!((code, answer.status), (Ok(Secret::from(CODE)), 303));
}
