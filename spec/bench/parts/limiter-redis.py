"""Decisions a second of Python's limits over Redis, exact (a list of times a key), by 50 threads; all are refused."""
import sys
import threading
import time

from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

THREADS = 50
EACH = int(sys.argv[1]) // THREADS
storage = RedisStorage(f"redis://127.0.0.1:{sys.argv[2]}")
limiter, rule = MovingWindowRateLimiter(storage), RateLimitItemPerMinute(10)
started, admitted = threading.Barrier(THREADS + 1), []


def decide():
    limiter.test(rule, "python")       # its connection, before time runs
    started.wait()
    admitted.append(sum(limiter.hit(rule, "python") for _ in range(EACH)))


for _ in range(10):
    limiter.hit(rule, "python")
threads = [threading.Thread(target=decide) for _ in range(THREADS)]
for thread in threads:
    thread.start()
started.wait()
began = time.monotonic()
for thread in threads:
    thread.join()
seconds = time.monotonic() - began
if len(admitted) != THREADS or sum(admitted) > 10 * (1 + seconds // 60):
    sys.exit(f"limits admitted {sum(admitted)} of what it should refuse")
print(f"{EACH * THREADS / seconds:.0f}")
