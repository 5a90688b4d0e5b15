//! `ringway shm ls`.

use super::{FORMAT, described, every_region, print, print_json, shown};
use crate::failure::Result;
use crate::table::{Aligned, bold, coloured, table, write};
use crate::terminal;
use comfy_table::{Cell, Color};
use ringway::shm::survey::{Found, Survey};
use serde_json::json;

pub fn run(json: bool) -> Result<()> {
    let found = every_region()?;
    if json {
        let regions: Vec<_> = found.iter().map(described).collect();
        return print_json(&json!({ "format": FORMAT, "regions": regions }));
    }
    if found.is_empty() {
        return print(" no regions\n");
    }
    print(&rows(&found))
}

fn rows(found: &[Found]) -> String {
    let mut table = table(&["REGION", "SIZE", "PARTS", "ATTACHED", "STATE"], terminal::colour());
    for Found { name, survey } in found {
        let name = bold(&shown(name));
        table.add_row(match survey {
            Ok(survey) => vec![
                name,
                terminal::bytes(survey.size as f64).right(),
                survey.parts.len().right(),
                format!("{} of {}", survey.alive(), survey.places).right(),
                state(survey),
            ],
            Err(error) => {
                let blank = || "–".right();
                vec![
                    name,
                    blank(),
                    blank(),
                    blank(),
                    coloured(&shown(&error.to_string()), Color::Red),
                ]
            }
        });
    }
    write(&mut table, terminal::width(), &[0, 4])
}

/// The state of a region, in a few words.
fn state(survey: &Survey) -> Cell {
    let dead = survey.participants.len() - survey.alive();
    let corrupt: Vec<_> = survey.parts.iter().filter(|part| !part.state.is_valid).collect();
    if !corrupt.is_empty() {
        let names: Vec<_> = corrupt.iter().map(|part| shown(&part.name)).collect();
        coloured(&format!("corrupt: {}", names.join(", ")), Color::Red)
    } else if survey.alive() == 0 {
        coloured("stale: nobody is attached", Color::Yellow)
    } else if dead > 0 {
        coloured(&format!("in use; {dead} died"), Color::Yellow)
    } else {
        coloured("in use", Color::Green)
    }
}
