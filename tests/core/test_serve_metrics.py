"""`manage.py serve_metrics`: the figures on a port of their own, also those that several web processes counted."""

import os
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Process, environment, free_port, wait_until


def children(process: Process) -> list[int]:
    """The processes that the first one started and that still run."""
    pid = process.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ask(address: str) -> tuple[int, str]:
    """Status and text of an answer; 0 while nobody answers."""
    try:
        with urllib.request.urlopen(address, timeout=15) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def counted(address: str, name: str, **labels: str) -> float:
    """The sum of the samples of a name with these labels."""
    status, text = ask(address)
    assert status == 200, text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.mark.django_db(transaction=True)
def test_requests_of_all_web_processes_are_counted_also_of_those_that_ended(start_process, tmp_path):
    folder, port, inside = tmp_path / "metrics", free_port(), free_port()
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(folder), "REMEDY_RELOAD": "1"}
    web = start_process(
        *("-m", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "kt_remedy.wsgi"),
        env={**environment("remedy_web"), **shared, "PORT": str(port), "WEB_WORKERS": "2"},
    )
    start_process("manage.py", "serve_metrics", env={**shared, "METRICS_BIND": f"127.0.0.1:{inside}"})
    site, figures = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{inside}/metrics"
    wait_until(lambda: ask(f"{site}/readyz")[0] == 200, what="the web server")
    wait_until(lambda: ask(figures)[0] == 200, what="the figures")

    def live() -> float:
        return counted(figures, "django_http_responses_total_by_status_view_method_total", view="livez", status="200")

    for _ in range(20):
        assert ask(f"{site}/livez")[0] == 200
    assert live() == 20
    assert counted(figures, "django_http_requests_latency_seconds_by_view_method_count", view="livez") == 20
    assert counted(figures, "django_db_execute_total") > 0
    assert counted(figures, "remedy_database_up") == 1
    assert ask(f"{site}/metrics")[0] == 404

    # A process that takes the place of another one counts on in its files.
    before, files = set(children(web)), sorted(os.listdir(folder))
    os.kill(min(before), signal.SIGTERM)
    wait_until(lambda: len(set(children(web)) - before) == 1, what="the next process")
    wait_until(lambda: len(children(web)) == 2, what="the end of the first process")
    for _ in range(20):
        wait_until(lambda: ask(f"{site}/livez")[0] == 200, seconds=15, what="the web server")
    assert live() >= 40
    assert set(os.listdir(folder)) - set(files) <= {
        f"{kind}_{web.process.pid}-{place}.db" for kind in ("counter", "histogram") for place in (1, 2)
    }


@pytest.mark.parametrize(
    ("bind", "sentence"),
    [
        ("", "METRICS_BIND is no address: write it as 10.0.0.5:9464."),
        ("9464", "METRICS_BIND is no address"),
        ("localhost:web", "METRICS_BIND is no address"),
        ("8.8.8.8:9464", "METRICS_BIND is an address of the public network"),
        ("[2001:4860:4860::8888]:9464", "METRICS_BIND is an address of the public network"),
        ("198.51.100.1:9464", "METRICS_BIND is 198.51.100.1:9464: Cannot assign requested address."),
    ],
)
def test_an_address_that_is_none_or_public_is_refused(settings, bind, sentence):
    settings.METRICS_BIND = bind
    with pytest.raises(CommandError, match=sentence.replace(".", r"\.")):
        call_command("serve_metrics")
