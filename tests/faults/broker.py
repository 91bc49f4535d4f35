"""A Valkey of a test's own, to be emptied, paused and killed, and whose queues lose, double and reorder tasks."""

import os
import random
import signal
from collections.abc import Callable, Iterator

import pytest
import redis

from kt_remedy.devtools import devservers


class Broker:
    """The broker that a test breaks; never the one it was configured with."""

    def __init__(self) -> None:
        self.servers = devservers.Servers(throw_away=True)
        self.servers.start_valkey()

    @property
    def url(self) -> str:
        return self.servers.redis_url

    def empty(self) -> None:
        """Forget everything that is queued."""
        self._client().flushall()

    def lose(self, queue: str) -> int:
        """Lose every task that waits in `queue`; returns their number, as the other two do."""
        return self._change(queue, lambda waiting: [])

    def double(self, queue: str) -> int:
        """Deliver every task that waits in `queue` twice."""
        return self._change(queue, lambda waiting: waiting * 2)

    def reorder(self, queue: str) -> int:
        """Deliver the tasks that wait in `queue` in another order."""
        return self._change(queue, lambda waiting: random.sample(waiting, len(waiting)))

    def pause(self) -> None:
        """Stop answering, with connections open."""
        os.kill(self.servers.valkey.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on answering."""
        os.kill(self.servers.valkey.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9; without persistence everything queued is gone."""
        os.kill(self.servers.valkey.process.pid, signal.SIGKILL)
        self.servers.valkey.process.wait()

    def start_again(self) -> None:
        """A new one in the old place."""
        self.servers.start_valkey()

    def _change(self, queue: str, change: Callable[[list[bytes]], list[bytes]]) -> int:
        """Replace the list that holds the waiting tasks of a queue, in one step; returns how many there were."""
        with self._client().pipeline() as step:
            step.watch(queue)
            waiting = step.lrange(queue, 0, -1)
            step.multi()
            step.delete(queue)
            if changed := change(waiting):
                step.rpush(queue, *changed)
            step.execute()
        return len(waiting)

    def _client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.servers.redis_socket))


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker of this test's own."""
    own = Broker()
    yield own
    own.servers.stop()
