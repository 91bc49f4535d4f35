"""gunicorn's settings: `gunicorn --config python:kt_remedy.gunicorn_conf kt_remedy.wsgi`. Read from the environment."""

import gc
import os
from itertools import count
from typing import Any

bind = os.environ.get("BIND", f"127.0.0.1:{os.environ.get('PORT', '8000')}")
workers = int(os.environ.get("WEB_WORKERS", "2"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "4"))
# Loaded once, then forked: half the start-up work and shared memory. New code needs a restart, not a HUP.
preload_app = True
# A request that works longer than this is lost; the longest allowed statement is 15 s.
timeout = 60
graceful_timeout = 30
# Above the idle time of common load balancers, or they meet connections that are just being closed.
keepalive = 75
# Recycle processes against slow leaks, not all at once.
max_requests = 20_000
max_requests_jitter = 2_000
# The application writes a JSON line for each request it works on; gunicorn's own access log would hold addresses.
accesslog = None
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")
# Its socket would lie in the home folder and be one for all portals of a machine.
control_socket_disable = True


# The processes count requests together, each in files of its own place. A process that takes the place of an earlier
# one counts on in the same files, so that recycling makes no new ones.
_place = {"id": "0"}
if metrics_dir := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    from prometheus_client import values

    os.makedirs(metrics_dir, exist_ok=True)
    values.ValueClass = values.MultiProcessValue(lambda: _place["id"])


def pre_fork(server: Any, worker: Any) -> None:
    """Give a new process the lowest place that no living one has."""
    taken = {other.place for other in server.WORKERS.values()}
    worker.place = next(place for place in count(1) if place not in taken)


def post_fork(server: Any, worker: Any) -> None:
    """Count in the files of the own place; two servers that share the folder during an update never share a file."""
    _place["id"] = f"{worker.ppid}-{worker.place}"


def when_ready(server: object) -> None:
    """Put what was loaded before the fork out of the collector's sight: walking it on every round costs each page a
    tenth of its time and unshares the memory the processes have in common."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
