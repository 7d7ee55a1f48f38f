#!/bin/sh
# The scenarios with real processes, over each transport; and which one it is. Without a word it is auto:
# tests/actors.sh.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
count=0
for transport in shm uds; do
    export TRACTOR_TRANSPORT=$transport
    for program in actors streams large contract strangers endings signals lines; do
        timeout 120 "$build/tests/programs/$program" >"$scratch/out" 2>"$scratch/err" ||
            bad "over $transport: $(cat "$scratch/err" "$scratch/out")"
        count=$((count + $(sed -n 's/ passed.*//p' "$scratch/out")))
        check "no process is left of $program over $transport" nothing_left "$build/tests/programs/$program"
    done
done
passed=$((passed + count))

# How often somebody heard what another said by shared memory.
unset TRACTOR_TRANSPORT
shared() { TRACTOR_TRANSPORT=$1 TRACTOR_LOG=transport timeout 60 "$build/$2" 2>&1 | grep -c 'comes through shared memory'; }
check "two actors share memory at once if told to" [ "$(shared shm examples/first_scene)" -gt 1 ]
check "if they may, not for a few calls" [ "$(shared auto examples/first_scene)" = 0 ]
check "but for many" [ "$(shared auto tests/programs/streams)" -gt 1 ]
check "and so they do by themselves" [ "$(shared "" tests/programs/streams)" -gt 1 ]
check "never if told not to" [ "$(shared uds tests/programs/streams)" = 0 ]

refused() {
    TRACTOR_TRANSPORT=pigeon "$build/examples/first_scene" >"$scratch/out" 2>"$scratch/err" && return 1
    [ ! -s "$scratch/out" ] && grep -q 'no transport "pigeon"; there are auto, shm and uds' "$scratch/err"
}
check "an unknown transport is refused" refused
finish
