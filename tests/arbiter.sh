#!/bin/sh
# The README's scenes beside an arbiter in another program, at each kind of address; and programs whose pids are those
# of a namespace of their own.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
says() { cmp -s "$scratch/out" "$source/tests/scenes/$1.out" || { cat "$scratch/out"; false; }; }
silent() { [ ! -s "$scratch/err" ] || { cat "$scratch/err"; false; }; }

# The arbiter is the daemon of the examples, which says where it listens: of a port that may be any, which one it is. A
# neighbour watches there.
mkfifo "$scratch/arbiter.says" "$scratch/watcher.says"
open_arbiter() {
    TRACTOR_ARBITER=$1 "$build/examples/daemon" serve >"$scratch/arbiter.says" &
    arbiter=$!
    exec 3<"$scratch/arbiter.says"
    read -r line <&3
    export TRACTOR_ARBITER="${line##* }"
    "$build/tests/programs/arbiters" watch "$TRACTOR_ARBITER" >"$scratch/watcher.says" &
    watcher=$!
    exec 4<"$scratch/watcher.says"
    read -r line <&4
}
end() { kill -TERM "$1" && wait "$1" 2>/dev/null; } # a shell tells of deaths by a signal
hears() { read -r line <&4 && [ "$line" = "$1" ]; }
close_arbiter() {
    end $watcher
    check "the arbiter at $TRACTOR_ARBITER ends well" end $arbiter
    exec 3<&- 4<&-
    unset TRACTOR_ARBITER
}

for place in "unix:@arbiter-$$" "unix:$scratch/arbiter" tcp://127.0.0.1:0; do
    open_arbiter "$place"
    for method in spawn forkserver fork; do
        TRACTOR_START_METHOD=$method timeout 30 "$build/examples/first_scene" >"$scratch/out" 2>"$scratch/err"
        check "first_scene succeeds with the arbiter at $place by $method" [ $? -eq 0 ]
        check "first_scene says what the README shows by $method" says first_scene
        check "first_scene has nothing to complain about by $method" silent
        check "the arbiter knew its donny by $method" hears joined
        check "and knows him no more by $method" hears left
    done
    timeout 30 "$build/examples/streaming_service" >"$scratch/raw" 2>"$scratch/err"
    check "streaming_service succeeds with the arbiter at $place" [ $? -eq 0 ]
    sed -e 's/TIME = [0-9]*\.[0-9]*$/TIME = N/' "$scratch/raw" | LC_ALL=C sort >"$scratch/out"
    check "streaming_service says what it should" says streaming_service
    check "streaming_service has nothing to complain about" silent
    close_arbiter
done
check "the arbiter's path is gone" [ ! -e "$scratch/arbiter" ]

# A process that calls itself otherwise than we call it: what it says of its pid is true all the same.
elsewhere() { unshare --user --map-current-user --pid --fork "$@"; }
asks() { [ "$(elsewhere timeout 30 "$build/examples/daemon" ask 20 22 2>"$scratch/err")" = "daemon says 42" ] && silent; }
if elsewhere true 2>/dev/null; then
    open_arbiter "unix:@arbiter-$$"
    check "who is in a pid namespace of its own is let in" asks
    elsewhere timeout 30 "$build/examples/first_scene" >"$scratch/out" 2>"$scratch/err"
    check "first_scene succeeds there" [ $? -eq 0 ]
    check "first_scene says there what it should" says first_scene
    check "first_scene has nothing to complain about there" silent
    close_arbiter

    # Who comes from a namespace below is known by /proc, if that is of the namespace one lives in.
    mkfifo "$scratch/inner.says"
    # shellcheck disable=SC2016 # for the inner shell
    inner='"$0" serve >"$1" 2>"$2" & read -r line <"$1"
        unshare --user --map-current-user --pid --fork timeout 30 "$0" ask 20 22 2>&1; kill -TERM $!; wait $!'
    says_below() {
        export TRACTOR_ARBITER="unix:@below-$$"
        elsewhere "$@" sh -c "$inner" "$build/examples/daemon" "$scratch/inner.says" "$scratch/err" >"$scratch/out"
        unset TRACTOR_ARBITER
    }
    let_in() { says_below --mount-proc && [ "$(cat "$scratch/out")" = "daemon says 42" ] && silent; }
    refused() { says_below && grep -q NoArbiter "$scratch/out" && grep -q "refused a connection" "$scratch/err"; }
    check "who is in a namespace below is let in" let_in
    check "who might be anywhere is not" refused
else
    echo "pid namespaces are not permitted here: not tried"
fi
check "no process is left" nothing_left "$build/examples"
finish
