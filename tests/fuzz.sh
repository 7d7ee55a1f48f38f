#!/bin/sh
# Each fuzzer for a few seconds: that they build and find nothing, not even at once. make fuzz runs them longer.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
skip() {
    echo "skipped: $*"
    exit 77
}
[ "$(basename "$build")" = release ] || skip "the fuzzers have a build of their own, run with the release's tests"
command -v clang >/dev/null || skip "no clang, whose fuzzer this needs"
echo 'int LLVMFuzzerTestOneInput(const unsigned char *b, unsigned long n) { return b && n == 77; }' >"$scratch/probe.c"
clang -fsanitize=fuzzer -o "$scratch/probe" "$scratch/probe.c" 2>/dev/null ||
    skip "clang has no fuzzer: install libclang-rt-14-dev"

cd "$source" || exit 1
tools/fuzz "${FUZZ_TIME:-5}" >"$scratch/results" 2>&1
status=$?
cat "$scratch/results"
check "no fuzzer found anything" [ $status -eq 0 ]
for target in tests/fuzz/*_fuzz.c; do
    name=$(basename "$target" _fuzz.c)
    [ "$name" = mpack ] && [ ! -e build/fuzz/tests/fuzz/mpack_fuzz ] && echo "mpack skipped: install libmpack-dev" && continue
    check "$name ran" grep -q "^$name  *executions=[1-9]" "$scratch/results"
done
finish
