#!/bin/sh
# The tidy test of the house, tools/tidy: nothing in the sources breaks a rule, and each rule can fail. A small
# tree without fault is written down, spoilt in one place after the other, and the breach has to be found there.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"

found=$("$source/tools/tidy" 2>&1)
check "the house is tidy:
$found" [ -z "$found" ]

# ---- a tree without fault ---------------------------------------------------------------------------------

tree=$scratch/tree
anew() {
    rm -rf "$tree"
    mkdir -p "$tree/src/sys" "$tree/src/sched" "$tree/include/tractor" "$tree/sim" "$tree/tests" "$tree/examples"
    cat >"$tree/include/tractor/thing.h" <<'C'
/* Things. */

#define tr_make(...) tr_make_((__VA_ARGS__))
/* Makes one. No checkpoint. */
TR_API int tr_make_(int of);

/* Waits for one. A checkpoint. */
#define tr_next(thing) tr_next_(thing)
TR_API int tr_next_(int thing) TR_USE_RESULT;

/* Gives one back. */
TR_API void tr_thing_done_(int *thing);
C
    cat >"$tree/src/sched/thing.c" <<'C'
/* "malloc(1)" is a word here, */
static const char *const text = "and here: malloc(1)";
static int wait_for(int thing)
{
    return thing->close(thing), fiber_switch(thing, '"');
}

int tr_next_(int thing)
{
    return wait_for(thing);
}
C
    cat >"$tree/tests/thing.c" <<'C'
static int uses_all(void)
{
    tr_auto(thing) thing = tr_make(1);
    return tr_next(thing);
}
C
}
tidy() { "$source/tools/tidy" "$tree" 2>&1; }
untouched() { anew; tidy; }
check "a tree without fault passes: $(untouched)" untouched

# finds what where sentence: exactly one breach, reported there, that says this.
finds() {
    tidy >"$scratch/found" && { bad "$1 was not found"; return; }
    if grep -q "^$2: .*$3" "$scratch/found" && [ "$(wc -l <"$scratch/found")" = 1 ]; then ok; else
        bad "$1: instead of \"$2: $3\" was said: $(cat "$scratch/found")"
    fi
}
repeat() { awk -v n="$1" -v line="$2" 'BEGIN { while (n-- > 0) print line }'; }

# ---- shape ----------------------------------------------------------------------------------------------------

function_of() { # so many lines, from the second on
    echo
    echo "int long_one(void)"
    echo "{"
    repeat $(($1 - 3)) "    work(1);"
    echo "}"
}
anew; function_of 70 >"$tree/src/sched/long.c"
check "70 lines are no breach: $(tidy)" tidy
anew; function_of 71 >"$tree/src/sched/long.c"
finds "a function of 71 lines" src/sched/long.c:2 "function: 71 lines.*give its parts names"
anew; function_of 71 | sed '2s|$| /* tidy: function: a table in all but name */|' >"$tree/src/sched/long.c"
check "unless it says why: $(tidy)" tidy
anew; printf 'int hidden(void) {\n    return 1;\n}\n' >"$tree/src/sched/brace.c"
finds "a brace that hides a function's length" src/sched/brace.c:1 "brace: .*a line of its own"
anew; printf 'int hidden(int a,\n           int b) {\n    return 1;\n}\n' >"$tree/tests/brace.c"
finds "the same behind a long declaration" tests/brace.c:2 "brace: "
anew; repeat 801 "/* */" >"$tree/sim/large.c"
finds "a file of 801 lines" sim/large.c:1 "file: 801 lines.*make two files"
anew; repeat 1 "/* $(repeat 115 x | tr -d '\n') */" >"$tree/src/sched/wide.h"
finds "a line of 121 columns" src/sched/wide.h:1 "width: 121 columns.*break the line"

# ---- calls ----------------------------------------------------------------------------------------------------

# calls file call instead: the call in that file is a breach whose report says what to write instead.
calls() {
    anew
    printf 'static void planted(void)\n{\n    if (1) (void)%s(x);\n}\n' "$2" >"$tree/$1"
    finds "$2 in $1" "$1:3" "call: $2 is not to be called here; write .*$3"
}
calls src/sched/a.c malloc mem_alloc
calls src/sched/a.c free mem_free
calls src/sched/a.h read sys_read
calls src/sched/a.c fork sys_spawn
calls src/sched/a.c getenv sys_env
calls src/sched/a.c clock_gettime sys_now
calls src/sched/a.c printf console_write
calls src/sched/a.c exit sys_exit
calls src/sched/a.c abort panic
calls src/sched/a.c uv_poll_start sys.h
calls src/sched/a.c atoi numbers_parse
calls src/sys/a.c strcpy memcpy
calls src/sys/a.c sprintf snprintf
calls sim/a.c time "world's own clock"
calls tests/a.c usleep "wait for what is to happen"
calls tests/a.c strcat buf_print
calls examples/a.c gets fgets
anew; printf 'void planted(void)\n{\n    malloc(x);\n    close(fd);\n}\n' >"$tree/src/sys/a.c"
check "src/sys may do what it is for: $(tidy)" tidy
# tidy: call: planted
anew; printf '#!/bin/sh\n# sleep is a word here\necho "no sleep"; sleep 1\n' >"$tree/tests/a.sh"
finds "a script that sleeps" tests/a.sh:3 "call: sleep "

# ---- public functions -----------------------------------------------------------------------------------

spoil() { anew; sed -i "$1" "$tree/$2"; }
spoil '/No checkpoint/d' include/tractor/thing.h
finds "a public function without a comment" include/tractor/thing.h:4 "documented: tr_make_ has no comment"
spoil 's/ A checkpoint.//' include/tractor/thing.h
finds "one that may wait and does not say so" include/tractor/thing.h:9 "checkpoint: tr_next_ may wait"
spoil '/tr_next/d' tests/thing.c
finds "one that is not tested" include/tractor/thing.h:9 "tested: tr_next is called in no test"
spoil 's/tr_auto(thing)/int/' tests/thing.c
finds "a destroyer that is not tested" include/tractor/thing.h:12 "tested: "
spoil 's/tr_make(1)/1; puts("tr_make(1)")/' tests/thing.c
finds "one that is only spoken of" include/tractor/thing.h:5 "tested: tr_make "
anew; sed -i '/tr_next/d' "$tree/tests/thing.c"; echo 'int use = tr_next(1);' >"$tree/examples/thing.c"
check "an example is a test, too: $(tidy)" tidy

# ---- exemptions ---------------------------------------------------------------------------------------------

exempt() { anew; printf 'void planted(void)\n{\n%s\n}\n' "$1" >"$tree/src/sched/a.c"; }
exempt '    free(x); /* tidy: call: it came from the C library */'
check "a line is exempt by a comment: $(tidy)" tidy
exempt '    /* tidy: call: it came from the C library */
    free(x);'
check "also by one in the line before: $(tidy)" tidy
exempt '    free(x); /* tidy: call: */'
finds "an exemption without a reason" src/sched/a.c:3 "exemption: says no reason"
exempt '    work(x); /* tidy: call: it was so once */'
finds "an exemption that is not needed" src/sched/a.c:3 'exemption: nothing here breaks the rule "call"'
exempt '    free(x); /* tidy: call: this one only */
    free(y);'
finds "a second call beside an exempt one" src/sched/a.c:4 "call: free "
finish
