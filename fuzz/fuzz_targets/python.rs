#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ringway_tests::oracle::python(bytes));
