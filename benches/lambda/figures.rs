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
    /// The most memory of each sandbox after two reads.
    pub peak_mb: Vec<f64>,
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
            peak_mb: Vec::new(),
            is_unlimited: false,
        }
    }

    /// INIT and the first read together.
    fn until_first_read(&self) -> Vec<Took> {
        self.init.iter().zip(&self.first_read).map(|(a, b)| plus(*a, *b)).collect()
    }

    pub fn json(&self) -> Value {
        json!({
            "function": self.function.name(), "init": shown(&self.init), "firstRead": shown(&self.first_read),
            "secondRead": shown(&self.second_read), "createsWithHash": self.creates_with_hash.each_ref().map(|took| shown(took)),
            "creates": self.creates.each_ref().map(|took| shown(took)), "peakMb": median(self.peak_mb.iter().copied()),
        })
    }
}

/// An operation, again and again in one sandbox.
pub struct Warm {
    pub name: &'static str,
    pub function: Function,
    pub took: Vec<Took>,
    pub asked: Asked,
    /// A million requests, in US dollars.
    pub price: f64,
    /// Of its sandbox so far, which did the operations above it too.
    pub peak_mb: f64,
}

impl Warm {
    pub fn new(name: &'static str, function: Function) -> Self {
        Self { name, function, took: Vec::new(), asked: Asked::default(), price: 0.0, peak_mb: 0.0 }
    }

    pub fn json(&self) -> Value {
        json!({
            "operation": self.name, "function": self.function.name(), "took": shown(&self.took), "calls": self.asked.calls, "s3Calls": self.asked.s3_calls,
            "readUnits": self.asked.read, "writeUnits": self.asked.write, "dollarsPerMillion": self.price, "peakMb": self.peak_mb,
        })
    }
}

/// A function that is not behind the REST API.
pub struct Other {
    pub function: Function,
    pub init: Vec<Took>,
    /// The first event of each sandbox.
    pub first: Vec<Took>,
    /// Later events of one.
    pub later: Vec<Took>,
    /// By one event.
    pub asked: Asked,
    pub peak_mb: f64,
}

impl Other {
    pub fn new(function: Function) -> Self {
        let [init, first, later] = Default::default();
        Self { function, init, first, later, asked: Asked::default(), peak_mb: 0.0 }
    }

    pub fn json(&self) -> Value {
        json!({
            "function": self.function.name(), "init": shown(&self.init), "first": shown(&self.first), "later": shown(&self.later),
            "calls": self.asked.calls, "s3Calls": self.asked.s3_calls, "peakMb": self.peak_mb,
        })
    }
}

/// Prints the tables of one memory size.
pub fn print(memory: u32, cold: &[Cold], warm: &[Warm], others: &[Other]) {
    let is_unlimited = cold.iter().any(|cold| cold.is_unlimited);
    let limited = if is_unlimited { ", NOT LIMITED: control groups cannot be made here" } else { "" };
    println!("\n## {memory} MB{limited}\n");
    println!(
        "| cold, ms: wall, p10 to p90 (cpu) | INIT | first GET | second GET | INIT + first GET | peak MB |\n|---|---|---|---|---|---|"
    );
    for of in cold {
        println!(
            "| {} | {} | {} | {} | {} | {:.1} |",
            of.function.name(),
            spread(&of.init),
            spread(&of.first_read),
            spread(&of.second_read),
            spread(&of.until_first_read()),
            median(of.peak_mb.iter().copied())
        );
    }
    print_ratios(cold);
    println!(
        "\n| create, ms: wall (cpu) | first, ready hash | second | first, password | second |\n|---|---|---|---|---|"
    );
    for of in cold.iter().filter(|of| of.function.creates()) {
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
    print_warm(warm);
    println!(
        "\n| other doors, ms: wall (cpu) | INIT | first event | later | calls | to S3 | peak MB |\n|---|---|---|---|---|---|---|"
    );
    for of in others {
        println!(
            "| {} | {} | {} | {} | {} | {} | {:.1} |",
            of.function.name(),
            both(&of.init),
            both(&of.first),
            both(&of.later),
            of.asked.calls,
            of.asked.s3_calls,
            of.peak_mb
        );
    }
}

fn print_warm(warm: &[Warm]) {
    println!(
        "\n| warm | p50 ms | p99 ms | CPU ms | of bare | of bare, alike | calls | to S3 | read units | write units | $ a million |\n|---|---|---|---|---|---|---|---|---|---|---|"
    );
    let cpu = |of: &Warm| median(of.took.iter().map(|took| milliseconds(took.cpu)));
    for of in warm {
        let wall = |share: usize| percentile(of.took.iter().map(|took| milliseconds(took.wall)), share);
        let is_ours = of.function == Function::Directory;
        let to = |peer: Function| {
            let peer = warm.iter().find(|warm| is_ours && warm.function == peer && warm.name == of.name);
            peer.map_or_else(String::new, |peer| format!("{:.2}", cpu(of) / cpu(peer)))
        };
        let whose = if matches!(of.function, Function::Bare | Function::BareAlike) { of.function.name() } else { "" };
        println!(
            "| {} {whose} | {:.2} | {:.2} | {:.3} | {} | {} | {} | {} | {} | {} | {:.2} |",
            of.name,
            wall(50),
            wall(99),
            cpu(of),
            to(Function::Bare),
            to(Function::BareAlike),
            of.asked.calls,
            of.asked.s3_calls,
            of.asked.read,
            of.asked.write,
            of.price
        );
    }
    for function in [Function::Bare, Function::BareAlike, Function::Directory, Function::Credentials] {
        let peak = warm.iter().filter(|warm| warm.function == function).map(|warm| warm.peak_mb).fold(0.0, f64::max);
        println!("\npeak memory of {}: {peak:.1} MB", function.name());
    }
}

/// Ours beside the peers, medians of this run.
fn print_ratios(cold: &[Cold]) {
    let of = |function: Function| cold.iter().find(|cold| cold.function == function);
    let (Some(empty), Some(naive)) = (of(Function::Empty), of(Function::Naive)) else { return };
    let (Some(idle), Some(ours)) = (of(Function::NotWarmed), of(Function::Directory)) else { return };
    let Some(secret) = of(Function::Credentials) else { return };
    println!("\n| of, wall (cpu) | ratio |\n|---|---|");
    let ([first_create, _], [naive_create, _]) = (&secret.creates_with_hash, &naive.creates_with_hash);
    for (name, ours, theirs) in [
        ("INIT, not warmed, to the empty function's", &idle.init, &empty.init),
        ("INIT + first GET to the naive function's", &ours.until_first_read(), &naive.until_first_read()),
        ("first GET to the naive function's", &ours.first_read, &naive.first_read),
        ("first create, ready hash, to the naive function's", first_create, naive_create),
    ] {
        let ratio = |of: fn(&Took) -> Duration| {
            let median = |took: &[Took]| median(took.iter().map(|took| milliseconds(of(took))));
            median(ours) / median(theirs)
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

/// The same with what eight of ten starts lie between.
fn spread(took: &[Took]) -> String {
    let wall = |share| percentile(took.iter().map(|took| milliseconds(took.wall)), share);
    let cpu = median(took.iter().map(|took| milliseconds(took.cpu)));
    format!("{:.2}, {:.2} to {:.2} ({cpu:.2})", wall(50), wall(10), wall(90))
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
