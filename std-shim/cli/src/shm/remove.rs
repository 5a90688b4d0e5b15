//! `ringway shm rm`.

use super::{print, shown};
use crate::failure::{Failure, Result};
use ringway::CoreError;
use ringway::shm::{self, survey};

pub fn run(name: &str, force: bool) -> Result<()> {
    if name.starts_with(survey::MEMFD) && name.contains('/') {
        return Err(Failure::new(format!(
            "{} has no name that could be removed: it goes with the last process that has it open",
            shown(name)
        )));
    }
    let name_shown = shown(name);
    // For the message only; the calls below decide whether anybody is attached.
    let alive: Vec<_> = survey::named(name)
        .map(|survey| survey.participants)
        .into_iter()
        .flatten()
        .filter(|one| one.is_alive)
        .map(|one| one.process.to_string())
        .collect();
    let who = match &alive[..] {
        [] => "somebody is attached".to_string(),
        [one] => format!("process {one} is attached"),
        many => format!("processes {} are attached", many.join(", ")),
    };
    match survey::remove(name) {
        Ok(()) => print(&format!("removed {name_shown}: nobody was attached\n")),
        Err(error) if error.is(CoreError::Taken) && force => {
            shm::unlink(name)?;
            print(&format!("removed the name {name_shown}: {who}, and the region ends with them\n"))
        }
        Err(error) if error.is(CoreError::Taken) => Err(Failure::new(format!(
            "{name_shown} is in use: {who}; end them first, or take the name from them with --force"
        ))),
        Err(error) => Err(error.into()),
    }
}
