//! Derives from the Go sources of Kubernetes what OpenAPI leaves out: the Go type of every field, and what becomes of
//! its zero value.
//!
//! `cargo run -p v9s-sandbox --example derive_go -- <module cache>/k8s.io 0.36.2` reads the `types.go` of the modules
//! `api`, `apimachinery` and `kube-aggregator` there and writes `sandbox/kinds/go.jsonl`: for each schema of
//! `schemas.jsonl`, by field, a mark and the Go type. Marks: `-` the zero value is left out (`omitempty` or `omitzero`
//! of a plain type), `+` it is always written, `?` the field is a pointer, so that only nothing is left out, `!` a pointer whose nothing is
//! written as null.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The types of one package, by name.
#[derive(Default)]
struct Package {
    types: HashMap<String, Type>,
    /// Import names and the paths they stand for.
    imports: HashMap<String, String>,
}

enum Type {
    Struct(Vec<Field>),
    /// Another type under a new name.
    Named(String),
}

struct Field {
    go: String,
    json: String,
    inline: bool,
    omit_empty: bool,
    omit_zero: bool,
}

fn main() -> io::Result<()> {
    let mut args = env::args_os().skip(1);
    let (Some(modules), Some(version)) = (args.next(), args.next()) else {
        return Err(io::Error::other("usage: derive_go <module cache>/k8s.io <version>"));
    };
    let (modules, version) = (PathBuf::from(modules), version.to_string_lossy().into_owned());
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("kinds");
    let schemas = fs::read_to_string(kinds.join("schemas.jsonl"))?;
    let mut packages: HashMap<String, Package> = HashMap::new();
    let mut lines = BTreeMap::new();
    for name in schemas.lines().filter_map(|line| line.split_once('\t')).map(|(name, _)| name) {
        let Some((package, kind)) = place(name) else { continue };
        load(&mut packages, &modules, &version, &package)?;
        let mut fields = BTreeMap::new();
        collect(&mut packages, &modules, &version, &package, kind, &mut fields)?;
        let fields: Vec<String> = fields.iter().map(|(json, go)| format!("{json:?}:{go:?}")).collect();
        if !fields.is_empty() {
            lines.insert(name.to_owned(), format!("{name}\t{{{}}}\n", fields.join(",")));
        }
    }
    fs::write(kinds.join("go.jsonl"), lines.into_values().collect::<String>())
}

/// Import path and type name of an OpenAPI name. The types of custom resource definitions write themselves.
fn place(name: &str) -> Option<(String, &str)> {
    let (package, kind) = name.rsplit_once('.')?;
    let path = package.strip_prefix("io.k8s.")?.replace('.', "/");
    (!path.starts_with("apiextensions")).then(|| (format!("k8s.io/{path}"), kind))
}

fn load(
    packages: &mut HashMap<String, Package>,
    modules: &Path,
    version: &str,
    package: &str,
) -> io::Result<()> {
    if packages.contains_key(package) {
        return Ok(());
    }
    let mut loaded = Package::default();
    let path = package.trim_start_matches("k8s.io/");
    let (module, inner) = path.split_once('/').unwrap_or((path, ""));
    let folder = modules.join(format!("{module}@v{version}")).join(inner);
    if folder.is_dir() {
        for file in fs::read_dir(&folder)? {
            let file = file?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".go")
                && !name.ends_with("_test.go")
                && !name.starts_with("zz_")
                && !name.contains(".pb.")
            {
                read(&fs::read_to_string(&file)?, &mut loaded);
            }
        }
    }
    packages.insert(package.to_owned(), loaded);
    Ok(())
}

/// Reads the types and imports of one file.
fn read(text: &str, package: &mut Package) {
    let mut open: Option<(String, Vec<Field>)> = None;
    let mut importing = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("//") {
            continue;
        }
        if let Some((name, mut fields)) = open.take() {
            if line == "}" {
                package.types.insert(name, Type::Struct(fields));
            } else {
                fields.extend(field(line));
                open = Some((name, fields));
            }
            continue;
        }
        if line == "import (" {
            importing = true;
        } else if line == ")" {
            importing = false;
        } else if importing && let Some((alias, path)) = line.split_once('"') {
            let path = path.trim_end_matches('"');
            let alias = match alias.trim() {
                "" => path.rsplit('/').next().unwrap_or(path),
                alias => alias,
            };
            package.imports.insert(alias.to_owned(), path.to_owned());
        } else if let Some(rest) = line.strip_prefix("type ")
            && let Some((name, of)) = rest.split_once(' ')
        {
            match of.trim_start_matches('=').trim() {
                "struct {" => open = Some((name.to_owned(), Vec::new())),
                other => {
                    package.types.insert(name.to_owned(), Type::Named(other.to_owned()));
                }
            }
        }
    }
}

/// Reads a line such as ``Name *int32 `json:"name,omitempty" …` ``.
fn field(line: &str) -> Option<Field> {
    let (declaration, tags) = line.split_once('`')?;
    let tag = tags.split_once("json:\"")?.1.split('"').next()?;
    let mut words = tag.split(',');
    let json = words.next().unwrap_or_default().to_owned();
    let words: Vec<&str> = words.collect();
    let go = declaration.split_whitespace().last()?.to_owned();
    Some(Field {
        go,
        inline: words.contains(&"inline") || json.is_empty(),
        omit_empty: words.contains(&"omitempty"),
        omit_zero: words.contains(&"omitzero"),
        json,
    })
}

/// The fields of a struct with those of the structs in it.
fn collect(
    packages: &mut HashMap<String, Package>,
    modules: &Path,
    version: &str,
    package: &str,
    kind: &str,
    into: &mut BTreeMap<String, String>,
) -> io::Result<()> {
    let mut inner = Vec::new();
    if let Some(Package { types, .. }) = packages.get(package)
        && let Some(Type::Struct(fields)) = types.get(kind)
    {
        for field in fields {
            if field.inline {
                inner.push(field.go.trim_start_matches('*').to_owned());
            } else if field.json != "-" {
                let plain = plain(types, &field.go);
                let mark = match plain {
                    Plain::Pointer if field.omit_empty || field.omit_zero => '?',
                    Plain::Pointer => '!',
                    _ if field.omit_zero => '-',
                    Plain::Struct => '+',
                    Plain::Other if field.omit_empty => '-',
                    Plain::Other => '+',
                };
                into.insert(field.json.clone(), format!("{mark}{}", shown(package, types, &field.go)));
            }
        }
    }
    for name in inner {
        let (other, kind) = match name.split_once('.') {
            Some((alias, kind)) => {
                let imports = packages.get(package).map(|p| &p.imports);
                match imports.and_then(|imports| imports.get(alias)) {
                    Some(path) => (path.clone(), kind.to_owned()),
                    None => continue,
                }
            }
            None => (package.to_owned(), name),
        };
        // Kind and version are always written, whatever Go says.
        if kind != "TypeMeta" && other.starts_with("k8s.io/") {
            load(packages, modules, version, &other)?;
            collect(packages, modules, version, &other, &kind, into)?;
        }
    }
    Ok(())
}

enum Plain {
    Pointer,
    Struct,
    Other,
}

/// What a Go type is underneath.
fn plain(types: &HashMap<String, Type>, go: &str) -> Plain {
    if go.starts_with('*') {
        return Plain::Pointer;
    }
    if go.starts_with('[') || go.starts_with("map[") {
        return Plain::Other;
    }
    match (types.get(go), go.split_once('.')) {
        (Some(Type::Struct(_)), _) => Plain::Struct,
        (Some(Type::Named(other)), _) => plain(types, other),
        // Names for text and maps in other packages.
        (None, Some((_, kind))) => match kind {
            "UID"
            | "NodeName"
            | "ResourceName"
            | "ResourceList"
            | "Protocol"
            | "URIScheme"
            | "ConditionStatus"
            | "LabelSelectorOperator"
            | "DeletionPropagation"
            | "ManagedFieldsOperationType"
            | "NamespacedName" => Plain::Other,
            _ if kind.ends_with("Mode")
                || kind.ends_with("Policy")
                || kind.ends_with("Type")
                || kind.ends_with("Family") =>
            {
                Plain::Other
            }
            _ => Plain::Struct,
        },
        _ => Plain::Other,
    }
}

/// A Go type as messages of its JSON decoder show it: with the package's last part, without the pointer.
fn shown(package: &str, types: &HashMap<String, Type>, go: &str) -> String {
    let last = package.rsplit('/').next().unwrap_or(package);
    let go = go.trim_start_matches('*');
    if let Some(item) = go.strip_prefix("[]") {
        return format!("[]{}", shown(package, types, item));
    }
    if let Some((key, value)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
        return format!("map[{}]{}", shown(package, types, key), shown(package, types, value));
    }
    match go.split_once('.') {
        Some((alias, kind)) => {
            format!("{}.{kind}", if alias == "metav1" || alias.ends_with("v1") { "v1" } else { alias })
        }
        None if types.contains_key(go) => format!("{last}.{go}"),
        None => go.to_owned(),
    }
}
