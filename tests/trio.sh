#!/bin/sh
# The table of trio's API and ours: each test that it names exists, and each function that it names is public.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
table=$source/docs/trio.md
tests=$(grep '^|' "$table" | awk -F'|' '{ print $(NF - 1) }' | grep -o '`[a-z_0-9]*`' | tr -d '`' | sort -u)
missing=$(for name in $tests; do
    grep -qE "[(]$name[_)]|static int $name[(]|static void $name[(]" "$source"/tests/unit/*.c || echo "$name"
done)
check "no test is missing: $missing" [ -z "$missing" ]
check "there are many: $(echo "$tests" | wc -l)" [ "$(echo "$tests" | wc -l)" -gt 60 ]
functions=$(grep '^|' "$table" | grep -o '`tr_[a-z_]*' | tr -d '`' | sort -u)
missing=$(for name in $functions; do
    grep -rqwE "$name" "$source/include" "$source"/tests/unit || echo "$name"
done)
check "no function is missing: $missing" [ -z "$missing" ]
finish
