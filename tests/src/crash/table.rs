//! The program: it chooses the rows and prints the tables.

use super::run::Row;
use super::{chaos, scenes, trace};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Runs what the arguments ask for. Prints the tables, and what failed.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |option: &str| arguments.iter().any(|argument| argument == option);
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| {
        let name = name.to_lowercase();
        words.is_empty() || words.iter().any(|word| name.contains(&word.to_lowercase()))
    };
    let mut entries = scenes::all();
    entries.retain(|entry| chosen(&format!("{}: {}", entry.structure, entry.operation)));
    if given("--list") {
        entries.iter().for_each(|entry| println!("{}: {}: test", entry.structure, entry.operation));
        println!("chaos: test");
        return ExitCode::SUCCESS;
    }
    if !trace::CAN_STEP {
        println!("NOT STEPPED on this processor, see ringway_tests::crash::trace: chaos alone");
        entries.clear();
    }
    let began = Instant::now();
    let mut rows = Vec::new();
    if !entries.is_empty() {
        println!("{HEAD}\n{}", rule(HEAD));
    }
    for entry in entries {
        let row = entry.run(given("--full"));
        print(&row);
        rows.push(row);
    }
    let mut failed = rows.iter().filter(|row| row.failures.is_empty() == row.control).count();
    if !rows.is_empty() {
        sum_up(&rows);
    }
    if chosen("chaos") {
        println!();
        failed += usize::from(!is_chaos_survived(given("--full")));
    }
    if words.is_empty() {
        rows.retain(|row| !row.control);
        let sum = |what: fn(&Row) -> usize| rows.iter().map(what).sum::<usize>();
        println!(
            "evidence: crash: {} operations: {} instructions, {} kills, {} suspensions, {failed} failures",
            rows.len(),
            sum(|row| row.instructions),
            sum(|row| row.kills),
            sum(|row| row.suspensions),
        );
    }
    println!("\ncrash: {failed} rows failed, {} s", began.elapsed().as_secs());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_chaos_survived(full: bool) -> bool {
    let short = if cfg!(debug_assertions) { 3 } else { 10 };
    let lasting = Duration::from_secs(if full { 60 } else { short });
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let seed = std::env::var("RINGWAY_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(now.as_nanos() as u64);
    let report = chaos::run(lasting, seed);
    println!("{report}\nevidence: crash: {}", report.in_short());
    if !report.failures.is_empty() {
        println!("chaos: FAILED, with RINGWAY_SEED={seed}");
        report.failures.iter().take(10).for_each(|failure| println!("    {failure}"));
    }
    report.failures.is_empty()
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
    println!(
        "{:11} | {:37} | {:12} | {:6} | {:>9} | {:8} | {tried}",
        row.structure,
        row.operation,
        row.instructions,
        row.kills,
        dash(row.suspensions),
        row.failures.len()
    );
    let shown = if row.control { 0 } else { 5 };
    row.failures.iter().take(shown).for_each(|failure| println!("    {failure}"));
}

const SUM: &str = "structure   | operations | instructions | killed | suspended | failures";

/// The table with a row for each structure, and one for all of them.
fn sum_up(rows: &[Row]) {
    println!("\n{SUM}\n{}", rule(SUM));
    let rows: Vec<&Row> = rows.iter().filter(|row| !row.control).collect();
    for of_one in rows.chunk_by(|one, next| one.structure == next.structure) {
        print_sum(of_one[0].structure, of_one);
    }
    print_sum("all", &rows);
    let longest = rows.iter().map(|row| row.longest).max().unwrap_or_default();
    println!("\nafter a death, every sleeper was back within {} ms", longest.as_millis());
}

fn print_sum(structure: &str, rows: &[&Row]) {
    let sum = |what: fn(&Row) -> usize| rows.iter().map(|row| what(row)).sum::<usize>();
    println!(
        "{structure:11} | {:10} | {:12} | {:6} | {:>9} | {:8}",
        rows.len(),
        sum(|row| row.instructions),
        sum(|row| row.kills),
        dash(sum(|row| row.suspensions)),
        sum(|row| row.failures.len())
    );
}

/// The line below a heading.
fn rule(head: &str) -> String {
    head.replace(|c| c != '|', "-")
}

fn dash(count: usize) -> String {
    if count == 0 { "-".into() } else { count.to_string() }
}
