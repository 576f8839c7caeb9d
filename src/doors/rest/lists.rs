//! `GET /users`: pages, filters, links to the next page.

use axum::Json;
use axum::extract::{self, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::json::MOST_VIOLATIONS;
use super::problem::Problem;
use super::{openapi, view};
use crate::app::App;
use crate::domain::page::{Limit, Query, Sort};
use crate::domain::{Actor, Filter, Flaw};
use crate::error::{Error, Violation};
use crate::operations::{self, Cost};
use crate::percent::encoded;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Lists users: filtered, in order, page by page.
#[utoipa::path(get, path = "/users", operation_id = "list_users", tag = "users",
    params(ListParameters),
    responses(
        (status = 200, description = "A page. While `nextCursor` is not null there may be more, even after a short page", body = view::Users,
            headers(("Link" = String, description = "`next`, if there may be more, and `first`; relative to the URL of the request"),
                ("Server-Timing" = String, description = "The index, DynamoDB calls, items read, capacity units and time that the page took"))),
        openapi::ListProblems, openapi::CommonProblems,
    ))]
pub async fn list_users(
    State(app): State<App>,
    actor: Actor,
    extract::Query(pairs): extract::Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let asked = Asked::read(pairs)?;
    let page = operations::list_users(&app, &actor, &asked.query, asked.cursor.as_deref()).await?;
    let headers = [(header::LINK, links(&asked, page.next_cursor.as_deref())), (SERVER_TIMING, timing(&page.cost))];
    let users = page.users.iter().map(|user| view::User::of(&app, user)).collect();
    let (next_cursor, count_estimate) = (page.next_cursor, page.count_estimate);
    Ok((headers, Json(view::Users { users, next_cursor, count_estimate })).into_response())
}

/// The query's parameters, for the API description.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the API description alone")]
pub struct ListParameters {
    /// An RFC 7644 section 3.4.2.2 expression over userName, firstName, lastName, createdAt, updatedAt, avatar.
    #[param(max_length = 4000, example = "lastName sw \"love\" and not (avatar pr)")]
    filter: Option<String>,
    /// `createdAt`, `userName` or `lastName`, with `-` in front to reverse. Without it the order is the one that answers the
    /// filter with the fewest reads: `createdAt`, unless the filter narrows user names or last names.
    #[param(pattern = "^-?(createdAt|userName|lastName)$", example = "-createdAt")]
    sort: Option<String>,
    /// Most users on a page; larger numbers become 100.
    #[param(value_type = Option<u128>, minimum = 1, default = 50, example = 50)]
    limit: Option<u64>,
    /// `nextCursor` of the page before, for the same filter and sort.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// `estimate` adds `countEstimate`, where it can be had: about how many users there are in all. Not together with a filter.
    #[param(pattern = "^estimate$", example = "estimate")]
    count: Option<String>,
}

/// What the caller asked for, and its words without the cursor.
struct Asked {
    query: Query,
    cursor: Option<String>,
    words: Vec<(String, String)>,
}

impl Asked {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let mut asked = Self { query: Query::default(), cursor: None, words: Vec::new() };
        let mut violations: Vec<Violation> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let mut filter = None;
        for (name, value) in pairs {
            if violations.len() == MOST_VIOLATIONS {
                break;
            }
            let mut refuse = |flaw| violations.push(Violation::at_parameter(name.clone(), flaw));
            if seen.contains(&name) {
                refuse(Flaw::new("repeated", "give this parameter once"));
                continue;
            }
            seen.push(name.clone());
            match name.as_str() {
                "filter" => filter = Some(value.clone()),
                "cursor" => {
                    asked.cursor = Some(value);
                    continue;
                }
                "sort" => match Sort::parse(&value) {
                    Ok(sort) => asked.query.sort = Some(sort),
                    Err(flaw) => refuse(flaw),
                },
                "limit" => match Limit::parse(&value) {
                    Ok(limit) => asked.query.limit = limit,
                    Err(flaw) => refuse(flaw),
                },
                "count" if value == "estimate" => asked.query.wants_estimate = true,
                "count" => refuse(Flaw::new("unknown_count", "give estimate, or leave it out")),
                _ => refuse(Flaw::new("unknown_parameter", "use filter, sort, limit, cursor or count")),
            }
            asked.words.push((name, value));
        }
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        asked.query.filter = filter.map(|filter| Filter::parse(&filter)).transpose()?;
        Ok(asked)
    }
}

/// Links (RFC 8288) that ask the same again, from the beginning or from a cursor on. They are relative to the request's own
/// URL, so that they lead to the right place behind any stage, base path or proxy.
fn links(asked: &Asked, next_cursor: Option<&str>) -> HeaderValue {
    let link = |relation: &str, cursor: Option<&str>| {
        let words = asked.words.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let words = words.chain(cursor.map(|cursor| ("cursor", cursor)));
        let query = words.map(|(name, value)| format!("{name}={}", encoded(value, b""))).collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        format!("<users{mark}{query}>; rel=\"{relation}\"")
    };
    let next = next_cursor.map(|cursor| format!("{}, ", link("next", Some(cursor)))).unwrap_or_default();
    HeaderValue::from_str(&format!("{next}{}", link("first", None))).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// What the page took (<https://www.w3.org/TR/server-timing/>).
fn timing(cost: &Cost) -> HeaderValue {
    let Cost { index, calls, items, capacity, duration } = cost;
    let millis = duration.as_secs_f64() * 1000.0;
    let text = format!(
        "index;desc=\"{index}\", calls;desc=\"{calls}\", items;desc=\"{items}\", capacity;desc=\"{capacity}\", dynamodb;dur={millis:.1}"
    );
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
