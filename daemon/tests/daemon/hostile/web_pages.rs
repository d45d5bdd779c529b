//! The socket, forwarded to a TCP port as people do for containers and editors: programs are served, web pages are not.

use std::process::Command;

use tokio::net::{TcpListener, UnixStream};

use super::Victim;
use test_support::speed::has_programs;

/// Asks `ADDRESS` (an `http://` one, or the path of a socket) with a `Host`, if one is given, and prints the status.
const PYTHON: &str = r#"
import http.client, socket, sys
address, host = sys.argv[1], sys.argv[2]
if address.startswith("/"):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(address)
else:
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
connection.request("GET", "/v1/health", headers={"Host": host} if host else {})
print(connection.getresponse().status)
"#;
const NODE_HTTP: &str = r#"
const [address, host] = process.argv.slice(1);
const headers = host ? { host } : {};
const { hostname, port } = address.startsWith("/") ? {} : new URL(address);
const where = hostname ? { hostname, port } : { socketPath: address };
const answered = (answer) => { console.log(answer.statusCode); answer.resume(); };
require("http").get({ ...where, path: "/v1/health", headers }, answered);
"#;
const NODE_FETCH: &str = r#"
const [address, host] = process.argv.slice(1);
fetch(address + "/v1/health", host ? { headers: { origin: "http://" + host } } : {}).then((answer) => console.log(answer.status));
"#;
const GO: &str = r#"
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
)

func main() {
	address, host := os.Args[1], os.Args[2]
	client, url := http.DefaultClient, address+"/v1/health"
	if strings.HasPrefix(address, "/") {
		url = "http://unix/v1/health"
		client = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", address)
		}}}
	}
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		panic(err)
	}
	request.Host = host
	answer, err := client.Do(request)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer.StatusCode)
}
"#;

/// Forwards each connection to the socket; returns the address.
async fn forwarded(victim: &Victim) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let socket = victim.socket();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut far = UnixStream::connect(socket).await.unwrap();
                // Either side may end it.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    address
}

/// The status that a program is answered with.
async fn status(command: &[&str], address: &str, host: &str) -> String {
    let mut command: Vec<String> = command.iter().map(ToString::to_string).collect();
    if command[0] == "curl" {
        if !host.is_empty() {
            command.extend(["--header".to_owned(), format!("Host: {host}")]);
        }
        if address.starts_with('/') {
            command.extend(["--unix-socket".to_owned(), address.to_owned(), "http://localhost/v1/health".to_owned()]);
        } else {
            command.push(format!("{address}/v1/health"));
        }
    } else {
        command.extend([address.to_owned(), host.to_owned()]);
    }
    let run = tokio::task::spawn_blocking(move || {
        Command::new(&command[0]).args(&command[1..]).env("NO_PROXY", "*").env("no_proxy", "*").output().unwrap()
    });
    let output = run.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn programs_are_served_through_socket_and_forward_and_a_rebound_page_is_not() {
    if !has_programs(&["curl", "python3", "node", "go"]) {
        return;
    }
    let victim = Victim::start().await;
    let (forward, socket) = (forwarded(&victim).await, victim.socket().display().to_string());
    let program = victim.home.path().join("ask.go");
    std::fs::write(&program, GO).unwrap();
    let go_binary = victim.home.path().join("ask-go").display().to_string();
    let built = Command::new("go").args(["build", "-o", &go_binary]).arg(&program).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let clients: [(&str, &[&str]); 5] = [
        ("curl", &["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]),
        ("python3", &["python3", "-c", PYTHON]),
        ("node", &["node", "-e", NODE_HTTP, "--"]),
        ("node", &["node", "-e", NODE_FETCH, "--"]),
        ("go", &[&go_binary]),
    ];
    for (program, command) in clients {
        let is_fetch = command.contains(&NODE_FETCH);
        assert_eq!(status(command, &forward, "").await, "200", "{program} through a forward");
        assert_eq!(status(command, &forward, "rebound.example:80").await, "403", "{program} as a page");
        // Node's fetch takes no socket, nor another Host; it was given an Origin instead.
        if !is_fetch {
            assert_eq!(status(command, &socket, "").await, "200", "{program} through the socket");
            assert_eq!(status(command, &socket, "%2Frun%2Fssoctld.sock").await, "200", "{program} with a path");
            assert_eq!(status(command, &socket, "rebound.example").await, "403", "{program} as a page");
        }
    }
}
