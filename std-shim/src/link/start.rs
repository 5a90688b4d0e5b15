//! How the core's half of a link is made for each kind of line.

use ringway_core::channel::link::{Config, Line, Link, Reliable, Serial};

/// A line that a link can be made for.
pub trait Start<const MAX: usize>: Line {
    /// A link over it that is down.
    fn start<const PORTS: usize, const CREDITS: usize>(
        config: Config,
    ) -> Box<Link<Self, PORTS, CREDITS, MAX>>
    where
        Self: Sized;
}

impl<const WINDOW: usize, const MAX: usize> Start<MAX> for Reliable<WINDOW, MAX> {
    fn start<const PORTS: usize, const CREDITS: usize>(
        config: Config,
    ) -> Box<Link<Self, PORTS, CREDITS, MAX>> {
        Box::new(Link::<Self, PORTS, CREDITS, MAX>::new(config))
    }
}

impl<const WINDOW: usize, const MAX: usize> Start<MAX> for Serial<WINDOW, MAX> {
    fn start<const PORTS: usize, const CREDITS: usize>(
        config: Config,
    ) -> Box<Link<Self, PORTS, CREDITS, MAX>> {
        Box::new(Link::<Self, PORTS, CREDITS, MAX>::new(config))
    }
}
