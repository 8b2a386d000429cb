//! The paths of a document and what may be done there: which kind, which body, which query parameters.

use serde_json::{Map, Value, json};

use super::parts::{
    READ_TYPES, answers, answers_of, camel_group, capital, parameter, parameters, patch_body, tag, variable,
};
use super::schemas::{Schemas, mark};
use crate::kinds::{Kind, Subresource};

/// Query parameters of reads of a collection.
const LIST: [&str; 10] = [
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];
const DELETE_COLLECTION: [&str; 12] = [
    "continue",
    "dryRun",
    "fieldSelector",
    "gracePeriodSeconds",
    "labelSelector",
    "limit",
    "orphanDependents",
    "propagationPolicy",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
];
const DELETE: [&str; 4] = ["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"];
const WRITE: [&str; 3] = ["dryRun", "fieldManager", "fieldValidation"];
const PATCH: [&str; 4] = ["dryRun", "fieldManager", "fieldValidation", "force"];
const EXEC: [&str; 6] = ["command", "container", "stderr", "stdin", "stdout", "tty"];
const ATTACH: [&str; 5] = ["container", "stderr", "stdin", "stdout", "tty"];
const LOG: [&str; 8] =
    ["container", "follow", "limitBytes", "pretty", "previous", "sinceSeconds", "tailLines", "timestamps"];

/// Adds the paths of one kind.
pub(super) fn add(kind: &Kind, schemas: &mut Schemas<'_>, paths: &mut Map<String, Value>) {
    let place = Place::of(kind);
    let collection = place.collection(schemas);
    if !collection.is_empty() {
        paths.insert(place.path.clone(), place.item(collection, &[]));
    }
    if kind.namespaced && kind.allows("list") {
        let everywhere = place.everywhere(schemas);
        paths.insert(format!("{}/{}", place.root, kind.plural), everywhere);
    }
    let object = place.object(schemas);
    let path = format!("{}/{{name}}", place.path);
    if !object.is_empty() {
        paths.insert(path.clone(), place.item(object, &["name"]));
    }
    for sub in kind.subresources.iter().filter(|sub| sub.name != "proxy") {
        paths.insert(format!("{path}/{}", sub.name), place.part(sub, schemas));
    }
}

/// Adds the path that lists the resources of the group version.
pub(super) fn add_resource_list(
    group: &str,
    version: &str,
    schemas: &mut Schemas<'_>,
    paths: &mut Map<String, Value>,
) {
    let list = schemas.meta("APIResourceList");
    let get = json!({
        "operationId": format!("get{}{}APIResources", camel_group(group), capital(version)),
        "tags": [tag(group, version)],
        "responses": answers(&[200], &list),
    });
    paths.insert(format!("/{}/", super::path(group, version)), json!({"get": get}));
}

/// Where objects of a kind are.
struct Place<'k> {
    kind: &'k Kind,
    /// `/apis/apps/v1`
    root: String,
    /// The collection: `/apis/apps/v1/namespaces/{namespace}/deployments`.
    path: String,
}

/// An operation before it is written down.
struct Operation<'o> {
    /// The word of `x-kubernetes-action`; `connect` for streams.
    action: &'o str,
    /// What the operation's id says between the group version and the kind: `Collection`, the method of a stream.
    middle: &'o str,
    /// What it says behind the kind: the subresource.
    end: String,
    verb: &'o str,
    parameters: &'o [&'o str],
    speaks: Value,
}

impl<'k> Place<'k> {
    fn of(kind: &'k Kind) -> Self {
        let root = format!("/{}", super::path(&kind.group, &kind.version));
        let namespace = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let path = format!("{root}{namespace}/{}", kind.plural);
        Self { kind, root, path }
    }

    fn mark(&self) -> Value {
        mark(&self.kind.group, &self.kind.version, &self.kind.kind)
    }

    fn operation(&self, operation: &Operation<'_>, answers: Value) -> Value {
        let kind = self.kind;
        let scope = if kind.namespaced { "Namespaced" } else { "" };
        let id = format!(
            "{}{}{}{}{scope}{}{}",
            operation.verb,
            camel_group(&kind.group),
            capital(&kind.version),
            operation.middle,
            kind.kind,
            operation.end
        );
        let mut written = json!({
            "operationId": id,
            "tags": [tag(&kind.group, &kind.version)],
            "responses": answers,
            "x-kubernetes-action": operation.action,
            "x-kubernetes-group-version-kind": operation.speaks,
        });
        if !operation.parameters.is_empty() {
            written["parameters"] = parameters(operation.parameters);
        }
        written
    }

    /// What all operations of a path share: the variables in the path, and `pretty`.
    fn item(&self, mut operations: Map<String, Value>, variables: &[&str]) -> Value {
        operations.insert("parameters".to_owned(), self.shared(variables, &["pretty"]));
        Value::Object(operations)
    }

    fn shared(&self, variables: &[&str], query: &[&str]) -> Value {
        let mut all: Vec<Value> = variables.iter().copied().map(variable).collect();
        if self.kind.namespaced {
            all.push(variable("namespace"));
        }
        all.extend(query.iter().copied().map(parameter));
        Value::Array(all)
    }

    fn collection(&self, schemas: &mut Schemas<'_>) -> Map<String, Value> {
        let mut operations = Map::new();
        let plain = |action, verb, parameters| Operation {
            action,
            middle: "",
            end: String::new(),
            verb,
            parameters,
            speaks: self.mark(),
        };
        if self.kind.allows("list") {
            let list = answers_of(&[200], &schemas.list(self.kind), &READ_TYPES);
            operations.insert("get".to_owned(), self.operation(&plain("list", "list", &LIST), list));
        }
        if self.kind.allows("create") {
            let object = schemas.kind(self.kind);
            let mut post =
                self.operation(&plain("post", "create", &WRITE), answers(&[200, 201, 202], &object));
            post["requestBody"] = json!({"content": {"*/*": {"schema": object}}, "required": true});
            operations.insert("post".to_owned(), post);
        }
        if self.kind.allows("deletecollection") {
            let operation =
                Operation { middle: "Collection", ..plain("deletecollection", "delete", &DELETE_COLLECTION) };
            let mut delete = self.operation(&operation, answers(&[200], &schemas.meta("Status")));
            delete["requestBody"] = json!({"content": {"*/*": {"schema": schemas.meta("DeleteOptions")}}});
            operations.insert("delete".to_owned(), delete);
        }
        operations
    }

    /// The collection over all namespaces.
    fn everywhere(&self, schemas: &mut Schemas<'_>) -> Value {
        let kind = self.kind;
        let id = format!(
            "list{}{}{}ForAllNamespaces",
            camel_group(&kind.group),
            capital(&kind.version),
            kind.kind
        );
        let get = json!({
            "operationId": id,
            "tags": [tag(&kind.group, &kind.version)],
            "responses": answers_of(&[200], &schemas.list(kind), &READ_TYPES),
            "x-kubernetes-action": "list",
            "x-kubernetes-group-version-kind": self.mark(),
        });
        let query = LIST.iter().copied().chain(["pretty"]).map(parameter).collect();
        json!({"get": get, "parameters": Value::Array(query)})
    }

    fn object(&self, schemas: &mut Schemas<'_>) -> Map<String, Value> {
        let speaks = schemas.kind(self.kind);
        let mut operations = self.whole("", &self.kind.verbs, &speaks, &self.mark(), schemas);
        if self.kind.allows("delete") {
            let operation = Operation {
                action: "delete",
                middle: "",
                end: String::new(),
                verb: "delete",
                parameters: &DELETE,
                speaks: self.mark(),
            };
            let mut delete = self.operation(&operation, answers(&[200, 202], &schemas.meta("Status")));
            delete["requestBody"] = json!({"content": {"*/*": {"schema": schemas.meta("DeleteOptions")}}});
            operations.insert("delete".to_owned(), delete);
        }
        operations
    }

    /// Reading, replacing and patching of an object or a part of it that speaks one kind.
    fn whole(
        &self,
        end: &str,
        verbs: &[smol_str::SmolStr],
        schema: &Value,
        speaks: &Value,
        schemas: &mut Schemas<'_>,
    ) -> Map<String, Value> {
        let mut operations = Map::new();
        for (verb, method, action, word, parameters) in [
            ("get", "get", "get", "read", &[] as &[&str]),
            ("update", "put", "put", "replace", &WRITE),
            ("patch", "patch", "patch", "patch", &PATCH),
        ] {
            if !verbs.iter().any(|known| known == verb) {
                continue;
            }
            let operation = Operation {
                action,
                middle: "",
                end: end.to_owned(),
                verb: word,
                parameters,
                speaks: speaks.clone(),
            };
            let codes: &[u16] = if verb == "get" { &[200] } else { &[200, 201] };
            let mut written = self.operation(&operation, answers(codes, schema));
            match verb {
                "update" => {
                    written["requestBody"] =
                        json!({"content": {"*/*": {"schema": schema}}, "required": true});
                }
                "patch" => written["requestBody"] = patch_body(&schemas.meta("Patch"), self.kind.is_custom()),
                _ => {}
            }
            operations.insert(method.to_owned(), written);
        }
        operations
    }

    /// A subresource.
    fn part(&self, sub: &Subresource, schemas: &mut Schemas<'_>) -> Value {
        let kind = self.kind;
        let group = sub.group.as_deref().unwrap_or(&kind.group);
        let version = sub.version.as_deref().unwrap_or(&kind.version);
        let speaks = mark(group, version, &sub.kind);
        let end = capital(&sub.name);
        match sub.name.as_str() {
            "exec" => return self.stream(sub, speaks, &EXEC),
            "attach" => return self.stream(sub, speaks, &ATTACH),
            "portforward" => return self.stream(sub, speaks, &["ports"]),
            "log" => return self.log(speaks),
            _ => {}
        }
        let own = sub.kind == kind.kind && group == kind.group && version == kind.version;
        let schema = if own { schemas.kind(kind) } else { schemas.other(group, version, &sub.kind) };
        let mut operations = self.whole(&end, &sub.verbs, &schema, &speaks, schemas);
        if sub.verbs.iter().any(|verb| verb == "create") {
            let operation =
                Operation { action: "post", middle: "", end, verb: "create", parameters: &WRITE, speaks };
            let mut post = self.operation(&operation, answers(&[200, 201, 202], &schema));
            post["requestBody"] = json!({"content": {"*/*": {"schema": schema}}, "required": true});
            operations.insert("post".to_owned(), post);
        }
        self.item(operations, &["name"])
    }

    /// What leaves HTTP: both methods mean the same.
    fn stream(&self, sub: &Subresource, speaks: Value, query: &[&str]) -> Value {
        let mut operations = Map::new();
        let text = json!({"200": {"description": "OK", "content": {"*/*": {"schema": {"type": "string"}}}}});
        for (method, middle) in [("get", "Get"), ("post", "Post")] {
            let operation = Operation {
                action: "connect",
                middle,
                end: capital(&sub.name),
                verb: "connect",
                parameters: &[],
                speaks: speaks.clone(),
            };
            operations.insert(method.to_owned(), self.operation(&operation, text.clone()));
        }
        operations.insert("parameters".to_owned(), self.shared(&["name"], query));
        Value::Object(operations)
    }

    fn log(&self, speaks: Value) -> Value {
        let text =
            json!({"200": {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}});
        let operation = Operation {
            action: "get",
            middle: "",
            end: "Log".to_owned(),
            verb: "read",
            parameters: &[],
            speaks,
        };
        let get = self.operation(&operation, text);
        json!({"get": get, "parameters": self.shared(&["name"], &LOG)})
    }
}
