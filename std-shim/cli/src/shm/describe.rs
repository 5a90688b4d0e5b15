//! A region in the form for programs. Stable: fields are added, never renamed or removed, while the format stays the same.

use ringway::shm::survey::{Attached, Found, Part};
use serde::Serialize;

/// A region, or a file of which could not be told what is in it.
#[derive(Debug, Serialize)]
pub struct Described<'s> {
    name: &'s str,
    error: Option<String>,
    size: Option<usize>,
    places: Option<usize>,
    alive: Option<usize>,
    dead: Option<usize>,
    parts: Vec<DescribedPart<'s>>,
    participants: Vec<DescribedParticipant<'s>>,
}

#[derive(Debug, Serialize)]
struct DescribedPart<'s> {
    name: &'s str,
    /// `null` for one that this version does not know.
    kind: Option<&'static str>,
    waits: bool,
    capacity: u32,
    item_size: u32,
    item_align: u32,
    /// `null` where the type has no stated name.
    item_type: Option<u32>,
    offset: u32,
    size: u32,
    sound: bool,
    filled: Option<usize>,
    unfinished: Option<usize>,
    pushed: Option<u64>,
    closed: Option<bool>,
    holders: Vec<DescribedHolder>,
}

#[derive(Debug, Serialize)]
struct DescribedHolder {
    half: &'static str,
    participant: u16,
}

#[derive(Debug, Serialize)]
struct DescribedParticipant<'s> {
    number: u16,
    generation: u32,
    process: u32,
    program: Option<&'s str>,
    alive: bool,
}

impl<'s> Described<'s> {
    /// What was found.
    pub fn of(found: &'s Found) -> Self {
        let survey = found.survey.as_ref();
        let known = survey.ok();
        Described {
            name: &found.name,
            error: survey.err().map(ToString::to_string),
            size: known.map(|survey| survey.size),
            places: known.map(|survey| survey.places),
            alive: known.map(|survey| survey.alive()),
            dead: known.map(|survey| survey.participants.len() - survey.alive()),
            parts: known.into_iter().flat_map(|survey| &survey.parts).map(part).collect(),
            participants: known
                .into_iter()
                .flat_map(|survey| &survey.participants)
                .map(participant)
                .collect(),
        }
    }
}

fn part(part: &Part) -> DescribedPart<'_> {
    let description = part.description;
    DescribedPart {
        name: &part.name,
        kind: description.kind.name(),
        waits: description.kind.waits(),
        capacity: description.capacity,
        item_size: description.item_size,
        item_align: description.item_align,
        item_type: Some(description.item_type).filter(|&identity| identity != 0),
        offset: part.offset,
        size: description.size,
        sound: part.state.is_valid,
        filled: part.state.len,
        unfinished: part.state.unfinished,
        pushed: part.state.pushed,
        closed: part.state.is_closed,
        holders: part
            .holders()
            .map(|(half, who)| DescribedHolder { half, participant: who.number() })
            .collect(),
    }
}

fn participant(attached: &Attached) -> DescribedParticipant<'_> {
    DescribedParticipant {
        number: attached.participant.number(),
        generation: attached.generation,
        process: attached.process,
        program: attached.program.as_deref(),
        alive: attached.is_alive,
    }
}
