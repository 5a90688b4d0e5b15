//! The event.

use super::{Choices, LATE, PEOPLE, Task, Waits, die};
use ringway_core::Error;
use ringway_core::lock::Event;

pub(super) fn run(choices: &mut Choices<'_>) {
    let event = Event::<Waits>::new();
    let mut is_set = false;
    // Each with whether the event was set at its beginning, or since.
    let mut tasks: [Option<(Task<'_, ()>, bool)>; PEOPLE] = Default::default();
    while step(choices, &event, &mut is_set, &mut tasks).is_some() {
        assert_eq!(event.is_set(), is_set);
        for (task, is_due) in tasks.iter().flatten() {
            assert!(!is_due || task.is_woken(), "a task sleeps through the event");
        }
    }
}

fn step<'a>(
    choices: &mut Choices<'_>,
    event: &'a Event<Waits>,
    is_set: &mut bool,
    tasks: &mut [Option<(Task<'a, ()>, bool)>; PEOPLE],
) -> Option<()> {
    let what = choices.below(8)?;
    let who = choices.below(PEOPLE)?;
    match what {
        0 | 1 => {
            event.set();
            *is_set = true;
            tasks.iter_mut().flatten().for_each(|(_, is_due)| *is_due = true);
        }
        2 => {
            event.clear();
            *is_set = false;
        }
        3 => {
            let expected = if *is_set { Ok(()) } else { Err(Error::TimedOut) };
            assert_eq!(event.wait_deadline(LATE), expected);
        }
        4..=6 => {
            let (mut task, is_due) =
                tasks[who].take().unwrap_or_else(|| (Task::new(event.wait_async()), *is_set));
            assert_eq!(task.poll().is_some(), is_due);
            if !is_due {
                tasks[who] = Some((task, false));
            }
        }
        _ => {
            let task = tasks[who].take().map(|(task, _)| task);
            if choices.flip()? {
                die(task);
            }
        }
    }
    Some(())
}
