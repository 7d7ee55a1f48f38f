#!/bin/sh
# The start methods: what an actor has under each, and trees that lose their server or their root.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
methods=$build/tests/programs/methods

for method in spawn forkserver fork; do
    export TRACTOR_START_METHOD=$method
    METHODS_OLD=old timeout 120 "$methods" >"$scratch/out" 2>"$scratch/err" || bad "$method: $(cat "$scratch/err" "$scratch/out")"
    passed=$((passed + $(sed -n 's/ passed.*//p' "$scratch/out")))
    check "no process is left of the scenarios by $method" nothing_left "$methods"
done

right() { timeout 60 "$methods" "$1" >"$scratch/out" 2>"$scratch/err" || { cat "$scratch/out" "$scratch/err"; false; }; }
for method in forkserver fork; do
    export TRACTOR_START_METHOD=$method
    for case in server_killed server_killed_while_there_are_no_actors server_killed_while_actors_start \
        server_stopped roots_one_after_the_other; do
        check "$case, $method" right $case
        check "no process is left of $case, $method" nothing_left "$methods"
    done
    check "what was said before is said, $method" right said_before
    check "and once, $method" [ "$(cat "$scratch/out")" = "before
after" ]
done
unset TRACTOR_START_METHOD
sanitized || check "a process with threads is not forked" right threads_before_tr_main
check "an unknown method is refused" right unknown_method
refused() {
    TRACTOR_START_METHOD=cloning "$build/examples/first_scene" >"$scratch/out" 2>"$scratch/err" && return 1
    [ ! -s "$scratch/out" ] && grep -q 'no start method "cloning"' "$scratch/err"
}
check "also when the environment asks for it" refused

# Whoever is left of a tree has the pipe open, which is read until its end.
mkfifo "$scratch/said"
killed_root() {
    TRACTOR_START_METHOD=$1 "$methods" linger >"$scratch/said" 2>&1 &
    root=$!
    { read -r line && kill -9 $root && cat; } <"$scratch/said" >"$scratch/rest"
    wait $root 2>/dev/null
    [ "$line" = up ] && nothing_left "$methods"
}
for method in spawn forkserver fork; do
    check "a killed root leaves nothing, $method" killed_root $method
done

for method in spawn forkserver fork; do
    # shellcheck disable=SC2016
    enough() { ulimit -n 8192 2>/dev/null; TRACTOR_START_METHOD=$1 timeout 200 "$methods" many "$2" 2>"$scratch/err" || { cat "$scratch/err"; false; }; }
    count=1000
    sanitized && count=100
    check "$count actors by $method" enough $method $count
done
finish
