"""Kill -9 in the middle of an act: the act runs in a child that dies at its n-th statement."""

import os
import signal
from collections.abc import Callable

from django.db import connection, connections
from django.db.backends.utils import CursorWrapper

from tests.conftest import wait_until

_inherited: list = []  # keeps connections open: closing one would end the parent's session


def run(act: Callable[[], object], at: int) -> bool:
    """Do `act` in a child that dies at its statement number `at` (0: after the commit); True if it came to its end.

    Returns when the server has ended the child's sessions, so that nothing of the dead holds a lock any more.
    """
    connection.close()  # a connection is not shared with a child
    child = os.fork()
    if child == 0:
        _leave_inherited_connections()
        os.environ["PGAPPNAME"] = _name(os.getpid())
        statements = 0

        def step() -> None:
            nonlocal statements
            statements += 1
            if statements == at:
                os.kill(os.getpid(), signal.SIGKILL)

        def execute(do, sql, params, many, context):
            answer = do(sql, params, many, context)
            step()
            return answer

        def copy(self, sql, file):
            self.cursor.copy_expert(sql, file)
            step()

        CursorWrapper.copy_expert = copy  # COPY does not pass by the wrapper of statements
        status = 1
        try:
            with connection.execute_wrapper(execute):
                act()
            if at == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            status = 0
        finally:
            os._exit(status)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    wait_until(lambda: not _sessions(child), what="the end of the sessions of the killed process")
    return not os.WIFSIGNALED(status)


def _leave_inherited_connections() -> None:
    """Let the child connect anew, without ending a session of its parent.

    Beside a browser's event loop Django keeps a connection of its own (asgiref). The loop ends with the fork, so the
    child finds the connection from before the browser, which `run` could not see: its locks would outlive the child.
    """
    for inherited in connections.all(initialized_only=True):
        _inherited.append(inherited.connection)
        inherited.connection = None


def _name(pid: int) -> str:
    return f"killed by a test, {pid}"


def _sessions(pid: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [_name(pid)])
        return cursor.fetchone()[0]
