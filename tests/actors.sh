#!/bin/sh
# The scenarios with real processes.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
count=0
for program in actors streams contract strangers endings crashes; do
    timeout 120 "$build/tests/programs/$program" >"$scratch/out" 2>"$scratch/err" ||
        bad "$(cat "$scratch/err" "$scratch/out")"
    count=$((count + $(sed -n 's/ passed.*//p' "$scratch/out")))
    check "no process is left of $program" nothing_left "$build/tests/programs/$program"
done
passed=$((passed + count))
finish
