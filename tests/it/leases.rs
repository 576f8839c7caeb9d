//! The arithmetic of quotas, with simulated sandboxes, clocks and table: no network, no waiting.

#![allow(clippy::print_stderr, reason = "figures for people")]

use roster::domain::Timestamp;
use roster::domain::limit::{Count, Counted, Lease, Policy, Step, Verdict};

const START: i64 = crate::harness::START_MILLIS;

/// The table's item and what it cost.
#[derive(Default)]
struct Table {
    count: Option<Count>,
    writes: u64,
}

impl Table {
    /// What `Store::lease` does, each condition checked as DynamoDB would.
    fn lease(&mut self, policy: &Policy, asked: u64, now: Timestamp) -> Result<(u64, Count), Count> {
        let mut seen = None;
        loop {
            match policy.step(asked, seen, now) {
                Step::Closed(count) => return Err(count),
                Step::Add { window, granted, limit } => {
                    self.writes += 1;
                    match &mut self.count {
                        Some(count) if count.window == window && count.taken <= limit => {
                            count.taken += granted;
                            return Ok((granted, *count));
                        }
                        found => seen = Some(*found),
                    }
                }
                Step::Begin { window, granted } => {
                    self.writes += 1;
                    self.count = Some(Count { window, taken: granted });
                    return Ok((granted, Count { window, taken: granted }));
                }
            }
        }
    }
}

struct Sandbox {
    lease: Lease,
    /// How far its clock is ahead, in milliseconds.
    offset: i64,
}

/// Sandboxes under one policy, and when requests were admitted.
struct World {
    policy: Policy,
    table: Table,
    sandboxes: Vec<Sandbox>,
    admitted: Vec<i64>,
    seed: u64,
}

impl World {
    fn new(policy: Policy, sandboxes: usize, largest_offset: i64) -> Self {
        let mut world = Self { policy, table: Table::default(), sandboxes: Vec::new(), admitted: Vec::new(), seed: 7 };
        for _ in 0..sandboxes {
            let offset = if largest_offset == 0 { 0 } else { world.random(2 * largest_offset) - largest_offset };
            world.sandboxes.push(Sandbox { lease: Lease::default(), offset });
        }
        world
    }

    fn random(&mut self, below: i64) -> i64 {
        // Knuth's MMIX generator.
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.seed >> 33) % below.unsigned_abs()).unwrap()
    }

    fn request(&mut self, sandbox: usize, at: i64) -> bool {
        let Sandbox { lease, offset } = &mut self.sandboxes[sandbox];
        let now = Timestamp::from_unix_millis(START + at + *offset);
        let admitted = match lease.take(&self.policy, now) {
            Verdict::Admitted => true,
            Verdict::Refused(_) => false,
            Verdict::Ask(asked) => match self.table.lease(&self.policy, asked, now) {
                Ok((granted, count)) => {
                    lease.grant(count.window, asked, granted, count.taken, now);
                    lease.take(&self.policy, now) == Verdict::Admitted
                }
                Err(count) => {
                    lease.close(&self.policy, count.window, count.taken, now);
                    false
                }
            },
        };
        if admitted {
            self.admitted.push(at);
        }
        admitted
    }

    /// Sends `per_second` requests a second at random moments to random sandboxes.
    fn run(&mut self, from: i64, seconds: i64, per_second: i64) {
        let mut times: Vec<i64> = (0..seconds * per_second).map(|_| from + self.random(seconds * 1000)).collect();
        times.sort_unstable();
        for at in times {
            let sandbox = usize::try_from(self.random(i64::try_from(self.sandboxes.len()).unwrap())).unwrap();
            self.request(sandbox, at);
        }
    }

    fn in_window(&self, index: i64) -> u64 {
        let length = self.policy.window_seconds() * 1000;
        self.admitted.iter().filter(|at| **at / length == index).count() as u64
    }

    /// The most that was admitted in any stretch of one window's length.
    fn most_in_a_stretch(&self) -> u64 {
        let length = self.policy.window_seconds() * 1000;
        let mut first = 0;
        let mut most = 0;
        for (last, at) in self.admitted.iter().enumerate() {
            while self.admitted[first] <= at - length {
                first += 1;
            }
            most = most.max(last - first + 1);
        }
        most as u64
    }
}

fn policy(quota: u64, window: u64, burst: u64) -> Policy {
    Policy::new("caller", quota, window, burst, Counted::All).unwrap()
}

#[test]
fn fifty_sandboxes_at_five_times_the_quota_admit_the_quota() {
    for (quota, window, burst) in
        [(6000, 60, 6000), (600, 60, 600), (600, 60, 60), (100, 10, 100), (50, 1, 50), (10, 60, 10)]
    {
        let mut world = World::new(policy(quota, window, burst), 50, 0);
        let (windows, seconds) = (5, i64::try_from(5 * window).unwrap());
        world.run(0, seconds, i64::try_from((5 * quota).div_ceil(window)).unwrap());
        let admitted: Vec<u64> = (0..windows).map(|index| world.in_window(index)).collect();
        let stretch = world.most_in_a_stretch();
        #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
        let cost = world.table.writes as f64 / world.admitted.len() as f64;
        eprintln!(
            "{quota} in {window} s, burst {burst}: admitted {admitted:?}, at most {stretch} in a stretch, {cost:.3} writes each"
        );
        assert!(admitted.iter().all(|count| *count <= quota), "never more than the quota");
        assert!(admitted.iter().all(|count| *count * 100 >= quota * 90), "and hardly less");
        assert!(stretch <= quota + burst);
    }
}

#[test]
fn steady_traffic_costs_well_under_one_write_for_each_request() {
    for (quota, window, per_second, sandboxes) in
        [(6000, 60, 80, 50), (6000, 60, 80, 5), (60_000, 60, 800, 50), (600, 60, 8, 1)]
    {
        let mut world = World::new(policy(quota, window, quota), sandboxes, 0);
        world.run(0, 120, per_second);
        let (writes, admitted) = (world.table.writes, world.admitted.len());
        world.run(120_000, 180, per_second);
        let all = world.admitted.len();
        assert_eq!(all, usize::try_from(300 * per_second).unwrap(), "nobody within the quota is refused");
        #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
        let cost = (world.table.writes - writes) as f64 / (all - admitted) as f64;
        eprintln!("{per_second}/s over {sandboxes} sandboxes: {cost:.3} writes for each request");
        assert!(cost < 0.2, "{cost}");
    }
}

/// Few requests for each sandbox: a lease ends with its window, so a sandbox that serves any in a window asks once at least.
#[test]
fn a_small_quota_over_many_sandboxes_costs_at_most_a_write_for_each_request() {
    for (quota, window, per_second, sandboxes) in [
        (600, 60, 8, 50),
        (600, 60, 8, 20),
        (600, 60, 8, 5),
        (100, 10, 8, 50),
        (100, 10, 8, 5),
        (60, 60, 1, 20),
        (60, 60, 1, 2),
    ] {
        let mut world = World::new(policy(quota, window, quota), sandboxes, 0);
        let seconds = i64::try_from(6 * window).unwrap();
        world.run(0, seconds, per_second);
        let (writes, admitted) = (world.table.writes, world.admitted.len());
        world.run(seconds * 1000, seconds, per_second);
        let all = world.admitted.len();
        let served = f64::from(u32::try_from(window).unwrap()) * f64::from(i32::try_from(per_second).unwrap());
        #[allow(clippy::cast_precision_loss, reason = "figures for people")]
        let (cost, each) = ((world.table.writes - writes) as f64 / (all - admitted) as f64, served / sandboxes as f64);
        eprintln!(
            "{quota} in {window} s at {per_second}/s over {sandboxes} sandboxes: {cost:.3} writes for each request, {each:.1} requests for each sandbox and window"
        );
        assert!(cost <= 1.0 && (cost < 0.2 || each < 20.0 || quota < 100), "{cost}");
    }
}

#[test]
fn clocks_that_differ_cost_at_most_a_lease_for_each_slow_one() {
    let quota = 600;
    let mut world = World::new(policy(quota, 60, quota), 50, 2000);
    world.run(0, 300, 50);
    let slow = world.sandboxes.iter().filter(|sandbox| sandbox.offset < 0).count() as u64;
    let admitted: Vec<u64> = (0..5).map(|index| world.in_window(index)).collect();
    eprintln!("clocks 2 s apart: admitted {admitted:?} of {quota}, {slow} clocks are slow");
    assert!(admitted.iter().all(|count| *count <= quota + slow * quota / 10));
    // A clock that is ahead may begin the sixth window early.
    assert!(world.admitted.len() as u64 <= 6 * quota);
    assert!(admitted[1..].iter().all(|count| *count * 100 >= quota * 85), "and hardly less: {admitted:?}");
}

#[test]
fn a_lease_ends_with_its_window_and_a_wrong_clock_does_not_close_the_quota() {
    let policy = policy(1000, 60, 1000);
    let mut world = World::new(policy, 2, 0);
    world.sandboxes[1].offset = 3_600_000;
    for at in 0..500 {
        assert!(world.request(0, at * 10), "{at}");
    }
    assert!(world.request(1, 5_001), "an hour ahead");
    for at in 0..100 {
        assert!(world.request(0, 5_002 + at), "{at}");
    }
    let left = world.sandboxes[0].lease.remaining(&world.policy, Timestamp::from_unix_millis(START + 6_000));
    assert!(left <= 1000);
    let writes = world.table.writes;
    assert!(world.request(0, 60_000));
    assert!(world.table.writes > writes, "the rest of the old lease is not used in the new window");
}

#[test]
fn burst_bounds_how_far_use_runs_ahead() {
    let mut world = World::new(policy(600, 60, 30), 1, 0);
    let at_once = (0..1000).filter(|_| world.request(0, 0)).count();
    assert_eq!(at_once, 30);
    assert!(!world.request(0, 1));
    let in_the_next_ten_seconds = (1..10_000).filter(|at| world.request(0, *at)).count();
    assert!((90..=100).contains(&in_the_next_ten_seconds), "{in_the_next_ten_seconds}");
}
