#!/bin/sh
# What the bench of streams measures and a busy machine does not change: a stream allocates nothing once it runs, and
# keeps nothing of what has passed through it.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
if sanitized; then
    echo "skipped: sanitizers allocate as they like"
    exit 77
fi
figure() { sed -n "s/.*\"$1\": \([-0-9.]*\).*/\1/p" "$scratch/json"; }
at_most() { awk -v is="$(figure "$1")" -v most="$2" 'BEGIN { exit !(is != "" && is + 0 <= most) }'; }
check "every value arrives" timeout 200 "$build/bench/stream" --quick --json "$scratch/json" >"$scratch/out"
for kind in int kib kib64; do
    check "no allocation for each value ($kind): $(figure ${kind}_allocations)" at_most ${kind}_allocations 0.01
done
check "memory does not grow: $(figure rss_growth_kib) KiB" at_most rss_growth_kib 64
check "no process of it is left" nothing_left "$build/bench/stream"
finish
