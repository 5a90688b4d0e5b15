//! What the tests in this package share.

pub mod conformance;
pub mod crash;
pub mod faults;
pub mod figures;
pub mod kernel;
pub mod oracle;

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
    Benchmarks = "docs/benchmarks.md";
    Choosing = "docs/choosing.md";
    CrashTable = "docs/crash-table.md";
    Firmware = "docs/firmware.md";
    MemoryModel = "docs/memory-model.md";
    SharedMemory = "docs/shared-memory.md";
    Systems = "docs/systems.md";
    Testing = "docs/testing.md";
}
