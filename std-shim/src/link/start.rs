//! Makes the core's half of a link, for each kind of line.

use ringway_core::channel::link::{Config, Line, Link, Reliable, Serial};

/// A kind of line over which a link can be made.
pub trait Start<const MAX: usize>: Line {
    /// Makes a link over it, which is down.
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
