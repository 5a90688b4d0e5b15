//! Mutants in constants, which cannot be chosen when the tests run: each in a build of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Answer;
use crate::build::Tree;
use crate::list::Mutant;
use crate::run::{self, End};
use crate::weave;

/// The test programs of each part of the core, which notice most of what is wrong there.
const CLOSEST: [(&str, &str); 14] = [
    ("core/src/channel/frame", "link_frame"),
    ("core/src/channel/link", "link_session"),
    ("core/src/channel/pipe", "channel_pipe"),
    ("core/src/channel/socket", "channel_socket"),
    ("core/src/lock", "lock"),
    ("core/src/participant", "lock"),
    ("core/src/region", "region"),
    ("core/src/ring/broadcast", "broadcast"),
    ("core/src/ring/bytes", "bytes"),
    ("core/src/ring/messages", "views"),
    ("core/src/ring/queue", "queue"),
    ("core/src/ring", "ring"),
    ("core/src/signal", "signal"),
    ("core/src", "layout"),
];

/// How long a program may take: the slowest take half a minute on a quiet processor.
const LIMIT: Duration = Duration::from_secs(80);

/// Judges mutants, one after the other.
pub struct Judge {
    /// The tree, with the arguments that build all tests.
    pub tree: Tree,
    /// How many times as long as [`LIMIT`] a program may take.
    pub patience: u32,
    /// The programs that fail as they are, which say nothing.
    pub broken: BTreeSet<String>,
}

impl Judge {
    /// Finds the programs that fail as they are: tests of layouts do, where there are no caches.
    pub fn find_broken(&mut self) -> Answer<()> {
        for (name, program) in self.tree.programs(&self.tree.tests)?.unwrap_or_default() {
            if self.run(&program)? != End::Passed {
                println!("left out, fails as it is: {name}");
                self.broken.insert(name);
            }
        }
        Ok(())
    }

    fn run(&self, program: &Path) -> Answer<End> {
        let folder = self.tree.root.join("core");
        let limit = self.patience * LIMIT;
        Ok(run::run(program, &[], &folder, ("RINGWAY_MUTANT", "none"), limit)?)
    }

    /// The verdict, with the program that notices.
    pub fn judge(&self, mutant: &Mutant) -> Answer<(&'static str, String)> {
        let file = self.tree.root.join(&mutant.file);
        let text = fs::read_to_string(&file)?;
        fs::write(&file, weave::replace(&text, mutant))?;
        let verdict = self.judge_built(&mutant.file);
        fs::write(&file, text)?;
        verdict
    }

    /// Runs the unit tests and the closest tests first, and all others only if those pass.
    fn judge_built(&self, file: &str) -> Answer<(&'static str, String)> {
        let closest = CLOSEST.iter().find(|(part, _)| file.starts_with(part));
        let closest = closest.map_or("layout", |(_, program)| program);
        let some = ["-p", "ringway-core", "--all-features", "--lib", "--test", closest];
        let some = some.map(str::to_owned);
        for tests in [&some[..], &self.tree.tests[..]] {
            let Some(programs) = self.tree.programs(tests)? else {
                return Ok(("refused", String::new()));
            };
            for (name, program) in programs {
                if self.broken.contains(&name) {
                    continue;
                }
                match self.run(&program)? {
                    End::Passed => {}
                    End::Failed => return Ok(("killed", name)),
                    End::TooLong => return Ok(("timeout", name)),
                }
            }
        }
        Ok(("survived", String::new()))
    }
}
