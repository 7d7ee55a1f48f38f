#!/bin/sh
# Commands die with the process that runs them, which is killed at fifty random moments.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
dies_with_all() {
    timeout 120 "$build/tests/programs/commands" 50 >"$scratch/out" 2>&1 || { cat "$scratch/out"; false; }
}
check "no command outlives its parent" dies_with_all
check "nothing is left in the system" nothing_left "$build/tests/programs/commands"
finish
