//! A region as JSON. Stable: fields are added, never renamed or removed, while the format stays.

use ringway::shm::survey::{Attached, Found, Part};
use serde_json::{Value, json};

/// A region, or a file whose content could not be read as one.
pub fn described(found: &Found) -> Value {
    let survey = found.survey.as_ref();
    let known = survey.ok();
    let parts: Vec<_> = known.into_iter().flat_map(|it| &it.parts).map(part).collect();
    let participants = known.into_iter().flat_map(|it| &it.participants).map(participant);
    json!({
        "name": found.name,
        "error": survey.err().map(ToString::to_string),
        "size": known.map(|it| it.size),
        "places": known.map(|it| it.places),
        "alive": known.map(|it| it.alive()),
        "dead": known.map(|it| it.participants.len() - it.alive()),
        "parts": parts,
        "participants": participants.collect::<Vec<_>>(),
    })
}

fn part(part: &Part) -> Value {
    let description = part.description;
    let holder = |(half, who): (&str, ringway_core::participant::Participant)| json!({ "half": half, "participant": who.number() });
    json!({
        "name": part.name,
        // `null` for a kind that this version does not know.
        "kind": description.kind.name(),
        "waits": description.kind.waits(),
        "capacity": description.capacity,
        "item_size": description.item_size,
        "item_align": description.item_align,
        // `null` if the type states no name.
        "item_type": Some(description.item_type).filter(|&identity| identity != 0),
        "offset": part.offset,
        "size": description.size,
        "sound": part.state.is_valid,
        "filled": part.state.len,
        "unfinished": part.state.unfinished,
        "pushed": part.state.pushed,
        "closed": part.state.is_closed,
        "holders": part.holders().map(holder).collect::<Vec<_>>(),
    })
}

fn participant(attached: &Attached) -> Value {
    json!({
        "number": attached.participant.number(),
        "generation": attached.generation,
        "process": attached.process,
        "program": attached.program,
        "alive": attached.is_alive,
    })
}
