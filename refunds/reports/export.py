"""The tables of a report as a workbook with a sheet for each, or as one CSV. No name of a customer and no account."""

import csv
import io
from typing import BinaryIO

from django.utils.translation import gettext as _
from openpyxl import Workbook

from kt_remedy.audit import service as audit
from kt_remedy.core import csv as csv_cells
from kt_remedy.staff.models import User
from refunds.payouts import sheets
from refunds.payouts.guards import require_permission, require_reason
from refunds.reports import tables

PERMISSION = "refunds.export_report"


def write(*, to: BinaryIO, user: User, reason: str, kind: str, report: tables.Report) -> None:
    """Write every table of a report into a binary file as `kind` ("xlsx" or "csv") and record it.

    The audit keeps the names of the filters, never their values. Raises Refused: ROLE, REASON.
    """
    require_permission(user, PERMISSION)
    reason = require_reason(reason)
    if kind == "xlsx":
        _workbook(to, report)
    else:
        _csv(to, report)
    audit.record(
        actor=audit.actor(user),
        action="list.exported",
        object="list:report",
        reason=reason,
        detail={
            "kind": kind,
            "tables": len(report.tables),
            "count": sum(len(table.rows) for table in report.tables.values()),
            "filters": report.chosen.names(),
        },
    )


def _titles(table: tables.Table) -> list[str]:
    return [table.first, _("덧붙임"), *(title for title, _unit in table.columns)]


def _workbook(to: BinaryIO, report: tables.Report) -> None:
    book = Workbook(write_only=True)
    for table in report.tables.values():
        page = book.create_sheet(table.title[:31].replace("/", " "))
        sheets.head(page, _titles(table))
        for line in tables.rows_for_sheet(table):
            page.append(sheets.cells(page, line))
    book.save(to)


def _csv(to: BinaryIO, report: tables.Report) -> None:
    """Each table below its title, with an empty line between two."""
    text = io.TextIOWrapper(to, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    for table in report.tables.values():
        writer.writerow([csv_cells.guarded(table.title)])
        writer.writerow([csv_cells.guarded(title) for title in _titles(table)])
        for line in tables.rows_for_sheet(table):
            writer.writerow([csv_cells.guarded(cell) if isinstance(cell, str) else cell for cell in line])
        writer.writerow([])
    text.flush()
    text.detach()
