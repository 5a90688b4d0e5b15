//! The shim where its system lacks something. See `ringway_tests::containers`.

fn main() -> std::process::ExitCode {
    ringway_tests::containers::main()
}
