//! Failures as GraphQL errors: the slugs, statuses and places of [`Problem`], which is where every [`Error`] becomes words.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Name, ServerError, Value};
use axum::http::header;

use crate::doors::rest::problem::{INVALID_QUERY, Problem, QUERY_TOO_COMPLEX, fragment};
use crate::error::{Error, Place, Violation};

/// An operation's failure at its field. `argument` is where the operation's input stands among the field's arguments, such as
/// `/input`, or nothing.
pub fn at(argument: &'static str, error: Error) -> async_graphql::Error {
    at_field(&Arc::new(Problem::from(error)), argument)
}

/// The same of a problem.
pub fn at_field(problem: &Arc<Problem>, argument: &str) -> async_graphql::Error {
    let extensions = Some(extensions(problem, argument));
    async_graphql::Error { message: message(problem), source: Some(Arc::clone(problem) as _), extensions }
}

/// A problem of the whole request.
pub fn of_request(problem: &Problem) -> ServerError {
    let mut error = ServerError::new(message(problem), None);
    error.extensions = Some(extensions(problem, ""));
    error
}

/// Most characters of a mistake's words, which repeat names that a client sent.
const MOST_CHARACTERS: usize = 300;

/// A document's own mistakes, in the words of `async-graphql` where they hold no value that a client sent. Gives the problem
/// that the error stands for.
pub fn told(error: &mut ServerError) -> Arc<Problem> {
    if let Some(problem) = error.source.clone().and_then(|source| source.downcast::<Problem>().ok()) {
        return problem;
    }
    let kind = if error.message == "Query is too complex." { QUERY_TOO_COMPLEX } else { INVALID_QUERY };
    if error.message.starts_with("Expected input type") || error.message.starts_with("Failed to parse") {
        "A value does not fit the type of its argument.".clone_into(&mut error.message);
    } else if let Some(end) = error.message.find(" does not contain the value") {
        error.message.truncate(end);
        error.message.push_str(" does not contain the given value");
    }
    if let Some((end, _)) = error.message.char_indices().nth(MOST_CHARACTERS) {
        error.message.truncate(end);
        error.message.push_str(" …");
    }
    let problem = Problem::new(kind).with_detail(error.message.clone());
    error.extensions = Some(extensions(&problem, ""));
    Arc::new(problem)
}

/// One sentence: what went wrong, and where that says nothing of the case, how to mend it.
fn message(problem: &Problem) -> String {
    format!("{}. {}", problem.kind().title, problem.detail())
}

fn extensions(problem: &Problem, argument: &str) -> ErrorExtensionValues {
    let mut values = ErrorExtensionValues::default();
    values.set("code", problem.kind().slug);
    values.set("status", problem.kind().status.as_u16());
    values.set("type", format!("/problems/{}", problem.kind().slug));
    let retry_after = problem.headers().iter().find(|(name, _)| name == header::RETRY_AFTER);
    if let Some(seconds) = retry_after.and_then(|(_, value)| value.to_str().ok()?.parse::<u32>().ok()) {
        values.set("retryAfterSeconds", seconds);
    }
    if !problem.errors().is_empty() {
        values.set("errors", Value::List(problem.errors().iter().map(|error| entry(error, argument)).collect()));
    }
    values
}

/// A place is a pointer into the arguments of the field.
fn entry(violation: &Violation, argument: &str) -> Value {
    let pointer = match &violation.place {
        Place::Pointer(pointer) => fragment(&format!("{argument}{pointer}")),
        // A list's cursor is the argument `after` here.
        Place::Parameter(name) if name == "cursor" => "#/after".to_owned(),
        Place::Parameter(name) => fragment(&format!("/{name}")),
    };
    let text = |text: &str| Value::String(text.to_owned());
    let members = [
        ("pointer", Value::String(pointer)),
        ("code", text(violation.flaw.code())),
        ("detail", text(violation.flaw.detail())),
    ];
    Value::Object(members.into_iter().map(|(name, value)| (Name::new(name), value)).collect())
}
