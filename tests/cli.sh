#!/bin/sh
# The program tractor on real trees: each command, what it prints and how it exits; wrong arguments, names that mean
# nobody or several, nothing running, an actor that is killed while somebody watches.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
tractor=$build/cli/tractor
stage=$build/tests/programs/stage
if [ ! -x "$tractor" ]; then
    echo "skipped: tractor was not built, for want of json-c"
    exit 77
fi
unset TRACTOR_ARBITER TRACTOR_LOG
name=cli-$$ # nobody else's
at=unix:@$name

# Starts a stage, waits until it is ready, and is told where it listens: raise_stage fifo arguments...
raise_stage() {
    mkfifo "$scratch/$1"
    "$stage" "$2" ${3:+"$3"} >"$scratch/$1" 2>"$scratch/$1.err" &
    started="${started:-} $!"
    read -r _ listens <"$scratch/$1"
}
# The same, and status, for "tractor ...": gives status text-of-both-streams
gives() {
    want=$1
    like=$2
    shift 2
    timeout 30 "$tractor" "$@" >"$scratch/out" 2>&1
    status=$?
    if [ "$status" = "$want" ] && grep -q -- "$like" "$scratch/out"; then ok; else
        bad "tractor $*: status $status, not $want; without \"$like\": $(cat "$scratch/out")"
    fi
}
# The whole of it.
prints() {
    expected=$1
    shift
    said=$(timeout 30 "$tractor" "$@" 2>&1)
    check "tractor $* prints \"$said\", not \"$expected\"" [ "$said" = "$expected" ]
}
pid_of() { "$tractor" ps --arbiter "$at" | awk -v name="$1" '$1 == name { print $3 }'; }

# ---- nothing and nobody -------------------------------------------------------------------------------------

gives 3 "no arbiter at unix:@nobody-$$" ps --arbiter "unix:@nobody-$$"
gives 3 "no arbiter at unix:@nobody-$$" call donny a.b --arbiter "unix:@nobody-$$"
gives 2 "is no address" ps --arbiter nonsense
TRACTOR_ARBITER=unix:@nobody-$$ gives 3 "no arbiter" tree
if unshare -r -n true 2>/dev/null; then # where nobody else's trees are seen
    said=$(unshare -r -n "$tractor" ps 2>&1)
    check "with nothing running it exits with 3" [ $? = 3 ]
    check "and says so: $said" [ "$said" = "tractor: nothing is running: there is no tree of actors of yours on this host" ]
    check "so do others" sh -c "unshare -r -n '$tractor' tree; [ \$? = 3 ]" 2>/dev/null
    check "an arbiter may be elsewhere" sh -c \
        "unshare -r -n '$tractor' ps --arbiter tcp://10.0.0.1:1 2>&1 | grep -q 'no arbiter at tcp://10.0.0.1:1: .*unreachable'"
else
    echo "not tried: a host without trees; namespaces are not permitted here"
fi

# ---- help and usage -----------------------------------------------------------------------------------------

gives 0 "Exit status" --help
prints "tractor $(sed -n 's/^project(tractor VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")" --version
for command in ps tree tasks call functions cancel log wait; do
    gives 0 "Usage: tractor $command" "$command" --help
    check "the help of $command has an example" grep -q "^  tractor $command\|& tractor $command" "$scratch/out"
    gives 2 "says what it takes" "$command" --nonsense
done
gives 2 "what is it to do"
gives 2 'no command "dance"' dance
gives 2 "^tractor: NAME is missing\$" tasks
gives 2 "^tractor: MODULE.FUNCTION is missing\$" call somebody
check "with the usage" grep -q "^Usage: tractor call NAME MODULE.FUNCTION \[ARGUMENT=VALUE ...\]" "$scratch/out"
gives 2 "^tractor: \"c\" is too much\$" functions a b c
gives 2 "takes seconds" wait somebody --timeout soon
gives 2 "says what it takes" ps --watch
gives 2 "^tractor: \"--nonsense\" is no option of it" ps --nonsense
gives 2 "^tractor: \"-x\" is no option of it" ps -xf
gives 2 "^tractor: \"-x\" is no option of it" ps -x
gives 2 "^tractor: \"--json=3\" is no option of it" ps --json=3
gives 2 "^tractor: something is missing behind \"--timeout\"" ps --timeout

# What could do harm to a terminal is written out there, and only there: ESC, and U+009B, which may mean the same.
harmful=$(printf 'a\033b\302\233c')
gives 2 "$(printf '\033b\302\233c')" ps "$harmful"
script -qec "'$tractor' ps '$harmful'" /dev/null >"$scratch/out"
check "on a terminal it is harmless: $(cat "$scratch/out")" grep -qF '"a\x1bb\xc2\x9bc" is too much' "$scratch/out"

check "docs/cli.md is what the help says; tools/manual writes it anew" sh -c \
    "'$source/tools/manual' '$tractor' | cmp -s - '$source/docs/cli.md'"
check "docs/tractor.1 is, too; tools/manual --man writes it anew" sh -c \
    "'$source/tools/manual' --man '$tractor' | cmp -s - '$source/docs/tractor.1'"

# ---- looking ----------------------------------------------------------------------------------------------

raise_stage one "$name" "$at"
gives 0 "^NAME .*PARENT" ps --arbiter "$at"
check "ps shows all five, and not itself: $(cat "$scratch/out")" [ "$(wc -l <"$scratch/out")" = 6 ]
check "with the parent, and the host" grep -qE "^$name-donny .*[0-9] (KiB|MiB) .* $name +$(hostname)\$" "$scratch/out"
gives 0 "^$name-donny " ps
TRACTOR_ARBITER=$at gives 0 "^$name-gretchen " ps
"$tractor" tree --arbiter "$at" | sed 's/  .*//' >"$scratch/out"
printf '%s\n' "$name" "|- $name-donny" "|- $name-gretchen" "|- $name-twin" "\`- $name-twin" >"$scratch/expected"
check "tree shows who has started whom: $(cat "$scratch/out")" cmp -s "$scratch/out" "$scratch/expected"
gives 0 "task main: waits for" tasks "$name-donny"
gives 0 "task keep_whatever_comes" tasks "$name"
gives 0 "  double place_order(legs: list<leg{venue: tr_str, price: double, qty: int64_t = 1}>, dry_run: bool, note: tr_str = \"none\")" \
    functions "$name-donny"
gives 0 "  stream leg{.*} legs_to(last: int8_t = 2)" functions "$name-donny" stage
gives 3 "serves nothing of nowhere" functions "$name-donny" nowhere

# ---- whom a name means --------------------------------------------------------------------------------------

gives 3 "there is no actor \"$name-nobody\"" tasks "$name-nobody"
gives 2 "\"$name-twin\" may be:" tasks "$name-twin"
check "both are shown" [ "$(grep -cE "^  $name-twin@[0-9]+  [0-9a-f]{8}\$" "$scratch/out")" = 2 ]
twin=$(sed -n 's/^  \([^ ]*\) .*/\1/p' "$scratch/out" | head -1)
uuid=$(sed -n 's/^  [^ ]*  //p' "$scratch/out" | head -1)
gives 0 "task main" tasks "$twin"
gives 0 "task main" tasks "$uuid"

# ---- calling ------------------------------------------------------------------------------------------------

donny=$name-donny
prints "nothing" call "$donny" stage.say
prints "two words" call "$donny" stage.say "words=two words"
prints '"two words"' call "$donny" stage.say "words=two words" --json
prints 'a "b"' call "$donny" stage.say 'words="a \"b\""'
prints "7" call "$donny" stage.say words=7
prints "" call "$donny" stage.speak lines=0
prints "null" call "$donny" stage.speak --json
prints "25.5" call "$donny" stage.place_order 'legs=[{"venue": "XETRA", "price": 2.5, "qty": 10}, {"price": 0.5}]'
prints "-1.0" call "$donny" stage.place_order dry_run=true
prints '{"venue":"here","price":0.0,"qty":1}
{"venue":"here","price":0.0,"qty":2}' call "$donny" stage.legs_to
prints '{"venue":"here","price":0.0,"qty":1}' call "$donny" stage.legs_to last=1 --json
prints "18446744073709551615" call "$donny" stage.large
prints '[1,"b",{"c":null},18446744073709551615,-2]' call "$donny" stage.echo \
    'any=[1, "b", {"c": null}, 18446744073709551615, -2]'
prints "a word" call "$donny" stage.echo "any=a word"
gives 1 "^tractor: stage.Bad: the curtain is stuck\$" call "$donny" stage.fail
check "a failure is told with its place and no more: $(cat "$scratch/out")" [ "$(wc -l <"$scratch/out")" = 2 ]
check "which is its own" grep -q "^  at .*stage.c:[0-9]*, in actor $donny ([0-9a-f]*, pid [0-9]*)\$" "$scratch/out"
gives 1 "^RemoteActorError, path: tractor <- $donny " call "$donny" stage.fail --verbose
gives 1 "^  caused by errno.ENOENT: no curtain at all\$" call "$donny" stage.fail_deeply
gives 4 "not within 0.2 seconds" call "$donny" stage.wait_for_ever --timeout 0.2

gives 2 "it has no argument \"word\"" call "$donny" stage.say word=x
check "with the signature" grep -q 'tr_str say(words: tr_str = "nothing")' "$scratch/out"
gives 2 "is no argument: they have names" call "$donny" stage.say hello
gives 2 "\"words\" is given twice" call "$donny" stage.say words=a words=b
gives 2 "dry_run=maybe: not JSON, as a bool is to be written" call "$donny" stage.place_order dry_run=maybe
gives 2 "dry_run: expected bool, got " call "$donny" stage.place_order dry_run=1
gives 2 "legs\[0\].qty: expected int64_t, got a string" call "$donny" stage.place_order 'legs=[{"qty": "x"}]'
gives 2 "the function is double place_order" call "$donny" stage.place_order 'legs=[{"qtty": 1}]'
gives 2 "last: 300 does not fit int8_t" call "$donny" stage.legs_to last=300
gives 2 "legs=\[1\] 2: not JSON" call "$donny" stage.place_order 'legs=[1] 2'
gives 2 "is no function: it is module.function" call "$donny" say
gives 2 "takes a program" call "$donny" stage.play
gives 3 "does not serve stage.dance" call "$donny" stage.dance

# ---- the log --------------------------------------------------------------------------------------------

gives 2 "there is no log level \"loud\"" log "$donny" --level loud
seen() { while read -r line; do case $line in *"$1"*) return 0 ;; esac; done; return 1; }
# Follows what an actor says on descriptor 3: follow_log NAME OPTION... What is said before the follower is there is not
# shown: so it is said until it is.
follow_log() {
    [ -p "$scratch/log" ] || mkfifo "$scratch/log"
    "$tractor" log "$@" >"$scratch/log" 2>"$scratch/log.err" &
    follower=$!
    exec 3<"$scratch/log"
    seen ") [info] stage stage.c:" <&3 &
    reader=$!
    while kill -0 "$reader" 2>/dev/null; do "$tractor" call "$1" stage.speak lines=1; done
    wait "$reader"
}
check "a line of the log is shown, of a level at which donny says nothing" follow_log "$donny" --follow --level info
check "not even now: $(cat "$scratch/one.err")" [ ! -s "$scratch/one.err" ]

# ---- a kill under --watch -----------------------------------------------------------------------------------

mkfifo "$scratch/watch"
"$tractor" tree --watch --arbiter "$at" >"$scratch/watch" 2>"$scratch/watch.err" &
watcher=$!
pid=$(pid_of "$donny")
{
    check "a watched tree shows who is there" seen "- $donny "
    kill -KILL "$pid"
    check "who is killed is gone at once, and said so" seen "$donny, pid $pid, has left"
} <"$scratch/watch"
kill "$watcher"
wait "$watcher" 2>/dev/null
check "a watch ends by a signal as others do" [ $? = 143 ]
gives 3 "there is no actor" tasks "$donny"
"$tractor" tree --arbiter "$at" | sed 's/  .*//' >"$scratch/out"
check "the others are still there: $(cat "$scratch/out")" [ "$(wc -l <"$scratch/out")" = 4 ]
cat <&3 >"$scratch/out"
exec 3<&-
wait "$follower"
check "who follows its log hears of its end: $(cat "$scratch/log.err")" [ $? = 1 ]
check "and of what it died" grep -q "ActorDied: actor $donny is lost" "$scratch/log.err"

# ---- one that does not answer --------------------------------------------------------------------------------

gretchen=$name-gretchen
kill -STOP "$(pid_of "$gretchen")"
gives 0 "^$gretchen .*does not answer" ps --arbiter "$at"
gives 4 "not within 0.5 seconds" tasks "$gretchen" --timeout 0.5
kill -CONT "$(pid_of "$gretchen")"

# ---- an arbiter that is reached by TCP ------------------------------------------------------------------------

shows_figures() {
    "$tractor" tree --watch >"$scratch/watch" &
    watcher=$!
    seen "$1  " <"$scratch/watch"
    case $line in *" memory "*) ;; *) false ;; esac
    figures=$?
    kill "$watcher"
    wait "$watcher" 2>/dev/null
    return $figures
}
shows_log() {
    follow_log "$1" --level info
    log=$?
    kill "$follower"
    wait "$follower" 2>/dev/null
    exec 3<&-
    return $log
}

# Its root comes first in everybody's lists by an address from which nobody would be told anything.
far=$name-far
raise_stage far "$far" tcp://127.0.0.1:0
tcp=$listens
raise_stage guest "$name-guest" "$tcp"
for arbiter in "" "$tcp"; do
    export TRACTOR_ARBITER="$arbiter"
    gives 0 "^$far  .*[0-9] [KM]iB .* - *$(hostname)\$" ps
    check "all who are asked answer, with the arbiter \"$arbiter\"" sh -c "! grep 'does not' '$scratch/out' | grep '$far'"
    gives 0 "^$name-guest-donny .*[0-9] [KM]iB .* $name-guest " ps
    gives 0 "^$far  .* memory " tree
    gives 0 "^|- $far-donny .* memory" tree
    gives 0 "task keep_whatever_comes" tasks "$far"
    gives 0 "  tr_str say(words" functions "$far" stage
    prints "words" call "$far" stage.say words=words
    gives 2 "it has no argument \"word\"" call "$far" stage.say word=x
    gives 1 "stage.Bad: the curtain is stuck" call "$far" stage.fail
    gives 0 "^$far  .* $tcp\$" wait "$far" --timeout 5
    check "with the arbiter \"$arbiter\" a log is shown" shows_log "$far"
    check "with the arbiter \"$arbiter\" a watched tree has figures" shows_figures "$far"
done
TRACTOR_LOG=transport "$tractor" tree --watch --arbiter "$tcp" >"$scratch/watch" 2>"$scratch/watch.err" &
watcher=$!
{
    check "the arbiter's tree is watched" seen "$far  "
    gives 0 "$name-guest, pid [0-9]*, has ended" cancel "$name-guest"
    check "it is looked at again" seen "has left"
} <"$scratch/watch"
kill "$watcher"
wait "$watcher" 2>/dev/null
check "and dialed only once, and then by its Unix socket" [ "$(grep -c "connected with $far, " "$scratch/watch.err")" = 2 ]
silent=$(TRACTOR_ARBITER="" "$tractor" ps | awk -v name="$far" '$1 == name { print $3 }')
kill -STOP "$silent"
gives 3 "no arbiter at $tcp: whoever is there does not answer" ps
kill -CONT "$silent"
gives 0 "$far, pid [0-9]*, has ended" cancel "$far"
unset TRACTOR_ARBITER

# ---- waiting and ending -----------------------------------------------------------------------------------

gives 4 "not within 0.2 seconds" wait "$name-later" --timeout 0.2
for arbiter in "" "$at"; do
    TRACTOR_ARBITER="$arbiter" TRACTOR_LOG=transport raise_stage "quiet${arbiter:+-there}" "$name-quiet" ${arbiter:+"$at-quiet"}
    gives 4 "not within 0.5 seconds" wait "$name-later" --timeout 0.5 ${arbiter:+--arbiter "$at-quiet"}
    gives 0 "has ended" cancel "$name-quiet"
    check "who waits asks each root once, by the arbiter \"$arbiter\"" \
        [ "$(grep -c "connected with tractor" "$scratch/quiet${arbiter:+-there}.err")" -le 3 ]
done
raise_stage none "$name-none"
child=$("$tractor" wait "$name-none-donny" --timeout 5 | sed 's/.* //')
gives 3 "what is at $child is no arbiter" wait "$name-later" --arbiter "$child"
gives 0 "has ended" cancel "$name-none"
if command -v python3 >/dev/null; then
    mkfifo "$scratch/other"
    python3 -c "
import socket
door = socket.socket(socket.AF_UNIX)
door.bind('\0$name-other')
door.listen()
print('ready', flush=True)
guest = door.accept()[0]
guest.sendall(b'220 ready\r\n')
guest.recv(1)" >"$scratch/other" &
    seen ready <"$scratch/other"
    gives 3 "no arbiter at $at-other: " wait "$name-later" --arbiter "$at-other"
    wait $!
else
    echo "not tried: an arbiter's address with something else at it, for want of python3"
fi
mkfifo "$scratch/waits"
"$tractor" wait "$name-soon-donny" --arbiter "$at-soon" >"$scratch/waits" &
raise_stage soon "$name-soon" "$at-soon"
check "a wait outlives that there is no arbiter" grep -q "^$name-soon-donny  " "$scratch/waits"
gives 0 "has ended" cancel "$name-soon"
crowd= # more trees than anybody would watch
mkfifo "$scratch/crowd"
for i in $(seq 70); do
    TRACTOR_LOG=transport TRACTOR_ARBITER=$at-crowd-$i "$build/examples/daemon" serve >"$scratch/crowd" 2>&1 &
    crowd="$crowd $!"
done
exec 3<"$scratch/crowd"
for _ in $crowd; do seen "daemon listens at " <&3; done
"$tractor" wait "$name-late-donny" --timeout 20 >"$scratch/waited" 2>&1 &
waiter=$!
for _ in $crowd; do seen "connected with tractor" <&3; done
cat <&3 >/dev/null & # or they would wait to be read
raise_stage late "$name-late"
wait "$waiter"
check "a wait sees who comes to a crowd of trees: $(cat "$scratch/waited")" grep -q "^$name-late-donny  " "$scratch/waited"
gives 0 "has ended" cancel "$name-late"
kill $crowd
wait $crowd $!
exec 3<&-
"$tractor" wait "$name-later" --timeout 30 >"$scratch/waited" &
waiter=$!
raise_stage two "$name-later"
wait "$waiter"
check "a wait for who comes later succeeds" [ $? = 0 ]
check "and says who it is" grep -q "^$name-later  .* pid [0-9]* .*unix:@tractor/" "$scratch/waited"
gives 0 "^$name  " wait "$name" --timeout 5
gives 0 "$gretchen, pid [0-9]*, has ended" cancel "$gretchen"
gives 3 "there is no actor" cancel "$gretchen"
gives 0 "$name, pid [0-9]*, has ended" cancel "$name"
gives 0 "has ended" cancel "$name-later"
for pid in $started; do wait "$pid"; done
check "no process is left" nothing_left "$stage"
finish
