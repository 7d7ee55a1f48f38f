#!/bin/sh
# The scenes under valgrind: no error and no leak, in the root and in every actor.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
if sanitized || ! command -v valgrind >/dev/null; then
    echo "skipped: the sanitizers watch this build, or there is no valgrind"
    exit 77
fi
clean() {
    # An actor that fails its assertion dies with all it had; only its errors count then.
    leaks=$2
    timeout 250 valgrind -q --trace-children=yes --error-exitcode=99 --leak-check=$leaks \
        --errors-for-leak-kinds=definite,indirect,possible --log-file="$scratch/$1.%p" \
        "$build/examples/$1" >/dev/null 2>&1 || return 1
    [ -z "$(find "$scratch" -name "$1.*" -size +0 -exec grep -l -E 'Invalid|uninit|lost' {} +)" ] ||
        { cat "$scratch/$1".*; false; }
}
for scene in first_scene cellar_door movie_theatre; do
    check "$scene is clean under valgrind" clean $scene full
done
check "error_propagation is clean under valgrind" clean error_propagation no
finish
