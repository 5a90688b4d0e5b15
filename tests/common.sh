# tests/common.sh: what several scripts of the tests ask for, or fetch. It is sourced.

# test_files FOLDER: the names of the crate's integration tests. A test is a file, or a folder with a main.rs.
test_files() {
    local file
    for file in "$1"/tests/{*.rs,*/main.rs}; do
        if [ -e "$file" ]; then basename "${file%/main.rs}" .rs; fi
    done
}

has_toolchain() { rustup run "$1" rustc --version >/dev/null 2>&1; }

has_target() { rustup target list --installed 2>/dev/null | grep -qx "$1"; }

# fetch_target TARGET: rustup's standard library for it, unless it is there. Fails if there is none.
fetch_target() {
    has_target "$1" && return
    [ -z "${RINGWAY_NO_INSTALL:-}" ] && timeout 300 rustup target add "$1" >/dev/null 2>&1 && has_target "$1"
}

# cargo_tool NAME VERSION: the path of a program that cargo installs, unless it is there. It takes minutes to build.
cargo_tool() {
    local tools=${XDG_CACHE_HOME:-$HOME/.cache}/ringway-tools
    if [ "$("$tools/bin/$1" --version 2>/dev/null)" != "$1 $2" ]; then
        [ -z "${RINGWAY_NO_INSTALL:-}" ] || { echo "missing: $1 $2 in $tools" >&2; return 1; }
        cargo install --locked --quiet --debug --root "$tools" "$1@$2" >&2 || return
    fi
    echo "$tools/bin/$1"
}
