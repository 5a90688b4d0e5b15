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

macro_rules! start {
    ($($Line:ident),*) => {$(
        impl<const WINDOW: usize, const MAX: usize> Start<MAX> for $Line<WINDOW, MAX> {
            fn start<const PORTS: usize, const CREDITS: usize>(
                config: Config,
            ) -> Box<Link<Self, PORTS, CREDITS, MAX>> {
                Box::new(Link::<Self, PORTS, CREDITS, MAX>::new(config))
            }
        }
    )*};
}

start!(Reliable, Serial);
