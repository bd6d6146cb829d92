// Decisions a second of redis_rate over Redis, by 50 connections; all but the first are refused.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

const connections = 50

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	total, err := strconv.Atoi(os.Args[1])
	must(err)
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + os.Args[2], PoolSize: connections,
		MinIdleConns: connections})
	defer client.Close()
	limiter, ctx := redis_rate.NewLimiter(client), context.Background()
	rule := redis_rate.Limit{Rate: 10, Burst: 3, Period: time.Minute}
	_, err = limiter.AllowN(ctx, "go", rule, 3)
	must(err)
	var admitted int64
	var wait sync.WaitGroup
	began := time.Now()
	for c := 0; c < connections; c++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := 0; i < total/connections; i++ {
				answer, err := limiter.Allow(ctx, "go", rule)
				must(err)
				atomic.AddInt64(&admitted, int64(answer.Allowed))
			}
		}()
	}
	wait.Wait()
	seconds := time.Since(began).Seconds()
	if admitted > 1+int64(seconds/6) {
		must(fmt.Errorf("redis_rate admitted %d of what it should refuse", admitted))
	}
	fmt.Printf("%.0f\n", float64(total/connections*connections)/seconds)
}
