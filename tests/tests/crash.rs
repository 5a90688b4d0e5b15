//! Death and suspension at every instruction, and at random. See `ringway_tests::crash`.

fn main() -> std::process::ExitCode {
    ringway_tests::crash::table::main()
}
