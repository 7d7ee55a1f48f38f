#!/bin/sh
# Programs that must not compile, each with a twin that differs only in being right. A case is a file
# whose first line gives what gcc and what clang must say, and which is wrong when WRONG is defined.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
flags="-std=gnu17 -Wall -Wextra -Wpedantic -Wshadow -I$source/include -fsyntax-only"

refused() { # compiler case regex
    # shellcheck disable=SC2086
    "$1" $flags -DWRONG "$2" >"$scratch/said" 2>&1 && return 1
    grep -qE "error:.*($3)" "$scratch/said" || { cat "$scratch/said"; false; }
}
accepted() { # compiler case
    # shellcheck disable=SC2086
    "$1" $flags -Werror "$2" || false
}
for compiler in gcc clang; do
    command -v $compiler >/dev/null || { echo "no $compiler here: its half is skipped"; continue; }
    for case in "$source"/tests/compile/*.c; do
        name=$(basename "$case" .c)
        said=$(sed -n "1s|.*$compiler: \([^;]*\);.*|\1|p" "$case")
        check "$compiler takes the right twin of $name" accepted $compiler "$case"
        check "$compiler refuses $name" refused $compiler "$case" "$said"
    done
done
finish
