//! Lists against a model: whatever users, filters, orders, limits and shards there are, walking all pages gives what sorting
//! and filtering in memory gives, while other users come and go.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use roster::domain::page::Query;
use roster::domain::{
    Actor, ClientId, Filter, Limit, PersonName, Profile, Sort, SortField, Timestamp, User, UserName, person_name,
};
use roster::hashing::parse_imported;
use roster::operations;

use crate::harness::{HASH, House, START_MILLIS};

const FIRST: [&str; 5] = ["Ada", "ADA", "Zoë", "李", "ada"];
const LAST: [&str; 8] = ["Lo", "lo", "Love", "LOVELACE", "Östberg", "østberg", "Lo Smith", "山田"];

/// One walk through a list.
#[derive(Clone, Debug)]
struct Walk {
    filter: Option<String>,
    sort: Option<&'static str>,
    limit: usize,
    /// Users inserted and deleted between pages, by number.
    churn: Vec<u16>,
}

fn comparisons() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("lo"),
        Just("LOVE"),
        Just("u1"),
        Just("u"),
        Just("ada"),
        Just("ö"),
        Just("Ø"),
        Just(""),
        Just("山"),
        Just("z"),
        Just("u33"),
    ];
    let operator = prop_oneof![
        Just("eq"),
        Just("ne"),
        Just("co"),
        Just("sw"),
        Just("ew"),
        Just("gt"),
        Just("ge"),
        Just("lt"),
        Just("le"),
    ];
    let name = prop_oneof![Just("userName"), Just("firstName"), Just("lastName"), Just("lastName")];
    let time = (0_i64..8).prop_map(|n| Timestamp::from_unix_millis(START_MILLIS + n * 1000).to_string());
    let order = prop_oneof![Just("eq"), Just("ne"), Just("gt"), Just("ge"), Just("lt"), Just("le"), Just("sw")];
    prop_oneof![
        4 => (name, operator, text).prop_map(|(name, operator, text)| format!("{name} {operator} \"{text}\"")),
        2 => (prop_oneof![Just("createdAt"), Just("updatedAt")], order, time)
            .prop_map(|(name, operator, time)| format!("{name} {operator} \"{time}\"")),
        1 => prop_oneof![Just("avatar pr".to_owned()), Just("lastName pr".to_owned())],
    ]
}

fn filters() -> impl Strategy<Value = String> {
    comparisons().prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) or {b}")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

fn walks() -> impl Strategy<Value = Walk> {
    const SORTS: [Option<&str>; 7] = [
        None,
        Some("createdAt"),
        Some("-createdAt"),
        Some("userName"),
        Some("-userName"),
        Some("lastName"),
        Some("-lastName"),
    ];
    let churn = proptest::collection::vec(1000_u16..1400, 0..6);
    (proptest::option::weighted(0.8, filters()), proptest::sample::select(&SORTS[..]), 1_usize..30, churn)
        .prop_map(|(filter, sort, limit, churn)| Walk { filter, sort, limit, churn })
}

fn actor() -> Actor {
    Actor::all_powerful(ClientId::anonymous())
}

fn new_user(house: &House, number: u16, seconds: u16) -> User {
    let profile = Profile {
        user_name: UserName::parse(&format!("{}{number}", if number.is_multiple_of(3) { "U" } else { "u" })).unwrap(),
        first_name: PersonName::parse(FIRST[usize::from(number) % FIRST.len()]).unwrap(),
        last_name: PersonName::parse(LAST[usize::from(number / 2) % LAST.len()]).unwrap(),
    };
    let now = Timestamp::from_unix_millis(START_MILLIS + i64::from(seconds) * 1000);
    User::new(house.app.ids.user_id(now), profile, now)
}

async fn store(house: &House, user: &User) {
    let hash = parse_imported(HASH).ok().unwrap();
    assert!(house.app.store.create_user(user, &hash, None, user.created_at).await.is_ok());
}

/// What the list shall be: the order by sort key, written down once more and without any index.
fn reference(users: &[User], filter: Option<&Filter>, sort: Sort) -> Vec<User> {
    let mut users: Vec<User> =
        users.iter().filter(|user| filter.is_none_or(|filter| filter.matches(user))).cloned().collect();
    users.sort_by_key(|user| match sort.field {
        SortField::CreatedAt => (user.created_at.unix_millis(), String::new(), user.id),
        SortField::UserName => (0, user.profile.user_name.key().to_owned(), user.id),
        SortField::LastName => (0, person_name::fold(user.profile.last_name.as_str()), user.id),
    });
    if sort.is_descending {
        users.reverse();
    }
    users
}

/// Walks through all pages while others come and go, and returns everyone seen.
async fn walk(house: &House, query: &Query, churn: &[u16]) -> Vec<User> {
    let (mut seen, mut cursor, mut page_number) = (Vec::new(), None::<String>, 0);
    let mut passing: Vec<User> = Vec::new();
    loop {
        let page = operations::list_users(&house.app, &actor(), query, cursor.as_deref()).await.unwrap();
        assert!(page.users.len() <= query.limit.get());
        seen.extend(page.users);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        if let Some(number) = churn.get(page_number % churn.len().max(1)) {
            if let Some(user) = passing.pop() {
                house.app.store.delete_user(&user).await.unwrap();
            } else {
                let user = new_user(house, *number, number % 8);
                store(house, &user).await;
                passing.push(user);
            }
        }
        page_number += 1;
        assert!(page_number < 1000, "the walk has an end");
    }
    for user in passing {
        house.app.store.delete_user(&user).await.unwrap();
    }
    seen
}

#[tokio::test]
async fn walking_all_pages_gives_what_sorting_in_memory_gives() {
    // Without a stored seed file; PROPTEST_CASES makes it longer.
    let cases = std::env::var("PROPTEST_CASES").map_or(60, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    for shards in ["1", "2", "3", "8", "13"] {
        let house = House::with(&[("ROSTER_LIST_SHARDS", shards), ("ROSTER_LIST_READ_BUDGET", "100")]).await;
        let mut users = Vec::new();
        for number in 0..120_u16 {
            let user = new_user(&house, number, number % 8);
            store(&house, &user).await;
            users.push(user);
        }
        for _ in 0..cases / 5 {
            let case = walks().new_tree(&mut runner).unwrap().current();
            let filter = case.filter.as_deref().map(|text| Filter::parse(text).unwrap());
            let sort = case.sort.map(|sort| Sort::parse(sort).unwrap());
            let query = Query {
                filter: filter.clone(),
                sort,
                limit: Limit::parse(&case.limit.to_string()).unwrap(),
                ..Query::default()
            };
            let seen = walk(&house, &query, &case.churn).await;
            let ids: Vec<_> = seen.iter().map(|user| user.id).collect();
            let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
            assert_eq!(distinct.len(), ids.len(), "{shards} shards, {case:?}: someone was seen twice");
            let stayed: Vec<User> = seen.into_iter().filter(|user| users.contains(user)).collect();
            // Without a sort any of the orders will do, but it must be one of them.
            let orders = sort
                .map_or_else(|| SortField::ALL.map(|(_, field)| Sort::ascending(field)).to_vec(), |sort| vec![sort]);
            let expected: Vec<_> = orders.iter().map(|sort| reference(&users, filter.as_ref(), *sort)).collect();
            assert!(
                expected.contains(&stayed),
                "{shards} shards, {case:?}: {} seen, {} expected",
                stayed.len(),
                expected[0].len()
            );
        }
    }
}
