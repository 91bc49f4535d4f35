"""Points of Lighthouse for six pages of the shipped server: `python -m benchmarks.lighthouse --runs 3`.

Not a row of `make bench`: it takes a package of npm over the network (Node 18 or later) and Debian's Chromium, and its
first category judges the machine as much as the page, so the machine must be quiet. Styles and scripts are collected
and compressed as in production.
"""

import json
import os
import statistics
import subprocess
import tempfile
import urllib.request

from benchmarks import harness
from benchmarks.bench_pages import wait

VERSION = "12.8.2"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ANSWER = (
    "/check/?how=PORT_OUT&ended=2025-11-20&line=HANDSET&event=NEW&contract=2024-07-01"
    "&kind=SUBSIDY&months=24&amount=345000"
)
AT_LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
# No search engine may read the pages of a customer, so the audit that asks for it is left out there.
FORBIDDEN = "is-crawlable"


def main() -> int:
    """The points of each page in each category, the median of the runs, beside the least they may be."""
    parser = harness.options(__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    missed = 0
    with harness.portal(), tempfile.TemporaryDirectory(prefix="remedy-lighthouse-") as folder:
        _collect()
        cookie, receipt = _customer()
        pages = [("/", ""), ("/check/", ""), (ANSWER, ""), ("/messages/", ""), ("/my/", cookie), (receipt, cookie)]
        port = harness.free_port()
        gunicorn = ("-m", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi")
        server = subprocess.Popen(harness.python(*gunicorn), env={**os.environ, "PORT": str(port)})
        try:
            wait(port)
            for path, kept in pages:
                address = f"http://localhost:{port}{path}"
                _see(address, kept)
                missed += _report(path.partition("?")[0], [_look(address, kept, folder) for _ in range(options.runs)])
        finally:
            server.terminate()
            server.wait()
    return int(bool(missed))


def _collect() -> None:
    from django.core.management import call_command

    from kt_remedy.devtools.starting import UNUSED_FILES

    call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=UNUSED_FILES)


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


def _see(address: str, cookie: str) -> None:
    """Refuse to measure a page that answers with another one, such as that of the identity check."""
    opener = urllib.request.build_opener()
    opener.addheaders = [("Cookie", cookie)]
    with opener.open(address, timeout=30) as answer:
        if answer.status != 200 or answer.url != address:
            raise RuntimeError(f"{address} led to {answer.url}")


def _look(address: str, cookie: str, folder: str) -> dict:
    """One report of Lighthouse as it comes: a telephone of the middle class on a slow connection."""
    argv = ["npx", "--yes", f"lighthouse@{VERSION}", address, "--quiet", "--output=json"]
    argv += ["--chrome-flags=--headless=new --no-sandbox", f"--only-categories={','.join(AT_LEAST)}"]
    if cookie:
        argv += [f"--extra-headers={json.dumps({'Cookie': cookie})}", f"--skip-audits={FORBIDDEN}"]
    environment = {**os.environ, "CHROME_PATH": CHROMIUM}
    for _attempt in range(3):
        done = subprocess.run(argv, env=environment, cwd=folder, check=False, capture_output=True, text=True)
        if "NO_NAVSTART" not in done.stderr:  # at times Chromium writes no beginning into its trace
            break
    if done.returncode:
        raise RuntimeError(f"Lighthouse ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def _report(name: str, reports: list[dict]) -> int:
    """One row for each category, and below them the audits that took points, with the first element each names."""
    missed = 0
    for category, least in AT_LEAST.items():
        points = statistics.median(report["categories"][category]["score"] * 100 for report in reports)
        missed += harness.row(f"{name} {category}", points, unit="points", at_least=least)
    last = reports[-1]
    for category in AT_LEAST:
        for part in last["categories"][category]["auditRefs"]:
            audit = last["audits"][part["id"]]
            if part["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                found = (audit.get("details") or {}).get("items") or [{}]
                where = found[0].get("node", {}).get("snippet", "") if isinstance(found[0], dict) else ""
                print(f"    {audit['id']}: {audit.get('displayValue') or audit['title']} {where}".rstrip(), flush=True)
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
