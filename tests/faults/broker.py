"""A Valkey of a test's own, to be emptied, paused and killed."""

import os
import signal
from collections.abc import Iterator

import pytest

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
        import redis

        redis.Redis(unix_socket_path=str(self.servers.redis_socket)).flushall()

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


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker of this test's own."""
    own = Broker()
    yield own
    own.servers.stop()
