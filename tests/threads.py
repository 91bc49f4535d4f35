"""Acts at the same moment, each in a thread with a connection of its own. Tests of them need `transaction=True`."""

import threading
from collections.abc import Callable

from django.db import connection, connections


def together(*acts: Callable[[], object]) -> list[object]:
    """Run each act in a thread with its own connection, all released at once; results in order, errors as they are."""
    barrier, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number: int, act: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(30)
            results[number] = act()
        except Exception as error:  # the test looks at it
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
