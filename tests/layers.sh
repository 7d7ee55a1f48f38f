#!/bin/sh
# The house: every room sees only rooms on lower floors, and itself; public headers see only each other;
# examples see only those. The table here is the one in docs/ARCHITECTURE.md. (What else is asked of sources, such
# as to call nothing of the world above src/sys: tests/tidy.sh.)
#
# One include is exempt by a comment behind it:  tidy: layer: reason
. "$TRACTOR_SOURCE/tests/lib.sh.inc"

cat >"$scratch/table" <<'TABLE'
base
sys base
value base
observe base
sched sys base
sync sched sys base
testing sync sched sys base
transport sync sched sys base
spawn sync sched sys base
actor transport spawn value sync sched sys base
registry actor transport spawn value sync sched sys base
inspect registry actor transport spawn value sync sched sys base
runtime inspect registry actor transport spawn value sync sched sys base
TABLE

# Prints each include in $1/src that the table does not allow.
breaches() {
    (cd "$1/src" && grep -rHn '^#include "' . | sed 's|^\./||') | awk -v table="$scratch/table" '
        BEGIN { while ((getline line < table) > 0) { n = split(line, w, " ");
                for (i = 1; i <= n; i++) allowed[w[1], w[i]] = 1; known[w[1]] = 1 } }
        { split($0, at, ":"); split(at[1], from, "/"); match($0, /"[^"]+"/);
          target = substr($0, RSTART + 1, RLENGTH - 2); split(target, to, "/") }
        !(from[1] in known) { print at[1] ": room " from[1] " is not in the table"; next }
        to[1] == "tractor" || target == "tractor.h" { next }
        /tidy: layer: [^ *]/ { next }
        !((from[1], to[1]) in allowed) {
            print "src/" at[1] ":" at[2] ": " from[1] " may not see " target "; have a room above both use them, or " \
                "hand in a function to be called (as base/hooks.h)" }'
    (cd "$1" && grep -rn '^#include "' include | grep -v '"tractor/' |
        sed 's/$/: a public header may not see this; declare the type without its inside/')
    (cd "$1" && grep -rnE '^#include "[^"]*/' examples bench cli 2>/dev/null |
        sed 's/$/: users do not have this; write #include <tractor.h>/')
}
found=$(breaches "$source")
check "the layer law holds: $found" [ -z "$found" ]

# The check itself: a breach is found.
for planted in 'base "sys/sys.h"' 'value "sys/sys.h"' 'sched "sync/lot.h"' 'transport "spawn/child.h"'; do
    room=${planted%% *}
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree/src/$room" "$scratch/tree/include" "$scratch/tree/examples"
    echo "#include ${planted#* }" >"$scratch/tree/src/$room/planted.c"
    found=$(breaches "$scratch/tree")
    check "a planted breach is found: $planted" [ "${found%%: *}" = "src/$room/planted.c:1" ]
    sed -i 's|$| /* tidy: layer: planted */|' "$scratch/tree/src/$room/planted.c"
    check "unless it is exempt: $planted" [ -z "$(breaches "$scratch/tree")" ]
done
finish
