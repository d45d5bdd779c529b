//! The API as an OpenAPI 3.1 document, which the daemon serves at `/v1/openapi.json`.
//!
//! It is written by hand, so that it reads well. Tests compare it with the route table, the codes of problems and the types of bodies,
//! its examples with the types (`golden_tests`), and what the daemon answers to its own tests.

/// The document, as JSON.
pub const DOCUMENT: &str = include_str!("../openapi.json");

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;
    use crate::route::Row;
    use crate::{ErrorCode, Route, VERSION};

    /// Each row of the route table once for each of its paths, with the name under which the document has it.
    fn rows() -> impl Iterator<Item = (String, &'static Row)> {
        let of_row = |row: &&'static Row| {
            let row = *row;
            row.paths.iter().map(move |path| (format!("{} {path}", row.method), row))
        };
        Route::TABLE.iter().flat_map(of_row)
    }

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).expect("JSON")
    }

    /// Each operation with its method and path.
    fn operations(document: &Value) -> Vec<(String, Value)> {
        let paths = document["paths"].as_object().expect("paths");
        let of = |(path, operations): (&String, &Value)| {
            let operations = operations.as_object().expect("operations").clone();
            let path = path.clone();
            operations.into_iter().map(move |(method, it)| (format!("{} {path}", method.to_uppercase()), it))
        };
        paths.iter().flat_map(of).collect()
    }

    /// The parameters of an operation that stand there.
    fn parameters(document: &Value, operation: &Value, place: &str) -> BTreeSet<String> {
        let references = operation["parameters"].as_array().cloned().unwrap_or_default();
        let parameters = references.iter().map(|reference| {
            let pointer = reference["$ref"].as_str().and_then(|it| it.strip_prefix('#')).expect("a reference");
            document.pointer(pointer).unwrap_or_else(|| panic!("there is no {pointer}"))
        });
        let here = parameters.filter(|parameter| parameter["in"] == place);
        here.map(|parameter| parameter["name"].as_str().expect("a name").to_owned()).collect()
    }

    #[test]
    fn it_has_the_rows_of_the_route_table_and_no_others() {
        let documented: BTreeSet<String> = operations(&document()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(documented, rows().map(|(name, _)| name).collect());
    }

    #[test]
    fn its_operations_take_and_answer_what_the_route_table_says() {
        let document = document();
        let operations: BTreeMap<String, Value> = operations(&document).into_iter().collect();
        for (name, row) in rows() {
            let operation = &operations[&name];
            let in_path: BTreeSet<String> = name.split(['{', '}']).skip(1).step_by(2).map(str::to_owned).collect();
            assert_eq!(parameters(&document, operation, "path"), in_path, "{name}");
            let names_session = !row.paths[0].contains('{') && !in_path.is_empty();
            let members = |parameter: &&'static str| match *parameter {
                "selector" if names_session => vec![],
                "selector" => vec!["session", "profile", "start_url"],
                "files" => vec!["config", "credentials"],
                "topics" => vec!["kind"],
                other => vec![other],
            };
            let expected = row.parameters.iter().flat_map(members).map(str::to_owned).collect();
            assert_eq!(parameters(&document, operation, "query"), expected, "{name}");
            let schema = |content: &Value| {
                let content = &content["content"];
                let of_type = |media_type: &str| content[media_type]["schema"]["$ref"].as_str();
                let reference = of_type(crate::JSON).or_else(|| of_type(crate::JSON_LINES));
                reference.and_then(|reference| reference.rsplit('/').next()).map(str::to_owned)
            };
            assert_eq!(schema(&operation["requestBody"]).as_deref(), row.body, "{name}");
            let answer = schema(&operation["responses"]["200"]);
            assert_eq!(answer.as_deref().unwrap_or("Document"), row.answer, "{name}");
        }
    }

    /// The types of a schema's members, without descriptions and limits.
    fn members(schema: &Value) -> BTreeMap<String, String> {
        let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("no members: {schema}"));
        properties.iter().map(|(name, member)| (name.clone(), shape(member))).collect()
    }

    fn shape(schema: &Value) -> String {
        if let Some(reference) = schema["$ref"].as_str() {
            return reference.rsplit('/').next().expect("a name").to_owned();
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            return choices.iter().map(shape).collect::<Vec<_>>().join(" or ");
        }
        let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
        let shape = |name: &Value| match name.as_str().unwrap_or_else(|| panic!("no type: {schema}")) {
            "array" => format!("array of {}", self::shape(&schema["items"])),
            "string" if schema["format"] == "date-time" => "time".to_owned(),
            other => other.to_owned(),
        };
        types.iter().map(shape).collect::<Vec<_>>().join(" or ")
    }

    /// The values of an enumeration that are sent. `unknown` stands for those that a version does not know.
    fn values(schema: &Value) -> BTreeSet<String> {
        let of_choices = schema["oneOf"].as_array().into_iter().flatten().flat_map(|choice| match choice["const"] {
            Value::Null => choice["enum"].as_array().cloned().unwrap_or_default(),
            ref value => vec![value.clone()],
        });
        let listed = schema["enum"].as_array().cloned().unwrap_or_default();
        let all = of_choices.chain(listed).map(|value| value.as_str().expect("text").to_owned());
        all.filter(|value| value != "unknown").collect()
    }

    /// The members of a type that leaves those without a value out.
    fn sent(members: BTreeMap<String, String>) -> BTreeMap<String, String> {
        members.into_iter().map(|(name, shape)| (name, shape.trim_end_matches(" or null").to_owned())).collect()
    }

    #[test]
    fn its_schemas_are_those_of_the_types() {
        let document = document();
        let documented = &document["components"]["schemas"];
        let types = Route::schemas();
        for (name, schema) in types.iter().filter(|(name, _)| *name != "Login") {
            if name == "Event" {
                assert_eq!(sent(members(schema)), members(&documented[name]), "{name}");
            } else if schema["properties"].is_object() {
                assert_eq!(members(schema), members(&documented[name]), "{name}");
            } else {
                assert_eq!(values(schema), values(&documented[name]), "{name}");
            }
        }
        let problem = members(&schemars::schema_for!(crate::Problem).to_value());
        assert_eq!(sent(problem), members(&documented["Problem"]));
        let of_process = members(&schemars::schema_for!(crate::grant::ProcessCredentials).to_value());
        assert_eq!(of_process, members(&documented["ProcessCredentials"]));
        // The document has a schema for each kind of `Login`, which its example and `golden_tests` cover.
        let others = ["SignedIn", "Pending", "Problem", "ErrorCode", "ProcessCredentials"];
        let all: BTreeSet<&str> = types.keys().map(String::as_str).chain(others).collect();
        assert_eq!(all, documented.as_object().expect("schemas").keys().map(String::as_str).collect());
    }

    #[test]
    fn it_has_the_codes_of_problems_with_their_statuses() {
        let document = document();
        let codes = document["components"]["schemas"]["ErrorCode"]["oneOf"].as_array().expect("codes").clone();
        let documented: Vec<&str> = codes.iter().filter_map(|code| code["const"].as_str()).collect();
        assert_eq!(documented, ErrorCode::ALL.iter().map(ErrorCode::as_str).collect::<Vec<_>>());
        for (code, known) in codes.iter().zip(ErrorCode::ALL) {
            let words = format!("Sent with status {}.", known.status());
            assert!(code["description"].as_str().is_some_and(|text| text.ends_with(&words)), "{code}");
        }
    }

    #[test]
    fn it_is_of_this_version_and_its_operations_have_names_of_their_own() {
        let document = document();
        assert_eq!(document["info"]["version"], VERSION);
        let names: Vec<String> =
            operations(&document).iter().map(|(_, operation)| operation["operationId"].to_string()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    }
}
