#!/bin/sh
# The house: every room sees only rooms on lower floors, and itself; public headers see only each other;
# examples see only those; no function is over 70 lines and no file over 800. The table here is the one in
# docs/ARCHITECTURE.md.
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
runtime registry actor transport spawn value sync sched sys base
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
        !((from[1], to[1]) in allowed) { print at[1] ":" at[2] ": " from[1] " may not see " target }'
    (cd "$1" && grep -rn '^#include "' include | grep -v '"tractor/' | sed 's/$/ (public header)/')
    (cd "$1" && grep -rnE '^#include "[^"]*/' examples bench 2>/dev/null)
}
found=$(breaches "$source")
check "the layer law holds: $found" [ -z "$found" ]

# The check itself: a breach is found.
for planted in 'base "sys/sys.h"' 'value "sys/sys.h"' 'sched "sync/lot.h"' 'transport "spawn/child.h"'; do
    room=${planted%% *}
    rm -rf "$scratch/tree"
    mkdir -p "$scratch/tree/src/$room" "$scratch/tree/include" "$scratch/tree/examples"
    echo "#include ${planted#* }" >"$scratch/tree/src/$room/planted.c"
    check "a planted breach is found: $planted" [ -n "$(breaches "$scratch/tree")" ]
done

# Shape. A function begins at a line that starts with "{" and ends at one that starts with "}".
long=$(find "$source/src" "$source/sim" "$source/tests" "$source/examples" -name '*.[ch]' -exec awk '
    FNR == 1 { at = 0 }
    /^\{/ { at = FNR }
    /^\}/ { if (at && FNR - at + 2 > 70) print FILENAME ":" at ": " FNR - at + 2 " lines"; at = 0 }
    ' {} +)
check "no function is over 70 lines: $long" [ -z "$long" ]
large=$(find "$source/src" "$source/include" "$source/sim" "$source/tests" -name '*.[ch]' \
    -exec awk 'END { if (FNR > 800) print FILENAME }' {} \;)
check "no file is over 800 lines: $large" [ -z "$large" ]
wide=$(grep -rnE '.{111,}' "$source/src" "$source/include" "$source/sim" --include='*.[ch]' | head -3)
check "no line is far too long: $wide" [ -z "$wide" ]

# Only src/sys touches the world.
touching=$(cd "$source/src" && grep -rnE --include='*.c' --include='*.h' \
    '(^|[^a-z_>.])(malloc|calloc|realloc|free|getenv|fork|waitpid|kill|sleep|usleep|nanosleep|time|rand|socket|read|write|close|signal|sigaction|abort|exit|fprintf|printf|puts|uv_[a-z_]+)\(' \
    base value observe sched sync transport spawn actor registry runtime | grep -v '^[^:]*:[0-9]*: \*' |
    grep -v '/\*.*\*/$' || true)
check "nothing above src/sys touches the world: $touching" [ -z "$touching" ]
finish
