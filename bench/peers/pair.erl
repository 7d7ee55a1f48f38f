%% Erlang/OTP: two nodes. Calls are gen_server:call to a server of the other one, each caller a process of its own;
%% a stream is sent by `!`, whose only limit is that a sender is suspended while the connection's buffer is full.
%% bench/field starts the name server, and this by `erl -sname near`; the arguments are those of pair.h.
-module(pair).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2, produce/4]).

main(Args) ->
    [What, Place | Numbers] = [case A of [C | _] when C >= $a -> A; _ -> list_to_integer(A) end || A <- order(Args)],
    [Size, Count, Outstanding] = Numbers,
    {ok, Peer, Far} = start_far(Place),
    true = rpc:call(Far, code, add_path, [filename:dirname(code:which(?MODULE))]),
    {ok, Server} = rpc:call(Far, gen_server, start, [?MODULE, [], []]),
    Job = {Server, Size, Outstanding},
    _ = work(What, Job, Count div 10 + 1),
    Looked = cpu_ms(Far),
    Before = cpu_ms(Far), % after it has been looked at, which takes its time, too
    Begin = erlang:monotonic_time(),
    Samples = work(What, Job, Count),
    Wall = (erlang:monotonic_time() - Begin) / 1.0e3,
    io:format("us ~.5f~ncpu_us ~.5f~n", [Wall / Count, max(0.0, cpu_ms(Far) - 2 * Before + Looked) * 1000 / Count]),
    What =:= "latency" andalso percentiles(lists:sort(Samples), Count),
    peer:stop(Peer),
    halt().

order([What, Size, Count, Place, Outstanding]) -> [What, Place, Size, Count, Outstanding].

start_far(Place) ->
    Core = case Place of "two" -> "1"; _ -> "0" end,
    Exec = case Place of "free" -> os:find_executable("erl"); _ -> {os:find_executable("taskset"), ["-c", Core, "erl"]} end,
    {ok, Peer, Far} = peer:start_link(#{name => peer:random_name(), exec => Exec}),
    {ok, Peer, Far}.

%% Of all threads of both nodes, from the kernel: its own statistics have steps of 10 ms.
cpu_ms(Far) ->
    Pids = [os:getpid(), rpc:call(Far, os, getpid, [])],
    lists:sum([thread_ms(File) || Pid <- Pids, File <- filelib:wildcard("/proc/" ++ Pid ++ "/task/*/schedstat")]).

thread_ms(File) ->
    case file:read_file(File) of
        {ok, Text} -> binary_to_integer(hd(binary:split(Text, <<" ">>))) / 1.0e6;
        {error, _} -> 0 % it has ended
    end.

message(Number, 8) -> Number;
message(Number, 16) -> {Number, -Number};
message(Number, Size) -> <<Number:64, 0:((Size - 8) * 8)>>.

%% ---- calls ------------------------------------------------------------------------------------------------------

init([]) -> {ok, none}.
handle_call(Message, _From, State) -> {reply, Message, State}.
handle_cast({produce, Sink, Size, Count}, State) ->
    spawn_link(?MODULE, produce, [Sink, Size, Count, 0]),
    {noreply, State}.

work("stream", Job, Count) -> stream(Job, Count);
work("latency", {Server, Size, _}, Count) ->
    [begin
         Begin = erlang:monotonic_time(),
         ok = call(Server, Size, I),
         (erlang:monotonic_time() - Begin) / 1.0e3
     end || I <- lists:seq(1, Count)];
work("call", {Server, Size, Outstanding}, Count) ->
    Callers = [spawn_monitor(fun() -> call_on(Server, Size, N, Count, Outstanding) end) || N <- lists:seq(1, Outstanding)],
    [receive {'DOWN', Ref, process, Pid, Why} -> normal = Why end || {Pid, Ref} <- Callers].

call(Server, Size, Number) ->
    Message = message(Number, Size),
    Message = gen_server:call(Server, Message),
    ok.

call_on(_Server, _Size, Number, Count, _Step) when Number > Count -> ok;
call_on(Server, Size, Number, Count, Step) ->
    ok = call(Server, Size, Number),
    call_on(Server, Size, Number + Step, Count, Step).

%% ---- streams ----------------------------------------------------------------------------------------------------

stream({Server, Size, _}, Count) ->
    gen_server:cast(Server, {produce, self(), Size, Count}),
    consume(Size, Count, 0).

produce(_Sink, _Size, Count, Count) -> ok;
produce(Sink, Size, Count, Number) ->
    Sink ! {value, message(Number, Size)},
    produce(Sink, Size, Count, Number + 1).

consume(_Size, Count, Count) -> [];
consume(Size, Count, Number) ->
    receive {value, Value} -> Number = number(Value) end,
    consume(Size, Count, Number + 1).

number(<<Number:64, _/binary>>) -> Number;
number({Number, _}) -> Number;
number(Number) -> Number.

percentiles(Sorted, Count) ->
    [io:format("~s ~.4f~n", [Key, lists:nth(1 + trunc((Count - 1) * Part), Sorted)])
     || {Key, Part} <- [{"p50_us", 0.5}, {"p90_us", 0.9}, {"p99_us", 0.99}, {"p999_us", 0.999}]],
    ok.
