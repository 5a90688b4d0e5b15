//! `ringway shm stat`.

use super::{FORMAT, described, print, print_json, region, shown};
use crate::failure::Result;
use crate::table::{Aligned, bold, coloured, table, write};
use crate::terminal;
use comfy_table::{Cell, Color};
use ringway::shm::Kind;
use ringway::shm::survey::{Attached, Part, Survey};
use serde_json::json;

pub fn run(name: &str, json: bool) -> Result<()> {
    let found = region(name)?;
    if json {
        return print_json(&json!({ "format": FORMAT, "region": described(&found) }));
    }
    let survey = found.survey?;
    let (width, colour) = (terminal::width(), terminal::colour());
    print(&format!("{}\n{}", headline(name, &survey), parts(&survey, width, colour)))?;
    if survey.participants.is_empty() {
        return print(
            "\n nobody is attached: who opens it next finds nothing, and makes it anew\n",
        );
    }
    print(&format!("\n{}", participants(&survey, width, colour)))
}

/// ` jobs: 64.0 KiB, 3 parts; 2 of 16 places taken`
pub fn headline(name: &str, survey: &Survey) -> String {
    let (parts, taken) = (survey.parts.len(), survey.participants.len());
    let plural = if parts == 1 { "" } else { "s" };
    let size = terminal::bytes(survey.size as f64);
    let (name, places) = (shown(name), survey.places);
    format!(" {name}: {size}, {parts} part{plural}; {taken} of {places} places taken\n")
}

fn parts(survey: &Survey, width: u16, colour: bool) -> String {
    // A narrow terminal can do without the offsets.
    let narrow = width < 90;
    let mut titles = vec!["PART", "KIND", "ROOM FOR", "FILLED", "HELD", "OFFSET", "SIZE", "STATE"];
    let mut place = Some(5).filter(|_| narrow);
    place.map(|place| titles.remove(place));
    let mut table = table(&titles, colour);
    for part in &survey.parts {
        let description = part.description;
        let mut cells = vec![
            bold(&shown(&part.name)),
            Cell::new(kind(part)),
            room(part).right(),
            filled(part).right(),
            held(part).right(),
            part.offset.right(),
            terminal::bytes(description.size.into()).right(),
            state(part),
        ];
        place = place.inspect(|&place| drop(cells.remove(place)));
        table.add_row(cells);
    }
    write(&mut table, width, &[0, titles.len() - 1])
}

fn participants(survey: &Survey, width: u16, colour: bool) -> String {
    let mut table =
        table(&["NUMBER", "GENERATION", "PROCESS", "PROGRAM", "STATE", "HOLDS"], colour);
    for one in &survey.participants {
        table.add_row([
            one.participant.number().right(),
            one.generation.right(),
            one.process.right(),
            Cell::new(shown(one.program.as_deref().unwrap_or("–"))),
            if one.is_alive {
                coloured("alive", Color::Green)
            } else {
                coloured("dead", Color::Red)
            },
            Cell::new(holds(survey, one)),
        ]);
    }
    write(&mut table, width, &[3, 5])
}

/// The kind of structure that a part is.
pub fn kind(part: &Part) -> &'static str {
    part.description.kind.name().unwrap_or("of a later version")
}

fn is_bytes(part: &Part) -> bool {
    matches!(part.description.kind.base(), Kind::BYTE_RING | Kind::MESSAGE_RING)
}

/// The capacity of a part.
pub fn room(part: &Part) -> String {
    let description = part.description;
    if is_bytes(part) {
        terminal::bytes(description.capacity.into())
    } else {
        format!("{} × {}", description.capacity, terminal::bytes(description.item_size.into()))
    }
}

/// The fill of a part.
pub fn filled(part: &Part) -> String {
    match part.state.len {
        Some(len) if is_bytes(part) => terminal::bytes(len as f64),
        Some(len) => len.to_string(),
        None => "–".to_string(),
    }
}

/// The number of items that are neither waiting nor complete.
pub fn held(part: &Part) -> String {
    let held =
        part.state.unfinished.zip(part.state.len).map(|(all, wait)| all.saturating_sub(wait));
    held.map_or_else(|| "–".to_string(), |held| held.to_string())
}

fn state(part: &Part) -> Cell {
    if !part.state.is_valid {
        return coloured("corrupt", Color::Red);
    }
    let mut words: Vec<_> =
        part.holders().map(|(half, who)| format!("{half} {}", who.number())).collect();
    if part.state.is_closed == Some(true) {
        words.insert(0, if is_queue(part) { "closed" } else { "producer gone" }.to_string());
    }
    Cell::new(words.join(", "))
}

fn is_queue(part: &Part) -> bool {
    part.description.kind.base() == Kind::QUEUE
}

fn holds(survey: &Survey, one: &Attached) -> String {
    let held = survey.parts.iter().flat_map(|part| {
        let ours = part.holders().filter(|(_, who)| *who == one.participant);
        ours.map(|(half, _)| format!("{half} of {}", shown(&part.name)))
    });
    held.collect::<Vec<_>>().join(", ")
}
