"""Files of stores and of their staff: columns, rows as they should be, and the faults of rows, by their line."""

import csv
import io
import re
from typing import Any

from django.utils.translation import gettext as _

from kt_remedy.core import csv as csv_cells
from kt_remedy.core import text
from kt_remedy.staff.models import StaffImport, Store, User
from kt_remedy.staff.roles import STORE_ROLES

Kind = StaffImport.Kind
MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 20_000
MOST_FAULTS = 200
# The columns of each kind of file, by the words that name them.
COLUMNS = {
    Kind.STORES: {
        "code": "매장 번호",
        "name": "매장 이름",
        "region": "지역",
        "address": "주소",
        "hours": "여는 시간",
        "telephone": "전화",
    },
    Kind.STAFF: {"username": "아이디", "name": "이름", "role": "역할", "store": "매장 번호"},
}
# As files write them, in either language of the page.
ROLE_WORDS = {"clerk": "매장직원", "store_manager": "매장관리자"}
_LENGTHS = {
    field.name: field.max_length
    for field in Store._meta.fields
    if field.name in COLUMNS[Kind.STORES] and field.max_length is not None
}
_TELEPHONE = re.compile(r"[0-9][0-9-]{2,18}[0-9]")

Rows = dict[str, dict[str, Any]]  # by code or user name
Faults = list[list[Any]]  # [line of the file, words]


class WrongFile(Exception):
    """A file that cannot be read as a table; the argument is a sentence for the person."""


def opened(content: bytes, kind: str) -> tuple[str, int]:
    """The text of a file, and the number of its rows. Rows are not looked at (`read`).

    Raises WrongFile for a file without the columns, without rows, too large or no text.
    """
    if len(content) > MOST_BYTES:
        raise WrongFile(_("파일이 %(mb)s MB를 넘습니다.") % {"mb": MOST_BYTES // 1024 // 1024})
    try:
        decoded = csv_cells.decoded(content)
        lines = _lines(decoded)
    except (ValueError, csv.Error):
        raise WrongFile(_("CSV 파일로 읽을 수 없습니다. 표 프로그램에서 CSV(UTF-8)로 저장해 주세요.")) from None
    if not lines:
        raise WrongFile(_("줄이 없습니다."))
    if len(lines) > MOST_ROWS + 1:
        raise WrongFile(_("한 번에 %(rows)s줄까지 읽습니다.") % {"rows": f"{MOST_ROWS:,}"})
    columns = COLUMNS[Kind(kind)]
    head = _head(lines[0], kind)
    if missing := [words for code, words in columns.items() if code not in head]:
        raise WrongFile(_("첫 줄에 이 열이 없습니다: %(columns)s") % {"columns": ", ".join(missing)})
    rows = sum(any(cell.strip() for cell in line) for line in lines[1:])
    if not rows:
        raise WrongFile(_("줄이 없습니다."))
    return decoded, rows


def read(decoded: str, kind: str) -> tuple[Rows, Faults]:
    """The rows of an opened file by their key, and its faults with their lines. A column may be named in Korean or by
    its code."""
    lines = _lines(decoded)
    columns, head = COLUMNS[Kind(kind)], _head(lines[0], kind)
    check = _store if kind == Kind.STORES else _member
    key = next(iter(columns))
    rows: Rows = {}
    faults: Faults = []
    for number, line in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in line):
            continue
        row = dict.fromkeys(columns, "") | {
            code: text.clean(cell) for code, cell in zip(head, line, strict=False) if code
        }
        wrong = _length_fault(line, head) or check(row)
        if not wrong and row[key] in rows:
            wrong = _("같은 줄이 앞에 또 있습니다.")
        if wrong:
            faults.append([number, f"{row[key]}: {wrong}" if row[key] else wrong])
        else:
            rows[row[key]] = row | {"line": number}
    return rows, faults


def _lines(decoded: str) -> list[list[str]]:
    delimiter = "\t" if "\t" in decoded.partition("\n")[0] else ","
    return list(csv.reader(io.StringIO(decoded, newline=""), delimiter=delimiter, strict=True))


def _head(line: list[str], kind: str) -> list[str]:
    """The code of each column of the first line, "" for one that is not known."""
    columns = COLUMNS[Kind(kind)]
    title = {spelling: code for code, words in columns.items() for spelling in (code, words.replace(" ", ""))}
    return [title.get(text.clean(cell).replace(" ", "").lower(), "") for cell in line]


def _length_fault(line: list[str], head: list[str]) -> str:
    return _("열이 첫 줄보다 많습니다.") if len(line) > len(head) and any(line[len(head) :]) else ""


def _store(row: dict[str, Any]) -> str:
    """The fault of a row of a store, "" for none."""
    for column in ("code", "name"):
        if not row[column]:
            return _("%(column)s 칸이 비어 있습니다.") % {"column": COLUMNS[Kind.STORES][column]}
    for column, most in _LENGTHS.items():
        if len(row[column]) > most:
            return _("%(most)s자를 넘습니다: %(column)s") % {"most": most, "column": COLUMNS[Kind.STORES][column]}
    if row["telephone"] and not _TELEPHONE.fullmatch(row["telephone"]):
        return _("전화번호가 아닙니다.")
    row["closed"] = False
    return ""


def _member(row: dict[str, Any]) -> str:
    """The fault of a row of a member of staff, "" for none."""
    for column in ("username", "name", "store"):
        if not row[column]:
            return _("%(column)s 칸이 비어 있습니다.") % {"column": COLUMNS[Kind.STAFF][column]}
    row["username"] = User.normalize_username(row["username"])
    if len(row["username"]) > 150 or not re.fullmatch(r"[\w.@+-]+", row["username"]):
        return _("아이디에는 글자, 숫자, @ . + - _만 쓸 수 있습니다.")
    if len(row["name"]) > 60:
        return _("%(most)s자를 넘습니다: %(column)s") % {"most": 60, "column": COLUMNS[Kind.STAFF]["name"]}
    row["role"] = _role(row["role"])
    if not row["role"]:
        return _("역할은 매장 직원이나 매장 관리자만 줄 수 있습니다.")
    row["active"] = True
    return ""


def _role(word: str) -> str:
    """The role of a store with this code or label, "" for any other."""
    word = word.replace(" ", "").lower()
    return next((role for role in STORE_ROLES if word in (role, ROLE_WORDS[role])), "")
