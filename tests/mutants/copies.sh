# What `run` and `survivors` do with copies of the crates. They read this file, and set `work` and `crates` before.
# shellcheck shell=bash disable=SC2154

# Makes the second folder the same as the first. Files that are the same stay, so that nothing is compiled without need.
same() {
    local file
    mkdir -p "$2"
    (cd "$1" && find . -type f | sort) > "$work/files"
    (cd "$2" && find . -type f | sort) | comm -13 "$work/files" - | while read -r file; do rm "$2/$file"; done
    while read -r file; do
        cmp -s "$1/$file" "$2/$file" || install -D -m 644 "$1/$file" "$2/$file"
    done < "$work/files"
}

# plain FOLDER CRATE..: a workspace of the crates that are published, and of what their tests need. To optimize these crates would take
# longer than their tests take without, so they are not optimized.
plain() {
    local members crate quick=()
    members=$(printf ', "%s"' "${crates[@]}")
    for crate in "${@:2}"; do
        quick+=(-e '/^\[profile\.dev\.package\.'"$crate"'\]/,/^opt-level/ s/^opt-level.*/opt-level = 0\ndebug = false/')
    done
    rm -rf "$1" && mkdir -p "$1"
    cp -rL "${crates[@]}" README.md Cargo.lock "$1/"
    sed -e "s/^members = .*/members = [${members#, }]/" "${quick[@]}" Cargo.toml > "$1/Cargo.toml"
}
