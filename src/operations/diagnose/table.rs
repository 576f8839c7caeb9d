//! The table against the shape that `store::table` draws.

use std::collections::BTreeSet;

use super::Place;
use super::finding::{Finding, on, on_reach};
use crate::aws::Asked;
use crate::store::inspect::{Index, KeyAttribute, Shape, TableFacts};
use crate::store::table::{INDEXES, KEYS, SHARD, STREAM_VIEW, TIME_TO_LIVE, projection};

/// Judges all that the table says about itself.
pub fn judge(facts: &TableFacts, place: &Place<'_>) -> Vec<Finding> {
    let (table, aws) = (place.table, format!("aws dynamodb update-table --table-name {}", place.table));
    let absent = if place.is_embedded {
        "start `roster serve` once, which makes it"
    } else {
        "set ROSTER_TABLE and AWS_REGION as the stack has them, or make it by `sam deploy`"
    };
    let unreached = if place.is_embedded {
        "start `roster serve`, or name its folder by --data or its address by --dynamodb-listen"
    } else {
        "check AWS_REGION, AWS_ENDPOINT_URL_DYNAMODB and the network"
    };
    let reach = facts.shape.clone().map(|_| ());
    let reach = on_reach("table", "dynamodb:DescribeTable", &reach, &format!("table {table}"), absent, unreached);
    let Asked::Told(shape) = &facts.shape else {
        // Of a table that is not there nothing else can be said; of one that may not be described, some.
        let rest = [of_time_to_live(facts, table), of_recovery(facts, table)];
        return if facts.shape == Asked::Denied { [reach].into_iter().chain(rest).collect() } else { vec![reach] };
    };
    let mut findings = vec![if shape.status == "ACTIVE" {
        reach
    } else {
        Finding::warning("table", format!("table {table} is {}", shape.status), "wait until it is ACTIVE")
    }];
    findings.push(of_keys(shape));
    findings.push(if shape.is_on_demand {
        Finding::ok("table.billing", "each request is paid for by itself")
    } else {
        let mend = format!("{aws} --billing-mode PAY_PER_REQUEST");
        Finding::warning("table.billing", "capacity is set ahead, and more than that is throttled", mend)
    });
    findings.extend(INDEXES.map(|(name, sort_key)| of_index(shape, name, sort_key)));
    findings.extend(of_other_indexes(shape, &aws));
    findings.push(of_time_to_live(facts, table));
    findings.push(match shape.stream.as_deref() {
        Some(STREAM_VIEW) => Finding::ok("table.stream", format!("shows {STREAM_VIEW}")),
        found => {
            let told = found.map_or("there is none: no change is told".to_owned(), |view| {
                format!("shows {view}: changes cannot be told apart")
            });
            let mend = format!("{aws} --stream-specification StreamEnabled=true,StreamViewType={STREAM_VIEW}");
            // A stream keeps its view: it is turned off first.
            let mend = found
                .map_or(mend.clone(), |_| format!("{aws} --stream-specification StreamEnabled=false, and then {mend}"));
            Finding::wrong("table.stream", told, mend)
        }
    });
    findings.push(of_recovery(facts, table));
    findings.push(match shape.is_protected {
        Some(true) => Finding::ok("table.protection", "deletion is refused"),
        None => Finding::unknown("table.protection", "not known by this engine"),
        Some(false) if place.is_embedded => Finding::unknown("table.protection", "off, and not needed on one machine"),
        Some(false) => {
            let mend = format!("{aws} --deletion-protection-enabled, or sam deploy with DeletionProtection=true");
            Finding::warning("table.protection", "whoever may delete tables may delete this one", mend)
        }
    });
    findings
}

fn of_keys(shape: &Shape) -> Finding {
    if are_keys(&shape.keys, KEYS) {
        return Finding::ok("table.keys", "pk and sk");
    }
    let mend = "a table keeps its keys: make another by `sam deploy`, and set ROSTER_TABLE to it";
    Finding::wrong("table.keys", format!("they are {}, not pk and sk", names(&shape.keys)), mend)
}

fn of_index(shape: &Shape, name: &str, sort_key: &str) -> Finding {
    let check = format!("table.index.{name}");
    let again =
        format!("delete index {name} and deploy template.yaml, which makes it: an index keeps its keys and attributes");
    let Some(index) = shape.indexes.iter().find(|index| index.name == name) else {
        return Finding::wrong(
            &check,
            "there is none: lists in its order fail",
            "deploy template.yaml, which makes it",
        );
    };
    if !are_keys(&index.keys, [(SHARD, "N"), (sort_key, "S")]) {
        return Finding::wrong(
            &check,
            format!("its keys are {}, not {SHARD} and {sort_key}", names(&index.keys)),
            again,
        );
    }
    let Some(projected) = &index.projected else {
        let told = "holds every attribute: each write costs more than it need";
        return Finding::warning(&check, told, again);
    };
    let held: BTreeSet<&str> = projected.iter().map(String::as_str).collect();
    let needed: BTreeSet<&str> = projection(sort_key).collect();
    let list = |of: &BTreeSet<&str>, but: &BTreeSet<&str>| of.difference(but).copied().collect::<Vec<_>>().join(", ");
    let (missing, more) = (list(&needed, &held), list(&held, &needed));
    if !missing.is_empty() {
        return Finding::wrong(&check, format!("lacks {missing}, which lists show"), again);
    }
    if !more.is_empty() {
        return Finding::warning(&check, format!("holds {more}, which no list shows"), again);
    }
    match index.status.as_deref() {
        None | Some("ACTIVE") => Finding::ok(&check, format!("by {sort_key}, with {} attributes", needed.len())),
        Some(status) => Finding::warning(&check, format!("is {status}"), "wait until it is ACTIVE"),
    }
}

fn of_other_indexes(shape: &Shape, aws: &str) -> Option<Finding> {
    let is_ours = |index: &&Index| INDEXES.iter().any(|(name, _)| *name == index.name);
    let others: Vec<&str> =
        shape.indexes.iter().filter(|index| !is_ours(index)).map(|index| index.name.as_str()).collect();
    let first = others.first()?;
    let mend = format!(
        "{aws} --global-secondary-index-updates '[{{\"Delete\":{{\"IndexName\":\"{first}\"}}}}]', if nobody else needs it"
    );
    Some(Finding::warning(
        "table.index",
        format!("there are others, which cost with each write: {}", others.join(", ")),
        mend,
    ))
}

fn of_time_to_live(facts: &TableFacts, table: &str) -> Finding {
    let check = "table.time-to-live";
    on(check, "dynamodb:DescribeTimeToLive", &facts.time_to_live, |attribute| match attribute.as_deref() {
        Some(TIME_TO_LIVE) => Finding::ok(check, format!("by {TIME_TO_LIVE}")),
        found => {
            let told = found.map_or("off: receipts, counts and uploads are kept for ever".to_owned(), |other| {
                format!("by {other}, not {TIME_TO_LIVE}")
            });
            let mend = format!(
                "aws dynamodb update-time-to-live --table-name {table} --time-to-live-specification Enabled=true,AttributeName={TIME_TO_LIVE}"
            );
            Finding::wrong(check, told, mend)
        }
    })
}

fn of_recovery(facts: &TableFacts, table: &str) -> Finding {
    let check = "table.recovery";
    on(check, "dynamodb:DescribeContinuousBackups", &facts.recovery, |is_on| {
        if *is_on {
            return Finding::ok(check, "to any second of the last days");
        }
        let mend = format!(
            "aws dynamodb update-continuous-backups --table-name {table} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        );
        Finding::warning(check, "off: what is deleted by mistake is gone", mend)
    })
}

/// Whether these are a partition key and a sort key of those names and types.
fn are_keys(found: &[KeyAttribute], wanted: [(&str, &str); 2]) -> bool {
    let is = |key: &KeyAttribute, (name, kind): (&str, &str), role: &str| {
        key.name == name && key.kind == kind && key.role == role
    };
    matches!(found, [partition, sort] if is(partition, wanted[0], "HASH") && is(sort, wanted[1], "RANGE"))
}

fn names(keys: &[KeyAttribute]) -> String {
    keys.iter().map(|key| format!("{} ({} {})", key.name, key.kind, key.role)).collect::<Vec<_>>().join(" and ")
}
