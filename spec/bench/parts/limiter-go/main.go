// Decisions a second of Go's x/time/rate: one limiter refusing, and a map of limiters, each key once.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

func limiter() *rate.Limiter { return rate.NewLimiter(rate.Every(6*time.Second), 3) }

type table struct {
	lock sync.Mutex
	by   map[string]*rate.Limiter
}

func (t *table) allow(key string) bool {
	t.lock.Lock()
	one := t.by[key]
	if one == nil {
		one = limiter()
		t.by[key] = one
	}
	t.lock.Unlock()
	return one.Allow()
}

func main() {
	decisions, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	keys, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	one := limiter()
	began := cpu()
	for i := 0; i < decisions; i++ {
		one.Allow()
	}
	first := float64(decisions) / (cpu() - began)
	names := make([]string, keys)
	for i := range names {
		names[i] = fmt.Sprintf("user-%d", i)
	}
	many := table{by: map[string]*rate.Limiter{}}
	for _, name := range names {
		many.allow(name)
	}
	began = cpu()
	for i := range names {
		many.allow(names[i*7919%keys])
	}
	fmt.Printf("%.0f %.0f\n", first, float64(keys)/(cpu()-began))
}
