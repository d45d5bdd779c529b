//! Compares JSON with the schemas of the OpenAPI document. It knows the keywords that the document uses and panics at any other,
//! so that none is ignored. A member that the document does not have is an error.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use ssoctl_protocol::{Timestamp, openapi};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(openapi::DOCUMENT).expect("JSON"));

/// Compares JSON with the schema of this name.
///
/// # Errors
/// The place and the kind of a difference.
pub fn check(schema: &str, value: &Value) -> Result<(), String> {
    let schema = &DOCUMENT["components"]["schemas"][schema];
    assert!(schema.is_object(), "there is no such schema");
    holds(schema, value, "$").and_then(|()| declares(&[schema], value, "$"))
}

/// The members that an object of this schema has in any case, perhaps as null; `None` for a schema of several kinds.
pub fn required_or_null(schema: &str) -> Option<BTreeSet<String>> {
    let schema: &'static Value = &DOCUMENT["components"]["schemas"][schema];
    let required = schema["required"].as_array()?;
    let members = schema["properties"].as_object()?.iter();
    let always = members.filter(|(name, member)| {
        required.contains(&Value::from(name.as_str())) || holds(member, &Value::Null, "$").is_ok()
    });
    Some(always.map(|(name, _)| name.clone()).collect())
}

/// Compares an answer with the document's description of this request, `METHOD TARGET`.
///
/// # Errors
/// The place and the kind of a difference.
pub fn check_answer(request: &str, status: u16, content_type: &str, body: &str) -> Result<(), String> {
    let value: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let content = match status {
        200 => operation(request)
            .map(|operation| &operation["responses"]["200"]["content"])
            .ok_or_else(|| format!("{request} has an answer, but is not in the document"))?,
        _ => &DOCUMENT["components"]["responses"]["Problem"]["content"],
    };
    let schema =
        &content.get(content_type).ok_or_else(|| format!("{content_type} is none of its media types"))?["schema"];
    holds(schema, &value, "$").and_then(|()| if is_free(schema) { Ok(()) } else { declares(&[schema], &value, "$") })
}

/// The operation of a request.
fn operation(request: &str) -> Option<&'static Value> {
    let (method, target) = request.split_once(' ')?;
    let path: Vec<&str> = target.split('?').next()?.split('/').collect();
    let is_meant = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        let agrees = |(part, given): (&&str, &&str)| part == given || (part.starts_with('{') && !given.is_empty());
        template.len() == path.len() && template.iter().zip(&path).all(agrees)
    };
    let paths = DOCUMENT["paths"].as_object()?;
    let (_, operations) = paths.iter().find(|(template, _)| is_meant(template))?;
    operations.get(method.to_lowercase())
}

/// Whether a schema allows any members.
fn is_free(schema: &Value) -> bool {
    schema.get("$ref").is_none() && schema.get("properties").is_none()
}

fn resolve(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => resolve(DOCUMENT.pointer(pointer).unwrap_or_else(|| panic!("there is no {pointer}"))),
        None => schema,
    }
}

fn require(holds: bool, at: &str, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{at}: {}", why())) }
}

fn holds(schema: &'static Value, value: &Value, at: &str) -> Result<(), String> {
    let rules: &'static Map<String, Value> = resolve(schema).as_object().expect("a schema is an object");
    let among = |schemas: &'static Value| {
        let schemas = schemas.as_array().expect("schemas").iter();
        schemas.filter(|schema| holds(schema, value, at).is_ok()).count()
    };
    for (keyword, rule) in rules {
        match keyword.as_str() {
            "description" | "examples" => {}
            "type" => {
                let types: Vec<&str> = rule
                    .as_array()
                    .map_or_else(|| vec![rule], |types| types.iter().collect())
                    .into_iter()
                    .filter_map(Value::as_str)
                    .collect();
                require(types.iter().any(|it| is_a(it, value)), at, || format!("not {types:?}"))?;
            }
            "format" if rule == "date-time" => {
                let is_time = value.as_str().is_none_or(|text| text.parse::<Timestamp>().is_ok());
                require(is_time, at, || format!("not a time: {value}"))?;
            }
            "format" if rule == "password" => {}
            "pattern" if rule == "^[0-9]{12}$" => {
                let is_id = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
                require(value.as_str().is_none_or(is_id), at, || format!("not twelve digits: {value}"))?;
            }
            "pattern" if rule == r"^[!#-\[\]-~]+$" => {
                let is_printed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
                let is_scope = |text: &str| !text.is_empty() && text.bytes().all(is_printed);
                require(value.as_str().is_none_or(is_scope), at, || format!("not a scope: {value}"))?;
            }
            "minimum" => {
                let is_enough = value.as_i64().is_none_or(|number| Some(number) >= rule.as_i64());
                require(is_enough, at, || format!("{value} is below {rule}"))?;
            }
            "maximum" => {
                let is_little = value.as_i64().is_none_or(|number| Some(number) <= rule.as_i64());
                require(is_little, at, || format!("{value} is above {rule}"))?;
            }
            "const" => require(value == rule, at, || format!("{value} is not {rule}"))?,
            "enum" => {
                let is_one = rule.as_array().expect("values").contains(value);
                require(is_one, at, || format!("{value} is none of {rule}"))?;
            }
            "required" => {
                for name in rule.as_array().expect("names").iter().filter_map(Value::as_str) {
                    let is_there = value.as_object().is_none_or(|members| members.contains_key(name));
                    require(is_there, at, || format!("{name} is missing"))?;
                }
            }
            "properties" => {
                for (name, schema) in rule.as_object().expect("members") {
                    if let Some(member) = value.as_object().and_then(|members| members.get(name)) {
                        holds(schema, member, &format!("{at}.{name}"))?;
                    }
                }
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    holds(rule, item, &format!("{at}[]"))?;
                }
            }
            "allOf" => {
                for schema in rule.as_array().expect("schemas") {
                    holds(schema, value, at)?;
                }
            }
            "anyOf" => require(among(rule) > 0, at, || format!("none of {rule}"))?,
            "oneOf" => require(among(rule) == 1, at, || format!("{} of {rule}", among(rule)))?,
            other => panic!("{at}: the keyword {other} is not known here"),
        }
    }
    Ok(())
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("there is no type {other}"),
    }
}

/// Checks that these schemas have every member, at any depth.
fn declares(schemas: &[&'static Value], value: &Value, at: &str) -> Result<(), String> {
    let mut all: Vec<&'static Value> = schemas.iter().copied().map(resolve).collect();
    let mut next = 0;
    while let Some(schema) = all.get(next) {
        let parts = ["allOf", "anyOf", "oneOf"].iter().filter_map(|keyword| schema[keyword].as_array());
        let parts: Vec<_> = parts.flatten().map(resolve).collect();
        all.extend(parts);
        next += 1;
    }
    if let Some(members) = value.as_object() {
        for (name, member) in members {
            let known: Vec<_> = all.iter().filter_map(|schema| schema["properties"].get(name)).collect();
            require(!known.is_empty(), at, || format!("{name} is not in the document"))?;
            declares(&known, member, &format!("{at}.{name}"))?;
        }
    }
    let items: Vec<_> = all.iter().filter_map(|schema| schema.get("items")).collect();
    value.as_array().into_iter().flatten().try_for_each(|item| declares(&items, item, &format!("{at}[]")))
}
