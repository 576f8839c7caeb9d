//! What was asked for and what was answered, to be compared with everything else that tells of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::BufRead;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::follower::Told;

/// A name that stands in no log line.
pub const FIRST_NAME: &str = "Quillon";

/// A user as the last answer told.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub user_name: String,
    pub first_name: String,
    pub version: u64,
    pub has_picture: bool,
}

/// A change that was acknowledged.
#[derive(Debug)]
pub struct Asked {
    pub kind: &'static str,
    /// The user name or first name that it set.
    pub name: Option<String>,
    /// The version that it made or ended, where answers leave no doubt.
    pub version: Option<u64>,
    /// How often it may have happened: a password that is set again after an answer that told nothing is set twice.
    pub most: usize,
}

/// All that is known of one user.
#[derive(Default)]
struct Life {
    /// None if the user is deleted.
    known: Option<Known>,
    /// In the order of their answers.
    asked: Vec<Asked>,
    /// Pictures that were sent, and of which no answer told what became of them: each may have changed the user once.
    open_pictures: usize,
}

/// All that was answered.
#[derive(Default)]
pub struct Journal {
    lives: Mutex<BTreeMap<String, Life>>,
    /// The ids of all requests that were answered.
    answered: Mutex<Vec<String>>,
    statuses: Mutex<BTreeMap<u16, usize>>,
    requests: AtomicUsize,
    slowest_micros: AtomicU64,
}

impl Journal {
    pub fn answer(&self, request_id: &str, status: u16, took: Duration) {
        self.slowest_micros.fetch_max(u64::try_from(took.as_micros()).unwrap(), Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.answered.lock().unwrap().push(request_id.to_owned());
        *self.statuses.lock().unwrap().entry(status).or_default() += 1;
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub fn slowest(&self) -> Duration {
        Duration::from_micros(self.slowest_micros.load(Ordering::Relaxed))
    }

    /// A user as an answer showed it, and whether its version may be another by now.
    pub fn note(&self, user: &Value) {
        let text = |name: &str| user[name].as_str().unwrap().to_owned();
        let known = Known {
            user_name: text("userName"),
            first_name: text("firstName"),
            version: user["version"].as_u64().unwrap(),
            has_picture: !user["avatar"].is_null(),
        };
        self.lives.lock().unwrap().entry(text("id")).or_default().known = Some(known);
    }

    pub fn gone(&self, id: &str) {
        self.lives.lock().unwrap().get_mut(id).unwrap().known = None;
    }

    /// What was last told of a user, and whether a picture may have come since.
    pub fn known(&self, id: &str) -> (Known, bool) {
        let lives = self.lives.lock().unwrap();
        (lives[id].known.clone().unwrap(), lives[id].open_pictures > 0)
    }

    pub fn changed(&self, id: &str, asked: Asked) {
        self.lives.lock().unwrap().get_mut(id).unwrap().asked.push(asked);
    }

    pub fn picture_is_sent(&self, id: &str) {
        self.lives.lock().unwrap().get_mut(id).unwrap().open_pictures += 1;
    }

    pub fn picture_is_settled(&self, id: &str) {
        self.lives.lock().unwrap().get_mut(id).unwrap().open_pictures -= 1;
    }

    /// Every user that was acknowledged is there as it was last told, nothing else is, and everything is whole.
    pub fn compare_with_table(&self, items: &[HashMap<String, AttributeValue>]) -> String {
        let text = |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
        let of_kind = |prefix: &str| -> Vec<_> {
            items.iter().filter(|item| item["pk"].as_s().unwrap().starts_with(prefix)).collect()
        };
        let stored: BTreeMap<String, _> = of_kind("USER#")
            .into_iter()
            .filter(|item| item["sk"].as_s().unwrap() == "USER")
            .map(|item| (text(item, "pk").split_once('#').unwrap().1.to_owned(), item))
            .collect();
        let lives = self.lives.lock().unwrap();
        for (id, life) in lives.iter() {
            let Some(known) = &life.known else {
                assert!(!stored.contains_key(id), "{id} was deleted");
                continue;
            };
            let item = stored.get(id).unwrap_or_else(|| panic!("{id} {known:?} is lost"));
            let version: u64 = item["version"].as_n().unwrap().parse().unwrap();
            let found = (text(item, "userName"), text(item, "firstName"));
            assert_eq!(found, (known.user_name.clone(), known.first_name.clone()), "{id}");
            assert!(version == known.version || life.open_pictures > 0, "{id}: {version}, told {known:?}");
        }
        let alive = lives.values().filter(|life| life.known.is_some()).count();
        assert_eq!(stored.len(), alive, "nobody is there twice or unasked");
        let ids: BTreeSet<&String> = stored.keys().collect();
        let guards: Vec<String> = of_kind("NAME#").into_iter().map(|item| text(item, "id")).collect();
        assert_eq!((guards.len(), guards.iter().collect::<BTreeSet<_>>()), (ids.len(), ids.clone()), "one name each");
        assert_eq!(of_kind("CRED#").len(), ids.len(), "one credential each");
        let mut by_kind = BTreeMap::<_, usize>::new();
        lives.values().flat_map(|life| &life.asked).for_each(|asked| *by_kind.entry(asked.kind).or_default() += 1);
        format!(
            "{} users, {alive} alive, {} changes acknowledged, 0 lost: {by_kind:?}\nanswers: {:?}, slowest {:?}",
            lives.len(),
            by_kind.values().sum::<usize>(),
            self.statuses.lock().unwrap(),
            self.slowest(),
        )
    }

    /// Every line is JSON, every request that was answered has one line, and nobody's name is there.
    pub fn compare_with_log(&self, log: impl BufRead) -> String {
        let (mut lines, mut seen, mut faults) = (0, HashSet::new(), 0_u64);
        for line in log.lines().map(Result::unwrap) {
            assert!(!line.contains(FIRST_NAME) && !line.contains("soak-") && !line.contains("argon2"), "{line}");
            let parsed: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if parsed["message"] == "request" && parsed["route"].is_string() {
                assert!(seen.insert(parsed["requestId"].as_str().unwrap().to_owned()), "told twice: {line}");
                faults += parsed["faults"].as_u64().unwrap();
                assert!(parsed["_aws"]["CloudWatchMetrics"].is_array(), "{line}");
            }
            lines += 1;
        }
        let answered = self.answered.lock().unwrap();
        let missing = answered.iter().filter(|id| !seen.contains(*id)).count();
        assert_eq!(missing, 0, "every request that was answered has its line");
        assert_eq!(seen.len(), answered.len(), "and no line is of nothing");
        format!("{lines} log lines, all JSON; {} of requests, one each; {faults} faults", seen.len())
    }

    /// Every acknowledged change has been told once by its id, in order per user, and nothing that nobody asked for.
    pub fn compare_with_events(&self, events: &[Told]) -> String {
        let mut first = HashMap::new();
        let mut told = BTreeMap::<_, Vec<_>>::new();
        for event in events {
            if let Some(before) = first.get(&event.id) {
                assert_eq!(*before, &event.json, "what is told again is told in the same words");
            } else {
                first.insert(&event.id, &event.json);
                told.entry(&event.user).or_default().push(event);
            }
        }
        for (user, life) in self.lives.lock().unwrap().iter() {
            life.compare(user, &told.remove(user).unwrap_or_default());
        }
        assert!(told.is_empty(), "events of users whom nobody created: {told:?}");
        format!(
            "{} change events, {} of them again, each as asked for and in order",
            first.len(),
            events.len() - first.len()
        )
    }
}

impl Life {
    fn compare(&self, user: &str, told: &[&Told]) {
        let in_order = told.is_sorted_by(|one, next| one.sequence < next.sequence);
        assert!(in_order, "{user}: not in order: {told:#?}");
        let (mut version, mut passwords) = (0, 0);
        // What may have happened more often than it was acknowledged.
        let (mut more_pictures, mut more_passwords) = (self.open_pictures, 0);
        let mut asked = self.asked.iter().peekable();
        for event in told {
            let number = match event.kind.as_str() {
                "password-changed" => &mut passwords,
                _ => &mut version,
            };
            *number += u64::from(event.kind != "deleted");
            assert_eq!(event.id, format!("{user}/{number}/{}", event.kind), "versions follow each other: {told:#?}");
            if let Some(asked) = asked.next_if(|asked| asked.is(event, *number)) {
                more_passwords = if asked.kind == "password-changed" { more_passwords + asked.most - 1 } else { 0 };
                continue;
            }
            let more = match event.kind.as_str() {
                "avatar-changed" => &mut more_pictures,
                "password-changed" => &mut more_passwords,
                _ => &mut 0,
            };
            assert!(*more > 0, "{user}: {event:?} was not asked for here, but {:?}: {told:#?}", asked.peek());
            *more -= 1;
        }
        assert!(asked.peek().is_none(), "{user}: {:?} was not told: {told:#?}", asked.peek());
    }
}

impl Asked {
    /// Whether this is the event of it.
    fn is(&self, event: &Told, number: u64) -> bool {
        let name = match self.kind {
            "created" | "renamed" => event.user_name.as_ref(),
            "updated" => event.first_name.as_ref(),
            _ => None,
        };
        self.kind == event.kind && self.name.as_ref() == name && self.version.is_none_or(|version| version == number)
    }
}
