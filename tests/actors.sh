#!/bin/sh
# The scenarios with real processes, with each start method.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
count=0
for method in spawn forkserver fork; do
    export TRACTOR_START_METHOD=$method
    for program in actors streams large contract strangers endings crashes signals lines orphans; do
        timeout 120 "$build/tests/programs/$program" >"$scratch/out" 2>"$scratch/err" ||
            bad "by $method: $(cat "$scratch/err" "$scratch/out")"
        count=$((count + $(sed -n 's/ passed.*//p' "$scratch/out")))
        check "no process is left of $program by $method" nothing_left "$build/tests/programs/$program"
    done
    check "nothing of the orphans stays behind tr_main by $method" \
        timeout 60 "$build/tests/programs/orphans" nothing_of_it_stays
    TRACTOR_LOG=runtime "$build/tests/programs/actors" an_actor_starts_actors_of_its_own >"$scratch/out" 2>"$scratch/err"
    check "a child logs where its parent does by $method" \
        grep -q '(parent\[[0-9a-f]*\], [0-9]*, grandchild) \[runtime\] actor birth.c:[0-9]* grandchild is up' "$scratch/err"
done
passed=$((passed + count))

# What an actor prints comes out with its name, behind what its parent printed before.
timeout 60 "$build/tests/programs/lines" show >"$scratch/out" 2>"$scratch/err"
says() { [ "$(cat "$scratch/$1")" = "$(printf "$2")" ] || { cat "$scratch/$1"; false; }; }
check "its output is tagged" says out 'first\ndonny: to you\nlast'
check "so is what it says of errors" says err 'donny: to me'
finish
