#!/bin/sh
# The scenarios with real processes.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
timeout 120 "$build/tests/programs/actors" >"$scratch/out" 2>"$scratch/err" ||
    bad "$(cat "$scratch/err" "$scratch/out")"
passed=$(sed -n 's/ passed.*//p' "$scratch/out")
check "no process is left" nothing_left "$build/tests/programs/actors"
finish
