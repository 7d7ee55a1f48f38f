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
# Six that start at once where a dead one lived: one of them is the arbiter, and all are with it.
crowd() {
    rm -rf "$scratch/there" "$scratch/there.lock" "$scratch"/said.*
    python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$scratch/there')" 2>/dev/null
    mkfifo "$scratch/stay"
    pids=
    for i in 1 2 3 4 5 6; do
        timeout 20 "$neighbours" crowd "unix:$scratch/there" <"$scratch/stay" >"$scratch/said.$i" 2>&1 &
        pids="$pids $!"
    done
    exec 9>"$scratch/stay" # it stays open until each has opened its end and spoken
    i=0
    for pid in $pids; do
        i=$((i + 1))
        # tidy: call: a file that gets its line or a process that dies before; a shell cannot wait for either
        until [ -s "$scratch/said.$i" ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
    done
    exec 9>&-
    wait
    rm "$scratch/stay"
    [ "$(cat "$scratch"/said.* | sort | uniq -c | tr -s ' ')" = " 1 I am it
 5 I am with it" ] || { cat "$scratch"/said.*; false; }
}
for round in 1 2 3 4 5; do
    check "there is one arbiter at a time, round $round" crowd
done
check "and no file of it is left" [ ! -e "$scratch/there" ] && check "nor its lock" [ ! -e "$scratch/there.lock" ]

echo precious >"$scratch/file"
keeps_files() {
    "$neighbours" serve "unix:$scratch/file" >/dev/null 2>&1 && return 1
    [ "$(cat "$scratch/file")" = precious ] && [ ! -e "$scratch/file.lock" ]
}
check "a file that is no socket is left alone" keeps_files

ignoring_children() { (trap '' CHLD; "$build/examples/first_scene") >"$scratch/out" 2>&1; }
check "a program that was started with SIGCHLD ignored works" ignoring_children

without() { (eval "exec $1"; timeout 20 "$build/examples/first_scene"); }
for streams in "<&-" "<&- >&-" "<&- >&- 2>&-" ">&- 2>&-"; do
    check "a program that was started without $streams works" without "$streams"
done
says_all() { "$build/examples/first_scene" <&- 2>&- >"$scratch/out" && diff "$source/tests/scenes/first_scene.out" "$scratch/out"; }
check "and says what it has to say where it can" says_all

overflows() {
    (ulimit -c 0; "$build/tests/programs/overflow" "$1") 2>"$scratch/err"
    [ $? -gt 128 ] || return 1
    grep -q "libtractor: task $1 (.*overflow.c:[0-9]*) needs more stack than its 6[0-9] KiB" "$scratch/err" ||
        { cat "$scratch/err"; false; }
}
sanitized || check "a task that outgrows its stack is named" overflows step
sanitized || check "also when it steps over the end" overflows leap

# Two functions of one name in one module: the program does not even start.
one() { printf '#define TR_MODULE "m"\n#include <tractor.h>\ntr_fn(void, twice)\n{\n    return 0;\n}\n'; }
one >"$scratch/a.c"
one >"$scratch/b.c"
echo 'int main(int n, char **v) { return tr_main(n, v, NULL, NULL); }' >>"$scratch/b.c"
names_both() {
    cc -std=gnu17 -I"$source/include" "$scratch/a.c" "$scratch/b.c" -o "$scratch/twice" -L"$build" -ltractor || return 1
    LD_LIBRARY_PATH=$build "$scratch/twice" 2>"$scratch/err" && return 1
    grep -q 'm\.twice.*a\.c:3.*b\.c:3\|m\.twice.*b\.c:3.*a\.c:3' "$scratch/err" || { cat "$scratch/err"; false; }
}
sanitized || check "two functions of one name end the program, naming both places" names_both
finish
