// Decisions a second of Rust's governor: one limiter refusing, by the system's clock as ours and by the processor's
// counter, and a keyed one, each key once.
use governor::clock::{Clock, DefaultClock, MonotonicClock};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

// Seconds that this process was on a processor.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn quota() -> Quota {
    Quota::with_period(Duration::from_secs(6)).unwrap().allow_burst(NonZeroU32::new(3).unwrap())
}

fn one<C: Clock>(clock: C, decisions: usize) -> f64 {
    let limiter = RateLimiter::direct_with_clock(quota(), clock);
    let began = cpu();
    for _ in 0..decisions {
        let _ = std::hint::black_box(limiter.check());
    }
    decisions as f64 / (cpu() - began)
}

fn many(keys: usize) -> f64 {
    let names: Vec<String> = (0..keys).map(|i| format!("user-{i}")).collect();
    let limiter = RateLimiter::keyed(quota());
    for name in &names {
        let _ = limiter.check_key(name);
    }
    let began = cpu();
    for i in 0..keys {
        let _ = std::hint::black_box(limiter.check_key(&names[i * 7919 % keys]));
    }
    keys as f64 / (cpu() - began)
}

fn main() {
    let words: Vec<usize> = std::env::args().skip(1).map(|word| word.parse().unwrap()).collect();
    println!("{:.0} {:.0} {:.0}", one(MonotonicClock, words[0]), many(words[1]), one(DefaultClock::default(), words[0]));
}
