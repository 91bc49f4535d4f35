"""Lighthouse on six pages of the shipped server, by Debian's Chromium: `python -m benchmarks.lighthouse`.

Not a row of `make bench`: it takes the package of npm that `VERSION` names (Node 18 or later, over the network) and a
quiet machine. Styles and scripts are collected and compressed as in production.
"""

import json
import os
import statistics
import subprocess
from pathlib import Path

from benchmarks import harness
from benchmarks.bench_pages import _free_port, _wait

VERSION = "12.8.2"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ANSWER = (
    "/check/?how=PORT_OUT&ended=2025-11-20&line=HANDSET&event=NEW&contract=2024-07-01"
    "&kind=SUBSIDY&months=24&amount=345000"
)
AT_LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}


def main() -> int:
    """The points of each page in each category beside the least they may be; the median of some runs."""
    parser = harness.options(__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    missed = 0
    with harness.portal():
        from django.core.management import call_command

        call_command("collectstatic", interactive=False, verbosity=0)
        port = _free_port()
        cookie, receipt = _customer()
        pages = [("/", ""), ("/check/", ""), (ANSWER, ""), ("/messages/", ""), ("/my/", cookie), (receipt, cookie)]
        gunicorn = ("-m", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi")
        server = subprocess.Popen(harness.python(*gunicorn), env={**os.environ, "PORT": str(port)})
        try:
            _wait(port)
            for path, kept in pages:
                missed += _report(f"http://localhost:{port}{path}", path.partition("?")[0], kept, options.runs)
        finally:
            server.terminate()
            server.wait()
    return int(bool(missed))


def _report(address: str, name: str, cookie: str, runs: int) -> int:
    reports = [_look(address, cookie) for _ in range(runs)]
    missed = 0
    for category, least in AT_LEAST.items():
        if category == "seo" and cookie:
            continue  # no search engine may read the pages of a customer
        points = statistics.median(report["categories"][category]["score"] * 100 for report in reports)
        missed += harness.row(f"{name} {category}", points, unit="points", at_least=least)
    for finding in reports[-1]["audits"].values():
        if finding["score"] is not None and finding["score"] < 0.9 and finding["scoreDisplayMode"] == "binary":
            print(f"    {finding['id']}: {finding['title']}", flush=True)
    return missed


def _look(address: str, cookie: str) -> dict:
    """One report of Lighthouse: a telephone, slowed as it does by itself."""
    argv = ["npx", "--yes", f"lighthouse@{VERSION}", address, "--quiet", "--output=json"]
    argv += ["--chrome-flags=--headless=new --no-sandbox", f"--only-categories={','.join(AT_LEAST)}"]
    if cookie:
        argv.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
    environment = {**os.environ, "CHROME_PATH": CHROMIUM}
    done = subprocess.run(argv, env=environment, cwd=Path.home(), check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def _customer() -> tuple[str, str]:
    """Somebody with three lines who has filed for one: their session, and the address of the receipt."""
    from django.test import Client

    from tests.refunds import make
    from tests.sessions import as_customer, person

    holder = make.customer()
    row = make.application(make.line(holder))
    make.line(holder)
    make.line(holder, outcome="NOT_ELIGIBLE", reasons="NEW_AFTER_BASE")
    client = as_customer(Client(), person(holder.ci))
    return f"sessionid={client.cookies['sessionid'].value}", f"/refunds/receipt/{row.filing.reference}/"


if __name__ == "__main__":
    raise SystemExit(main())
