//! How often a test repeats what it does: for the unit tests, and for `core/tests`.

/// `times`, or its cube root under Miri, where each step takes a thousand times as long.
///
/// Of loops in each other, each is scaled. At least two turns are left of each.
pub(crate) const fn scaled(times: usize) -> usize {
    let mut root = 2;
    while root * root * root < times {
        root += 1;
    }
    if cfg!(miri) && root < times { root } else { times }
}
