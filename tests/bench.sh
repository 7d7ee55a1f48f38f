#!/bin/sh
# What the benches measure and a busy machine does not change: calls and streams allocate nothing once they run, and keep
# nothing of what has passed through it; and that each figure of messages is measured, beside its bare twin.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
if sanitized; then
    echo "skipped: sanitizers allocate as they like"
    exit 77
fi
figure() { sed -n "s/.*\"$1\": \([-0-9.]*\).*/\1/p" "$scratch/json"; }
at_most() { awk -v is="$(figure "$1")" -v most="$2" 'BEGIN { exit !(is != "" && is + 0 <= most) }'; }
check "every value arrives" timeout 200 "$build/bench/stream" --quick --json "$scratch/json" >"$scratch/out"
for kind in call int kib kib64; do
    check "no allocation for each ($kind): $(figure ${kind}_allocations)" at_most ${kind}_allocations 0.01
done
check "memory does not grow: $(figure rss_growth_kib) KiB" at_most rss_growth_kib 64
check "no process of it is left" nothing_left "$build/bench/stream"

is_there() { grep -q "\"$1\": [0-9n]" "$scratch/json"; } # null where there is nothing to measure
check "messages are measured" timeout 200 "$build/bench/ipc" --quick --json "$scratch/json" >"$scratch/out"
for key in call_uds_us call_shm_us call_shm_split_us calls64_per_s calls4096_per_s call_idle_1_us call_idle_100_us \
    call_idle_10000_us stream_int_per_s stream_1k_per_s stream_1k_uds_per_s stream_64k_uds_per_s stream_64k_shm_per_s \
    idle_wakeups_per_s; do
    check "$key" is_there "$key"
    check "raw_$key" is_there "raw_$key"
done
check "no process of these is left" nothing_left "$build/bench/pair"
finish
