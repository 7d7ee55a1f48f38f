#!/bin/sh
# Programs that share an arbiter and lose it, as real processes.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
registry=$build/tests/programs/registry
timeout 120 "$registry" "$scratch" >"$scratch/out" 2>"$scratch/err" || bad "$(cat "$scratch/err" "$scratch/out")"
passed=$((passed + $(sed -n 's/ passed.*//p' "$scratch/out")))
check "no process is left" nothing_left "$registry"
finish
