//! The document's paths and operations are a contract with clients: a change is deliberate, and
//! shows as a change of the file beside this one. `HEFU_BLESS=1` writes it anew.

use std::fmt::Write;

use utoipa::openapi::OpenApi;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/tests/operations.txt");

/// One line for each operation: method, path, id, parameters, statuses.
fn operations(document: &OpenApi) -> String {
    let json = serde_json::to_value(document).unwrap();
    let mut lines = String::new();
    for (path, item) in json["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let names: Vec<String> = parameters
                .iter()
                .map(|parameter| {
                    let optional = if parameter["required"] == true { "" } else { "?" };
                    format!("{}{optional}", parameter["name"].as_str().unwrap())
                })
                .collect();
            let statuses: Vec<&String> =
                operation["responses"].as_object().unwrap().keys().collect();
            let id = operation["operationId"].as_str().unwrap();
            let statuses = statuses.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(" ");
            let names = names.join(" ");
            writeln!(lines, "{method} {path} {id} ({names}) {statuses}").unwrap();
        }
    }
    lines
}

#[test]
fn operations_are_those_agreed_on() {
    let document = crate::api::openapi();
    let found = operations(&document);
    if std::env::var_os("HEFU_BLESS").is_some() {
        std::fs::write(FILE, &found).unwrap();
    }
    let agreed = include_str!("operations.txt");
    assert_eq!(found, agreed, "the interface changed; HEFU_BLESS=1 accepts it");
}

#[test]
fn the_document_is_whole() {
    let json = serde_json::to_value(crate::api::openapi()).unwrap();
    assert!(json["openapi"].as_str().unwrap().starts_with("3.1"));
    let text = json.to_string();
    // Every reference leads somewhere.
    for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(json["components"]["schemas"][name].is_object(), "{name}");
    }
    let mut ids = std::collections::BTreeSet::new();
    for item in json["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
            assert!(operation["responses"]["default"].is_object());
            assert!(operation["summary"].is_string(), "{operation}");
        }
    }
}
