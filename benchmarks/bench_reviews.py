"""The next case of a reviewer at a long queue in a large register, beside a look-up of one row by its key."""

import statistics
import sys
import time
from collections.abc import Callable

from benchmarks import harness
from benchmarks.bench_report import APPLICATIONS, FREE, REGISTER

PROBES = 200
ONE_IN = 20  # applications of the filling that wait for a reviewer

_CASES = """
INSERT INTO refunds_case (application_id, opened_at, kind, level, due_on, given_back_by, note, question, answer)
SELECT id, status_since, (ARRAY['TRANSFER', 'REPRESENTED', 'HOLDER', 'SAMPLE'])[1 + id %% 4], 'REVIEWER',
       applied_on + 8, '[]', '', '', '' FROM refunds_application WHERE status = 'REVIEW' ORDER BY id LIMIT %(waiting)s
"""


def main() -> int:
    """`take_next` for eight reviewers in turn, beside reading one application by its primary key."""
    parser = harness.options(__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000, help="of the register, each with an application")
    options = parser.parse_args()
    waiting = options.lines // ONE_IN
    with harness.portal():
        _fill(options.lines, waiting)
        from refunds.applications import queue
        from refunds.models.applications import Application
        from refunds.models.reviews import ReviewCase
        from tests.sessions import staff_user

        people = [staff_user("reviewer", username=f"r{number}", ci=f"ci-{number}") for number in range(8)]
        last = Application.objects.order_by("-pk").values_list("pk", flat=True)[0]
        for person in people:  # each has a case open, as on a working day
            queue.take_next(reviewer=person)
        chosen = _choose(people[0]) * 1000
        missed = harness.row(
            f"choosing the next case at {waiting:,} waiting of {options.lines:,} lines, beside a look-up by key",
            chosen,
            _look_up(last) * 1000,
            unit="ms",
            at_most=5,
        )
        harness.row("the same beside a locked look-up of the portal", chosen, _locked(last) * 1000, unit="ms")
        floor = _median(lambda number: Application.objects.get(pk=last - number))
        ours = _median(lambda number: queue.take_next(reviewer=people[number % 8]))
        if ReviewCase.objects.filter(holder__isnull=False).count() != PROBES + len(people):
            raise RuntimeError("a case was handed out twice")
        harness.row("next case, with household and hold, beside one object", ours * 1000, floor * 1000, unit="ms")
        return missed


def _fill(lines: int, waiting: int) -> None:
    from django.db import connection

    filling = REGISTER.replace("%(people)s", str(lines)) + APPLICATIONS.replace("%(count)s", str(lines)).replace(
        "WHEN 3 THEN 'LATE'", "WHEN 3 THEN 'REVIEW'"
    )
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(FREE)
        for statement in filling.split(";"):  # VACUUM stands alone
            if statement.strip():
                cursor.execute(statement)
        cursor.execute(_CASES, {"waiting": waiting})
        cursor.execute("VACUUM ANALYZE refunds_case")
        cursor.execute("RESET statement_timeout")


def _choose(reviewer: object) -> float:
    """Seconds of the statement that chooses and locks the next case."""
    from django.db import connection, transaction

    from refunds.applications import queue

    query, figures = queue.next_statement(reviewer)  # type: ignore[arg-type]

    def choose(_number: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(query, figures)
            if cursor.fetchone() is None:
                raise RuntimeError("the queue is empty")

    return _median(choose)


def _locked(last: int) -> float:
    """Seconds in which the portal reads and locks one application by its key."""
    from django.db import transaction

    from refunds.models.applications import Application

    def read(number: int) -> None:
        with transaction.atomic():
            Application.objects.select_for_update().get(pk=last - number)

    return _median(read)


def _look_up(last: int) -> float:
    """Seconds of a look-up by key that locks its row, in a transaction as the other."""
    from django.db import connection, transaction

    def look_up(number: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT id FROM refunds_application WHERE id = %s FOR UPDATE", [last - number])
            cursor.fetchone()

    return _median(look_up)


def _median(act: Callable[[int], object]) -> float:
    seconds = []
    for number in range(PROBES):
        started = time.perf_counter()
        act(number)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    sys.exit(main())
