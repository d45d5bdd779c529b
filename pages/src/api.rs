//! The page of the API, from the OpenAPI document and the documents for people.

use serde_json::{Map, Value};
use ssoctl_protocol::openapi;

use crate::Manual;
use crate::document::{self, Depth};
use crate::roff::{Page, bold, escaped, italic, marked};

pub(crate) fn manual(date: &str, api: &str, events: &str) -> Manual {
    // The tests of the protocol read it, too.
    let whole: Value = serde_json::from_str(openapi::DOCUMENT).unwrap_or_default();
    let mut page = Page::begin("ssoctl-api", 7, date);
    page.named("the local API of ssoctld");
    page.heading("DESCRIPTION");
    page.paragraph(&marked(text(&whole["info"]["description"])));
    document::add(&mut page, api, Depth::Subsections);
    page.heading("ROUTES");
    for (path, operations) in members(&whole["paths"]) {
        for (method, operation) in members(operations) {
            page.subheading(&format!("{} {path}", method.to_uppercase()));
            route(&mut page, &whole, operation);
        }
    }
    page.heading("BODIES");
    for (name, schema) in members(&whole["components"]["schemas"]) {
        page.subheading(name);
        body(&mut page, schema);
    }
    page.heading("EVENTS");
    document::add(&mut page, events, Depth::Subsections);
    page.end(&[("ssoctl", 1), ("ssoctl-watch", 1), ("ssoctld", 8), ("ssoctl-config", 5)])
}

fn route(page: &mut Page, whole: &Value, operation: &Value) {
    page.paragraph(&format!("{}.", marked(text(&operation["summary"]))));
    if let Some(description) = operation["description"].as_str() {
        page.paragraph(&marked(description));
    }
    for reference in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = named(whole, reference);
        page.item(&italic(text(&parameter["name"])), &marked(text(&parameter["description"])));
    }
    let schema = |content: &Value| {
        let schemas = members(&content["content"]).map(|(_, content)| text(&content["schema"]["$ref"]).to_owned());
        let names: Vec<String> = schemas.filter_map(|schema| Some(bold(schema.rsplit_once('/')?.1))).collect();
        names.join(" or ")
    };
    let (sent, answered) = (schema(&operation["requestBody"]), schema(&operation["responses"]["200"]));
    let sent = if sent.is_empty() { String::new() } else { format!("It takes {sent}.\n") };
    let answered = if answered.is_empty() { String::new() } else { format!("It answers {answered}.") };
    if !sent.is_empty() || !answered.is_empty() {
        page.paragraph(&format!("{sent}{answered}"));
    }
}

fn body(page: &mut Page, schema: &Value) {
    if let Some(description) = schema["description"].as_str() {
        page.paragraph(&marked(description));
    }
    for (name, member) in members(&schema["properties"]) {
        page.item(&format!("{} ({})", bold(name), escaped(&kind(member))), &marked(text(&member["description"])));
    }
    for choice in ["oneOf", "anyOf"].iter().filter_map(|key| schema[*key].as_array()).flatten() {
        match (choice["const"].as_str(), choice["$ref"].as_str()) {
            (Some(value), _) => page.item(&bold(value), &marked(text(&choice["description"]))),
            (None, Some(reference)) => page.item(&bold(reference.rsplit('/').next().unwrap_or(reference)), ""),
            _ => values(page, choice),
        }
    }
    values(page, schema);
}

fn values(page: &mut Page, schema: &Value) {
    let values: Vec<String> = schema["enum"].as_array().into_iter().flatten().map(|value| bold(text(value))).collect();
    if !values.is_empty() {
        page.paragraph(&values.join(",\n"));
    }
}

/// The type of a member in words.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or(reference).to_owned();
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    let word = |name: &Value| match text(name) {
        "array" => format!("array of {}", kind(&schema["items"])),
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        other => other.to_owned(),
    };
    types.iter().map(word).collect::<Vec<_>>().join(" or ")
}

/// What a reference leads to.
fn named<'a>(whole: &'a Value, reference: &'a Value) -> &'a Value {
    let pointer = reference["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| whole.pointer(pointer)).unwrap_or(reference)
}

fn members(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    object.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
