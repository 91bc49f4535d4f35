"""The file of everything held about a customer: all rows of all tables that name the person, decrypted.

`TABLES` names each table of customers with the way from its rows to the person. A test walks the models: a table with
personal data stands here or in `NOT_OF_CUSTOMERS` with the reason.
"""

import datetime as dt
import json
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _

from eligibility.models import Customer
from kt_remedy.core import crypto

# Table: its heading, and the ways to the person, any of them; "%p" stands for the person, "%c" for customer numbers.
TABLES: dict[str, tuple[Any, dict[str, str]]] = {
    "eligibility.Customer": (_("고객 정보"), {"pk__in": "%c"}),
    "eligibility.CustomerHistory": (_("고객 정보의 이전 내용"), {"customer_no__in": "%c"}),
    "eligibility.Line": (_("회선과 판정"), {"customer__in": "%c"}),
    "eligibility.LineHistory": (_("회선의 이전 내용"), {"customer_no__in": "%c"}),
    "eligibility.Bill": (_("청구와 납부"), {"line__customer__in": "%c"}),
    "eligibility.LineDecision": (_("회선에 대한 결정"), {"line__customer__in": "%c"}),
    "eligibility.OpeningWish": (_("신청 시작 알림"), {"person_index": "%p"}),
    "refunds.Draft": (_("임시로 적어 둔 답"), {"person_index": "%p"}),
    "refunds.DeskSession": (_("매장과 상담센터에서 응대한 기록"), {"customer__in": "%c"}),
    "refunds.Account": (_("환급 계좌"), {"person_index": "%p"}),
    "refunds.HolderCheck": (_("예금주 확인"), {"account__person_index": "%p"}),
    "refunds.Filing": (_("접수"), {"person_index": "%p"}),
    "refunds.ConsentWithdrawal": (_("동의를 거두신 기록"), {"person_index": "%p"}),
    "refunds.Application": (_("신청"), {"filing__person_index": "%p"}),
    "refunds.Decision": (_("신청에 대한 결정"), {"application__filing__person_index": "%p"}),
    "refunds.LateReason": (_("늦은 이유"), {"filing__person_index": "%p"}),
    "refunds.Evidence": (_("내신 서류"), {"filing__person_index": "%p", "objection__person_index": "%p"}),
    "refunds.Objection": (_("이의"), {"person_index": "%p"}),
    "refunds.ObjectionAddition": (_("이의에 더하신 말씀"), {"objection__person_index": "%p"}),
    "refunds.Letter": (
        _("결정을 알린 글"),
        {"application__filing__person_index": "%p", "objection__person_index": "%p"},
    ),
    "refunds.Item": (_("지급"), {"application__filing__person_index": "%p"}),
    "refunds.Adjustment": (_("정정 지급"), {"application__filing__person_index": "%p"}),
    "refunds.OfflinePayment": (_("따로 보낸 지급"), {"application__filing__person_index": "%p"}),
    "refunds.Hold": (_("지급 보류"), {"application__filing__person_index": "%p"}),
    "refunds.Note": (_("상담 메모"), {"person_index": "%p"}),
    "refunds.PromiseRecord": (_("약속한 날"), {"application__filing__person_index": "%p"}),
    "notices.Message": (_("보낸 문자"), {"person_index": "%p"}),
    "rewards.BaseLine": (_("혜택 대상"), {"customer_no__in": "%c"}),
    "rewards.Entitlement": (_("고르신 혜택"), {"person_index": "%p"}),
    "audit.LookQuestion": (_("조회에 대해 물으신 것"), {"person_index": "%p"}),
}

# Actors stand as text here.
STAFF_COLUMNS = ("actor", "added_by", "answered_by")

# Tables with personal columns that are no part of the file, and the reason.
NOT_OF_CUSTOMERS = {
    "audit.AuditEntry": "reasons are words of staff; the looks at the person are on the page of the record",
    "audit.MonthlyReview": "words of the auditor about staff",
    "notices.OptOut": "an index of a number or person; its effect is on the page of messages",
    "refunds.AnswerLine": "lines of an answer of the bank; the payment that they moved is in the file",
    "refunds.BankAnswer": "persons are staff",
    "refunds.BankFile": "persons are staff",
    "refunds.BankStatement": "persons are staff",
    "refunds.Batch": "persons are staff",
    "refunds.BatchComment": "words of staff about a batch",
    "refunds.Chunk": "pieces of files for the bank; their rows are the payments",
    "refunds.ClosedDay": "words of staff about a day of the bank's account",
    "refunds.Download": "words of staff about a file",
    "refunds.FreezeException": "persons are staff",
    "refunds.PromiseNotice": "the message that it became is in the file",
    "refunds.ReviewCase": "notes of a decision that is not made; the decision is in the file",
    "refunds.StatementLine": "lines of the bank's statement; the payment that they moved is in the file",
    "refunds.Suspense": "payments that belong to nobody known",
    "rewards.BaseAddition": "persons are staff; the line is in the file",
    "rewards.GrantCorrection": "persons are staff; the grants of a line are in the file",
    "rewards.Voucher": "the code is on the page of the perk of the person who has it",
    "staff.HouseholdMember": "staff",
    "staff.RightsRequest": "staff",
    "staff.StaffImport": "staff",
    "staff.User": "staff",
}


# Names of encrypted values, for the page.
VALUES = {
    "answer": _("답변"),
    "answers_json": _("적어 둔 답"),
    "bank_spelling": _("은행에 적힌 이름"),
    "ci": _("연계정보(CI)"),
    "contact": _("연락처"),
    "contact_msisdn": _("연락받을 번호"),
    "guardian_ci": _("법정대리인의 연계정보(CI)"),
    "holder_birth": _("예금주 생년월일"),
    "holder_name": _("이름"),
    "msisdn": _("휴대폰 번호"),
    "name": _("파일 이름"),
    "number": _("계좌번호"),
    "phone": _("휴대폰 번호"),
    "representative": _("대리인"),
    "to": _("받은 번호"),
    "words": _("내용"),
    "call_to": _("전화드릴 번호"),
    "came_name": _("오신 분의 이름"),
    "check_json": _("확인하던 내용"),
    "draft_json": _("임시로 적어 둔 내용"),
}


@dataclass(frozen=True)
class Table:
    """One table of the file: its name, its heading, and its rows by the names of their columns."""

    model: type[models.Model]
    heading: Any
    rows: list[dict[str, Any]]

    def labelled(self) -> list[list[tuple[Any, Any]]]:
        """The rows with names that people read, for the page."""
        return [[(self._label(name), value) for name, value in row.items()] for row in self.rows]

    def _label(self, name: str) -> Any:
        fields = {field.attname: field for field in self.model._meta.concrete_fields}
        return VALUES.get(name) or (fields[name].verbose_name if name in fields else name)


def tables(person: bytes) -> list[Table]:
    """Each table that holds something about the person, with encrypted values in clear."""
    numbers = list(Customer.objects.filter(person_index=person).values_list("pk", flat=True))
    values = {"%p": person, "%c": numbers}
    found = []
    for label, (heading, ways) in TABLES.items():
        model = apps.get_model(label)
        way = reduce(or_, (models.Q(**{key: values[sign]}) for key, sign in ways.items()))
        if rows := [_shown(row) for row in model._base_manager.filter(way).order_by("pk")]:
            found.append(Table(model, heading, rows))
    return found


def as_json(found: list[Table]) -> str:
    """The file: rows by the name of their table."""
    return json.dumps({table.model._meta.label: table.rows for table in found}, ensure_ascii=False, indent=1)


def _shown(row: models.Model) -> dict[str, Any]:
    """Names and values of a row: clear columns, and encrypted ones in clear. Keys of a search are left out."""
    shown = {
        field.attname: _plain(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if not isinstance(field, models.BinaryField) and not _is_staff(field)
    }
    for owner in type(row).__mro__:
        for name, attribute in vars(owner).items():
            if isinstance(attribute, crypto.Encrypted) and name != "file_key":
                shown[name] = getattr(row, name)
    return {name: value for name, value in shown.items() if value not in ("", None, [], {})}


def _is_staff(field: models.Field) -> bool:
    """True for an account of staff: a customer sees roles, never who (D-92)."""
    related = field.related_model
    return field.attname in STAFF_COLUMNS or (
        isinstance(related, type) and issubclass(related, models.Model) and related._meta.label == "staff.User"
    )


def _plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return value if isinstance(value, str | int | bool | list | dict | None) else str(value)
