#!/bin/sh
# The log of real trees, with each start method: who has which level, whole lines, and what its processes are called.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
logs=$build/tests/programs/logs
unset TRACTOR_LOG NO_COLOR

levels() { # what it says, what is expected, of whom
    said=$("$logs" "$2" 2>"$scratch/err") && [ "$said" = "$1" ] || { echo "$said, not $1"; cat "$scratch/err"; false; }
}
# As ps sees it, which is told once it is up, and waits for the end of the pipe.
shows_titles() {
    mkfifo "$scratch/waits-$1" "$scratch/tells-$1"
    "$logs" wait <"$scratch/waits-$1" >"$scratch/tells-$1" &
    {
        read -r pid
        check "ps -f shows program and name, by $1" [ "$(ps -o args= -p "$pid")" = "$logs: donny" ]
        check "top and ps -e show the name, by $1" [ "$(ps -o comm= -p "$pid")" = donny ]
    } 3>"$scratch/waits-$1" <"$scratch/tells-$1"
    wait $!
}

for method in spawn forkserver fork; do
    export TRACTOR_START_METHOD=$method
    timeout 60 "$logs" >"$scratch/out" 2>"$scratch/err" || bad "$method: $(cat "$scratch/err" "$scratch/out")"
    passed=$((passed + $(sed -n 's/ passed.*//p' "$scratch/out")))
    check "no process is left of the scenarios by $method" nothing_left "$logs"

    check "warnings are the usual level, by $method" levels "30 30 30" level
    export TRACTOR_LOG=cancel
    check "the environment has it otherwise, by $method" levels "22 22 22" level
    check "a call of main's counts more, by $method" levels "5 5 5" level-call
    check "the option does, by $method" levels "10 10 10" level-option
    unset TRACTOR_LOG

    timeout 60 "$logs" speak 2>&1 >/dev/null | cat >"$scratch/lines" # a pipe, which they share
    whole=0
    for who in a b c; do
        line="^[-0-9]{10}T[:0-9]{8}\\.[0-9]{6}Z \\($who\\[[0-9a-f]{8}\\], [0-9]+, say_much\\) \\[info\\] "
        line="${line}logs logs\\.c:[0-9]+ [0-9]+ $who+ end\$"
        whole=$((whole + $(LC_ALL=C grep -cE "$line" "$scratch/lines")))
    done
    check "3000 lines of three actors are whole, not $whole, by $method" [ "$whole" -eq 3000 ]
    check "and there are no others, by $method" [ "$(wc -l <"$scratch/lines")" -eq 3000 ]
    shows_titles $method
done
unset TRACTOR_START_METHOD

refused() {
    TRACTOR_LOG=lots "$logs" level >"$scratch/out" 2>"$scratch/err" && return 1
    [ ! -s "$scratch/out" ] && grep -q 'TRACTOR_LOG: there is no log level "lots"; there are trace, transport,' "$scratch/err"
}
check "a root of an unknown level is refused" refused

# Nobody reads what they say, and they do what they do all the same.
deaf() { TRACTOR_LOG=trace timeout 30 "$build/examples/first_scene" >"$scratch/out" 2>&- && cmp "$scratch/out" "$source/tests/scenes/first_scene.out"; }
check "a closed standard error harms nobody" deaf
full() { TRACTOR_LOG=trace timeout 30 "$build/examples/first_scene" >"$scratch/out" 2>/dev/full && cmp "$scratch/out" "$source/tests/scenes/first_scene.out"; }
check "nor does a full disk" full
gone() {
    mkfifo "$scratch/fifo"
    TRACTOR_LOG=trace timeout 30 "$build/examples/first_scene" 2>"$scratch/fifo" >"$scratch/out" &
    head -n 1 "$scratch/fifo" >/dev/null
    wait $! && cmp "$scratch/out" "$source/tests/scenes/first_scene.out"
}
check "nor does a reader that goes away" gone
finish
