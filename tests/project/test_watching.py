"""Rules, cases and dashboards of docs/watching: promtool takes them, and every figure that they name exists."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from kt_remedy.core.tasks import metrics, schedule
from tests.access.routes import routes
from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "watching"
CASES = (FOLDER / "alerts_test.yml", FOLDER / "alerts_long_test.yml")
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
FIGURE = re.compile(r"\b(?:remedy|django)_\w+|\b[a-z]+(?::\w+){2}\b")
VIEWS = re.compile(r'view=~"([^"]+)"')


def promtool(*arguments: str | Path) -> None:
    """Run promtool of Debian's package; fail with its words."""
    assert shutil.which("promtool"), "no promtool: apt-get install --no-install-recommends prometheus"
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def rules(kind: str) -> dict[str, dict]:
    """Rules of one kind (`record` or `alert`) by name."""
    groups = [
        group
        for name in ("recording.yml", "alerts.yml")
        for group in yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))["groups"]
    ]
    return {rule[kind]: rule for group in groups for rule in group["rules"] if kind in rule}


def expressions() -> Iterator[str]:
    """Every expression of the rules and of the dashboards."""
    yield from (rule["expr"] for kind in ("record", "alert") for rule in rules(kind).values())
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def figures() -> set[str]:
    """The names under which Prometheus finds samples: those of the rows and those of django-prometheus."""
    from django_prometheus import db  # noqa: F401  (counts from here on)
    from django_prometheus.middleware import Metrics

    Metrics.get_instance()
    families = [*text_string_to_metric_families(metrics.exposition().decode()), *REGISTRY.collect()]
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {family.name + ending for family in families for ending in endings.get(family.type, ("",))}


def test_promtool_takes_rules_and_configuration():
    promtool("check", "rules", FOLDER / "recording.yml", FOLDER / "alerts.yml")
    promtool("check", "config", "--syntax-only", FOLDER / "prometheus.yml")


def test_the_rules_do_what_their_cases_say():
    promtool("test", "rules", *CASES)


def test_each_alert_has_a_case_that_sounds_and_one_that_is_silent():
    cases = [
        check
        for file in CASES
        for case in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
        for check in case["alert_rule_test"]
    ]
    sounding = {check["alertname"] for check in cases if check.get("exp_alerts")}
    silent = {check["alertname"] for check in cases if not check.get("exp_alerts")}
    assert sounding == silent == set(rules("alert"))


def test_each_alert_says_how_urgent_it_is_and_where_to_look():
    for name, rule in rules("alert").items():
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        assert set(rule["annotations"]) == {"summary", "look"}, name


@pytest.mark.django_db
def test_every_figure_that_is_named_exists():
    schedule.plan()
    named = {name for expression in expressions() for name in FIGURE.findall(expression)}
    assert named - figures() - set(rules("record")) == set()


def test_every_page_that_a_rule_names_exists():
    named = {view for text in expressions() for group in VIEWS.findall(text) for view in group.split("|")}
    assert named - {route.name for route in routes()} == {"<unnamed view>"}


def test_every_periodic_task_that_a_rule_names_exists():
    named = {job for text in expressions() for job in re.findall(r'job="(\w+\.\w+)"', text)}
    assert named
    assert named <= {entry.code for entry in schedule.entries()}


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_is_whole_and_its_expressions_are_read(file, tmp_path):
    dashboard = json.loads(file.read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(set(places)) == len(places)
    assert max(x for x, _y in places) < 24
    read = [target["expr"].replace("$__rate_interval", "5m") for panel in panels for target in panel["targets"]]
    given = {"groups": [{"name": "a", "rules": [{"record": f"a{n}", "expr": text} for n, text in enumerate(read)]}]}
    (tmp_path / "rules.yml").write_text(json.dumps(given))
    promtool("check", "rules", tmp_path / "rules.yml")
