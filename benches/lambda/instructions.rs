//! How many instructions a warm request executes, counted by valgrind's callgrind: the same on a busy machine as on a quiet one.
//!
//! A sandbox counts from its start to its end, so each operation is done in two of them, in one so often more than in the
//! other: the difference is those requests', and what starting costs drops out.

use serde_json::Value;

use crate::ok;
use crate::sandbox::{Counted, WHOLE_CPU_MB};
use crate::world::{Function, World};

/// Requests ahead of those that count: code and connections are met for the first time.
const WARM: u32 = 10;
/// What may be over the budget.
const MOST_OVER: f64 = 1.05;
/// What is under it so far that the budget is out of date.
const MOST_UNDER: f64 = 0.9;

/// Makes an event.
type Event = fn(&World) -> Value;

/// Operations that have a budget: its name in the file, how it is asked for, how often it is counted, and its calls to DynamoDB.
const OPERATIONS: [(&str, Event, u32, u32); 3] = [
    ("get", World::read, 100, 1),
    ("createWithReadyHash", World::create_with_hash, 60, 1),
    ("page", World::page, 20, 8),
];

/// Counts, prints, and ends the process with an error where a budget is exceeded. Each processor architecture has its own;
/// on one that has none, the figures are told.
pub async fn hold(world: &World) {
    let budgets: Value = serde_json::from_str(include_str!("../../scripts/lambda-budgets.json")).unwrap();
    let budgets = &budgets["instructions"][std::env::consts::ARCH];
    let start = count(world, |_| Value::Null, 0).await;
    println!("instructions of a start: {start}, without a budget: how TLS is computed depends on the processor");
    let mut over = false;
    for (name, event, times, calls) in OPERATIONS {
        let few = least(world, event, WARM).await;
        world.asked();
        let many = least(world, event, WARM + times).await;
        // Rounded, for a sandbox asks once as it starts.
        let requests = 3 * (WARM + times);
        let asked = (world.asked().calls + requests / 2) / requests;
        assert_eq!(asked, calls, "calls of {name} to DynamoDB");
        let each = (many - few) / u64::from(times);
        if budgets.is_null() {
            println!("instructions of {name}: {each}, no budget for {}", std::env::consts::ARCH);
            continue;
        }
        let budget = budgets[name].as_u64().expect("each operation has a budget");
        let share = each as f64 / budget as f64;
        let told = format!("instructions of {name}: {each}, {:+.1} % of the budget of {budget}", 100.0 * (share - 1.0));
        if share > MOST_OVER {
            over = true;
            println!(
                "{told}: TOO MANY. Mend it, or say in the commit what they are for and write it to scripts/lambda-budgets.json"
            );
        } else if share < MOST_UNDER {
            println!("{told}; write the new figure to scripts/lambda-budgets.json");
        } else {
            println!("{told}");
        }
    }
    if over {
        std::process::exit(1);
    }
}

/// The least of three counts: a page opens a connection more now and then, which only adds.
async fn least(world: &World, event: Event, times: u32) -> u64 {
    let one = count(world, event, times).await;
    one.min(count(world, event, times).await).min(count(world, event, times).await)
}

async fn count(world: &World, event: Event, times: u32) -> u64 {
    let counted = Counted::default();
    let mut sandbox = world.sandbox_counted(Function::Directory, WHOLE_CPU_MB, &counted).await;
    for _ in 0..times {
        ok(&mut sandbox, &event(world)).await;
    }
    sandbox.end();
    counted.read()
}
