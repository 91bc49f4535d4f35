"""Worker processes for a delivery: batches out, counts back, no more than one batch in each worker's hands.

The processes are forked, so that they start at once; each opens a database connection of its own and keeps its hands
off the one it inherited. They end when their pipe does, also when the parent was killed.
"""

import gc
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any

from django.db import connections

_fork = multiprocessing.get_context("fork")
_inherited: list = []  # never closed here: closing it would end the parent's session

Work = Callable[[Any], Any]


class WorkerFailed(Exception):
    """A worker could not do its part; the message names the kind of error and nothing of the data."""


class WorkerPool:
    """Runs one function over batches in several processes."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._idle: list[Connection] = list(pipes)
        self._busy: list[Connection] = []

    def run(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Hand every batch to whoever is free; yield the answers as they come, in no order."""
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
                done, answer = pipe.recv()
            except EOFError:
                raise WorkerFailed("a worker process ended before its time") from None
            if not done:
                raise WorkerFailed(answer)
            self._busy.remove(pipe)
            self._idle.append(pipe)
            yield answer


@contextmanager
def worker_pool(count: int, make: Callable[[], Work]) -> Iterator[WorkerPool]:
    """Start `count` processes, each doing what `make()` returns; end them all with the block."""
    pipes: list[Connection] = []
    processes = []
    try:
        for _ in range(count):
            ours, theirs = _fork.Pipe()
            process = _fork.Process(target=_serve, args=(theirs, [*pipes, ours], make), daemon=True)
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
        yield WorkerPool(pipes)
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()


def _serve(pipe: Connection, others: list[Connection], make: Callable[[], Work]) -> None:
    # As long as a copy of the parent's end is open here, this end would never learn that the parent is gone.
    for other in others:
        other.close()
    for connection in connections.all(initialized_only=True):
        _inherited.append(connection.connection)
        connection.connection = None
        connection.in_atomic_block = False
        connection.savepoint_ids, connection.atomic_blocks = [], []
    # A batch makes a hundred thousand objects and no cycles: looking for some all the time is a fifth of the work.
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
        # PostgreSQL's own words quote the row, so only the kind of error leaves this process.
        code = getattr(error, "pgcode", None) or getattr(error.__cause__, "pgcode", None)
        pipe.send((False, f"{type(error).__name__}{f' ({code})' if code else ''}"))
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()
