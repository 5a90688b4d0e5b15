//! Every system call of every mechanism fails, in every way. See `ringway_tests::faults`.

fn main() -> std::process::ExitCode {
    ringway_tests::faults::main()
}
