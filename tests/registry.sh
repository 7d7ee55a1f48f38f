#!/bin/sh
# Programs that share an arbiter and lose it, as real processes.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
arbiters=$build/tests/programs/arbiters
timeout 120 "$arbiters" "$scratch" >"$scratch/out" 2>"$scratch/err" || bad "$(cat "$scratch/err" "$scratch/out")"
passed=$((passed + $(sed -n 's/ passed.*//p' "$scratch/out")))
check "no process is left" nothing_left "$arbiters"
finish
