#!/bin/sh
# Three hosts: network namespaces in one of this script's own, whose cables it pulls. Their actors find each other
# through an arbiter on the first; a host that vanishes is noticed within two seconds, by option.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"

# Everything below is in namespaces that vanish with it.
if [ "${1:-}" != inside ]; then
    rm -rf "$scratch"
    trap - EXIT
    if ! unshare -Urnm sh -c 'ip link add h0 type veth peer name h1 && mount --bind /etc /etc' 2>/dev/null; then
        echo "skipped: this machine forbids namespaces with networks of their own (unshare -Urnm), or has no ip"
        exit 77
    fi
    exec unshare -Urnm "$0" inside
fi

hosts=$build/tests/programs/hosts
spread=$build/tests/programs/spread
arbiter=tcp://10.7.0.1:1616
bound=2
pids=
trap '{ kill $pids; wait; } 2>/dev/null; rm -rf "$scratch"' EXIT

# ---- cables ------------------------------------------------------------------------------------------------

# A host is a process in a network of its own, which holds that; the cable's other end is in a switch here.
plug_in() {
    mkfifo "$scratch/up.$1"
    unshare -n sh -c "echo >'$scratch/up.$1'; exec sleep 600" & # it holds the namespace, and is killed
    eval "host$1=$!"
    pids="$pids $!"
    read -r _ <"$scratch/up.$1"
    ip link add "cable$1" type veth peer name eth0 netns "$!"
    ip link set "cable$1" master switch up
    on "$1" ip link set lo up
    on "$1" ip addr add "10.7.0.$1/24" dev eth0
    on "$1" ip addr add "fd07::$1/64" dev eth0 nodad
    on "$1" ip link set eth0 up
}
on() {
    eval "where=\$host$1"
    shift
    nsenter -t "$where" -n "$@"
}
# The same in the background, as the very process that $! is.
in_host() {
    eval "where=\$host$1"
    shift
    exec nsenter -t "$where" -n "$@"
}
printf '127.0.0.1 localhost\n10.7.0.2 two\n' >"$scratch/names"
mount --bind "$scratch/names" /etc/hosts
ip link add switch type bridge && ip link set switch up
for i in 1 2 3; do plug_in $i; done

# ---- programs ----------------------------------------------------------------------------------------------

# start PLACE HOST ROLE NAME LISTEN [OTHER]: its lines are read by `hears`, from the descriptor PLACE.
start() {
    place=$1 host=$2 role=$3 name=$4 listen=$5
    shift 5
    rm -f "$scratch/$place"
    mkfifo "$scratch/$place"
    in_host "$host" timeout 100 "$hosts" "$role" "$name" $arbiter "$listen" $bound "$@" \
        >"$scratch/$place" 2>>"$scratch/err" &
    eval "pid$place=$!"
    pids="$pids $!"
    eval "exec $place<'$scratch/$place'"
}
# hears PLACE LINE: reads until that is said.
hears() {
    while read -r line; do [ "$line" != "$2" ] || return 0; done <&"$1"
    cat "$scratch/err"
    false
}
ends() {
    { eval "kill \$pid$1; wait \$pid$1"; } 2>/dev/null
    true
}
now_ms() { echo $(($(date +%s%N) / 1000000)); }
pull() { ip link set "cable$1" down; }
plug() { ip link set "cable$1" up; }
says() { [ "$(on "$1" timeout 60 "$hosts" "$2" caller $arbiter "" $bound "$3" 2>&1 | tail -n 1)" = "$4" ]; }

start 3 1 arbiter arbiter ""
check "the arbiter is up" hears 3 open
start 4 2 guest donny "tcp://two:0"
check "donny is ready" hears 4 ready
check "donny is registered" hears 3 "donny is there"
start 5 2 guest gretchen "tcp://[fd07::2]:0"
check "gretchen is ready" hears 5 ready
check "gretchen is registered" hears 3 "gretchen is there"

# ---- paths -------------------------------------------------------------------------------------------------

check "an actor is called from another host, by IPv4 and a name" says 3 hello donny "hello from donny"
check "and by IPv6" says 3 hello gretchen "hello from gretchen"
# Established connections of a host with itself.
with_itself() {
    on 2 awk '$4 == "01" && $2 ~ /^0200070A:/ && $3 ~ /^0200070A:/ { n++ } END { print n + 0 }' /proc/net/tcp
}
start 6 2 stay caller "" donny
check "an actor is called from its own host" hears 6 asked
check "not by TCP" [ "$(with_itself)" = 0 ]
ends 6

# ---- the program tractor -----------------------------------------------------------------------------------

tractor=$build/cli/tractor
# tells STATUS TEXT HOST ARGUMENT...: how it exits there, and a line of what it says.
tells() {
    want=$1 like=$2 host=$3
    shift 3
    on "$host" timeout 30 "$tractor" "$@" --arbiter "$arbiter" >"$scratch/told" 2>&1
    [ $? = "$want" ] && grep -q "$like" "$scratch/told" || { cat "$scratch/told"; false; }
}
if [ -x "$tractor" ]; then
    check "an arbiter on another host tells a tool who is there" tells 0 "^donny  .*does not tell\$" 3 ps
    check "but no more than that" tells 1 "^tractor: donny .*answers tools of its own host only" 3 tasks donny
    check "on its own host it does" tells 0 "^donny  .* MiB\|^donny  .* KiB" 2 ps
    check "nobody has to be told anything for a wait" tells 0 "^gretchen  " 3 wait gretchen --timeout 5
fi

# ---- cables that are pulled --------------------------------------------------------------------------------

# What is noticed by when, in milliseconds, with some time for a busy machine.
vanish() {
    start 6 3 stay caller "" donny
    hears 6 asked || return 1
    pull 2
    since=$(now_ms)
    hears 6 lost || return 1
    called=$(($(now_ms) - since))
    hears 3 "donny is gone" || return 1
    registered=$(($(now_ms) - since))
    plug 2
    hears 3 "donny is there" || return 1
    echo "lost after $called ms by who calls, $registered ms by the arbiter"
    [ $called -ge 1400 ] && [ $called -le 3500 ] && [ $registered -le 4000 ]
}
check "a host that vanishes is noticed in time, and comes back" vanish
check "it is called again" says 3 hello donny "hello from donny"
blink() {
    start 6 3 after caller "" donny
    hears 6 asked || return 1
    pull 2
    sleep 0.7 # tidy: call: so long it is away
    plug 2
    hears 6 answered
}
check "a host that is back in time has lost nothing" blink

# ---- slow is not lost --------------------------------------------------------------------------------------

check "an actor that computes for longer than that is not lost" says 3 think donny answered
check "nor while it is sent more than fits on the way" says 3 bulk donny answered
ends 5
ends 4
check "who has ended is gone" hears 3 "donny is gone"
ends 3

# ---- scenes ------------------------------------------------------------------------------------------------

# play SCENE LEADER, then HOST NAME of the others; the leader and the arbiter are on the first.
play() {
    scene=$1 leader=$2 others=
    shift 2
    start 3 1 arbiter arbiter ""
    hears 3 open || return 1
    while [ $# -gt 1 ]; do
        in_host "$1" timeout 90 "$spread" "$scene" "$2" $arbiter "tcp://10.7.0.$1:0" >>"$scratch/err" 2>&1 &
        others="$others $!"
        shift 2
    done
    on 1 timeout 90 "$spread" "$scene" "$leader" $arbiter tcp://10.7.0.1:0 >"$scratch/out" 2>>"$scratch/err"
    led=$?
    # shellcheck disable=SC2086
    { kill $others; wait $others; } 2>/dev/null
    ends 3
    [ $led -eq 0 ] || { cat "$scratch/out" "$scratch/err"; false; }
}
check "first_scene is played on three hosts" play first_scene director 2 donny 3 gretchen
check "with the lines it always has" cmp "$scratch/out" "$source/tests/scenes/first_scene.out"
check "streaming_service is played on three hosts" play streaming_service main 2 streamer_1 3 streamer_2 3 aggregator
check "and each value comes once" [ "$(cat "$scratch/out")" = "0 to 999, each once" ]
check "nobody has anything to complain about" [ ! -s "$scratch/err" ]
check "no process is left" nothing_left "$build/tests/programs/"
finish
