//! What can be asked.

use async_graphql::{Context, ID, Object, Result};

use super::failure::{at, at_field};
use super::types::{AvatarUpload, User, UserSort, Users};
use super::{Caller, limits, nullable, perhaps};
use crate::domain::avatar::UploadId;
use crate::domain::page::{self, Sort};
use crate::domain::{Filter, Flaw, Limit, UserId, UserName};
use crate::error::{Error, Violation};
use crate::operations::{self, Wanted};

/// Reading. Every root field counts against the caller's quotas as its REST operation does.
pub struct Query;

#[Object]
impl Query {
    /// One user, by id or by user name (one of them). Null where there is none, or where the caller may not know of it. Several at
    /// once are read in one go.
    async fn user(&self, ctx: &Context<'_>, id: Option<ID>, user_name: Option<String>) -> Option<Result<User>> {
        perhaps(async {
            let caller: &Caller = ctx.data()?;
            let wanted = match (id, user_name) {
                // What is not an id is nobody's.
                (Some(id), None) => match UserId::parse(&id) {
                    Ok(id) => Wanted::Id(id),
                    Err(_) => Wanted::Id(UserId::nobody()),
                },
                (None, Some(name)) => {
                    let refused = |flaw| at("", Error::invalid_member("/userName", flaw));
                    Wanted::Name(UserName::parse(&name).map_err(refused)?)
                }
                (None, None) => {
                    return Err(at("", Error::invalid_member("/id", Flaw::new("required", "give id or userName"))));
                }
                (Some(_), Some(_)) => {
                    let flaw = Flaw::new("contradiction", "give either id or userName");
                    return Err(at("", Error::invalid_member("/userName", flaw)));
                }
            };
            let user = caller.users.user(wanted).await.map_err(|problem| at_field(&problem, ""))?;
            Ok(user.map(User))
        })
        .await
    }

    /// Users, page by page, in order. `first` is 1 to 100, 50 by default; larger numbers become 100. `filter` is an expression of
    /// RFC 7644, section 3.4.2.2, over userName, firstName, lastName, createdAt, updatedAt, avatar. Without `sort` the
    /// order is the one that answers the filter with the fewest reads. A page may be short, even empty, and still have a
    /// next one: go on from `pageInfo.endCursor` while `hasNextPage`.
    #[graphql(complexity = "limits::LIST + page_size(first) * child_complexity")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        first: Option<i64>,
        after: Option<String>,
        filter: Option<String>,
        sort: Option<UserSort>,
    ) -> Option<Result<Users>> {
        nullable(async { Ok(Users(page(ctx, first, after, filter, sort).await?)) }).await
    }

    /// The first page of `users` as a plain list.
    #[graphql(complexity = "limits::LIST + page_size(first) * child_complexity")]
    async fn all_users(
        &self,
        ctx: &Context<'_>,
        first: Option<i64>,
        filter: Option<String>,
        sort: Option<UserSort>,
    ) -> Option<Result<Vec<User>>> {
        nullable(async { Ok(page(ctx, first, None, filter, sort).await?.users.into_iter().map(User).collect()) }).await
    }

    /// What became of an upload, for a day after it was asked for; null where there is none.
    async fn avatar_upload(&self, ctx: &Context<'_>, user_id: ID, upload_id: ID) -> Option<Result<AvatarUpload>> {
        perhaps(async {
            let caller: &Caller = ctx.data()?;
            let (Ok(id), Ok(upload)) = (UserId::parse(&user_id), UploadId::parse(&upload_id)) else { return Ok(None) };
            match operations::get_avatar_upload(&caller.app, &caller.actor, id, upload).await {
                Ok(upload) => Ok(Some(AvatarUpload(upload))),
                Err(Error::NotFound) => Ok(None),
                Err(error) => Err(at("", error)),
            }
        })
        .await
    }
}

/// How many users a page may hold, for its cost.
fn page_size(first: Option<i64>) -> usize {
    usize::try_from(first.unwrap_or(50)).unwrap_or(0).min(Limit::MAX.get())
}

async fn page(
    ctx: &Context<'_>,
    first: Option<i64>,
    after: Option<String>,
    filter: Option<String>,
    sort: Option<UserSort>,
) -> Result<operations::Page> {
    let caller: &Caller = ctx.data()?;
    let limit = first.map_or_else(|| Ok(Limit::default()), |first| Limit::parse(&first.to_string()));
    let refused = |flaw| at("", Error::Invalid(vec![Violation::at_parameter("first", flaw)]));
    let query = page::Query {
        filter: filter.map(|text| Filter::parse(&text)).transpose().map_err(|misread| at("", misread.into()))?,
        sort: sort.map(Sort::from),
        limit: limit.map_err(refused)?,
        wants_estimate: false,
    };
    let page = operations::list_users(&caller.app, &caller.actor, &query, after.as_deref()).await;
    page.map_err(|error| at("", error))
}
