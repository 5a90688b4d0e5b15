//! The program: which rows, and the table that they make.

use super::run::Row;
use super::{chaos, scenes};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Runs what the arguments ask for, prints the table and what failed.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |option: &str| arguments.iter().any(|argument| argument == option);
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| {
        let name = name.to_lowercase();
        words.is_empty() || words.iter().any(|word| name.contains(&word.to_lowercase()))
    };
    let mut rows = scenes::all();
    rows.retain(|entry| chosen(&format!("{}: {}", entry.structure, entry.operation)));
    if given("--list") {
        for entry in rows {
            println!("{}: {}: test", entry.structure, entry.operation);
        }
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    let mut failed = 0;
    println!("{HEAD}\n{}", HEAD.replace(|c| c != '|', "-"));
    let (mut kills, mut suspensions) = (0, 0);
    let mut longest = Duration::ZERO;
    for entry in rows {
        let row = entry.run(given("--full"));
        kills += row.kills;
        longest = longest.max(row.longest);
        suspensions += row.suspensions;
        failed += usize::from(row.failures.is_empty() == row.control);
        print(&row);
    }
    println!("after a death, whoever slept was back within {} ms", longest.as_millis());
    if chosen("chaos") {
        let lasting = Duration::from_secs(if given("--full") { 60 } else { 10 });
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let seed = std::env::var("RINGWAY_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(now.as_nanos() as u64);
        let report = chaos::run(lasting, seed);
        println!("{report}");
        if !report.failures.is_empty() {
            failed += 1;
            println!("chaos: FAILED, with RINGWAY_SEED={seed}");
            report.failures.iter().take(10).for_each(|failure| println!("    {failure}"));
        }
    }
    println!(
        "{kills} kills, {suspensions} suspensions, {failed} rows failed, {} s",
        began.elapsed().as_secs()
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const HEAD: &str = "structure   | operation                             | instructions | killed | suspended | failures | steps tried";

fn print(row: &Row) {
    let tried = match row.stride {
        1 => "every".into(),
        n => format!("1 in {n}, and each change"),
    };
    let tried = match (row.control, row.failures.is_empty()) {
        (false, _) => tried,
        (true, false) => format!("{tried} (must fail)"),
        (true, true) => format!("{tried} (MUST FAIL, DID NOT)"),
    };
    let suspensions = if row.suspensions == 0 { "-".into() } else { row.suspensions.to_string() };
    println!(
        "{:11} | {:37} | {:12} | {:6} | {suspensions:>9} | {:8} | {tried}",
        row.structure,
        row.operation,
        row.instructions,
        row.kills,
        row.failures.len()
    );
    let shown = if row.control { 0 } else { 5 };
    row.failures.iter().take(shown).for_each(|failure| println!("    {failure}"));
}
