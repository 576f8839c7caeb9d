//! How many wrong passwords are too many, over the doors and in a model.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use roster::app::App;
use roster::clock::Clock;
use roster::domain::attempts::{History, WINDOW_SECONDS};
use roster::domain::{Actor, AttemptLimits, ClientId, Password, Scope, Timestamp, UserName};
use roster::error::Error;
use roster::ids::Ids;
use roster::operations;
use roster::store::AttemptKeys;
use serde_json::json;

use crate::harness::{House, PASSWORD, Reply, START_MILLIS};

/// How long a call may be held up while others do their work.
const PATIENCE: Duration = Duration::from_secs(120);

async fn verify(house: &House, caller: &str, user_name: &str, password: &str) -> Reply {
    let claim = json!({"userName": user_name, "password": password});
    house.anyone().with("x-client-id", caller).post("/users/verify-password", &claim).await
}

#[tokio::test]
async fn the_eleventh_try_waits_whether_or_not_the_name_is_known() {
    let house = House::new().await;
    house.create("ada").await;
    let mut answers = Vec::new();
    for name in ["ada", "nobody"] {
        for _ in 0..10 {
            verify(&house, "web", name, "wrong horse").await.problem(401, "invalid-credentials");
        }
        let reply = verify(&house, "web", name, PASSWORD).await.problem(429, "quota-exceeded");
        answers.push((reply.header("retry-after").to_owned(), reply.json()["detail"].clone()));
    }
    assert_eq!(answers[0].0, "60");
    assert_eq!(answers[0], answers[1]);
    house.clock.advance_seconds(59);
    verify(&house, "web", "ada", PASSWORD).await.problem(429, "quota-exceeded");
    house.clock.advance_seconds(1);
    verify(&house, "web", "ada", "wrong horse").await.problem(401, "invalid-credentials");
    let reply = verify(&house, "web", "ada", PASSWORD).await.problem(429, "quota-exceeded");
    assert_eq!(reply.header("retry-after"), "120", "waits grow");
    house.clock.advance_seconds(120);
    verify(&house, "web", "ada", PASSWORD).await.expect(200);
    for _ in 0..10 {
        verify(&house, "web", "ada", "wrong horse").await.problem(401, "invalid-credentials");
    }
    verify(&house, "web", "ada", PASSWORD).await.problem(429, "quota-exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_once_learn_no_more_than_tries_in_a_row() {
    let house = House::new().await;
    house.create("ada").await;
    let replies = join_all((0..40).map(|_| verify(&house, "web", "ada", "wrong horse"))).await;
    let told = replies.iter().filter(|reply| reply.status == 401).count();
    assert_eq!(told, 10);
    assert!(replies.iter().all(|reply| [401, 429].contains(&reply.status.as_u16())));
}

/// 39 wrong passwords and the right one at once, on 40 sandboxes. The right one is done first; before its last call, or the
/// one ahead of that, all the others come to the table.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_try_among_many_takes_its_turn() {
    let cheap = [("ROSTER_ARGON2_MEMORY_KIB", "7168"), ("ROSTER_ARGON2_PASSES", "1")];
    let house = House::with_calls_of(PATIENCE, &cheap).await;
    // How often each was right before, then wrong; how many calls the right one has made; how many of the others are told.
    for (name, right, wrong, calls, told) in [
        ("never-seen", 0, 0, 3, 10),
        ("never-seen-nor-read", 0, 0, 2, 10),
        ("known", 1, 0, 2, 10),
        ("wrong-before", 0, 4, 3, 6),
        ("known-and-wrong-since", 1, 9, 3, 1),
    ] {
        house.create(name).await;
        for _ in 0..right {
            verify(&house, "web", name, PASSWORD).await.expect(200);
        }
        for _ in 0..wrong {
            verify(&house, "web", name, "wrong horse").await.problem(401, "invalid-credentials");
        }
        let others: Vec<App> = (0..39).map(|_| house.held_up_after(usize::MAX, || ())).collect();
        let (sender, heard) = std::sync::mpsc::channel();
        let held = house.held_up_after(calls, move || {
            let tries = join_all(others.iter().map(|app| try_password(app, name, "wrong horse")));
            let outcomes = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(tries));
            sender.send(outcomes).unwrap();
        });
        let outcome = try_password(&held, name, PASSWORD).await;
        let others = heard.try_recv().expect("the right one makes so many calls");
        let of_others = others.iter().filter(|outcome| matches!(outcome, Err(Error::InvalidCredentials))).count();
        assert_eq!(of_others, told, "{name}: {others:?}");
        assert!(matches!(outcome, Err(Error::TooManyAttempts { .. })), "{name}: {outcome:?}");
    }
}

async fn try_password(app: &App, name: &str, password: &str) -> Result<(), Error> {
    let web = Actor::new(ClientId::parse("web").unwrap(), None, vec![Scope::Verify]);
    let (name, password) = (UserName::parse(name).unwrap(), Password::parse(password).unwrap());
    operations::verify_password(app, &web, &name, &password).await.map(drop)
}

/// After a wait one try is due, and one alone, right or wrong.
#[tokio::test(flavor = "multi_thread")]
async fn one_try_is_due_after_a_wait() {
    let house = House::with_calls_of(PATIENCE, &[]).await;
    house.create("ada").await;
    for _ in 0..10 {
        verify(&house, "web", "ada", "wrong horse").await.problem(401, "invalid-credentials");
    }
    house.clock.advance_seconds(60);
    let other = house.app.clone();
    let held = house.held_up_after(3, move || {
        let wrong = try_password(&other, "ada", "wrong horse");
        let told = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(wrong));
        assert!(matches!(told, Err(Error::InvalidCredentials)), "{told:?}");
    });
    let outcome = try_password(&held, "ada", PASSWORD).await;
    assert!(matches!(outcome, Err(Error::TooManyAttempts { retry_after_seconds: 120 })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_streak_turns_away_counts_nowhere() {
    let house = House::with(&[("ROSTER_ATTEMPTS_PER_NAME", "12"), ("ROSTER_ATTEMPTS_PER_CALLER", "12")]).await;
    let replies = join_all((0..40).map(|_| verify(&house, "web", "ada", "wrong horse"))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 401).count(), 10);
    for (caller, name) in [("bot", "ada"), ("web", "eve")] {
        for _ in 0..2 {
            verify(&house, caller, name, "wrong horse").await.problem(401, "invalid-credentials");
        }
        verify(&house, caller, name, "wrong horse").await.problem(429, "quota-exceeded");
    }
}

#[tokio::test]
async fn a_clean_login_writes_nothing() {
    let house = House::new().await;
    house.create("ada").await;
    verify(&house, "web", "ada", PASSWORD).await.expect(200);
    let before = sorted(&house).await;
    house.clock.advance_seconds(3600);
    verify(&house, "web", "ada", PASSWORD).await.expect(200);
    assert_eq!(sorted(&house).await, before);
}

async fn sorted(house: &House) -> Vec<String> {
    let mut items: Vec<String> = house
        .items()
        .await
        .iter()
        .map(|item| {
            let mut shown: Vec<_> = item.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            shown.sort();
            shown.join(" ")
        })
        .collect();
    items.sort();
    items
}

#[tokio::test]
async fn a_flood_from_elsewhere_does_not_lock_out_a_known_caller() {
    let house = House::with(&[("ROSTER_ATTEMPTS_PER_NAME", "15")]).await;
    house.create("ada").await;
    verify(&house, "web", "ada", PASSWORD).await.expect(200);
    for n in 0..15 {
        verify(&house, &format!("bot{}", n % 3), "ada", "wrong horse").await.problem(401, "invalid-credentials");
    }
    let reply = verify(&house, "bot3", "ada", PASSWORD).await.problem(429, "quota-exceeded");
    assert_eq!(reply.header("retry-after"), "900");
    verify(&house, "web", "ada", PASSWORD).await.expect(200);
    verify(&house, "web", "ada", "wrong horse").await.problem(401, "invalid-credentials");
    house.clock.advance_seconds(WINDOW_SECONDS);
    verify(&house, "bot3", "ada", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn the_edge_of_a_window_gives_no_second_helping() {
    let house = House::with(&[("ROSTER_ATTEMPTS_PER_CALLER", "12")]).await;
    let mut told = Vec::new();
    for minute in 0..40 {
        for n in 0..5 {
            let reply = verify(&house, "bot", &format!("user{minute}-{n}"), PASSWORD).await;
            if reply.status == 401 {
                told.push(minute);
            } else {
                reply.problem(429, "quota-exceeded");
            }
        }
        let in_window = told.iter().filter(|then| minute - **then < 15).count();
        assert!(in_window <= 12, "{told:?}");
        house.clock.advance_seconds(60);
    }
    assert!((24..=36).contains(&told.len()), "room comes back: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_at_once_find_the_room_there_is() {
    let house = House::with(&[("ROSTER_ATTEMPTS_PER_NAME", "30")]).await;
    for _ in 0..3 {
        let verifies = (0..40).map(|n| verify_as(&house, format!("bot{n}")));
        let told = join_all(verifies).await.iter().filter(|reply| reply.status == 401).count();
        assert_eq!(told, 30);
        house.clock.advance_seconds(WINDOW_SECONDS);
    }
}

async fn verify_as(house: &House, caller: String) -> Reply {
    verify(house, &caller, "ada", "wrong horse").await
}

#[tokio::test]
async fn one_caller_cannot_try_a_password_on_everyone() {
    let house = House::with(&[("ROSTER_ATTEMPTS_PER_CALLER", "12")]).await;
    house.create("ada").await;
    for n in 0..12 {
        verify(&house, "bot", &format!("user{n}"), PASSWORD).await.problem(401, "invalid-credentials");
    }
    verify(&house, "bot", "ada", PASSWORD).await.problem(429, "quota-exceeded");
    verify(&house, "web", "ada", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_flood_through_a_caller_does_not_lock_out_who_has_logged_in_there() {
    let house = House::with(&[("ROSTER_ATTEMPTS_PER_CALLER", "12")]).await;
    house.create("ada").await;
    house.create("eve").await;
    verify(&house, "web", "ada", PASSWORD).await.expect(200);
    for n in 0..12 {
        verify(&house, "web", &format!("user{n}"), "wrong horse").await.problem(401, "invalid-credentials");
    }
    verify(&house, "web", "user0", PASSWORD).await.problem(429, "quota-exceeded");
    verify(&house, "web", "eve", PASSWORD).await.problem(429, "quota-exceeded");
    verify(&house, "web", "ada", PASSWORD).await.expect(200);
    for _ in 0..10 {
        verify(&house, "web", "ada", "wrong horse").await.problem(401, "invalid-credentials");
    }
    verify(&house, "web", "ada", PASSWORD).await.problem(429, "quota-exceeded");
    house.clock.advance_seconds(WINDOW_SECONDS);
    verify(&house, "web", "eve", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn changing_a_password_is_no_way_around() {
    let house = House::new().await;
    let path = format!("/users/{}/password", house.create("ada").await);
    let change = json!({"currentPassword": "wrong horse", "newPassword": "a better horse battery staple"});
    for _ in 0..10 {
        house.anyone().put(&path, &change).await.problem(401, "invalid-credentials");
    }
    house.anyone().put(&path, &change).await.problem(429, "quota-exceeded");
    let claim = json!({"userName": "ada", "password": PASSWORD});
    house.anyone().post("/users/verify-password", &claim).await.problem(429, "quota-exceeded");
}

#[tokio::test]
async fn names_and_passwords_are_not_in_the_counters() {
    let house = House::new().await;
    verify(&house, "web", "hunter2", "wrong horse").await.problem(401, "invalid-credentials");
    let items = sorted(&house).await;
    assert!(items.len() == 3 && items.iter().all(|item| item.contains("LIMIT#ATTEMPT#") && item.contains("expiresAt")));
    assert!(items.iter().all(|item| !item.contains("hunter2") && !item.contains("horse")), "{items:?}");
}

/// One try on its way through a sandbox.
struct Try {
    pair: (usize, usize),
    is_right: bool,
    history: History,
}

/// 20 sandboxes, whose clocks differ by seconds, take tries of four callers at two names in any order and any interleaving.
/// What is told is held against the rules, which are spelt out here once more in another way.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_sandboxes_tell_no_more_than_one() {
    const SKEW: i64 = 2;
    let limits = AttemptLimits { per_pair: 10, per_name: 25, per_caller: 12 };
    let house = House::new().await;
    let store = &house.app.store;
    let random = Ids::seeded(23);
    let below = |bound: u64| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        u64::from_be_bytes(bytes) % bound
    };
    let names = ["ada", "nobody"].map(|name| UserName::parse(name).unwrap());
    let callers = ["a", "b", "c", "d"].map(|caller| ClientId::parse(caller).unwrap());
    let keys = |(name, caller): (usize, usize)| AttemptKeys::new(&names[name], &callers[caller]);
    let clock = Clock::settable(Timestamp::from_unix_millis(START_MILLIS));
    let skews: Vec<i64> = (0..20).map(|_| i64::try_from(below(3)).unwrap() - 1).collect();
    let mut sandboxes: Vec<Option<Try>> = (0..20).map(|_| None).collect();
    // Times of the wrong passwords that were told, for each pair since its last right one, and for all.
    let mut told: Vec<((usize, usize), i64)> = Vec::new();
    let mut streaks: HashMap<(usize, usize), Vec<i64>> = HashMap::new();
    let mut known: HashMap<(usize, usize), bool> = HashMap::new();
    let (mut wrong, mut right, mut turned_away) = (0, 0, 0);
    for step in 0..4000 {
        if below(4) == 0 {
            clock.advance_seconds(i64::try_from(below(if step % 400 < 300 { 6 } else { 200 })).unwrap());
        }
        let sandbox = usize::try_from(below(20)).unwrap();
        let now = clock.now().plus_seconds(skews[sandbox]);
        let seconds = clock.now().unix_seconds();
        match sandboxes[sandbox].take() {
            None => {
                let pair = (usize::from(below(4) == 0), usize::try_from(below(4)).unwrap());
                let history = store.get_attempts(&keys(pair)).await.unwrap();
                if limits.admit(&history, now).is_ok() {
                    let is_right = pair.0 == 0 && below(12) == 0;
                    sandboxes[sandbox] = Some(Try { pair, is_right, history });
                } else {
                    turned_away += 1;
                    assert!(told.iter().any(|(_, at)| seconds - at <= WINDOW_SECONDS + SKEW), "no lockout after rest");
                }
            }
            Some(Try { pair, is_right: true, .. }) => {
                let history = store.get_attempts(&keys(pair)).await.unwrap();
                if limits.admit(&history, now).is_ok()
                    && store.forgive(&keys(pair), &history, &limits, now).await.unwrap().is_ok()
                {
                    right += 1;
                    streaks.remove(&pair);
                    known.insert(pair, true);
                }
            }
            Some(Try { pair, history, .. }) => {
                let counted = Box::pin(store.count_failure(&keys(pair), &history, &limits, now)).await.unwrap();
                if counted.is_ok() {
                    wrong += 1;
                    told.push((pair, seconds));
                    streaks.entry(pair).or_default().push(seconds);
                    hold(&streaks[&pair], SKEW);
                    let in_window = |is_counted: &dyn Fn((usize, usize)) -> bool| {
                        let told = told.iter().filter(|(p, at)| is_counted(*p) && seconds - at < WINDOW_SECONDS - SKEW);
                        told.filter(|(p, _)| !known.contains_key(p)).count()
                    };
                    assert!(in_window(&|p| p.1 == pair.1) <= 12);
                    assert!(in_window(&|p| p.0 == pair.0) <= 25);
                } else {
                    turned_away += 1;
                }
            }
        }
    }
    assert!(wrong > 200 && right > 20 && turned_away > 200, "{wrong} wrong, {right} right, {turned_away} turned away");
    clock.advance_seconds(WINDOW_SECONDS + SKEW);
    for pair in (0..2).flat_map(|name| (0..4).map(move |caller| (name, caller))) {
        let history = store.get_attempts(&keys(pair)).await.unwrap();
        assert!(limits.admit(&history, clock.now()).is_ok(), "after the window everyone may try: {pair:?}");
    }
}

/// Wrong passwords in a row: ten at any time, then one after each growing wait; 15 minutes of rest begin anew.
#[track_caller]
fn hold(times: &[i64], skew: i64) {
    let mut in_a_row = 0;
    for (n, time) in times.iter().enumerate() {
        let gap = if n == 0 { i64::MAX } else { time - times[n - 1] };
        let least = [60, 120, 240, 480, 900].get(usize::max(in_a_row, 10) - 10).copied().unwrap_or(900);
        if gap >= WINDOW_SECONDS - skew {
            in_a_row = 0;
        } else if in_a_row >= 10 {
            assert!(gap >= least - skew, "{in_a_row} in a row, then one after {gap} of {least} seconds: {times:?}");
        }
        in_a_row += 1;
    }
}
