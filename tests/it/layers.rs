//! The house keeps its floors: a module uses only the modules that its row allows, and `async` stays
//! at the border.

use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// Who may use whom. `clock` and `secret` are the ground that everybody stands on: the types for
/// moments and for secrets.
const FLOORS: &[(&str, &[&str])] = &[
    ("secret", &[]),
    ("clock", &[]),
    ("oath", &["secret", "clock"]),
    ("model", &["secret", "clock", "oath"]),
    ("seedfile", &["secret", "clock", "oath", "model"]),
    ("vault", &["secret", "clock", "model"]),
    ("store", &["clock", "oath", "model"]),
    ("words", &["clock", "model"]),
    ("mail", &["secret", "clock", "model"]),
    ("device", &["secret", "oath", "model"]),
    ("service", &["secret", "clock", "oath", "model", "words", "seedfile", "vault", "store"]),
    ("jobs", &["secret", "clock", "oath", "model", "mail", "device", "service"]),
    (
        "http",
        &[
            "secret", "clock", "oath", "model", "words", "service", "jobs", "store", "vault", "seedfile",
            "device",
        ],
    ),
    ("config", &["secret", "model", "mail"]),
    ("telemetry", &[]),
];
/// Where `async` may stand.
const ASYNC: &[&str] = &["http", "cli", "main"];

struct Finder {
    used: Vec<String>,
    asynchronous: bool,
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter();
        if segments.next().is_some_and(|first| first.ident == "crate")
            && let Some(second) = segments.next()
        {
            self.used.push(second.ident.to_string());
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let syn::UseTree::Path(path) = &item.tree
            && path.ident == "crate"
        {
            collect(&path.tree, &mut self.used);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.asynchronous |= signature.asyncness.is_some();
        syn::visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.asynchronous = true;
        syn::visit::visit_expr_async(self, block);
    }
}

/// The first name behind `crate::` in each branch of a use tree.
fn collect(tree: &syn::UseTree, used: &mut Vec<String>) {
    match tree {
        syn::UseTree::Path(path) => used.push(path.ident.to_string()),
        syn::UseTree::Name(name) => used.push(name.ident.to_string()),
        syn::UseTree::Rename(name) => used.push(name.ident.to_string()),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, used)),
        syn::UseTree::Glob(_) => used.push("*".to_owned()),
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("the sources are readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn modules_use_only_lower_floors() {
    let mut sources = Vec::new();
    for place in ["src", "engine/src"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
        let mut found = Vec::new();
        files(&root, &mut found);
        sources.extend(found.into_iter().map(|path| (root.clone(), path)));
    }
    assert!(sources.len() > 40, "the sources were found");
    let mut faults = Vec::new();
    for (root, path) in sources {
        let relative = path.strip_prefix(&root).expect("below its root");
        let first = relative.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&path).expect("a readable source");
        let file = syn::parse_file(&text).expect("a source that parses");
        let mut finder = Finder { used: Vec::new(), asynchronous: false };
        finder.visit_file(&file);
        if finder.asynchronous && !ASYNC.contains(&module.as_str()) {
            faults.push(format!("{}: async belongs in http and cli only", relative.display()));
        }
        if matches!(module.as_str(), "cli" | "main" | "lib") {
            continue;
        }
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == module) else {
            faults.push(format!("{}: the module has no row in the table of floors", relative.display()));
            continue;
        };
        for used in finder.used.iter().filter(|used| **used != module && !allowed.contains(&used.as_str())) {
            faults.push(format!("{}: {module} may not use {used}", relative.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
