#!/bin/sh
# Bugs that end the process, each with the message that its comment in tests/programs/bugs.c promises.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
bugs=$build/tests/programs/bugs
text=$source/tests/programs/bugs.c

promised() {
    grep -n '/\* (.*) \*/$' "$text" | sed 's|^\([0-9]*\):.*/\* (\(.*\)) \*/$|s,@\2\\b,tests/programs/bugs.c:\1,|' \
        >"$scratch/lines"
    grep -B1 "^static int $1(" "$text" | sed -n 's|^/\* "\(.*\)" \*/|\1|p' | sed -f "$scratch/lines"
}
dies() {
    message=$(promised "$1")
    (ulimit -c 0; exec timeout 20 "$bugs" "$1") >"$scratch/out" 2>&1
    [ $? -eq 134 ] && [ -n "$message" ] && grep -qF "$message" "$scratch/out" && return
    echo "wanted: $message"
    cat "$scratch/out"
    false
}
for bug in $("$bugs"); do
    check "$bug" dies "$bug"
done
finish
