"""Staff at scale: the list of 9,000 accounts beside 100 ms, and the import of 2,000 stores and their 9,000 clerks.

python -m benchmarks.bench_staff --staff 9000 --stores 2000
"""

import statistics
import sys
import time
from typing import Any

from benchmarks import harness

# Searches that administrators type, and the page without one.
PAGES = {"without a search": "", "by name": "q=새봄 777", "by store": "q=T-1234", "of one role": "role=store_manager"}


def main() -> int:
    """One row for each page and one for the import, on servers of its own."""
    parser = harness.options(__doc__)
    parser.add_argument("--staff", type=int, default=9_000)
    parser.add_argument("--stores", type=int, default=2_000)
    options = parser.parse_args()
    with harness.portal():
        return importing(options.staff, options.stores) | pages(options.staff)


def importing(staff: int, stores: int) -> int:
    """Compare and carry out a complete list, for information, and the list of next month with leavers and movers."""
    from kt_remedy.staff import imports
    from tests.sessions import two_administrators

    first, second = two_administrators()

    def carry_out(kind: str, lines: list[str]) -> float:
        began = time.perf_counter()
        content = "\n".join(lines).encode()
        row = imports.check(by=first, kind=kind, content=content, file_name="bench.csv", complete=True)
        imports.carry_out(row)
        imports.ask(by=first, import_id=row.pk, reason="bench")
        imports.approve(by=second, import_id=row.pk)
        imports.carry_out(row)
        return time.perf_counter() - began

    head = "code,name,region,address,hours,telephone"
    took = carry_out(
        "STORES", [head, *(f"T-{n},시험 {n}호점,서울,서울 {n}로 1,10-20,02-000-0000" for n in range(stores))]
    )
    head = "username,name,role,store"
    roles = ("store_manager", "clerk", "clerk", "clerk")
    people = [f"c{n},강새봄 {n},{roles[n % 4]},T-{n % stores}" for n in range(staff)]
    hired = carry_out("STAFF", [head, *people])
    kept = [line if n % 10 else f"{line.rpartition(',')[0]},T-{(n + 1) % stores}" for n, line in enumerate(people)]
    changed = carry_out("STAFF", [head, *(line for n, line in enumerate(kept) if n % 10 != 1)])
    harness.row(f"import of {stores:,} stores", took, unit="s")
    harness.row(f"import of {staff:,} clerks", hired, unit="s")
    return harness.row(f"import of {staff // 10:,} leavers and as many movers of {staff:,}", changed, unit="s")


def pages(staff: int) -> int:
    """The median of nine answers of each page, signed in."""
    from django.conf import settings
    from django.test import Client

    from kt_remedy.staff.models import User
    from tests.sessions import as_staff

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    administrator = User.objects.get(username="administrator")
    browser = as_staff(Client(HTTP_HOST="localhost"), administrator)
    return max([_row(browser, name, query, staff) for name, query in PAGES.items()])


def _row(browser: Any, name: str, query: str, staff: int) -> int:
    from django.urls import reverse

    times = []
    for _turn in range(9):
        began = time.perf_counter()
        answer = browser.get(f"{reverse('admin:staff_user_changelist')}?{query}")
        times.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise RuntimeError(f"the page answered {answer.status_code}")
    ours = statistics.median(times) * 1000
    return harness.row(f"list of {staff:,} accounts {name}, beside 100 ms", ours, 100, unit="ms", at_most=1)


if __name__ == "__main__":
    sys.exit(main())
