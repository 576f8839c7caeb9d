//! Looks at everything that requests will need, says what is wrong with it and how to mend it, and leaves nothing behind.
//!
//! What is found is asked for in one place (`store/inspect.rs`, `avatars/inspect.rs`) and judged in others: [`table`] and
//! [`bucket`] are pure, so that a test can hold `template.yaml` against them.

pub mod bucket;
mod finding;
pub mod table;

pub use finding::{Finding, Verdict};

use crate::app::App;
use crate::aws::{self, Asked};
use crate::clock::Clock;
use crate::config::{Auth, Config, Mistakes};
use crate::domain::Timestamp;
use crate::error::chain;
use crate::ids::Ids;
use crate::jwt::keys::Keys;
use finding::on_reach;

/// How far a clock may be off, in milliseconds: the tolerance of most token issuers, and that of AWS's signatures.
const GOOD_SKEW: i64 = 30_000;
const MOST_SKEW: i64 = 300_000;

/// Which table and bucket are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The bucket's name.
    pub bucket: &'a str,
    /// Whether they are in the engines of this machine, which guard against less than AWS does.
    pub is_embedded: bool,
}

/// Looks at everything that `config` names. Whoever may not even reach the table can ask for this, so no actor is asked for.
pub async fn diagnose(config: &Config, is_embedded: bool, clock: Clock) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(Box::pin(of_pepper(config, clock.now())).await);
    findings.extend(Box::pin(of_tokens(config, clock.now())).await);
    findings.extend(Box::pin(of_bus(config)).await);
    // What was just looked at must not keep the rest from being looked at.
    let mut rest = config.clone();
    rest.auth = Auth::Open;
    rest.passwords.pepper_parameter = None;
    let app = match App::with(&rest, clock, Ids::system()).await {
        Ok(app) => app,
        Err(Mistakes(sentences)) => {
            let mend = "set the variable that is named; README.md lists them all";
            findings.extend(sentences.iter().map(|sentence| Finding::wrong("configuration", sentence, mend)));
            return findings;
        }
    };
    let place = Place { table: app.store.table(), bucket: app.avatars.bucket(), is_embedded };
    let (table, bucket) = tokio::join!(Box::pin(app.store.inspect()), Box::pin(app.avatars.inspect()));
    findings.extend(table::judge(&table, &place));
    findings.extend(bucket::judge(&bucket, &place));
    if matches!(table.shape, Asked::Told(_) | Asked::Denied) {
        findings.extend(table.tried.iter().map(|tried| of_right(tried, place.table)));
    }
    if matches!(bucket.reach, Asked::Told(()) | Asked::Denied) {
        findings.extend(bucket.tried.iter().map(|tried| of_right(tried, place.bucket)));
    }
    findings.extend(table.date.or(bucket.date).map(|date| of_clock(date, app.clock.now())));
    findings
}

/// Judges this machine's clock by a service's, which shows whole seconds.
fn of_clock(theirs: Timestamp, ours: Timestamp) -> Finding {
    let ahead = ours.unix_millis() - theirs.unix_millis() - 500;
    let seconds = (ahead.abs() + 500) / 1000;
    let told = format!("{seconds} s {}", if ahead < 0 { "behind the service's" } else { "ahead of the service's" });
    let mend = "let the network set it, such as by `timedatectl set-ntp true`";
    if ahead.abs() <= GOOD_SKEW {
        Finding::ok("clock", "as the service's")
    } else if ahead.abs() <= MOST_SKEW {
        Finding::warning("clock", format!("{told}: tokens may be refused"), mend)
    } else {
        Finding::wrong("clock", format!("{told}: signatures are refused"), mend)
    }
}

/// Judges what came of trying something.
fn of_right((action, what, came_of_it): &(&str, &str, Asked<()>), name: &str) -> Finding {
    let check = format!("may.{}", what.replace([' ', '\''], "-"));
    match came_of_it {
        Asked::Told(()) => Finding::ok(&check, format!("this caller may {what}")),
        Asked::Unknown => Finding::unknown(&check, "not known by this engine"),
        Asked::Denied => {
            let mend = format!("allow {action} on {name}, if this caller is to; the functions have roles of their own");
            Finding::warning(&check, format!("this caller may not {what}"), mend)
        }
        Asked::Absent => Finding::warning(
            &check,
            format!("could not be tried: {name} lacks it"),
            "look again once the rest is mended",
        ),
        Asked::Failed(why) => {
            Finding::warning(&check, format!("could not be tried: {why}"), "look again once the rest is mended")
        }
    }
}

async fn of_pepper(config: &Config, now: Timestamp) -> Option<Finding> {
    let name = config.passwords.pepper_parameter.as_ref()?;
    Some(match aws::pepper(config, now).await {
        Ok(_) => Finding::ok("pepper", format!("{name} can be read")),
        Err(mistakes) => {
            let mend = format!(
                "allow ssm:GetParameter on {name}, or put back the copy of its value: a new key opens no old hash; \
                 docs/OPERATIONS.md has how a first one goes live"
            );
            Finding::wrong("pepper", mistakes.to_string(), mend)
        }
    })
}

async fn of_tokens(config: &Config, now: Timestamp) -> Option<Finding> {
    let tokens = config.tokens.as_ref().filter(|_| config.auth == Auth::Jwt)?;
    let mend = "check ROSTER_JWT_ISSUER and ROSTER_JWT_JWKS, and that the functions reach them";
    let roots = match aws::extra_roots(config) {
        Ok(roots) => roots,
        Err(mistakes) => return Some(Finding::wrong("tokens", mistakes.to_string(), "mend SSL_CERT_FILE")),
    };
    Some(match Keys::new(tokens.keys.clone(), roots).current(now).await {
        Ok(_) => Finding::ok("tokens", format!("the keys of {} can be had", tokens.demands.issuer)),
        Err(error) => Finding::wrong("tokens", chain(&error), mend),
    })
}

async fn of_bus(config: &Config) -> Option<Finding> {
    let name = config.events.bus.as_ref()?;
    let bus = match aws::bus(config, None) {
        Ok(bus) => bus,
        Err(mistakes) => return Some(Finding::wrong("events", mistakes.to_string(), "mend SSL_CERT_FILE")),
    };
    let absent = format!("aws events create-event-bus --name {name}, or set ROSTER_EVENT_BUS to one that is there");
    let unreached = "check AWS_REGION, AWS_ENDPOINT_URL_EVENTBRIDGE and the network";
    Some(on_reach(
        "events",
        "events:DescribeEventBus",
        &bus.inspect().await,
        &format!("bus {name}"),
        &absent,
        unreached,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_as_much_as_signatures_may() {
        for (ahead, verdict, told) in [
            (0, Verdict::Ok, "as"),
            (999, Verdict::Ok, "as"),
            (-29_000, Verdict::Ok, "as"),
            (-31_000, Verdict::Warning, "32 s behind"),
            (45_500, Verdict::Warning, "45 s ahead"),
            (-299_000, Verdict::Warning, "300 s behind"),
            (301_000, Verdict::Wrong, "301 s ahead"),
            (-86_400_000, Verdict::Wrong, "86401 s behind"),
        ] {
            let theirs = Timestamp::from_unix_millis(1_795_330_800_000);
            let finding = of_clock(theirs, Timestamp::from_unix_millis(theirs.unix_millis() + ahead));
            assert_eq!(finding.verdict, verdict, "{ahead}: {finding:?}");
            assert!(finding.told.starts_with(told), "{ahead}: {finding:?}");
        }
    }

    #[test]
    fn what_a_caller_may_not_do_is_no_fault_of_the_table() {
        let judge = |came_of_it| of_right(&("dynamodb:PutItem", "create a user", came_of_it), "users");
        let denied = judge(Asked::Denied);
        assert_eq!((denied.check.as_str(), denied.verdict), ("may.create-a-user", Verdict::Warning));
        assert!(denied.mend.unwrap().contains("allow dynamodb:PutItem on users"));
        assert_eq!(judge(Asked::Told(())).verdict, Verdict::Ok);
        assert_eq!(judge(Asked::Unknown).verdict, Verdict::Unknown);
        assert_eq!(judge(Asked::Failed("ThrottlingException".to_owned())).verdict, Verdict::Warning);
    }
}
