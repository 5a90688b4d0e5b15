//! Runs this program under callgrind and reads the output.

use crate::paths::NAMES;
use std::path::Path;
use std::process::Command;
use std::{env, fs, process};

/// The instructions of each path.
pub fn count() -> Result<Vec<(String, u64)>, String> {
    let folder = env::temp_dir().join(format!("ringway-counts-{}", process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let counts = run(&folder);
    let _ = fs::remove_dir_all(&folder);
    counts
}

fn run(folder: &Path) -> Result<Vec<(String, u64)>, String> {
    let exe = env::current_exe().map_err(|error| error.to_string())?;
    let out = folder.join("out");
    let mut counts = Vec::new();
    for name in NAMES {
        // All paths run, since one needs what another leaves behind. Only one is counted.
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
            .arg(format!("--toggle-collect=ringway_counts::paths::hot::{name}"))
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(&exe)
            .arg("paths")
            .output()
            .map_err(|error| {
                format!("valgrind does not run ({error}); on Debian: apt-get install valgrind")
            })?;
        if !output.status.success() {
            return Err(format!("valgrind: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let dump = fs::read_to_string(&out).map_err(|error| error.to_string())?;
        match instructions(&dump, &exe.to_string_lossy()) {
            0 => return Err(format!("callgrind saw no {name}")),
            count => counts.push((name.to_string(), count)),
        }
    }
    Ok(counts)
}

/// The instructions in objects that are this program.
fn instructions(dump: &str, program: &str) -> u64 {
    let mut instructions = 0;
    let mut ours = false;
    let mut inclusive = false;
    for line in dump.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            ours = object == program;
        } else if line.starts_with("calls=") {
            // The next line has the callee's cost, which is also listed with the callee.
            inclusive = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let cost =
                line.split_ascii_whitespace().nth(1).and_then(|cost| cost.parse::<u64>().ok());
            if ours && !inclusive {
                instructions += cost.unwrap_or(0);
            }
            inclusive = false;
        }
    }
    instructions
}
