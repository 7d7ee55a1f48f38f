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
