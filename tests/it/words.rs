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
    let (mut said, mut markup, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find('{') {
        let ends = ["{#", "{%", "{{"].into_iter().zip(["#}", "%}", "}}"]);
        let Some((start, close)) = ends.into_iter().find(|(start, _)| rest[at..].starts_with(start)) else {
            panic!("a lone brace: {}", &rest[at..]);
        };
        let inside = rest[at + start.len()..].split(close).next().unwrap_or_default();
        if start != "{#" {
            let words = inside.split('"').skip(1).step_by(2);
            // One letter is no word.
            let shown = words.filter(|word| word.starts_with(char::is_uppercase) && word.len() > 1);
            said.extend(shown.map(str::to_owned));
        }
        markup.push_str(&rest[..at]);
        markup.push('\n');
        rest = &rest[at + start.len() + inside.len() + close.len()..];
    }
    markup.push_str(rest);
    let (mut bare, mut rest) = (String::new(), markup.as_str());
    while let Some(at) = rest.find('<') {
        let inside = rest[at + 1..].split('>').next().unwrap_or_default();
        for name in ["aria-label=\"", "title=\"", "alt=\"", "placeholder=\""] {
            let value = inside.split(name).nth(1).and_then(|value| value.split('"').next());
            said.extend(value.filter(|value| value.contains(char::is_alphabetic)).map(str::to_owned));
        }
        bare.push_str(&rest[..at]);
        bare.push('\n');
        rest = &rest[at + inside.len() + 2..];
    }
    bare.push_str(rest);
    said.extend(
        bare.lines().map(str::trim).filter(|line| line.contains(char::is_alphabetic)).map(str::to_owned),
    );
    said
}

/// Code without what only tests see: items behind `#[cfg(test)]`, as far as they are indented.
fn without_tests(text: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        if code == "#[cfg(test)]" {
            let indent = line.len() - code.len();
            let is_end = |line: &&str| {
                let code = line.trim_start();
                line.len() - code.len() == indent && code.ends_with(['}', ';'])
            };
            lines.find(is_end);
        } else if !code.starts_with("//") {
            kept.push(line);
        }
    }
    kept
}

/// Literals of code that begin with a capital letter and are no names.
fn said_by_code(text: &str) -> Vec<String> {
    // The last one stands in an example.
    const NAMES: [&str; 9] =
        ["GET", "POST", "UTC", "SHA-1", "SHA-256", "SHA-512", "NewKey", "IssuedCode", "Lund, Carla\\"];
    let lines = without_tests(text);
    let literals = lines.iter().flat_map(|line| line.split('"').skip(1).step_by(2));
    let literals = literals.filter(|word| word.starts_with(char::is_uppercase));
    literals.filter(|word| !NAMES.iter().any(|name| word.ends_with(name))).map(str::to_owned).collect()
}

#[test]
fn the_portal_says_nothing_past_its_languages() {
    let (mut templates, mut code) =
        (vec![root("templates/portal.html"), root("templates/base.html")], Vec::new());
    files(&root("templates/portal"), "html", &mut templates);
    files(&root("src/http/portal"), "rs", &mut code);
    assert_silent(&templates, &code);
}

/// Templates and code say nothing by themselves.
fn assert_silent(templates: &[PathBuf], code: &[PathBuf]) {
    // The classes of bodies; kinds of tokens and encodings; durations of ISO 8601 and how a moment in UTC ends.
    const NAMES: [&str; 13] = [
        "console", "portal", "station", "TOTP", "HOTP", "OCRA", "Hex", "Base32", "Base64", "P1D", "P30D",
        "P365D", "Z",
    ];
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("readable");
    let mut all: Vec<_> = templates.iter().map(|path| (path, said_by_template(&read(path)))).collect();
    all.extend(code.iter().map(|path| (path, said_by_code(&read(path)))));
    all.retain_mut(|(_, said)| {
        said.retain(|word| !word.contains("Mintmark") && !NAMES.contains(&word.as_str()));
        !said.is_empty()
    });
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
fn console_and_station_say_nothing_past_their_language() {
    let (mut templates, mut code) = (Vec::new(), vec![root("src/http/frame.rs")]);
    for name in ["console", "macros", "message", "sign_in", "station"] {
        templates.push(root(&format!("templates/{name}.html")));
    }
    for place in ["console", "station"] {
        files(&root("templates").join(place), "html", &mut templates);
        files(&root("src/http").join(place), "rs", &mut code);
    }
    assert_silent(&templates, &code);
    let script = std::fs::read_to_string(root("assets/js/mintmark.js")).expect("readable");
    // The names of keys and of what a browser has are single words.
    let said: Vec<_> = said_by_code(&script).into_iter().filter(|said| said.contains(' ')).collect();
    assert!(said.is_empty(), "{said:?}");
}
