#!/bin/sh
# The tables that have Python's APIs and tests beside ours: each test and file that they name exists, and each
# function is public. And no page has what a merge leaves where it could not decide.
# shellcheck disable=SC2016 # backquotes are what is looked for
. "$TRACTOR_SOURCE/tests/lib.sh.inc"

# A test that nobody calls would not compile.
is_test() {
    grep -qE "[(]$1[_)]|static int $1[(]|static void $1[(]" \
        "$source"/tests/unit/*.c "$source"/tests/scenarios/*.c "$source"/tests/programs/*.c
}
# The names in the last column of a page's tables.
tests_of() { grep '^|' "$1" | awk -F'|' '{ print $(NF - 1) }' | grep -o '`[^`]*`' | tr -d '`' | sort -u; }
missing_tests() {
    for name in $(tests_of "$1"); do
        case $name in
        */*) [ -e "$source/$name" ] ;;
        *) is_test "$name" ;;
        esac || echo "$name"
    done
}
missing_functions() {
    for name in $(grep '^|' "$1" | grep -o '`tr_[a-z_]*' | tr -d '`' | sort -u); do
        grep -rqwE "$name" "$source/include" "$source"/tests/unit || echo "$name"
    done
}

# page, and how many tests it names at least
look_at() {
    page=$source/docs/$1
    missing=$(missing_tests "$page")
    check "no test of $1 is missing: $missing" [ -z "$missing" ]
    many=$(tests_of "$page" | wc -l)
    check "$1 names many: $many" [ "$many" -gt "$2" ]
    missing=$(missing_functions "$page")
    check "no function of $1 is missing: $missing" [ -z "$missing" ]
}
look_at trio.md 60
look_at tractor.md 40

undecided() { grep -nE '^(<{7}|={7}|>{7})( |$)' "$@" /dev/null; }
left=$(undecided "$source"/*.md "$source"/docs/*.md)
check "every merge was decided: $left" [ -z "$left" ]

cat >"$scratch/planted.md" <<'E2'
| `tr_call`, `tr_planted` | `a_planted_test`, `examples/planted.c`, `a_childs_arbiter_is_the_root` |
E2
check "what is missing is found" [ "$(missing_tests "$scratch/planted.md" | tr '\n' ' ')" = "a_planted_test examples/planted.c " ]
printf '%s\n' '<<<<<<< HEAD' '=======' '>>>>>>> other' >"$scratch/undecided.md"
check "three marks of a merge are found" [ "$(undecided "$scratch/undecided.md" | wc -l)" = 3 ]
check "functions too" [ "$(missing_functions "$scratch/planted.md")" = tr_planted ]
finish
