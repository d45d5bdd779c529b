//! The API as an OpenAPI 3.1 document, which the daemon serves at `/v1/openapi.json`.
//!
//! It is written by hand, so that it reads well, and held to the truth by tests: it has the rows of the route table and no
//! others, the codes of problems, every member of the golden JSON, and what the daemon answers to its own tests.

/// The document, as JSON.
pub const DOCUMENT: &str = include_str!("../openapi.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::route::{Query, Selector};
    use crate::{ErrorCode, Route, VERSION};

    /// Writes each row down once: the match has to have all of them, and the list is made of the same rows.
    macro_rules! rows {
        ($($route:pat => $row:literal,)+) => {
            const ROWS: &[&str] = &[$($row),+];

            fn row(route: &Route) -> &'static str {
                match route {
                    $($route => $row,)+
                }
            }
        };
    }

    rows! {
        Route::Health => "GET /v1/health",
        Route::OpenApi => "GET /v1/openapi.json",
        Route::Sessions => "GET /v1/sessions",
        Route::AddSession => "POST /v1/sessions",
        Route::Resolve => "GET /v1/session",
        Route::Session(_) => "GET /v1/sessions/{name}",
        Route::Token => "GET /v1/token",
        Route::SessionToken(_) => "GET /v1/sessions/{name}/token",
        Route::StartLogin(_) => "POST /v1/sessions/{name}/login",
        Route::AwaitLogin(_) => "GET /v1/sessions/{name}/login",
        Route::CancelLogin(_) => "DELETE /v1/sessions/{name}/login",
        Route::Logout(_) => "POST /v1/sessions/{name}/logout",
        Route::LogoutAll => "POST /v1/logout",
        Route::Import => "POST /v1/import",
        Route::Credentials => "GET /v1/credentials",
        Route::SessionCredentials(_) => "GET /v1/sessions/{name}/credentials",
        Route::Assignment => "GET /v1/assignment",
        Route::Accounts(_) => "GET /v1/sessions/{name}/accounts",
        Route::Roles { .. } => "GET /v1/sessions/{name}/accounts/{id}/roles",
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
        let document = document();
        let documented: BTreeSet<String> = operations(&document).into_iter().map(|(row, _)| row).collect();
        assert_eq!(documented, ROWS.iter().copied().map(str::to_owned).collect());
        for known in ROWS {
            let request = known.replace("{name}", "my%20corp").replace("{id}", "111122223333");
            let (method, path) = request.split_once(' ').expect("a method and a path");
            let route = Route::parse(method, path).unwrap_or_else(|why| panic!("{request}: {why:?}"));
            assert_eq!(row(&route), *known);
        }
    }

    #[test]
    fn it_has_the_parameters_of_paths_and_queries() {
        let document = document();
        let mut in_queries = BTreeSet::new();
        for (row, operation) in operations(&document) {
            let in_path: BTreeSet<String> = row.split(['{', '}']).skip(1).step_by(2).map(str::to_owned).collect();
            assert_eq!(parameters(&document, &operation, "path"), in_path, "{row}");
            in_queries.extend(parameters(&document, &operation, "query"));
        }
        // Every member, so that a new one has to be added here.
        let whole = |selector| Query {
            selector,
            config: Some("/".to_owned()),
            credentials: Some("/".to_owned()),
            account: Some(String::new()),
            role: Some(String::new()),
            min_valid: 1,
            wait: 1,
            if_needed: true,
            fresh: true,
            forget: true,
            flow: Some(1),
        };
        let one = String::new;
        let selectors = [Selector::Session(one()), Selector::Profile(one()), Selector::StartUrl(one())];
        let written: String = selectors.into_iter().map(|selector| whole(selector).to_string()).collect();
        let pairs = written.split(['?', '&']).filter_map(|pair| pair.split_once('='));
        assert_eq!(in_queries, pairs.map(|(name, _)| name.to_owned()).collect());
    }

    /// The documentation of [`Route`] is what people read who write clients in Rust.
    #[test]
    fn it_says_of_parameters_and_answers_what_the_routes_say() {
        let document = document();
        let routes = include_str!("route.rs").split_once("pub enum Route {").and_then(|(_, it)| it.split_once("\n}\n"));
        // What stands above a variant, in one line with the variant before it.
        let above = routes.expect("the routes").0.replace("\n    /// ", " ");
        let mut rows = BTreeSet::new();
        for (_, row) in above.lines().filter_map(|line| line.split_once('`')) {
            let (request, rest) = row.split_once('`').expect("an end of the request");
            let (row, query) = request.split_once('?').unwrap_or((request, ""));
            let query = query.replace("SELECTOR", "session=&profile=&start_url=");
            let query = query.replace("FILES", "config=&credentials=");
            let expected: BTreeSet<String> =
                query.split('&').filter_map(|it| it.strip_suffix('=')).map(str::to_owned).collect();
            let operation = operations(&document).into_iter().find(|(known, _)| known == row);
            let (_, operation) = operation.unwrap_or_else(|| panic!("{row} is not in the document"));
            assert_eq!(parameters(&document, &operation, "query"), expected, "{row}");
            if let Some(schema) =
                operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].as_str()
            {
                let name = schema.rsplit('/').next().expect("a name");
                assert!(rest.contains(&format!("::{name})")), "{row} answers with {name}, and the route says {rest}");
            }
            rows.insert(row);
        }
        assert_eq!(rows, ROWS.iter().copied().collect());
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
