"""Worker processes of a load: they get batches through pipes and return counts, one batch at a time for each worker.

The processes are forked, so they start at once. Each opens its own database connection and never uses the inherited
one. A worker ends when its pipe is closed, also after the parent was killed.

They are processes of billiard, as those of Celery: the calendar loads a delivery in a worker's process, which is a
daemon, and multiprocessing lets no daemon have children.
"""

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any

import billiard
from django.db import connections

_fork = billiard.get_context("fork")
_inherited: list = []  # keeps inherited connections open: closing one would end the parent's session

Work = Callable[[Any], Any]


class WorkerFailed(Exception):
    """A worker failed; the message names the type of the error and contains no data."""


class WorkerPool:
    """Runs one function over batches in several processes."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._idle: list[Connection] = list(pipes)
        self._busy: list[Connection] = []

    def run(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Give each batch to an idle worker and yield the results in the order in which they arrive."""
        for batch in batches:
            if not self._idle:
                yield from self._collect()
            pipe = self._idle.pop()
            pipe.send(batch)
            self._busy.append(pipe)
        while self._busy:
            yield from self._collect()

    def _collect(self) -> Iterator[Any]:
        for pipe in wait(self._busy):
            assert isinstance(pipe, Connection)
            try:
                succeeded, result = pipe.recv()
            except EOFError:
                raise WorkerFailed("a worker process ended unexpectedly") from None
            if not succeeded:
                raise WorkerFailed(result)
            self._busy.remove(pipe)
            self._idle.append(pipe)
            yield result


@contextmanager
def worker_pool(count: int, make: Callable[[], Work]) -> Iterator[WorkerPool]:
    """Start `count` processes that each run the function returned by `make()`; end them with the block."""
    pipes: list[Connection] = []
    processes = []
    try:
        for _ in range(count):
            parent_end, worker_end = multiprocessing.Pipe()
            process = _fork.Process(target=_serve, args=(worker_end, [*pipes, parent_end], make), daemon=True)
            process.start()
            worker_end.close()
            pipes.append(parent_end)
            processes.append(process)
        yield WorkerPool(pipes)
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(5)
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
                process.join()


def _serve(pipe: Connection, parent_ends: list[Connection], make: Callable[[], Work]) -> None:
    # An open copy of a parent's end would hide the death of the parent from the worker.
    for parent_end in parent_ends:
        parent_end.close()
    for connection in connections.all(initialized_only=True):
        _inherited.append(connection.connection)
        connection.connection = None
        connection.in_atomic_block = False
        connection.savepoint_ids, connection.atomic_blocks = [], []
    # A batch creates a hundred thousand objects without cycles; automatic collection would take a fifth of the time.
    gc.freeze()
    gc.disable()
    try:
        work = make()
        while True:
            pipe.send((True, work(pipe.recv())))
            gc.collect(0)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass
    except BaseException as error:
        # PostgreSQL quotes the row in its messages, so only the type and code of the error leave this process.
        code = getattr(error, "pgcode", None) or getattr(error.__cause__, "pgcode", None)
        pipe.send((False, f"{type(error).__name__}{f' ({code})' if code else ''}"))
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()
