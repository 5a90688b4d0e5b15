//! What the tests in this package share.

// A fuzz target needs the oracle, and is built for minutes with all the rest.
#[cfg(not(fuzzing))]
pub mod conformance;
#[cfg(not(fuzzing))]
pub mod containers;
#[cfg(not(fuzzing))]
pub mod crash;
#[cfg(not(fuzzing))]
pub mod faults;
#[cfg(not(fuzzing))]
pub mod figures;
pub mod kernel;
pub mod oracle;
pub mod page;

/// The code in the pages is run as the documentation of these.
macro_rules! pages {
    ($($name:ident = $path:literal;)*) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!(concat!("../../", $path))]
            struct $name;
        )*
    };
}

pages! {
    Readme = "README.md";
    CoreReadme = "core/README.md";
    ShimReadme = "std-shim/README.md";
    Architecture = "docs/architecture.md";
    Async = "docs/async.md";
    Benchmarks = "docs/benchmarks.md";
    Choosing = "docs/choosing.md";
    CrashTable = "docs/crash-table.md";
    Firmware = "docs/firmware.md";
    MemoryModel = "docs/memory-model.md";
    ModelChecking = "docs/model-checking.md";
    PythonWire = "docs/python-wire.md";
    SharedMemory = "docs/shared-memory.md";
    Systems = "docs/systems.md";
    Testing = "docs/testing.md";
}
