//! The figures and their table.

use std::time::Duration;

use serde_json::{Value, json};

use crate::endpoint::Asked;
use crate::sandbox::Took;
use crate::world::Function;

/// A function's starts.
pub struct Cold {
    pub function: Function,
    pub init: Vec<Took>,
    pub first_read: Vec<Took>,
    pub second_read: Vec<Took>,
    /// First and second create in a sandbox, of a user whose hash is ready.
    pub creates_with_hash: [Vec<Took>; 2],
    /// The same with a password, in a sandbox of its own.
    pub creates: [Vec<Took>; 2],
    /// Whether its share of a processor could not be limited.
    pub is_unlimited: bool,
}

impl Cold {
    pub fn new(function: Function) -> Self {
        Self {
            function,
            init: Vec::new(),
            first_read: Vec::new(),
            second_read: Vec::new(),
            creates_with_hash: Default::default(),
            creates: Default::default(),
            is_unlimited: false,
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "function": self.function.name(), "init": shown(&self.init), "firstRead": shown(&self.first_read),
            "secondRead": shown(&self.second_read), "createsWithHash": self.creates_with_hash.each_ref().map(|took| shown(took)),
            "creates": self.creates.each_ref().map(|took| shown(took)),
        })
    }
}

/// An operation, again and again in one sandbox.
pub struct Warm {
    pub name: &'static str,
    pub function: Function,
    pub took: Vec<Took>,
    pub bare: Option<Vec<Took>>,
    pub asked: Asked,
    /// A million requests, in US dollars.
    pub price: f64,
    /// Of its sandbox so far, which did the operations above it too.
    pub peak_mb: f64,
}

impl Warm {
    pub fn new(name: &'static str, function: Function) -> Self {
        Self { name, function, took: Vec::new(), bare: None, asked: Asked::default(), price: 0.0, peak_mb: 0.0 }
    }

    pub fn json(&self) -> Value {
        json!({
            "operation": self.name, "function": self.function.name(), "took": shown(&self.took), "bare": self.bare.as_deref().map(shown), "calls": self.asked.calls,
            "readUnits": self.asked.read, "writeUnits": self.asked.write, "dollarsPerMillion": self.price, "peakMb": self.peak_mb,
        })
    }
}

/// Prints the tables of one memory size.
pub fn print(memory: u32, cold: &[Cold], warm: &[Warm]) {
    let limited = if cold.iter().any(|cold| cold.is_unlimited) { ", NOT LIMITED: no control groups here" } else { "" };
    println!("\n## {memory} MB{limited}\n");
    println!("| cold, ms: wall (cpu) | INIT | first GET | second GET | INIT + first GET |\n|---|---|---|---|---|");
    for of in cold {
        let sum: Vec<Took> = of.init.iter().zip(&of.first_read).map(|(a, b)| plus(*a, *b)).collect();
        println!(
            "| {} | {} | {} | {} | {} |",
            of.function.name(),
            both(&of.init),
            both(&of.first_read),
            both(&of.second_read),
            both(&sum)
        );
    }
    print_ratios(cold);
    println!(
        "\n| create, ms: wall (cpu) | first, ready hash | second | first, password | second |\n|---|---|---|---|---|"
    );
    for of in cold.iter().filter(|of| !of.creates[0].is_empty()) {
        let [first, second] = &of.creates_with_hash;
        let [hashed, hashed_again] = &of.creates;
        println!(
            "| {} | {} | {} | {} | {} |",
            of.function.name(),
            both(first),
            both(second),
            both(hashed),
            both(hashed_again)
        );
    }
    println!(
        "\n| warm | p50 ms | p99 ms | CPU ms | of bare | calls | read units | write units | $ a million |\n|---|---|---|---|---|---|---|---|---|"
    );
    for of in warm {
        let wall = |share: usize| percentile(of.took.iter().map(|took| milliseconds(took.wall)), share);
        let cpu = median(of.took.iter().map(|took| milliseconds(took.cpu)));
        let ratio = of.bare.as_ref().map(|bare| cpu / median(bare.iter().map(|took| milliseconds(took.cpu))));
        println!(
            "| {} | {:.2} | {:.2} | {cpu:.3} | {} | {} | {} | {} | {:.2} |",
            of.name,
            wall(50),
            wall(99),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            of.asked.calls,
            of.asked.read,
            of.asked.write,
            of.price
        );
    }
    for function in [Function::Directory, Function::Credentials] {
        let peak = warm.iter().filter(|warm| warm.function == function).map(|warm| warm.peak_mb).fold(0.0, f64::max);
        println!("\npeak memory of {}: {peak:.1} MB", function.name());
    }
}

/// Ours beside the peers, medians of this run.
fn print_ratios(cold: &[Cold]) {
    let of = |function: Function| cold.iter().find(|cold| cold.function == function);
    let (Some(empty), Some(naive)) = (of(Function::Empty), of(Function::Naive)) else { return };
    let (Some(idle), Some(ours)) = (of(Function::NotWarmed), of(Function::Directory)) else { return };
    let sums = |cold: &Cold| cold.init.iter().zip(&cold.first_read).map(|(a, b)| plus(*a, *b)).collect::<Vec<_>>();
    println!("\n| of, wall (cpu) | ratio |\n|---|---|");
    for (name, ours, theirs) in [
        ("INIT, not warmed, to the empty function's", idle.init.clone(), empty.init.clone()),
        ("INIT + first GET to the naive function's", sums(ours), sums(naive)),
        ("first GET to the naive function's", ours.first_read.clone(), naive.first_read.clone()),
    ] {
        let ratio = |of: fn(&Took) -> Duration| {
            let median = |took: &[Took]| median(took.iter().map(|took| milliseconds(of(took))));
            median(&ours) / median(&theirs)
        };
        println!("| {name} | {:.3} ({:.3}) |", ratio(|took| took.wall), ratio(|took| took.cpu));
    }
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    percentile(values, 50)
}

fn percentile(values: impl Iterator<Item = f64>, share: usize) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get((values.len() * share / 100).min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn both(took: &[Took]) -> String {
    let wall = median(took.iter().map(|took| milliseconds(took.wall)));
    let cpu = median(took.iter().map(|took| milliseconds(took.cpu)));
    if wall.is_nan() { "-".to_owned() } else { format!("{wall:.2} ({cpu:.2})") }
}

fn plus(a: Took, b: Took) -> Took {
    Took { wall: a.wall + b.wall, cpu: a.cpu + b.cpu }
}

fn shown(took: &[Took]) -> Value {
    let both = |of: fn(&Took) -> Duration| {
        let values = || took.iter().map(|took| milliseconds(of(took)));
        json!({"p10": percentile(values(), 10), "p50": percentile(values(), 50), "p90": percentile(values(), 90), "p99": percentile(values(), 99)})
    };
    json!({"wallMs": both(|took| took.wall), "cpuMs": both(|took| took.cpu)})
}
