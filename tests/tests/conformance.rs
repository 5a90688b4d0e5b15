//! The conformance suite: every case on every transport. See `ringway_tests::conformance`.

fn main() -> std::process::ExitCode {
    ringway_tests::conformance::harness::main()
}
