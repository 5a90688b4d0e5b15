//! `scribble [STEPS [SEED [NAME]]]`: the long form of the scribbler, over each structure in each
//! mode, or over those with `NAME` in their names. 1e8 steps by default.

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| match arguments.next().map(|it| it.parse()) {
        None => default,
        Some(Ok(number)) => number,
        Some(Err(error)) => {
            eprintln!("scribble [STEPS [SEED [NAME]]]: {error}");
            std::process::exit(2);
        }
    };
    let (steps, seed) = (number(100_000_000), number(1));
    let only = arguments.next().unwrap_or_default();
    let failures = ringway_tests::oracle::scribble::campaigns(steps, seed, &only);
    std::process::exit(i32::from(failures > 0));
}
