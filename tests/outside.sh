#!/bin/sh
# What is done wrong around tr_main, and two programs with one arbiter.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
outside=$build/tests/programs/outside
right() { timeout 20 "$outside" "$1" >"$scratch/out" 2>&1 || { cat "$scratch/out"; false; }; }
for case in $("$outside"); do
    check "$case" right "$case"
done

neighbours=$build/tests/programs/neighbours
meet() {
    mkfifo "$scratch/open"
    timeout 20 "$neighbours" serve "$1" >"$scratch/open" 2>"$scratch/err" &
    read -r _ <"$scratch/open"
    timeout 20 "$neighbours" visit "$1" >"$scratch/out" 2>>"$scratch/err"
    visit=$?
    wait $!
    host=$?
    rm "$scratch/open"
    [ $visit -eq 0 ] && [ $host -eq 0 ] && [ "$(cat "$scratch/out")" = "come in, visitor" ] ||
        { cat "$scratch/out" "$scratch/err"; false; }
}
check "two programs meet at an abstract address" meet "unix:@tractor-test-$$"
check "two programs meet at a path" meet "unix:$scratch/arbiter"
check "the path is gone afterwards" [ ! -e "$scratch/arbiter" ]
# A socket file that nobody answers at does not keep the place.
python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$scratch/dead')" 2>/dev/null &&
    check "two programs meet where a dead one lived" meet "unix:$scratch/dead"
finish
