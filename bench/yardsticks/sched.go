// The figures of bench/sched.c for Go, on one processor, as a Go program would do the same things: goroutines
// and a WaitGroup for tasks and a nursery, a context for a cancel scope, a channel for a channel.
//
// Goroutines can be preempted and grow their stacks, and nobody waits for one that is not told to end; what is
// compared is the price of the same task, not the same promises.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"sync"
	"time"
)

const (
	rounds  = 9
	times   = 200000
	many    = 100000
	million = 1000000
)

var sink float64

func perTime(start time.Time, count int) float64 {
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}

func takeTurns(left *int, group *sync.WaitGroup) {
	for ; *left > 0; *left-- {
		runtime.Gosched()
	}
	group.Done()
}

func takeTurnsComputing(left *int, group *sync.WaitGroup) {
	x := 1.0
	for ; *left > 0; *left-- {
		x = x*1.0000001 + 0.5
		runtime.Gosched()
	}
	sink = x
	group.Done()
}

func switchWith(other func(*int, *sync.WaitGroup)) float64 {
	left := times
	var group sync.WaitGroup
	group.Add(2)
	start := time.Now()
	go takeTurns(&left, &group)
	go other(&left, &group)
	group.Wait()
	return perTime(start, times)
}

func switches() float64 {
	return switchWith(takeTurns)
}

func switchesComputing() float64 {
	return switchWith(takeTurnsComputing)
}

func spawns() float64 {
	start := time.Now()
	for i := 0; i < times; i++ {
		var group sync.WaitGroup
		group.Add(1)
		go group.Done()
		group.Wait()
	}
	return perTime(start, times)
}

func messages() float64 {
	items := make(chan int, 64)
	start := time.Now()
	go func() {
		for i := 0; i < times; i++ {
			items <- i
		}
		close(items)
	}()
	expected := 0
	for item := range items {
		if item != expected {
			panic("a message is missing")
		}
		expected++
	}
	return perTime(start, times)
}

func deadlines() float64 {
	start := time.Now()
	for i := 0; i < times; i++ {
		_, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		cancel()
	}
	return perTime(start, times)
}

func residentBytes() float64 {
	var pages, resident int
	file, err := os.Open("/proc/self/statm")
	if err != nil {
		return 0
	}
	defer file.Close()
	fmt.Fscan(file, &pages, &resident)
	return float64(resident * os.Getpagesize())
}

// Goroutines that wait until the context is cancelled.
func parkMany(ctx context.Context, group *sync.WaitGroup, count int) {
	done := ctx.Done()
	group.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			<-done
			group.Done()
		}()
	}
	runtime.Gosched()
}

func whileParked(count int, measure func() float64) float64 {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	parkMany(ctx, &group, count)
	value := measure()
	cancel()
	group.Wait()
	return value
}

func idleBytes() float64 {
	debug.FreeOSMemory()
	before := residentBytes()
	return whileParked(many, func() float64 { return (residentBytes() - before) / many })
}

func ratio() float64 {
	few := whileParked(10, switches)
	return whileParked(many, switches) / few
}

func cancelMillion() float64 {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	parkMany(ctx, &group, million)
	start := time.Now()
	cancel()
	group.Wait()
	return perTime(start, million)
}

func report(key string, count int, measure func() float64) {
	var values []float64
	for i := 0; i < count; i++ {
		values = append(values, measure())
	}
	sort.Float64s(values)
	fmt.Printf("%s %.3f\n", key, values[count/2])
}

func main() {
	runtime.GOMAXPROCS(1)
	report("idle_task_bytes", 1, idleBytes)
	report("switch_ns", rounds, switches)
	report("switch_fp_ns", rounds, switchesComputing)
	report("spawn_join_ns", rounds, spawns)
	report("channel_ns", rounds, messages)
	report("deadline_ns", rounds, deadlines)
	report("switch_100k_ratio", 3, ratio)
	report("million_cancel_join_ns", 1, cancelMillion)
}
