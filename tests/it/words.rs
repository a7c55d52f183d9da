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
    let mut found = BTreeMap::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
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
    let english = messages(Language::English);
    for language in Language::ALL {
        let theirs = messages(language);
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
            part.contains('-')
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        });
        found.extend(parts.map(str::to_owned));
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
    let over: Vec<_> = english.keys().filter(|id| !used.contains(*id)).collect();
    assert!(over.is_empty(), "nothing says {over:?}");
}

/// Ids that code and templates say: what stands in quotes behind `text(`, `with(`, `attribute(` and `say(`.
#[test]
fn no_message_is_missing() {
    let english = messages(Language::English);
    let mut paths = Vec::new();
    files(&root("src"), "rs", &mut paths);
    files(&root("templates"), "html", &mut paths);
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("readable");
        for call in ["words.text(\"", "words.with(\"", "words.attribute(\"", "self.with(\"time", ".say(\""] {
            for rest in text.split(call).skip(1) {
                let rest = if call.ends_with("time") { format!("time{rest}") } else { rest.to_owned() };
                let id = rest.split('"').next().unwrap_or_default();
                assert!(english.contains_key(id), "{} says {id}, which is nowhere", path.display());
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
