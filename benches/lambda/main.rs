//! What the function costs, cold and warm, at each memory size, beside an empty function, a bare handler and a naive one.
//!
//! `scripts/bench-lambda` builds what this needs and runs it:
//!
//! ```text
//! scripts/bench-lambda                                    all sizes, 15 cold starts each, about ten minutes
//! scripts/bench-lambda --memory 128,1769 --cold 5 --warm 50
//! scripts/bench-lambda --json target/lambda.json          the figures for scripts/plot-lambda
//! cargo bench --profile dev --bench lambda -- --instructions    counts of `api` alone, after scripts/lambda-build, held to budgets
//! ```
//!
//! Each function is a process of its own, which has a whole processor for INIT, as Lambda gives, and from then on the share that
//! its memory buys. It talks to a stand-in of the runtime API, and reaches the embedded DynamoDB engine through TLS. Latencies hold the engine's time, on this machine. Processor time is the function's alone,
//! from the kernel's scheduler, to the nanosecond.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark"
)]

mod endpoint;
mod events;
mod figures;
mod instructions;
mod price;
mod runtime_api;
mod sandbox;
mod world;

use serde_json::{Value, json};

use figures::{Cold, Warm, median, milliseconds};
use sandbox::{Sandbox, WHOLE_CPU_MB};
use world::{Function, World};

/// How much is measured.
struct Plan {
    memories: Vec<u32>,
    cold: usize,
    warm: usize,
    json: Option<String>,
    /// Instead of all that: instructions of a few operations.
    instructions: bool,
}

#[tokio::main]
async fn main() {
    let plan = plan();
    let world = World::start().await;
    if plan.instructions {
        return instructions::hold(&world).await;
    }
    let mut all = Vec::new();
    for &memory in &plan.memories {
        let cold = cold(&world, memory, plan.cold).await;
        let warm = warm(&world, memory, plan.warm).await;
        figures::print(memory, &cold, &warm);
        all.push(json!({"memoryMb": memory, "cold": cold.iter().map(Cold::json).collect::<Vec<_>>(), "warm": warm.iter().map(Warm::json).collect::<Vec<_>>()}));
    }
    if let Some(path) = &plan.json {
        std::fs::write(path, Value::from(all).to_string()).unwrap();
    }
}

/// Starts every function again and again, one after the other, so that a busy moment of the machine meets all of them.
async fn cold(world: &World, memory: u32, times: usize) -> Vec<Cold> {
    let mut all: Vec<Cold> = Function::ALL.into_iter().map(Cold::new).collect();
    for _ in 0..times {
        for cold in &mut all {
            let mut sandbox = world.sandbox(cold.function, memory).await;
            if !sandbox.is_limited() && memory < WHOLE_CPU_MB {
                cold.is_unlimited = true;
            }
            cold.init.push(sandbox.init);
            for reads in [&mut cold.first_read, &mut cold.second_read] {
                reads.push(ok(&mut sandbox, &world.read()).await);
            }
            if matches!(cold.function, Function::NotWarmed | Function::Credentials) {
                for (creates, event) in [
                    (&mut cold.creates_with_hash, World::create_with_hash as fn(&World) -> Value),
                    (&mut cold.creates, World::create as fn(&World) -> Value),
                ] {
                    let mut sandbox = world.sandbox(cold.function, memory).await;
                    for create in creates {
                        create.push(ok(&mut sandbox, &event(world)).await);
                    }
                }
            }
        }
    }
    all
}

/// The life of one sandbox of each function: each operation many times over.
async fn warm(world: &World, memory: u32, times: usize) -> Vec<Warm> {
    let mut all = Vec::new();
    let mut directory = world.sandbox(Function::Directory, memory).await;
    let mut credentials = world.sandbox(Function::Credentials, memory).await;
    let mut bare = world.sandbox(Function::Bare, memory).await;
    for operation in World::operations() {
        let times = if operation.hashes { times.min(20) } else { times };
        let mut ours = Warm::new(operation.name, operation.function);
        let mut theirs = Warm::new(operation.name, Function::Bare);
        let api = if operation.function == Function::Credentials { &mut credentials } else { &mut directory };
        for round in 0..times + 3 {
            let event = (operation.event)(world);
            world.dynamodb.asked();
            let took = ok(api, &event).await;
            // The first calls of a kind meet code and memory for the first time.
            if round >= 3 {
                ours.took.push(took);
                ours.asked = world.dynamodb.asked();
            }
            if operation.has_peer {
                let took = ok(&mut bare, &event).await;
                if round >= 3 {
                    theirs.took.push(took);
                }
            }
        }
        ours.price =
            price::of_a_million(memory, median(ours.took.iter().map(|took| milliseconds(took.wall))), ours.asked);
        ours.bare = operation.has_peer.then_some(theirs.took);
        ours.peak_mb = api.peak_mb();
        all.push(ours);
    }
    all
}

async fn ok(sandbox: &mut Sandbox, event: &Value) -> sandbox::Took {
    let (answer, took) = sandbox.invoke(event).await;
    let status = answer["statusCode"].as_u64().unwrap_or_default();
    assert!(
        (200..300).contains(&status),
        "{} {}: {answer}",
        event["requestContext"]["http"]["method"],
        event["rawPath"]
    );
    took
}

fn plan() -> Plan {
    let mut plan = Plan {
        memories: vec![128, 256, 512, 1024, WHOLE_CPU_MB],
        cold: 15,
        warm: 200,
        json: None,
        instructions: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--memory" => plan.memories = value().split(',').map(|mb| mb.parse().expect("megabytes")).collect(),
            "--cold" => plan.cold = value().parse().expect("a number of starts"),
            "--warm" => plan.warm = value().parse().expect("a number of calls"),
            "--json" => plan.json = Some(value()),
            "--instructions" => plan.instructions = true,
            // What cargo adds.
            "--bench" => {}
            other => panic!("no option {other}: there are --memory, --cold, --warm, --json and --instructions"),
        }
    }
    plan
}
