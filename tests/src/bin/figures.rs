//! Prints the figures that the repository is held to.

use ringway_tests::figures::{CRATES, Figures};

fn main() {
    let all = CRATES.map(Figures::count);
    for figures in &all {
        println!("{figures}");
    }
    let errors: usize = all[..2].iter().map(|figures| figures.errors.len()).sum();
    println!("error types of core and shim together: {errors}");
}
