//! How much one document may ask for. What asks for more is refused before it is validated, let alone run.
//!
//! First the text is scanned, so that the parser, which recurses, only ever sees documents of bounded nesting; then the parsed
//! document is weighed with all its fragments spread out, in time linear in its length: a fragment is weighed once,
//! however often it is spread. `async-graphql` spreads them out for real, which the weight bounds.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::Variables;
use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};

use super::FIELDS;
use crate::doors::rest::problem::{INVALID_QUERY, Problem, QUERY_TOO_COMPLEX};

/// Most tokens of a document.
const TOKENS: usize = 4_000;
/// Deepest nesting of brackets of any kind in its text.
const NESTING: usize = 40;
/// Most fragments and operations.
const DEFINITIONS: usize = 50;
/// Deepest field, fragments spread out; the introspection of well-known clients is 14 deep.
pub const DEPTH: usize = 20;
/// Most fields and fragments, fragments spread out. A fragment counts by itself too: one without a field would double for nothing.
const SELECTIONS: usize = 1_000;
/// Most fields with an alias, fragments spread out.
const ALIASES: usize = 100;
/// Most directives, fragments spread out.
const DIRECTIVES: usize = 50;
/// Most root fields of a query: as many reads at once.
const QUERIES: usize = 50;
/// Most root fields of a mutation: as many writes or passwords, one after the other.
const MUTATIONS: usize = 5;
/// Most descriptions of the schema or of a type.
const DESCRIPTIONS: usize = 5;
/// Most lists of the schema's description within one another: types that lead to each other would multiply.
const DESCRIBED: usize = 2;
/// Most fields of an answer: those of a list count for each user on the page, and a list counts [`LIST`] more.
pub const COMPLEXITY: usize = 6_000;
/// What a list counts before its fields, so that one request asks for a handful of them.
pub const LIST: usize = 500;

fn too_much(of: &str, most: usize) -> Problem {
    Problem::new(QUERY_TOO_COMPLEX).with_detail(format!("At most {most} {of} are taken at once."))
}

/// Refuses texts of too many tokens or too deep a nesting; strings and comments count as one token.
pub fn scan(text: &str) -> Result<(), Problem> {
    let bytes = text.as_bytes();
    let (mut at, mut tokens, mut nesting) = (0, 0_usize, 0_usize);
    while let Some(byte) = bytes.get(at) {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.' | 128..);
        let length = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                at += 1;
                continue;
            }
            b'#' => bytes[at..].iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count(),
            b'"' => string(&bytes[at..]),
            b'{' | b'(' | b'[' => {
                nesting += 1;
                if nesting > NESTING {
                    return Err(too_much("levels", DEPTH));
                }
                1
            }
            b'}' | b')' | b']' => {
                nesting = nesting.saturating_sub(1);
                1
            }
            byte if is_word(byte) => bytes[at..].iter().take_while(|byte| is_word(byte)).count(),
            _ => 1,
        };
        tokens += 1;
        if tokens > TOKENS {
            return Err(too_much("words and signs", TOKENS));
        }
        at += length.max(1);
    }
    Ok(())
}

/// The length of a string with its quotes, to the end of the text if it has no end.
fn string(bytes: &[u8]) -> usize {
    let is_block = bytes.starts_with(b"\"\"\"");
    let quotes: &[u8] = if is_block { b"\"\"\"" } else { b"\"" };
    let mut at = quotes.len();
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(quotes) {
            return at + quotes.len();
        }
        at += if is_block && rest.starts_with(b"\\\"\"\"") {
            4
        } else if !is_block && rest[0] == b'\\' {
            2
        } else {
            1
        };
    }
    bytes.len()
}

/// Weighs a document. Gives what the root fields of the operation that is to be run count as, one after the other.
pub fn check(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
    introspection: bool,
) -> Result<Vec<&'static str>, Problem> {
    let definitions = document.fragments.len() + document.operations.iter().len();
    if definitions > DEFINITIONS {
        return Err(too_much("operations and fragments", DEFINITIONS));
    }
    let mut scales = Scales { document, known: HashMap::new() };
    let mut weight = Weight::default();
    for (_, operation) in document.operations.iter() {
        weight.add(&scales.weigh(&operation.node.selection_set.node)?);
        weight.directives += operation.node.directives.len();
        let variables = operation.node.variable_definitions.iter();
        weight.directives += variables.map(|variable| variable.node.directives.len()).sum::<usize>();
    }
    // The validator looks at those too that nobody spreads.
    for name in document.fragments.keys() {
        scales.fragment(name)?.judge()?;
    }
    weight.judge()?;
    if weight.descriptions > 0 && !introspection {
        let detail = "Introspection is off here; schema.graphql has the schema.";
        return Err(Problem::new(INVALID_QUERY).with_detail(detail));
    }
    let Some(operation) = selected(document, operation_name) else { return Ok(Vec::new()) };
    let missing = operation.variable_definitions.iter().find(|definition| {
        let name = &definition.node.name.node;
        let is_given = variables.get(name).is_some_and(|value| *value != async_graphql::Value::Null);
        !is_given && !definition.node.var_type.node.nullable && definition.node.default_value.is_none()
    });
    if let Some(definition) = missing {
        let detail = format!("The variable ${} must be given and not be null.", definition.node.name.node);
        return Err(Problem::new(INVALID_QUERY).with_detail(detail));
    }
    let mut roots = Vec::new();
    scales.roots(&operation.selection_set.node, &mut roots);
    let most = if operation.ty == OperationType::Mutation { MUTATIONS } else { QUERIES };
    if roots.len() > most {
        return Err(too_much("fields at the root", most));
    }
    let operation_of = |name: &&str| FIELDS.iter().find(|(field, _)| field == name).map(|(_, operation)| *operation);
    Ok(roots.iter().filter_map(operation_of).collect())
}

/// Refuses a directive that is not there, and a condition that is none: `async-graphql` looks at neither on `__typename`, and takes
/// every condition that is not true for false.
fn known(directive: &Positioned<Directive>) -> Result<(), Problem> {
    let name = directive.node.name.node.as_str();
    let is_known = ["skip", "include"].contains(&name);
    // What is not constant is a variable, whose type the validator knows.
    let condition = directive.node.get_argument("if").map(|value| value.node.clone().into_const());
    if is_known && matches!(condition, Some(None | Some(async_graphql::Value::Boolean(_)))) {
        return Ok(());
    }
    let detail = if is_known {
        format!("@{name} takes a Boolean, `if`.")
    } else {
        format!("There is no directive @{name:.60} for fields and fragments.")
    };
    Err(Problem::new(INVALID_QUERY).with_detail(detail))
}

fn selected<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name).map(|operation| &operation.node),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next().map(|operation| &operation.node)
        }
        _ => None,
    }
}

/// What a part of a document amounts to with its fragments spread out.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    /// Fields and fragments.
    selections: usize,
    aliases: usize,
    directives: usize,
    depth: usize,
    /// Lists of the schema's description within one another.
    described: usize,
    /// How often it asks for the schema's description.
    descriptions: usize,
}

impl Weight {
    /// Adds what stands beside.
    fn add(&mut self, other: &Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
        self.described = self.described.max(other.described);
        self.descriptions = self.descriptions.saturating_add(other.descriptions);
    }

    fn judge(&self) -> Result<(), Problem> {
        for (amount, most, of) in [
            (self.depth, DEPTH, "levels"),
            (self.aliases, ALIASES, "aliases"),
            (self.directives, DIRECTIVES, "directives"),
            (self.selections, SELECTIONS, "fields and fragments"),
            (self.descriptions, DESCRIPTIONS, "descriptions of the schema"),
            (self.described, DESCRIBED, "lists of the schema's description within one another"),
        ] {
            if amount > most {
                return Err(too_much(of, most));
            }
        }
        Ok(())
    }
}

struct Scales<'a> {
    document: &'a ExecutableDocument,
    /// Fragments by name; nothing while one is being weighed.
    known: HashMap<&'a str, Option<Weight>>,
}

impl<'a> Scales<'a> {
    fn weigh(&mut self, set: &'a SelectionSet) -> Result<Weight, Problem> {
        let mut weight = Weight::default();
        for selection in &set.items {
            let directives: &[Positioned<Directive>] = selection.node.directives();
            weight.directives = weight.directives.saturating_add(directives.len());
            weight.selections = weight.selections.saturating_add(1);
            directives.iter().try_for_each(known)?;
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    let mut inner = self.weigh(&field.node.selection_set.node)?;
                    inner.aliases = inner.aliases.saturating_add(usize::from(field.node.alias.is_some()));
                    inner.depth = inner.depth.saturating_add(1);
                    inner.described +=
                        usize::from(["fields", "interfaces", "possibleTypes", "inputFields"].contains(&name));
                    inner.descriptions += usize::from(["__schema", "__type"].contains(&name));
                    weight.add(&inner);
                }
                Selection::InlineFragment(fragment) => {
                    weight.add(&self.weigh(&fragment.node.selection_set.node)?);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    weight.add(&self.fragment(name)?);
                }
            }
        }
        Ok(weight)
    }

    fn fragment(&mut self, name: &'a str) -> Result<Weight, Problem> {
        // One that is not there is the validator's to tell.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Weight::default()) };
        match self.known.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let detail = format!("The fragment {name:.60} spreads itself.");
                return Err(Problem::new(INVALID_QUERY).with_detail(detail));
            }
            None => {}
        }
        self.known.insert(name, None);
        let mut weight = self.weigh(&fragment.node.selection_set.node)?;
        weight.directives = weight.directives.saturating_add(fragment.node.directives.len());
        self.known.insert(name, Some(weight));
        Ok(weight)
    }

    /// The names of the root fields; [`SELECTIONS`] bounds how many there are.
    fn roots(&self, set: &'a SelectionSet, names: &mut Vec<&'a str>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => names.push(field.node.name.node.as_str()),
                Selection::InlineFragment(fragment) => self.roots(&fragment.node.selection_set.node, names),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        self.roots(&fragment.node.selection_set.node, names);
                    }
                }
            }
        }
    }
}
