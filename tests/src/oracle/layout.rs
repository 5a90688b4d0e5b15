//! Regions: a layout that the bytes choose, memory of any size and alignment, and then memory with
//! anything in it.
//!
//! A layout answers as a simple list of parts does. Whatever lies in memory, attaching fails with
//! an error that says why, or all parts of the region lie within it; and using them harms nothing
//! outside.

mod kinds;

use super::Choices;
use super::alone::{Late, participant};
use super::lines::{ENTRY, HEADER, Lines, zones};
use kinds::{KINDS, Kind, PARTS, Plan};
use ringway_core::participant::Participant;
use ringway_core::region::{
    ALIGN, AnyPart, Description, Error, Layout, MAGIC, MAX_NAME, MAX_PARTS, VERSION, View,
};
use std::mem::transmute;
use std::ptr::NonNull;

const LINES: usize = 64;
const MEMORY: usize = LINES * ALIGN as usize;

/// Runs one sequence: lays a region out, attaches to it, and overwrites it.
pub fn layout(bytes: &[u8]) {
    _ = sequence(&mut Choices::new(bytes));
}

fn sequence(choices: &mut Choices<'_>) -> Option<()> {
    // On the heap, so that a sanitizer sees what goes beyond it.
    let mut lines = Lines::zeroed(MEMORY);
    let memory = lines.bytes();
    let (plan, model) = plan(choices)?;
    assert_eq!(plan.size(), model.size());
    let written = write(choices, &plan, &model, memory)?;
    if let Some(view) = attach(choices, &model, memory, written)? {
        fresh(&view, &plan, &model);
        let (other, wanted) = self::plan(choices)?;
        assert_eq!(view.check(&other).map_err(|(name, _)| name), wanted.found_in(&model));
    }
    while overwrite(choices, memory).is_some() {
        let length = match choices.below(4) {
            Some(0) => choices.number()?.min(MEMORY),
            _ => model.size().min(MEMORY),
        };
        any(memory, length, &plan);
    }
    Some(())
}

impl Choices<'_> {
    /// A number of up to 16 bits, most often a small one.
    fn number(&mut self) -> Option<usize> {
        let low = self.below(256)?;
        let high = if low >= 192 { self.below(256)? } else { 0 };
        Some(high << 8 | low)
    }
}

/// A layout as a list of parts.
#[derive(Default)]
struct Model {
    places: u16,
    parts: Vec<(String, Description, usize)>,
    offsets: Vec<u32>,
    end: u32,
}

impl Model {
    /// Adds a part of the kind at `kind`.
    fn add(
        &mut self,
        name: &str,
        description: Result<Description, Error>,
        kind: usize,
    ) -> Result<(), Error> {
        let description = description?;
        if name.is_empty() || name.len() > MAX_NAME || name.contains('\0') {
            return Err(Error::BadName);
        }
        if self.parts.iter().any(|(taken, ..)| taken == name) {
            return Err(Error::NameTaken);
        }
        if self.parts.len() == PARTS {
            return Err(Error::TooManyParts { max: PARTS });
        }
        let size = u64::from(description.size).next_multiple_of(ALIGN.into());
        let end = u32::try_from(u64::from(self.end) + size).map_err(|_| Error::TooLarge)?;
        self.offsets.push(self.end);
        self.end = end;
        self.parts.push((name.to_owned(), description, kind));
        Ok(())
    }

    /// Where the first part lies.
    fn start(&self) -> usize {
        if self.places > Participant::MAX {
            return 0;
        }
        let [.., end] = zones(self.parts.len(), self.places.into());
        end.next_multiple_of(ALIGN as usize)
    }

    fn size(&self) -> usize {
        self.start() + self.end as usize
    }

    /// Whether `other` has all these parts; the name of the first part that it lacks.
    fn found_in(&self, other: &Model) -> Result<(), &str> {
        let lacks = |(name, wanted, _): &&(String, Description, usize)| {
            let same =
                |(found, is, _): &(String, Description, usize)| found == name && agree(is, wanted);
            !other.parts.iter().any(same)
        };
        self.parts.iter().find(lacks).map_or(Ok(()), |(name, ..)| Err(name))
    }
}

/// Whether a part of the one description can be opened as one of the other.
fn agree(found: &Description, wanted: &Description) -> bool {
    let is_stated = found.item_type != 0 && wanted.item_type != 0;
    let same = Description {
        item_type: if is_stated { wanted.item_type } else { found.item_type },
        ..*wanted
    };
    *found == same && found.reserved == 0
}

fn name(choices: &mut Choices<'_>) -> Option<String> {
    const LETTERS: [&str; 4] = ["a", "b", "é", "\0"];
    Some(match choices.below(8)? {
        0 => String::new(),
        1 => LETTERS[choices.below(4)?].repeat(choices.below(40)?),
        2 => format!("a{}", LETTERS[choices.below(4)?]),
        _ => char::from(b'a' + choices.below(8)? as u8).to_string(),
    })
}

fn plan(choices: &mut Choices<'_>) -> Option<(Plan, Model)> {
    let places = match choices.below(16)? {
        0 => choices.number()? as u16,
        few => few as u16,
    };
    let (mut plan, mut model) = (Layout::new(places), Model { places, ..Model::default() });
    for _ in 0..choices.below(PARTS + 3)? {
        let name = name(choices)?;
        let at = choices.below(KINDS.len())?;
        let kind = &KINDS[at];
        let capacity = match choices.below(16)? {
            // As large as makes sizes overflow, on 32 bits or on 64.
            0 => 1_usize.rotate_right(choices.below(64)? as u32).wrapping_sub(choices.below(2)?),
            few => few,
        };
        let expected = model.add(&name, (kind.describe)(capacity), at);
        let before = plan.clone();
        plan = match (kind.add)(plan, &name, capacity) {
            Ok(more) => {
                assert_eq!(expected, Ok(()));
                more
            }
            Err(error) => {
                assert_eq!(expected, Err(error));
                before
            }
        };
    }
    Some((plan, model))
}

/// Lays the region out, now and then in memory that will not do. Returns whether that succeeded.
fn write(choices: &mut Choices<'_>, plan: &Plan, model: &Model, memory: &mut [u8]) -> Option<bool> {
    let skew = match choices.below(8)? {
        0 => choices.below(ALIGN as usize)?,
        _ => 0,
    };
    let length = match choices.below(4)? {
        0 => choices.number()?,
        more => model.size().saturating_add(more - 1),
    };
    let length = length.min(MEMORY - skew);
    let dirty = match choices.below(8)? {
        0 => Some(choices.number()?).filter(|at| *at < length),
        _ => None,
    };
    if let Some(at) = dirty {
        memory[skew + at] = 1;
    }
    let max = Participant::MAX;
    let expected = if model.places == 0 || model.places > max {
        Err(Error::Places { max })
    } else if u32::try_from(model.size()).is_err() || length < model.size() {
        Err(Error::TooLarge)
    } else if skew != 0 || dirty.is_some_and(|at| at < model.start()) {
        Err(Error::Memory)
    } else {
        Ok(())
    };
    let before = expected.is_err().then(|| memory.to_vec());
    assert_eq!(plan.write(&mut memory[skew..skew + length]), expected);
    if let Some(before) = before {
        assert!(*memory == before[..], "a failure leaves traces");
    }
    // It lies behind what was laid out, or nothing was laid out.
    dirty.inspect(|at| memory[skew + at] = 0);
    Some(expected.is_ok())
}

/// Attaches to what was laid out, by the right size or another.
fn attach<'m>(
    choices: &mut Choices<'_>,
    model: &Model,
    memory: &'m mut [u8],
    written: bool,
) -> Option<Option<View<'m>>> {
    let skew = match choices.below(8)? {
        0 => choices.below(ALIGN as usize)?,
        _ => 0,
    };
    let is = match choices.below(8)? {
        0 => choices.number()?,
        _ => model.size(),
    };
    let is = is.min(MEMORY - skew);
    let expected = if skew != 0 {
        Err(Error::Misaligned)
    } else if is < HEADER {
        Err(Error::Foreign)
    } else if !written {
        Err(Error::NotReady)
    } else if is != model.size() {
        Err(Error::Size { says: model.size() as u32, is })
    } else {
        Ok(())
    };
    let base = NonNull::from(&mut memory[skew..]).cast();
    // SAFETY: the memory is lent exclusively for as long as the view, has `is` bytes behind `base`,
    // and holds nothing but what a layout wrote.
    let view = unsafe { View::new(base, is) };
    assert_eq!(view.as_ref().map(|_| ()).map_err(|error| *error), expected);
    Some(view.ok())
}

/// A participant of each region.
fn me() -> Participant {
    participant(1)
}

/// Checks a region that was just laid out.
fn fresh(view: &View<'_>, plan: &Plan, model: &Model) {
    assert_eq!(view.check(plan), Ok(()));
    assert_eq!(view.places().len(), usize::from(model.places));
    assert!(view.places().iter().all(|place| place.occupant().is_none()));
    assert_eq!(view.entries().count(), model.parts.len());
    for ((entry, (name, is, kind)), offset) in view.entries().zip(&model.parts).zip(&model.offsets)
    {
        assert_eq!((entry.name(), &entry.description), (name.as_str(), is));
        assert_eq!(entry.offset() as usize, model.start() + *offset as usize);
        let part = AnyPart::<Late>::new(&entry.description).expect("it is as it was laid out");
        // SAFETY: a whole part of this description lies there.
        let look = || unsafe { part.look(view.at(&entry)) };
        assert!(look().is_valid && !look().is_torn, "a fresh part is not valid");
        assert_eq!((KINDS[*kind].open)(*view, name, me()), Ok(()));
        for Kind { is_typed, wanted, open, .. } in KINDS {
            let opened = open(*view, name, me());
            if *is_typed && KINDS[*kind].is_typed {
                let agrees = wanted(is).is_some_and(|wanted| agree(is, &wanted));
                assert_eq!(opened.is_ok(), agrees, "{is:?}: {opened:?}");
            }
        }
        assert!(look().is_valid, "a part that was used is not valid");
    }
    // SAFETY: nobody else is there, and it holds nothing.
    assert_eq!(unsafe { view.recover::<Late>(me(), Participant::LOCAL) }, 0);
}

/// Overwrites some of the memory. Returns `None` when the bytes are used up.
fn overwrite(choices: &mut Choices<'_>, memory: &mut [u8]) -> Option<()> {
    let word = |at: usize| at.min(MEMORY / 4 - 1) * 4;
    match choices.below(8)? {
        // A header that passes.
        0 => {
            let length = choices.number()?.min(MEMORY) as u32;
            let [parts, places] = [choices.below(MAX_PARTS + 2)?, choices.number()?];
            let numbers = [VERSION, 1, length, parts as u32, places as u32];
            memory[..8].copy_from_slice(&MAGIC);
            memory[8..28].copy_from_slice(numbers.map(u32::to_ne_bytes).as_flattened());
        }
        // A directory entry of a part of some kind, somewhere.
        1..=3 => {
            let at = HEADER + choices.below(PARTS)? * ENTRY;
            let kind = &KINDS[choices.below(KINDS.len())?];
            let is = (kind.describe)(choices.below(16)?).ok()?;
            // SAFETY: a description is seven words (`repr(C)`), of which any bytes are a value.
            let is = unsafe { transmute::<Description, [u32; 7]>(is) };
            let name = [b'a' + choices.below(8)? as u8, 0];
            let offset = choices.below(LINES + 2)? as u32 * ALIGN;
            memory[at..at + 2].copy_from_slice(&name);
            memory[at + 32..at + 36].copy_from_slice(&offset.to_ne_bytes());
            memory[at + 36..at + ENTRY].copy_from_slice(is.map(u32::to_ne_bytes).as_flattened());
        }
        // One word of the header, the directory or the table.
        4 | 5 => {
            let at = word(choices.below(HEADER + PARTS * ENTRY)?);
            let value = value(choices)?;
            memory[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        // Words of the parts.
        6 => {
            let at = word(choices.number()? / 4);
            let value = value(choices)?;
            for at in (at..MEMORY).step_by(4).take(choices.below(32)? + 1) {
                memory[at..at + 4].copy_from_slice(&value.to_ne_bytes());
            }
        }
        // A byte anywhere.
        _ => {
            let at = choices.number()?.min(MEMORY - 1);
            memory[at] = choices.below(256)? as u8;
        }
    }
    Some(())
}

/// A word: one that matters, or any.
fn value(choices: &mut Choices<'_>) -> Option<u32> {
    Some(match choices.below(8)? {
        0 => 0,
        1 => u32::MAX,
        2 => 1 << choices.below(32)?,
        3 => choices.number()? as u32 * ALIGN,
        4 => MEMORY as u32 - choices.below(256)? as u32,
        5 => (choices.number()? << 16 | choices.number()?) as u32,
        _ => choices.below(256)? as u32,
    })
}

/// Attaches to memory with anything in it, and uses whatever parts it seems to have.
fn any(memory: &mut [u8], length: usize, plan: &Plan) {
    let base = NonNull::from(&mut *memory).cast();
    // SAFETY: the memory is lent exclusively, and has `length` bytes. All that is done with its
    // parts is what keeps to the memory whatever bytes lie there; this is what is tested.
    let view = match unsafe { View::new(base, length) } {
        Ok(view) => view,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(view.length(), length);
    let entries: Vec<_> = view.entries().collect();
    assert_eq!(entries.len(), view.parts() as usize, "a part of an accepted region is invalid");
    let [.., start] = zones(entries.len(), view.places().len());
    for entry in &entries {
        let (offset, is) = (entry.offset() as usize, &entry.description);
        assert!(offset >= start && offset.is_multiple_of(ALIGN as usize));
        assert!(is.size as usize <= length - offset, "a part goes beyond the region");
        assert!(entry.name().len() <= MAX_NAME);
        if let Some(part) = AnyPart::<Late>::new(is) {
            assert!(part.words() <= is.size as usize);
            // SAFETY: the memory there has this many bytes.
            _ = unsafe { part.look(view.at(entry)) };
        }
        for kind in KINDS {
            if let Err(error) = (kind.open)(view, entry.name(), me()) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
    _ = view.check(plan);
    _ = view.places().iter().filter_map(|place| place.occupant()).count();
    _ = view.next_generation();
    for dead in [0, 2, Participant::MAX].map(participant) {
        // SAFETY: nobody else is there.
        _ = unsafe { view.recover::<Late>(me(), dead) };
    }
}
