"""A Celery task that does nothing but note when it was called: the limit of every errand.

It is an app of its own, which knows nothing of the service: `celery -A billing.insights.bench.bare`
works it off, and `python -m billing.insights.bench.bare RATE COUNT` sends.
"""

import os
import sys
import time

from celery import Celery

app = Celery("bench", broker=os.environ.get("REDIS_URL", ""))
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    task_default_queue="bench",
    broker_connection_retry_on_startup=True,
)


@app.task(name="bench.nothing")
def nothing(sent_at: float) -> None:
    """Note how long it took to get here."""
    came_at = time.time()
    line = f"{came_at:.6f} {came_at - sent_at:.6f}\n".encode()
    file = os.open(os.environ["BENCH_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def send(rate: float, count: int) -> None:
    """Send so many, evenly at so many a second, or as fast as it goes."""
    began = time.perf_counter()
    for number in range(count):
        ahead = began + number / rate - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)  # noqa: TID251 (the pace is what was asked for)
        nothing.delay(time.time())


if __name__ == "__main__":
    send(float(sys.argv[1]), int(sys.argv[2]))
