//! The OpenAPI document: what the handlers say, and what is true for all of them.

use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use utoipa::PartialSchema;
use utoipa::openapi::OpenApi;

use crate::http::error::ProblemBody;

/// Where the document is.
pub(super) const PATH: &str = "/api/openapi.json";

/// Adds the parameters in paths, the answer to everything that fails, and the key.
pub(super) fn finish(document: &OpenApi) -> Bytes {
    let mut value = serde_json::to_value(document).unwrap_or_default();
    value["openapi"] = json!("3.1.0");
    value["info"] = json!({
        "title": "Mintmark",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Times are RFC 3339 in UTC. Unknown fields are refused with 422. Codes and \
            passwords are never in an answer.",
    });
    value["components"]["schemas"]["Problem"] =
        serde_json::to_value(ProblemBody::schema()).unwrap_or_default();
    value["components"]["securitySchemes"]["key"] = json!({ "type": "http", "scheme": "bearer" });
    value["security"] = json!([{ "key": [] }]);
    value["paths"][PATH] = json!({ "get": {
        "tags": ["about"], "operationId": "openapi", "security": [],
        "responses": { "200": { "description": "this document", "content": { "application/json": {} } } },
    }});
    let problem = json!({
        "description": "a problem document (RFC 9457)",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    if let Some(paths) = value["paths"].as_object_mut() {
        for (path, methods) in paths {
            let named: Vec<Value> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
                .collect();
            for (method, operation) in methods.as_object_mut().into_iter().flatten() {
                operation["operationId"] = json!(format!(
                    "{method}_{}",
                    path.trim_start_matches("/api/v1/").replace(['/', '-', '.'], "_").replace(['{', '}'], "")
                ));
                operation["responses"]["default"] = problem.clone();
                let mut parameters = named.clone();
                parameters.extend(operation["parameters"].as_array().cloned().unwrap_or_default());
                operation["parameters"] = Value::Array(parameters);
            }
        }
    }
    Bytes::from(serde_json::to_vec(&value).unwrap_or_default())
}

/// Hands it out.
pub(super) async fn answer(document: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document)
}
