"""Decisions a second of Python's limits, exact (a list of times a key): one key refused, and many keys once each."""
import sys
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

DECISIONS, KEYS = int(sys.argv[1]), int(sys.argv[2])
limiter, rule = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerMinute(10)


def rate(names):
    began = time.process_time()
    for name in names:
        limiter.hit(rule, name)
    return len(names) / (time.process_time() - began)


one = ["user-1234567"] * DECISIONS
rate(one[:20])
names = [f"user-{i}" for i in range(KEYS)]
rate(names)
print(f"{rate(one):.0f} {rate([names[i * 7919 % KEYS] for i in range(KEYS)]):.0f}")
