//! How much callers may do: `ROSTER_QUOTAS` and `ROSTER_QUOTAS_CLOSED`.

use std::collections::HashMap;

use serde::Deserialize;

use super::reader::Reader;
use crate::domain::actor::OPERATIONS;
use crate::domain::limit::{Counted, MAX_QUOTA, MAX_WINDOW, Policy};
use crate::quotas::{Closed, Plan};

/// One policy as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    quota: u64,
    window: u64,
    burst: Option<u64>,
    operations: Option<Operations>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Operations {
    Word(String),
    List(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(Written),
    More(Vec<Written>),
}

const SHAPE: &str = "ROSTER_QUOTAS must be a JSON object of client ids (or default) and policies, such as \
                     {\"default\": {\"quota\": 600, \"window\": 60, \"burst\": 100, \"operations\": \"all\"}}";

/// The quotas as configured; none by default.
pub(super) fn plan(reader: &mut Reader<'_>) -> Plan {
    let closed_without_table = closed(reader);
    let mut plan = Plan { closed_without_table, ..Plan::default() };
    let Some(text) = reader.text("ROSTER_QUOTAS") else { return plan };
    let Ok(written) = serde_json::from_str::<HashMap<String, OneOrMore>>(&text) else {
        reader.mistake(SHAPE);
        return plan;
    };
    for (client, policies) in written {
        let policies = match policies {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        };
        match read(policies) {
            Ok(policies) if client == "default" => plan.default = policies,
            Ok(policies) => {
                plan.by_client.insert(client, policies);
            }
            Err(flaw) => reader.mistake(format!("ROSTER_QUOTAS: {client}: {flaw}")),
        }
    }
    plan
}

fn read(written: Vec<Written>) -> Result<Vec<Policy>, String> {
    let mut policies: Vec<Policy> = Vec::new();
    for policy in written {
        let (counted, usual_name) = match policy.operations {
            None => (Counted::All, "caller"),
            Some(Operations::Word(word)) => match word.as_str() {
                "all" => (Counted::All, "caller"),
                "reads" => (Counted::Reads, "reads"),
                "writes" => (Counted::Writes, "writes"),
                _ => return Err("operations must be all, reads, writes or a list of operations".to_owned()),
            },
            Some(Operations::List(names)) => {
                if let Some(stranger) = stranger(&names) {
                    return Err(format!("there is no operation {stranger}"));
                }
                (Counted::Named(names), "operations")
            }
        };
        let name = policy.name.unwrap_or_else(|| usual_name.to_owned());
        if policies.iter().any(|other| other.name() == name) {
            return Err(format!("two policies are called {name}; give them names"));
        }
        let burst = policy.burst.unwrap_or(policy.quota);
        let read = Policy::new(&name, policy.quota, policy.window, burst, counted);
        policies.push(read.ok_or_else(|| {
            format!(
                "a policy needs a quota from 1 to {MAX_QUOTA}, a window from 1 to {MAX_WINDOW} seconds, a burst from 1 to \
                 its quota, and a name of letters, digits, - and _"
            )
        })?);
    }
    Ok(policies)
}

/// `ROSTER_QUOTAS_CLOSED`: what is refused while the table cannot be reached.
fn closed(reader: &mut Reader<'_>) -> Closed {
    let names = reader.list("ROSTER_QUOTAS_CLOSED");
    match names.first().map(String::as_str) {
        None => Closed::default(),
        Some("all") if names.len() == 1 => Closed::All,
        Some("none") if names.len() == 1 => Closed::Named(Vec::new()),
        Some(_) => {
            if let Some(stranger) = stranger(&names) {
                reader.mistake(format!("ROSTER_QUOTAS_CLOSED must be all, none or operations; {stranger} is none"));
            }
            Closed::Named(names)
        }
    }
}

fn stranger(names: &[String]) -> Option<&String> {
    names.iter().find(|name| !OPERATIONS.iter().any(|(known, _)| known == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(quotas: &str, closed: &str) -> Result<Plan, String> {
        let lookup = |name: &str| match name {
            "ROSTER_QUOTAS" => Some(quotas.to_owned()),
            "ROSTER_QUOTAS_CLOSED" => Some(closed.to_owned()),
            _ => None,
        };
        let mut reader = Reader::new(&lookup);
        let plan = plan(&mut reader);
        reader.finish(plan).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn quotas_are_read() {
        let plan = read(
            r#"{"default": {"quota": 600, "window": 60},
                "billing": [{"quota": 10, "window": 1, "burst": 5, "operations": "reads"},
                            {"quota": 9, "window": 60, "operations": ["verify_password"], "name": "guesses"}],
                "batch": []}"#,
            "verify_password,create_user",
        )
        .unwrap();
        assert_eq!(plan.default.iter().map(Policy::name).collect::<Vec<_>>(), ["caller"]);
        assert_eq!(plan.by_client["billing"].iter().map(Policy::name).collect::<Vec<_>>(), ["reads", "guesses"]);
        assert!(plan.by_client["batch"].is_empty());
        assert!(plan.by_client["billing"][1].counts("verify_password", false));
        assert!(!plan.by_client["billing"][1].counts("get_user", true));
        assert!(read("", "").unwrap().default.is_empty(), "no quota unless one is configured");
    }

    #[test]
    fn mistakes_are_told() {
        for (quotas, told) in [
            ("[]", "JSON object"),
            (r#"{"default": {"quota": 1}}"#, "JSON object"),
            (r#"{"default": {"quota": 0, "window": 60}}"#, "from 1"),
            (r#"{"default": {"quota": 5, "window": 60, "burst": 6}}"#, "burst"),
            (r#"{"default": {"quota": 5, "window": 60, "operations": "some"}}"#, "operations must be"),
            (r#"{"default": {"quota": 5, "window": 60, "operations": ["fly"]}}"#, "no operation fly"),
            (r#"{"default": [{"quota": 5, "window": 60}, {"quota": 9, "window": 90}]}"#, "two policies"),
        ] {
            let mistake = read(quotas, "").unwrap_err();
            assert!(mistake.contains(told), "{quotas}: {mistake}");
        }
        assert!(read("{}", "fly").unwrap_err().contains("fly"));
    }
}
