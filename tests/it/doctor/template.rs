//! Table and bucket as `template.yaml` draws them, in the form in which AWS would tell of them.

use roster::avatars::inspect::{BucketFacts, Expiry, Notice, Pages};
use roster::aws::Asked;
use roster::store::inspect::{Index, KeyAttribute, Shape, TableFacts};
use serde_json::{Map, Value};

/// The properties of a resource.
pub fn properties(template: &str, resource: &str) -> Value {
    let start = template.find(&format!("\n  {resource}:\n")).expect("the resource") + 1;
    let lines: Vec<&str> = template[start..].lines().collect();
    let end = lines[1..].iter().position(|line| line.starts_with("  ") && !line.starts_with("   ")).unwrap() + 1;
    let told = lines[1..end].iter().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let mut lines: Vec<(usize, String)> =
        told.map(|line| (line.len() - line.trim_start().len(), line.trim().to_owned())).collect();
    block(&mut lines, 0)["Properties"].clone()
}

/// Reads the part of YAML that the template is written in: blocks, and maps and lists within a line.
fn block(lines: &mut Vec<(usize, String)>, least: usize) -> Value {
    let Some((indent, first)) = lines.first().cloned().filter(|(indent, _)| *indent >= least) else {
        return Value::Null;
    };
    if first.starts_with("- ") {
        let mut items = Vec::new();
        while lines.first().is_some_and(|(at, line)| *at == indent && line.starts_with("- ")) {
            let item = lines[0].1[2..].to_owned();
            if item.starts_with(['{', '[']) || !item.contains(": ") && !item.ends_with(':') {
                lines.remove(0);
                items.push(inline(&item));
            } else {
                lines[0] = (indent + 2, item);
                items.push(block(lines, indent + 2));
            }
        }
        return items.into();
    }
    let mut map = Map::new();
    while lines.first().is_some_and(|(at, _)| *at == indent) {
        let (_, line) = lines.remove(0);
        let (key, value) = line.split_once(':').expect("a key");
        let value = value.trim();
        let value = if value.is_empty() {
            // A list may stand as far left as its key.
            let is_list = lines.first().is_some_and(|(at, line)| *at == indent && line.starts_with("- "));
            block(lines, if is_list { indent } else { indent + 1 })
        } else {
            inline(value)
        };
        map.insert(key.trim_matches('"').to_owned(), value);
    }
    map.into()
}

fn inline(text: &str) -> Value {
    let within = |open, close| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    if let Some(list) = within('[', ']') {
        return list.split(", ").map(inline).collect();
    }
    if let Some(map) = within('{', '}') {
        let pair = |pair: &str| pair.split_once(": ").map(|(key, value)| (key.to_owned(), inline(value)));
        return Value::Object(map.split(", ").filter_map(pair).collect());
    }
    text.trim_matches('"').into()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn keys(of: &Value, attributes: &Value) -> Vec<KeyAttribute> {
    let kind = |name: &Value| attributes.as_array().unwrap().iter().find(|one| one["AttributeName"] == *name);
    let key = |key: &Value| KeyAttribute {
        name: text(&key["AttributeName"]),
        kind: kind(&key["AttributeName"]).map(|found| text(&found["AttributeType"])).unwrap_or_default(),
        role: text(&key["KeyType"]),
    };
    of["KeySchema"].as_array().into_iter().flatten().map(key).collect()
}

/// The table that would come of these properties, with DeletionProtection as it is by default.
pub fn table(properties: &Value) -> TableFacts {
    let attributes = &properties["AttributeDefinitions"];
    let index = |index: &Value| Index {
        name: text(&index["IndexName"]),
        status: Some("ACTIVE".to_owned()),
        keys: keys(index, attributes),
        projected: (index["Projection"]["ProjectionType"] != "ALL")
            .then(|| texts(&index["Projection"]["NonKeyAttributes"])),
    };
    let shape = Shape {
        status: "ACTIVE".to_owned(),
        keys: keys(properties, attributes),
        is_on_demand: properties["BillingMode"] == "PAY_PER_REQUEST",
        indexes: properties["GlobalSecondaryIndexes"].as_array().into_iter().flatten().map(index).collect(),
        stream: properties["StreamSpecification"]["StreamViewType"].as_str().map(str::to_owned),
        is_protected: Some(properties["DeletionProtectionEnabled"] == "!Ref DeletionProtection"),
    };
    let ttl = &properties["TimeToLiveSpecification"];
    let recovery = &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
    TableFacts {
        shape: Asked::Told(shape),
        time_to_live: Asked::Told((ttl["Enabled"] == "true").then(|| text(&ttl["AttributeName"]))),
        recovery: Asked::Told(recovery == "true"),
        date: None,
        tried: Vec::new(),
    }
}

/// The bucket that would come of these properties.
pub fn bucket(properties: &Value) -> BucketFacts {
    let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let block = &properties["PublicAccessBlockConfiguration"];
    let kinds = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];
    let expiry = |rule: &Value| {
        let days = text(&rule["ExpirationInDays"]).parse().ok()?;
        (rule["Status"] == "Enabled").then(|| Expiry { prefix: text(&rule["Prefix"]), days })
    };
    let pages = |rule: &Value| Pages {
        origins: texts(&rule["AllowedOrigins"]),
        methods: texts(&rule["AllowedMethods"]),
        headers: texts(&rule["AllowedHeaders"]),
    };
    let notice = |queue: &Value| {
        let rules = all(&queue["Filter"]["S3Key"]["Rules"]);
        let prefix = rules.iter().find(|rule| rule["Name"] == "prefix").map(|rule| text(&rule["Value"]));
        Notice { events: vec![text(&queue["Event"])], prefix: prefix.unwrap_or_default() }
    };
    BucketFacts {
        reach: Asked::Told(()),
        is_private: Asked::Told(kinds.iter().all(|kind| block[kind] == "true")),
        expiries: Asked::Told(all(&properties["LifecycleConfiguration"]["Rules"]).iter().filter_map(expiry).collect()),
        is_versioned: Asked::Told(properties["VersioningConfiguration"]["Status"] == "Enabled"),
        cors: Asked::Told(all(&properties["CorsConfiguration"]["CorsRules"]).iter().map(pages).collect()),
        notices: Asked::Told(
            all(&properties["NotificationConfiguration"]["QueueConfigurations"]).iter().map(notice).collect(),
        ),
        date: None,
        tried: Vec::new(),
    }
}
