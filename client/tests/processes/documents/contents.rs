//! What the documents say beside commands: links, messages, exit codes, routes.

use std::fs;

use identity_center_simulator::Settings;
use serde_json::Value;
use test_support::Stage;

use super::{block, blocks, is_like, pages, root, sources, text};

#[test]
fn the_readme_is_short_and_every_page_is_in_its_list() {
    let readme = text("README.md");
    assert!(readme.lines().count() <= 150, "it has {} lines", readme.lines().count());
    for page in pages().iter().filter(|page| *page != "README.md") {
        assert!(readme.contains(&format!("({page})")), "README.md does not lead to {page}");
    }
}

/// The text without what stands between fences.
fn without_blocks(text: &str) -> String {
    text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// What GitHub makes of a heading in a link to it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let mut documents = pages();
    documents.extend(
        ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "simulator/README.md"].map(str::to_owned),
    );
    let mut found = 0;
    for document in documents {
        let text = without_blocks(&text(&document));
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let file = root().join(&document).with_file_name("").join(path);
            let file = if path.is_empty() { root().join(&document) } else { file };
            assert!(file.exists(), "{document} leads to {link}, which is not there");
            let is_there = |text: String| {
                text.lines().any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == heading)
            };
            assert!(
                heading.is_empty() || is_there(fs::read_to_string(file).unwrap()),
                "{document}: no heading is {link}"
            );
            found += 1;
        }
    }
    assert!(found > 40, "{found} links are found");
}

#[test]
fn what_is_not_run_is_well_formed() {
    let devcontainer: Value = serde_json::from_str(&block("docs/containers-and-ssh.md", "json")).expect("JSON");
    let compose = block("docs/containers-and-ssh.md", "yaml");
    let curl = blocks("docs/containers-and-ssh.md")
        .into_iter()
        .find(|block| block.text.contains("/run/ssoctl/s.sock http"))
        .unwrap();
    assert_eq!(devcontainer["containerEnv"]["SSOCTL_SOCKET"], "/run/ssoctl/s.sock");
    for text in [&compose, &curl.text] {
        assert!(text.contains("/run/ssoctl/s.sock"), "all say the same place: {text}");
    }
}

/// What stands between backticks in the first cell of each row of a table.
fn first_cells(page: &str) -> Vec<String> {
    let text = text(page);
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |")).map(|(cell, _)| cell);
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

/// What is another text each time in messages that the documents show.
const VARIABLE: [&str; 4] = ["\"x\"", "eu-west-1", "InvalidRequestException", "the service "];

#[test]
fn the_messages_that_are_explained_are_those_that_are_said() {
    let places = ["client/src", "daemon/src", "protocol/src", "files/src"];
    let said: String = places.iter().map(|place| sources(&root().join(place))).collect();
    let messages = first_cells("docs/troubleshooting.md");
    assert!(messages.len() >= 8, "{messages:?}");
    for message in messages {
        let fixed = VARIABLE.iter().fold(message.clone(), |text, part| text.replace(part, "…"));
        for part in fixed.split('…').map(str::trim) {
            assert!(said.contains(part), "nothing says {part:?} of {message:?}");
        }
    }
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = Stage::bare(Settings::default()).run(["--help"]).exits(0).stdout;
    let codes = |text: &str| -> Vec<String> {
        let words = text.lines().filter_map(|line| line.trim_start_matches(['|', ' ']).split_whitespace().next());
        words.filter(|word| word.parse::<u8>().is_ok()).map(str::to_owned).collect()
    };
    let (_, list) = help.split_once("\nExit codes:\n").expect("a list");
    let (list, _) = list.split_once("\n\n").expect("its end");
    let expected = codes(list).into_iter().filter(|code| code != "125").collect::<Vec<_>>();
    assert_eq!(codes(&text("docs/scripts.md")), expected);
}

#[test]
fn the_routes_that_are_shown_are_in_the_openapi_document() {
    let document: Value = serde_json::from_str(ssoctl_protocol::openapi::DOCUMENT).unwrap();
    let routes = first_cells("docs/api.md");
    assert!(routes.len() >= 10, "{routes:?}");
    for route in routes {
        let (method, target) = route.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let operation = &document["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "the document has no {route}");
        let parameters = query.split('&').filter_map(|parameter| Some(parameter.split_once('=')?.0));
        for parameter in parameters {
            let is_it = |known: &Value| {
                known["$ref"].as_str().is_some_and(|path| path.ends_with(&format!("/{parameter}")))
                    || known["name"] == parameter
            };
            assert!(operation["parameters"].as_array().unwrap().iter().any(is_it), "{route}: no {parameter}");
        }
    }
}

#[test]
fn the_answers_that_are_shown_are_like_real_ones() {
    let shown = blocks("docs/api.md").into_iter().filter(|block| block.language == "json");
    let shown: Vec<Value> = shown.map(|block| serde_json::from_str(&block.text).expect("JSON")).collect();
    let [token, problem] = &shown[..] else { panic!("a token and a problem: {shown:?}") };
    let stage = Stage::with_corp(Settings::default());
    let (_, mut refused) = stage.request("GET", "/v1/token");
    // Here it also says that the service is not AWS.
    let detail = refused["detail"].take();
    refused["detail"] = problem["detail"].clone();
    assert_eq!(&refused, problem);
    assert!(detail.as_str().unwrap().starts_with(problem["detail"].as_str().unwrap()), "{detail}");
    stage.sign_in("corp");
    let (_, answer) = stage.request("GET", "/v1/token");
    assert!(is_like(token, &answer) && is_like(&answer, token), "{answer}");
}
