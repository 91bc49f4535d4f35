"""The page of the coming rounds, with the forecasts that the worker keeps, beside 0.3 seconds.

python -m benchmarks.bench_rounds --items 660000
"""

import statistics

from benchmarks import harness
from benchmarks.bench_payout import apart, prepare, settled, timed

VIEWS = 9


def main() -> int:
    """The page as a maker opens it, and what one count of the worker takes."""
    parser = harness.options(__doc__)
    parser.add_argument("--items", type=int, default=660_000, help="applications")
    options = parser.parse_args()
    with harness.portal(REMEDY_NOW="2026-01-20T10:00+09:00"):
        apart(prepare, options.items)
        settled("refunds_application", "eligibility_line", "eligibility_bill")
        found, _peak = apart(_measure)
    harness.row(f"forecasts of the open rounds, {options.items:,} applications", found["count"], unit="s")
    return harness.row(
        f"page of the rounds, {options.items:,} applications", found["page"], unit="s", at_most=0.3, note="median"
    )


def _measure() -> dict[str, float]:
    from django.conf import settings
    from django.test import RequestFactory, override_settings

    from kt_remedy.staff.models import User
    from refunds.payouts import forecasts
    from refunds.payouts.admin import rounds

    count = timed(forecasts.refresh)
    request = RequestFactory().get("/admin/payouts/")
    request.user = User.objects.get(username="maker")

    def view() -> None:
        response = rounds.rounds(request)
        response.render()
        assert response.status_code == 200

    # The files of styles were not collected here.
    plain = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(STORAGES=plain):
        view()  # templates are compiled
        return {"count": count, "page": statistics.median(timed(view) for _ in range(VIEWS))}


if __name__ == "__main__":
    raise SystemExit(main())
