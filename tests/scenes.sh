#!/bin/sh
# The scenes of the README and the programs of the tutorial: their output to the letter, what they leave behind
# (nothing), how many processes take part, and that the scenes are short.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"

says() { cmp -s "$scratch/out" "$source/tests/scenes/$1.out"; }
silent() { [ ! -s "$scratch/err" ] || { cat "$scratch/err"; false; }; }
sockets() { grep -c "@tractor/" /proc/net/unix; }

# The programs of the tutorial, and its listings, each of which is a piece of the program that was named last.
for lesson in first_tasks echo_server pipeline five_commands blocking retry_test orders; do
    timeout 60 "$build/examples/$lesson" >"$scratch/out" 2>"$scratch/err"
    check "$lesson succeeds" [ $? -eq 0 ]
    check "$lesson says what it should" says $lesson
    check "$lesson has nothing to complain about" silent
    check "no process of $lesson is left" nothing_left "$build/examples/$lesson"
done
# Where an arbiter listens is the caller's choice; where an actor does is nobody's.
timeout 60 "$build/examples/service_discovery" "unix:@stage-$$" >"$scratch/raw" 2>"$scratch/err"
check "service_discovery succeeds" [ $? -eq 0 ]
sed "s|@stage-$$|@stage|; s|@tractor/.*|@tractor|" "$scratch/raw" >"$scratch/out"
check "service_discovery says what it should" says service_discovery
check "service_discovery has nothing to complain about" silent
check "no process of service_discovery is left" nothing_left "$build/examples/service_discovery"

# Two programs of one actor each: the order of their lines is the scheduler's.
"$build/examples/standalone" donny gretchen "unix:@stage-$$" >"$scratch/donny" 2>"$scratch/err" &
timeout 60 "$build/examples/standalone" gretchen donny "unix:@stage-$$" >"$scratch/gretchen" 2>>"$scratch/err"
check "standalone succeeds as gretchen" [ $? -eq 0 ]
wait $!
check "standalone succeeds as donny" [ $? -eq 0 ]
cat "$scratch/donny" "$scratch/gretchen" >"$scratch/out"
check "standalone says what it should" says standalone
check "standalone has nothing to complain about" silent
check "no process of standalone is left" nothing_left "$build/examples/standalone"

# A shell has what it starts in the background ignore Ctrl-C.
mkfifo "$scratch/says"
for end in INT TERM; do
    TRACTOR_ARBITER=unix:@stage-$$ env --default-signal=INT "$build/examples/daemon" serve >"$scratch/says" 2>"$scratch/err" &
    exec 3<"$scratch/says"
    read -r line <&3
    echo "$line" | sed "s|@stage-$$|@stage|" >"$scratch/out"
    TRACTOR_ARBITER=unix:@stage-$$ timeout 60 "$build/examples/daemon" ask 20 22 >>"$scratch/out" 2>>"$scratch/err"
    check "daemon answers" [ $? -eq 0 ]
    kill -$end $!
    cat <&3 >>"$scratch/out"
    exec 3<&-
    wait $!
    check "daemon succeeds by SIG$end" [ $? -eq 0 ]
    check "daemon says what it should" says daemon
    check "daemon has nothing to complain about" silent
    check "no process of daemon is left" nothing_left "$build/examples/daemon"
done
unserved() { [ "$(TRACTOR_ARBITER=unix:@stage-$$ "$build/examples/daemon" ask 1 2)" = "nobody serves here" ]; }
check "daemon tells when it is not there" unserved

listings() {
    awk -v source="$source" '
        function compare() {
            listings++
            if (!index(text[program], listing))
                print FILENAME ":" FNR ": is not in " program ":\n" listing
        }
        !inside && match($0, /examples\/[a-z_]+\.c/) {
            program = substr($0, RSTART, RLENGTH)
            for (text[program] = ""; (getline line <(source "/" program)) > 0;)
                text[program] = text[program] line "\n"
            close(source "/" program)
        }
        /^```/ && inside { compare(); inside = 0; next }
        /^```c/ { inside = 1; listing = ""; next }
        inside { listing = listing $0 "\n" }
        END { if (listings < 1) print "no listings" }' "$1"
}
stray=$(listings "$source/docs/tutorial.md")
check "the listings of the tutorial are those of its programs: $stray" [ -z "$stray" ]
# shellcheck disable=SC2016
printf '`examples/orders.c`\n```c\nint planted;\n```\n' >"$scratch/planted.md"
check "a listing that is in no program is found" [ -n "$(listings "$scratch/planted.md")" ]

before=$(sockets)
for method in forkserver fork spawn; do
    for scene in first_scene cellar_door movie_theatre statespace error_propagation stream_forever context_streamer \
        bidirectional fan_out pubsub camera; do
        TRACTOR_START_METHOD=$method timeout 30 "$build/examples/$scene" >"$scratch/out" 2>"$scratch/err"
        check "$scene succeeds by $method" [ $? -eq 0 ]
        check "$scene says what the README shows by $method" says $scene
        [ $scene != error_propagation ] || cp "$scratch/err" "$scratch/report"
        [ $scene = error_propagation ] || check "$scene has nothing to complain about by $method" silent
        check "no process of $scene is left by $method" nothing_left "$build/examples/$scene"
    done
done

# Streams of several sources: what comes from whom is in order, the rest as it happens; and a time is a time.
alike_streams() { sed -e 's/TIME = [0-9]*\.[0-9]*$/TIME = N/' | LC_ALL=C sort; }
for scene in multiple_sources streaming_service; do
    timeout 30 "$build/examples/$scene" >"$scratch/raw" 2>"$scratch/err"
    check "$scene succeeds" [ $? -eq 0 ]
    alike_streams <"$scratch/raw" >"$scratch/out"
    check "$scene says what it should" says $scene
    check "$scene has nothing to complain about" silent
    check "no process of $scene is left" nothing_left "$build/examples/$scene"
done
check "streaming_service takes another seed" [ "$("$build/examples/streaming_service" 7 | tail -1)" = "0 to 6, each once" ]

# The report comes first, and says what, where and who.
report="$scratch/report"
reported() { grep -q "$1" "$report"; }
check "the report names the type" reported 'AssertionError: 0'
check "the report names file and line" reported 'examples/error_propagation.c:8'
check "the report names the actor" reported 'in actor extra'
check "the report says that it died" reported 'ActorDied: .*signal 6'

# A crash two levels down, whole: what differs from run to run, and from compiler to compiler, is made alike.
alike() {
    sed -e 's/([0-9a-f]\{8\}, pid [0-9]*)/(ID, pid N)/g' -e 's/process [0-9]* of/process N of/' -e '/: Assertion /d' \
        -e 's/ (crash_report+0x[0-9a-f]*)//' -e 's/, inlined in /\n        /' -e 's/\.\.\. [0-9]* of/... N of/'
}
crash() {
    timeout 30 "$1" 2>"$scratch/crash" >"$scratch/out" && alike <"$scratch/crash" >"$scratch/alike"
}
told() { cmp "$scratch/alike" "$source/tests/scenes/crash_report.err" || { cat "$scratch/crash"; false; }; }
check "crash_report succeeds" crash "$build/examples/crash_report"
check "a crash is told: which actor, what, where, by which path" told
sed -n '/^crash_report: /,/^```/p' "$source/README.md" | sed '$d' | alike >"$scratch/alike"
check "the README shows it" told

# Lines of the log, without what differs from run to run.
logged() {
    timeout 30 "$build/examples/logging" 2>"$scratch/lines" >"$scratch/out" && [ ! -s "$scratch/out" ] &&
        sed -e 's/^[-0-9T:.]*Z /TIME /' -e 's/\[[0-9a-f]\{8\}\], [0-9]*,/[ID], N,/' "$scratch/lines" >"$scratch/alike" &&
        cmp "$scratch/alike" "$source/tests/scenes/logging.err" || { cat "$scratch/lines"; false; }
}
for method in spawn forkserver fork; do
    export TRACTOR_START_METHOD=$method
    check "logging says what it should by $method" logged
    check "no process of logging is left by $method" nothing_left "$build/examples/logging"
done
unset TRACTOR_START_METHOD

# Without debug information there is the place to be looked up.
cp "$build/examples/crash_report" "$scratch/crash_report"
strip "$scratch/crash_report"
check "a program without debug information crashes alike" crash "$scratch/crash_report"
check "and tells addresses" grep -q '^        crash_report+0x[0-9a-f]*$' "$scratch/crash"

# This test runs while no other does, so that what appears is ours.
# What looks for leftovers must be able to find one.
sleep 1000 & # tidy: call: something to be found, nobody waits for it
leftover=$!
finds() { [ "$(left sleep)" = "sleep 1000 " ]; }
check "a process that is left is found" finds
kill $leftover

check "no socket is left" [ "$(sockets)" -le "$before" ]

if command -v strace >/dev/null && ! sanitized; then
    strace -f -qq -e trace=execve -o "$scratch/trace" "$build/examples/first_scene" >/dev/null 2>&1
    processes=$(awk '/execve\(.*= 0$/ {print $1}' "$scratch/trace" | sort -u | wc -l)
    check "three processes take part in first_scene, not $processes" [ "$processes" -eq 3 ]
fi

# Comments, docstrings and blank lines aside, at most 1.3 times the Python original and 12 lines.
lines() {
    sed -e 's://.*$::' -e 's:/\*.*\*/::' -e '/\/\*/,/\*\//d' "$1" | grep -c '[^[:space:]]'
}
short() { [ "$(lines "$source/examples/$1.c")" -le $(($2 * 13 / 10 + 12)) ]; }
check "first_scene.c is short" short first_scene 26
check "cellar_door.c is short" short cellar_door 8
check "movie_theatre.c is short" short movie_theatre 11
check "error_propagation.c is short" short error_propagation 15
check "statespace.c is short" short statespace 15
finish
