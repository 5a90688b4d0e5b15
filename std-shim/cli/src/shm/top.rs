//! `ringway shm top`: surveys the regions at intervals and shows what changed.

use super::stat::{filled, kind, room};
use super::{every_region, print, region, shown};
use crate::cleanup;
use crate::failure::Result;
use crate::table::{Aligned, bold, coloured, table, write};
use crate::terminal;
use comfy_table::{Cell, Color};
use ringway::CoreError;
use ringway::shm::survey::{self, Found, Part, Survey};
use ringway::signal::{self, Signal, SignalSet};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

pub fn run(name: Option<&str>, interval: Duration, once: bool) -> Result<()> {
    let on_screen = io::stdout().is_terminal() && !once;
    let events = if on_screen { Signal::TSTP | Signal::WINCH } else { SignalSet::empty() };
    // Block them and do not catch them: the loop waits for them between two surveys.
    let awaited = cleanup::endings() | events;
    let _blocked = signal::block(awaited)?;
    // A missing name is an error now; a region that goes away later may come back.
    name.map(region).transpose()?;
    let mut now = Snapshot::take(name)?;
    let mut before: Option<Snapshot> = None;
    let mut next = now.at + interval;
    let mut screen = on_screen.then(Screen::enter).transpose()?;
    loop {
        let text = block(&now, before.as_ref(), terminal::width(), terminal::colour());
        match &mut screen {
            Some(screen) => screen.draw(&text)?,
            // The first survey has no rates.
            None if before.is_none() => {}
            None => print(&text)?,
        }
        if once && before.is_some() {
            return Ok(());
        }
        match wait(awaited, next)? {
            Event::End => return Ok(()),
            Event::Resized => {}
            Event::Stop => {
                // Give the terminal back to the shell until this process continues.
                drop(screen.take());
                signal::send(rustix::process::getpid(), Signal::STOP)?;
                screen = Some(Screen::enter()?);
            }
            Event::Time => {
                before = Some(std::mem::replace(&mut now, Snapshot::take(name)?));
                // On a busy machine, do not catch up after being late.
                next = (next + interval).max(now.at);
            }
        }
    }
}

/// What was found at one moment.
#[derive(Debug)]
struct Snapshot {
    at: Instant,
    found: Vec<Found>,
}

impl Snapshot {
    fn take(name: Option<&str>) -> Result<Self> {
        let found = match name {
            Some(name) => vec![Found { name: name.to_string(), survey: survey::named(name) }],
            None => every_region()?,
        };
        Ok(Snapshot { at: Instant::now(), found })
    }
}

#[derive(Debug)]
enum Event {
    End,
    Stop,
    Resized,
    Time,
}

fn wait(awaited: SignalSet, until: Instant) -> Result<Event> {
    match signal::wait_deadline(awaited, Some(until)) {
        Ok(received) if received.signal == Signal::TSTP => Ok(Event::Stop),
        Ok(received) if received.signal == Signal::WINCH => Ok(Event::Resized),
        Ok(_) => Ok(Event::End),
        Err(error) if error.is(CoreError::TimedOut) => Ok(Event::Time),
        Err(error) => Err(error.into()),
    }
}

/// The terminal's alternate screen; dropping it brings the old screen back.
struct Screen;

impl Screen {
    fn enter() -> Result<Self> {
        // Switch to the alternate screen, and hide the cursor.
        print("\x1b[?1049h\x1b[?25l")?;
        Ok(Screen)
    }

    /// Shows as much of this text as fits.
    fn draw(&mut self, text: &str) -> Result<()> {
        let mut drawn = String::from("\x1b[H");
        // Leave the last row free: the terminal would scroll after a line there.
        let rows = usize::from(terminal::height()).saturating_sub(1);
        for line in text.lines().take(rows) {
            drawn += line;
            drawn += "\x1b[K\r\n";
        }
        drawn += "\x1b[J";
        print(&drawn)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = io::stdout().lock();
        // If the terminal is gone, there is nothing to restore.
        let _ = out.write_all(b"\x1b[?25h\x1b[?1049l").and_then(|()| out.flush());
    }
}

/// The result of a survey, with rates if there was one before.
fn block(now: &Snapshot, before: Option<&Snapshot>, width: u16, colour: bool) -> String {
    let titles = ["REGION", "ATTACHED", "PART", "KIND", "FILLED", "ROOM FOR", "FULL", "PUSHED/S"];
    let mut table = table(&titles, colour);
    for Found { name, survey } in &now.found {
        let name = bold(&shown(name));
        let survey = match survey {
            Ok(survey) => survey,
            Err(error) => {
                table.add_row([
                    name,
                    "–".right(),
                    coloured(&shown(&error.to_string()), Color::Red),
                ]);
                continue;
            }
        };
        let attached = attached(survey);
        let earlier = before.and_then(|before| {
            let same = |other: &&Survey| other.file == survey.file;
            let survey = before.found.iter().filter_map(|found| found.survey.as_ref().ok());
            Some((survey.into_iter().find(same)?, now.at.duration_since(before.at)))
        });
        if survey.parts.is_empty() {
            table.add_row([name, attached]);
            continue;
        }
        let mut first = Some([name, attached]);
        for (place, part) in survey.parts.iter().enumerate() {
            let rate = earlier.and_then(|(then, time)| rate(then.parts.get(place)?, part, time));
            let mut row: Vec<_> = first.take().unwrap_or([Cell::new(""), Cell::new("")]).into();
            row.extend([
                Cell::new(shown(&part.name)),
                Cell::new(kind(part)),
                filled(part).right(),
                room(part).right(),
                full(part),
                rate.map_or("–".to_string(), |rate| format!("{rate:.0}")).right(),
            ]);
            table.add_row(row);
        }
    }
    let mut text = write(&mut table, width, &[0, 2]);
    if now.found.is_empty() {
        text = " no regions\n".to_string();
    }
    text + "\n"
}

fn attached(survey: &Survey) -> Cell {
    let (alive, all) = (survey.alive(), survey.participants.len());
    match all - alive {
        0 => alive.right(),
        dead => coloured(&format!("{alive}, {dead} dead"), Color::Yellow),
    }
}

/// The fill of a part, in per cent.
fn full(part: &Part) -> Cell {
    if !part.state.is_valid {
        return coloured("corrupt", Color::Red);
    }
    let capacity = f64::from(part.description.capacity.max(1));
    let share = part.state.len.map(|len| len as f64 / capacity * 100.0);
    match share {
        Some(share) => format!("{share:.0} %").right(),
        None => "–".right(),
    }
}

/// Items pushed per second; `None` if they are not counted, or the count began anew.
fn rate(then: &Part, now: &Part, time: Duration) -> Option<f64> {
    let pushed = now.state.pushed?.checked_sub(then.state.pushed?)?;
    let rate = pushed as f64 / time.as_secs_f64();
    (then.name == now.name && rate.is_finite()).then_some(rate)
}
