#!/bin/sh
# How many instructions of the library a call takes, and a value of a stream, both sides together, over a Unix socket and
# over shared memory: a slowdown shows here on the busiest machine. bench/instructions.txt has what it was; 5 % more
# fails, and 5 % less as well, since whoever makes it faster should write that down:
#
#     TRACTOR_BUILD=$PWD/build/release TRACTOR_SOURCE=$PWD sh tests/instructions.sh --write
#
# Counted is in the fake world, where a run is the same every time, and only what is compiled from src/: neither the
# world's kernel, nor the C library, whose memcpy is another one on another processor. (That nothing is allocated for a
# value, tests/bench.sh sees to.) A run's beginning and end are in two runs of different lengths alike, and so in the
# difference no more. Another compiler makes other instructions, so it is for the one that they were written down with.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
kept=$source/bench/instructions.txt
skip() {
    echo "skipped: $1"
    exit 77
}
option() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
command -v valgrind >/dev/null || skip "valgrind is not installed"
[ "$(option CMAKE_C_FLAGS)" = "-O2 -g" ] || skip "only what the release preset builds is counted"
[ "$(option TR_UCONTEXT)$(option TR_COVERAGE)" = OFFOFF ] || skip "only what the release preset builds is counted"
[ "$(uname -m) $("$(option CMAKE_C_COMPILER)" --version | sed -n '1s/.* \([0-9]*\)\..*/\1/p')" = "x86_64 12" ] ||
    skip "they were counted of what gcc 12 makes for x86-64"

# Files have names once, and are numbers from then on; the line after "calls=" is what was spent in the called one.
count() {
    valgrind -q --tool=callgrind --callgrind-out-file="$scratch/out" "$build/tests/instructions" "$@" >"$scratch/said" 2>&1 ||
        { cat "$scratch/said" >&2; return 1; }
    awk '/^c?f[lie]=\(/ {
            number = name = $0
            sub(/^[^(]*/, "", number); sub(/\).*/, "", number)
            if (sub(/^[^)]*\) /, "", name))
                ours[number] = name ~ /(^|\/)src\/(base|sys|value|observe|sched|sync|testing|transport|spawn|actor|registry|runtime)\/[^\/]*$/
            if ($0 !~ /^c/)
                here = number
            next
        }
        /^calls=/ { skip = 1; next }
        /^[0-9+*-]/ { if (!skip) sum += ours[here] * $2; skip = 0 }
        END { printf "%d\n", sum }' "$scratch/out"
}
for_one() { # what, by which transport, how many times, and how many more
    few=$(count "$1" "$2" "$3") && many=$(count "$1" "$2" $(($3 + $4))) && echo $(((many - few) / $4))
}

measure() {
    for what in "call uds 500 1000" "stream_int uds 5000 20000" "stream_1k uds 1000 2000" "call shm 500 1000" \
        "stream_1k shm 1000 2000"; do
        # shellcheck disable=SC2086 # four words on purpose
        number=$(for_one $what) || return 1
        echo "$what $number" | awk '{ print $1 "_" $2, $5 }'
    done
}
measure >"$scratch/now" || { bad "it could not be counted"; finish; }
cat "$scratch/now"
if [ "${1:-}" = --write ]; then
    { sed -n '/^#/p' "$kept"; cat "$scratch/now"; } >"$scratch/new" && cat "$scratch/new" >"$kept"
    exit
fi
while read -r kind number; do
    was=$(sed -n "s/^$kind //p" "$kept")
    check "$kind has not been written down" [ -n "$was" ]
    check "$kind takes $number instructions, $was before: find out why" [ $((number * 100)) -le $((${was:-0} * 105)) ]
    check "$kind takes $number instructions, $was before: write it down (see above)" \
        [ $((number * 100)) -ge $((${was:-0} * 95)) ]
done <"$scratch/now"
finish
