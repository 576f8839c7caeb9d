//! What the function costs, cold and warm, at each memory size, beside an empty function, a bare handler and a naive one.
//!
//! `scripts/bench-lambda` builds what this needs and runs it:
//!
//! ```text
//! scripts/bench-lambda                                    all sizes, 15 cold starts each, some ten minutes
//! scripts/bench-lambda --memory 128,1769 --cold 5 --warm 50
//! scripts/bench-lambda --json target/lambda.json          the figures for scripts/plot-lambda
//! cargo bench --profile dev --bench lambda -- --instructions    counts of `api` alone, after scripts/lambda-build, held to budgets
//! ```
//!
//! Each function is a process of its own, which has a whole processor for INIT, as Lambda gives, and from then on the share that
//! its memory buys. It talks to a stand-in of the runtime API, and reaches the embedded DynamoDB and S3 engines through TLS.
//! Latencies hold the engines' time, on this machine. Processor time is the function's alone, from the kernel's scheduler, to
//! the nanosecond.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a benchmark"
)]

mod endpoint;
mod events;
mod figures;
mod instructions;
mod operations;
mod others;
#[path = "../avatars/photograph.rs"]
mod photograph;
mod price;
mod runtime_api;
mod sandbox;
mod world;

use serde_json::{Value, json};

use figures::{Cold, Other, Warm, median, milliseconds};
use sandbox::{Sandbox, WHOLE_CPU_MB};
use world::{Function, World};

/// The first calls of a kind meet code and memory for the first time.
const IGNORED: usize = 3;
/// How often an operation is measured that is rare.
const RARE: usize = 20;

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
    if plan.instructions {
        return instructions::hold(&World::start().await).await;
    }
    let photo = others::photo();
    println!(
        "INIT and first requests of {} starts; {} warm requests, {} of what is rare, whose p99 is the slowest. A photograph: 3 and 3.",
        plan.cold,
        plan.warm,
        plan.warm.min(RARE)
    );
    let mut all = Vec::new();
    for &memory in &plan.memories {
        // As empty for the last as for the first.
        let mut world = World::start().await;
        world.bus = Some(world.endpoint(others::bus().await).await);
        let cold = cold(&world, memory, plan.cold).await;
        let warm = warm(&world, memory, plan.warm).await;
        let others = others::measure(&world, memory, plan.cold.min(RARE), &photo).await;
        figures::print(memory, &cold, &warm, &others);
        all.push(json!({
            "memoryMb": memory,
            "cold": cold.iter().map(Cold::json).collect::<Vec<_>>(),
            "warm": warm.iter().map(Warm::json).collect::<Vec<_>>(),
            "others": others.iter().map(Other::json).collect::<Vec<_>>(),
        }));
    }
    if let Some(path) = &plan.json {
        std::fs::write(path, Value::from(all).to_string()).unwrap();
    }
}

/// Starts every function again and again, one after the other, so that a busy moment of the machine meets all of them.
async fn cold(world: &World, memory: u32, times: usize) -> Vec<Cold> {
    let mut all: Vec<Cold> = Function::REST.into_iter().map(Cold::new).collect();
    for _ in 0..times {
        for cold in &mut all {
            let mut sandbox = world.sandbox(cold.function, memory).await;
            cold.is_unlimited |= sandbox.is_unlimited();
            cold.init.push(sandbox.init);
            for reads in [&mut cold.first_read, &mut cold.second_read] {
                reads.push(ok(&mut sandbox, &world.read()).await);
            }
            cold.peak_mb.push(sandbox.peak_mb());
            let creates = [
                (&mut cold.creates_with_hash, World::create_with_hash as fn(&World) -> Value, cold.function.creates()),
                (&mut cold.creates, World::create as fn(&World) -> Value, cold.function.hashes()),
            ];
            for (creates, event, _) in creates.into_iter().filter(|(.., is_able)| *is_able) {
                let mut sandbox = world.sandbox(cold.function, memory).await;
                for create in creates {
                    create.push(ok(&mut sandbox, &event(world)).await);
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
    let mut peers = [Function::Bare, Function::BareAlike].map(|function| (function, None));
    for (function, sandbox) in &mut peers {
        *sandbox = Some(world.sandbox(*function, memory).await);
    }
    for operation in operations::all() {
        let times = if operation.is_rare { times.min(RARE) } else { times };
        if operation.needs_picture {
            world.add_pictured(times + IGNORED).await;
        }
        let api = if operation.function == Function::Credentials { &mut credentials } else { &mut directory };
        let mut ours = Warm::new(operation.name, operation.function);
        let mut theirs: Vec<Warm> = peers.iter().map(|(peer, _)| Warm::new(operation.name, *peer)).collect();
        for round in 0..times + IGNORED {
            let event = (operation.event)(world);
            world.asked();
            let took = ok(api, &event).await;
            if round >= IGNORED {
                ours.took.push(took);
                ours.asked = world.asked();
            }
            if !operation.has_peer {
                continue;
            }
            for ((_, peer), warm) in peers.iter_mut().zip(&mut theirs) {
                let took = ok(peer.as_mut().unwrap(), &event).await;
                if round >= IGNORED {
                    warm.took.push(took);
                    warm.asked = world.asked();
                }
            }
        }
        let sandboxes = std::iter::once(&*api).chain(peers.iter().flat_map(|(_, peer)| peer));
        let measured = std::iter::once(ours).chain(theirs).zip(sandboxes);
        for (mut warm, sandbox) in measured.filter(|(warm, _)| !warm.took.is_empty()) {
            let wall = median(warm.took.iter().map(|took| milliseconds(took.wall)));
            warm.price = price::of_a_million(memory, wall, warm.asked);
            warm.peak_mb = sandbox.peak_mb();
            all.push(warm);
        }
    }
    all
}

async fn ok(sandbox: &mut Sandbox, event: &Value) -> sandbox::Took {
    let (answer, took) = sandbox.invoke(event).await;
    let status = answer["statusCode"].as_u64().unwrap_or_default();
    assert!(
        (200..400).contains(&status),
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
