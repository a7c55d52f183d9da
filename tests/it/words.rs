//! Every text is there in every language, with the same variables and attributes, and none is left over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;
use mintmark::model::Language;
use mintmark::words::Words;

/// What a message takes and has: its variables and messages that it uses; its attributes.
type Shape = (BTreeSet<String>, BTreeSet<String>);

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|last| last == ending) {
            found.push(path);
        }
    }
}

fn in_call(call: &CallArguments<String>, uses: &mut BTreeSet<String>) {
    call.positional.iter().for_each(|inline| in_inline(inline, uses));
    call.named.iter().for_each(|named| in_inline(&named.value, uses));
}

fn in_inline(inline: &InlineExpression<String>, uses: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            uses.insert(format!("${}", id.name));
        }
        InlineExpression::MessageReference { id, .. } => {
            uses.insert(id.name.clone());
        }
        InlineExpression::FunctionReference { arguments, .. }
        | InlineExpression::TermReference { arguments: Some(arguments), .. } => in_call(arguments, uses),
        InlineExpression::Placeable { expression } => in_expression(expression, uses),
        InlineExpression::StringLiteral { .. }
        | InlineExpression::NumberLiteral { .. }
        | InlineExpression::TermReference { arguments: None, .. } => {}
    }
}

fn in_expression(expression: &Expression<String>, uses: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => in_inline(inline, uses),
        Expression::Select { selector, variants } => {
            in_inline(selector, uses);
            for variant in variants {
                in_pattern(&variant.value, uses);
            }
        }
    }
}

fn in_pattern(pattern: &Pattern<String>, uses: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            in_expression(expression, uses);
        }
    }
}

/// The messages of a language. A message that uses another takes its variables too.
fn messages(language: Language) -> BTreeMap<String, Shape> {
    let mut paths = Vec::new();
    files(&root("languages").join(language.tag()), "ftl", &mut paths);
    messages_of(&paths, language)
}

/// The messages that users read.
fn messages_of_users(language: Language) -> BTreeMap<String, Shape> {
    let mut paths = Vec::new();
    files(&root("languages").join(language.tag()), "ftl", &mut paths);
    // Operators read English.
    paths.retain(|path| language != Language::English || !path.iter().any(|part| part == "operator"));
    messages_of(&paths, language)
}

fn messages_of(paths: &[PathBuf], language: Language) -> BTreeMap<String, Shape> {
    let mut found = BTreeMap::new();
    for path in paths {
        let text = std::fs::read_to_string(path).expect("readable");
        let parsed =
            parser::parse(text).unwrap_or_else(|(_, problems)| panic!("{}: {problems:?}", path.display()));
        for entry in parsed.body {
            let Entry::Message(message) = entry else { continue };
            let (mut uses, mut attributes) = (BTreeSet::new(), BTreeSet::new());
            message.value.iter().for_each(|value| in_pattern(value, &mut uses));
            for attribute in &message.attributes {
                attributes.insert(attribute.id.name.clone());
                in_pattern(&attribute.value, &mut uses);
            }
            let before = found.insert(message.id.name.clone(), (uses, attributes));
            assert!(before.is_none(), "{} is there twice in {}", message.id.name, language.tag());
        }
    }
    found
}

/// A selector is a choice of its language, so only what must be given counts.
fn variables(all: &BTreeMap<String, Shape>, id: &str) -> BTreeSet<String> {
    let (uses, _) = &all[id];
    let (own, others): (BTreeSet<_>, BTreeSet<_>) =
        uses.iter().cloned().partition(|name| name.starts_with('$'));
    others.iter().fold(own, |mut own, other| {
        own.extend(variables(all, other));
        own
    })
}

#[test]
fn every_language_has_every_message() {
    let english = messages_of_users(Language::English);
    for language in Language::ALL {
        let theirs = messages_of_users(language);
        let tag = language.tag();
        let missing: Vec<_> = english.keys().filter(|id| !theirs.contains_key(*id)).collect();
        assert!(missing.is_empty(), "{tag} misses {missing:?}");
        let surplus: Vec<_> = theirs.keys().filter(|id| !english.contains_key(*id)).collect();
        assert!(surplus.is_empty(), "{tag} has {surplus:?}, English has not");
        for id in english.keys() {
            assert_eq!(theirs[id].1, english[id].1, "attributes of {id} in {tag}");
            // `$large` chooses a plural, where the language has one.
            let given =
                |all| variables(all, id).into_iter().filter(|name| name != "$large").collect::<Vec<_>>();
            assert_eq!(given(&theirs), given(&english), "variables of {id} in {tag}");
        }
    }
}

/// The ids that stand in quotes in code and templates.
fn quoted() -> BTreeSet<String> {
    let mut paths = Vec::new();
    files(&root("src"), "rs", &mut paths);
    files(&root("templates"), "html", &mut paths);
    let mut found = BTreeSet::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        let parts = text.split('"').filter(|part| {
            part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        });
        found.extend(parts.map(|id| id.split('.').next().unwrap_or_default().to_owned()));
    }
    found
}

#[test]
fn no_message_is_left_over() {
    let english = messages(Language::English);
    let mut used = quoted();
    for (uses, _) in english.values() {
        used.extend(uses.iter().cloned());
    }
    // What is wrong is found by a code or by what it is wrong with.
    let over: Vec<_> =
        english.keys().filter(|id| !used.contains(*id) && !id.starts_with("problem-")).collect();
    assert!(over.is_empty(), "nothing says {over:?}");
}

/// Ids that code and templates say: what stands in quotes behind these calls.
#[test]
fn no_message_is_missing() {
    let english = messages(Language::English);
    let mut paths = Vec::new();
    files(&root("src"), "rs", &mut paths);
    files(&root("templates"), "html", &mut paths);
    for path in paths {
        // A call may go over several lines.
        let text: String = std::fs::read_to_string(&path).expect("readable").split_whitespace().collect();
        let calls = [
            "words.text(\"",
            "words.with(\"",
            "ENGLISH.text(\"",
            "ENGLISH.with(\"",
            "ENGLISH,\"",
            "self.with(\"time",
            ".say(\"",
            ".tell(\"",
            "words,\"",
        ];
        for call in calls {
            for rest in text.split(call).skip(1) {
                let rest = if call.ends_with("time") { format!("time{rest}") } else { rest.to_owned() };
                let id = rest.split('"').next().unwrap_or_default();
                let (message, attribute) = id.split_once('.').unwrap_or((id, ""));
                let known = english.get(message);
                let is_there = known.is_some_and(|(_, all)| attribute.is_empty() || all.contains(attribute));
                assert!(is_there, "{} says {id}, which is nowhere", path.display());
            }
        }
    }
}

#[test]
fn a_language_that_lacks_nothing_says_its_own() {
    let hello = |language| Words::of(language).text("mail-tell-helpdesk");
    let all: BTreeSet<_> = Language::ALL.into_iter().map(hello).collect();
    assert_eq!(all.len(), Language::ALL.len(), "{all:?}");
}

/// What a template says by itself: text between tags, and literals that begin with a capital letter.
fn said_by_template(text: &str) -> Vec<String> {
    let mut said = Vec::new();
    let mut bare = String::new();
    // A comparison inside a tag does not end the tag.
    let text = text.replace(" > ", " above ");
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['{', '<']) {
        bare.push_str(&rest[..at]);
        let end = ["{#", "{%", "{{", "<"].into_iter().zip(["#}", "%}", "}}", ">"]);
        let Some((start, close)) = end.into_iter().find(|(start, _)| rest[at..].starts_with(start)) else {
            panic!("a lone brace: {}", &rest[at..]);
        };
        let inside = rest[at + start.len()..].split(close).next().unwrap_or_default();
        if start != "{#" {
            let words = inside.split('"').skip(1).step_by(2);
            let shown = |word: &&str| start != "<" && word.starts_with(char::is_uppercase);
            said.extend(words.filter(shown).map(str::to_owned));
        }
        if start == "<" {
            for name in ["aria-label=\"", "title=\"", "alt=\"", "placeholder=\""] {
                let value =
                    inside.split(name).nth(1).and_then(|value| value.split('"').next()).unwrap_or_default();
                if value.starts_with(char::is_alphabetic) {
                    said.push(value.to_owned());
                }
            }
        }
        rest = &rest[at + start.len() + inside.len() + close.len()..];
        bare.push('\n');
    }
    bare.push_str(rest);
    said.extend(
        bare.lines().map(str::trim).filter(|line| line.contains(char::is_alphabetic)).map(str::to_owned),
    );
    said
}

/// Literals of the portal's code that begin with a capital letter and are no names.
fn said_by_code(text: &str) -> Vec<String> {
    const NAMES: [&str; 6] = ["GET", "POST", "UTC", "SHA-1", "SHA-256", "SHA-512"];
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let literals = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    let literals = literals.filter(|word| word.starts_with(char::is_uppercase));
    literals.filter(|word| !NAMES.iter().any(|name| word.ends_with(name))).map(str::to_owned).collect()
}

#[test]
fn the_portal_says_nothing_past_its_languages() {
    let (mut templates, mut code) =
        (vec![root("templates/portal.html"), root("templates/base.html")], Vec::new());
    files(&root("templates/portal"), "html", &mut templates);
    files(&root("src/http/portal"), "rs", &mut code);
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("readable");
    let mut all: Vec<_> = templates.iter().map(|path| (path, said_by_template(&read(path)))).collect();
    all.extend(code.iter().map(|path| (path, said_by_code(&read(path)))));
    all.retain_mut(|(_, said)| {
        // The product, the document's type, and the class of the frame.
        said.retain(|word| !word.contains("Mintmark") && !word.starts_with("<!doctype") && word != "portal");
        !said.is_empty()
    });
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
fn the_console_says_nothing_of_batches_and_tokens_past_its_language_nor_does_the_station() {
    // Kinds of tokens, encodings, durations of ISO 8601, how a moment in UTC ends, and the class of the frame.
    const NAMES: [&str; 11] =
        ["TOTP", "HOTP", "OCRA", "Hex", "Base32", "Base64", "P1D", "P30D", "P365D", "Z", "station"];
    let of_console = ["batch", "batches", "import", "import_new", "token", "token_table", "tokens"];
    let mut templates: Vec<_> =
        of_console.iter().map(|name| root(&format!("templates/console/{name}.html"))).collect();
    templates.extend([root("templates/station.html"), root("templates/macros.html")]);
    files(&root("templates/station"), "html", &mut templates);
    let of_console = ["batch", "import", "token", "token_code"];
    let mut code: Vec<_> =
        of_console.iter().map(|name| root(&format!("src/http/console/{name}.rs"))).collect();
    files(&root("src/http/station"), "rs", &mut code);
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("readable");
    let mut all: Vec<_> = templates.iter().map(|path| (path, said_by_template(&read(path)))).collect();
    all.extend(code.iter().map(|path| (path, said_by_code(&read(path)))));
    // The names of keys and of what a browser has are single words.
    let script = root("assets/js/mintmark.js");
    let of_script = said_by_code(&read(&script)).into_iter().filter(|said| said.contains(' ')).collect();
    all.push((&script, of_script));
    all.retain_mut(|(_, said)| {
        said.retain(|word| !NAMES.contains(&word.as_str()));
        !said.is_empty()
    });
    assert!(all.is_empty(), "{all:#?}");
}
