use super::limits::MARGIN;
use super::*;

fn daemon() -> Daemon {
    Daemon {
        socket: SocketPath::Chosen("/nowhere.sock".into()),
        trusted: SocketOwner::Own,
        starting: Starting::Forbidden,
        warning: Cell::new(VersionWarning::Silent),
        patience: Duration::MAX,
        showing: Showing::default(),
        files: AwsFiles::default(),
    }
}

#[test]
fn a_daemon_that_never_answers_is_given_up_after_the_agreed_time() {
    let (mut ours, _theirs) = UnixStream::pair().unwrap();
    let failure = daemon().converse(&mut ours, b"", Duration::from_millis(30), None, http::answer).unwrap_err();
    assert!(failure.to_string().contains("did not answer within"), "{failure}");
    assert_eq!(failure.exit_code(), ssoctl_protocol::ExitCode::DaemonUnreachable);
}

#[test]
fn a_waiting_person_is_kept_informed() {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let mut ticks = 0;
    let mut answer_at_the_second_tick = || {
        ticks += 1;
        if ticks == 2 {
            theirs.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        }
    };
    let answer = daemon().converse(&mut ours, b"", MARGIN, Some(&mut answer_at_the_second_tick), http::answer).unwrap();
    assert_eq!((answer.body.expose().as_slice(), ticks), (b"{}".as_slice(), 2));
}

#[test]
fn an_answer_counts_even_if_the_request_could_not_be_sent() {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    drop(theirs);
    let answer = daemon().converse(&mut ours, b"GET", MARGIN, None, http::answer).unwrap();
    assert_eq!(answer.status, 403);
}

#[test]
fn an_answer_that_comes_in_pieces_or_is_large_is_read_whole() {
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let body = "x".repeat(100_000);
    let writer = std::thread::spawn(move || {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        answer.as_bytes().chunks(7001).for_each(|piece| theirs.write_all(piece).unwrap());
    });
    let answer = daemon().converse(&mut ours, b"", MARGIN, None, http::answer).unwrap();
    assert_eq!(answer.body.expose().len(), 100_000);
    writer.join().unwrap();
}
