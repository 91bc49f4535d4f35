"""Monthly parts of the record: made ahead, and removed whole after their period, by the owner of the tables.

The two large tables are partitioned by month (KST). Rows without a part of their month stand in the rest, which `make`
empties, so a forgotten run loses nothing. `remove` drops a part only when every entry in it is sealed and the chain
holds. An entry then says which positions of the chain went, and the digest at the end of each range: it is sealed like
any other, so `chain.verify` still proves what is left. Their seals stay, and hold no personal data.
"""

import datetime as dt
from collections.abc import Iterator

import pgtrigger
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext

from kt_remedy.audit import chain, heads, service
from kt_remedy.audit.models import AuditEntry, LookMark, LookQuestion, MonthlyReview
from kt_remedy.core import clock

MONTHS_AHEAD = 12
TABLES = ("audit_entry", "audit_subject")
# A trigger on a whole statement is not passed on to the parts.
_NO_TRUNCATE = {"audit_entry": "pgtrigger_no_truncate_f9722", "audit_subject": "pgtrigger_no_truncate_24802"}
# A month may hold millions of rows. The time to wait for a lock stays short, because writers wait behind it.
_LONG = "SET LOCAL statement_timeout = '15min'"
_KEPT = ("audit.LookMark:append_only", "audit.LookQuestion:kept", "audit.MonthlyReview:append_only")


class NotRemovable(Exception):
    """The chain does not hold, so nothing is removed; the text names the faults."""


def months() -> list[dt.date]:
    """The first days of the months that have a part, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'audit_entry'::regclass AND c.relname ~ '^audit_entry_[0-9]{4}_[0-9]{2}$'"
        )
        names = [name for (name,) in cursor.fetchall()]
    return sorted(dt.date(int(name[-7:-3]), int(name[-2:]), 1) for name in names)


def make() -> list[dt.date]:
    """Make the missing parts: of the months in the rest, and from this month twelve ahead. Returns their months.

    Safe to run twice. Nobody writes to the record for the moment in which rows of the rest move into their part.
    """
    today = clock.today()
    wanted = {_later(today.replace(day=1), n) for n in range(MONTHS_AHEAD + 1)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'Asia/Seoul')::date FROM audit_entry_rest")
        wanted.update(month for (month,) in cursor.fetchall())
    made = sorted(wanted - set(months()))
    for month in made:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LONG)
            for table in TABLES:
                cursor.execute("".join(_statements(table, month)))
    return made


def missing() -> list[str]:
    """Names for the alarm: the part of next month, while nobody has made it. A try-out keeps all in the rest."""
    return [] if settings.DEVELOPMENT or _later(clock.today().replace(day=1), 1) in months() else ["audit:parts"]


def words_of_missing() -> list[str]:
    """The same as a sentence for staff."""
    return [
        gettext("다음 달 접속 기록을 담을 곳을 아직 만들지 않았습니다(manage.py audit_parts).") for _name in missing()
    ]


def remove() -> list[dt.date]:
    """Remove the parts whose period is over, each in one transaction with its entry; returns their months.

    A part waits while an entry in it is not sealed, or a question about one of its looks is younger than the period.
    Reviews of months that are over for as long go too. Raises NotRemovable where the chain does not hold, and
    ImproperlyConfigured without AUDIT_KEYS.
    """
    due = [month for month in months() if _is_over(month)]
    if not due:
        return []
    proof = chain.verify(heads.stored())
    if proof.faults:
        raise NotRemovable("; ".join(proof.faults))
    removed = [month for month in due if _remove(month)]
    while chain.seal_entries():
        pass
    return removed


@transaction.atomic
def _remove(month: dt.date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_LONG)
    entries = AuditEntry.objects.filter(at__gte=clock.kst(month), at__lt=clock.kst(_later(month, 1)))
    questions = LookQuestion.objects.filter(entry__in=entries)
    young = Q(asked_at__gte=clock.kst(_later(clock.today(), -12 * chain.YEARS))) | Q(answered_at=None)
    if entries.filter(seal=None).exists() or questions.filter(young).exists():
        return False
    ranges = _joined([*_ranges(month), *_ranges_told_in(entries)])
    with pgtrigger.ignore(*_KEPT):
        LookMark.objects.filter(entry__in=entries).delete()
        questions.delete()
        MonthlyReview.objects.filter(month=month).delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks that wait cannot be dropped
        for table in TABLES:
            cursor.execute(f"DROP TABLE {table}_{month:%Y_%m}")
    service.record(
        actor="system",
        action=chain.REMOVED,
        object=f"audit:{month:%Y-%m}",
        detail={"month": month.isoformat(), "ranges": ranges},
    )
    return True


def _ranges(month: dt.date) -> list[list]:
    """The positions of the chain that a month holds, as [first, last, digest of the last]: near its ends the order of
    the chain is not that of the times."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.first, r.last, encode(e.digest, 'hex') FROM (
                SELECT min(position) AS first, max(position) AS last FROM (
                    SELECT s.position, s.position - row_number() OVER (ORDER BY s.position) AS run
                    FROM audit_seal s JOIN audit_entry_{month:%Y_%m} a ON a.id = s.entry_id
                ) p GROUP BY run
            ) r JOIN audit_seal e ON e.position = r.last ORDER BY 1
            """  # noqa: S608  (the name of a month)
        )
        return [list(row) for row in cursor.fetchall()]


def _ranges_told_in(entries: QuerySet[AuditEntry]) -> Iterator[list]:
    """The ranges of earlier removals whose entries go now: the new entry has to tell them on."""
    for detail in entries.filter(action=chain.REMOVED).values_list("detail", flat=True):
        yield from detail["ranges"]


def _joined(ranges: list[list]) -> list[list]:
    """Ranges in order, those that touch as one: [first, last, digest of the last]."""
    joined: list[list] = []
    for first, last, digest in sorted(ranges):
        if joined and joined[-1][1] + 1 == first:
            joined[-1][1:] = [last, digest]
        else:
            joined.append([first, last, digest])
    return joined


def _statements(table: str, month: dt.date) -> Iterator[str]:
    """The SQL that makes the part of a month and moves its rows out of the rest."""
    part, rest = f"{table}_{month:%Y_%m}", f"{table}_rest"
    begin, end = clock.kst(month).isoformat(), clock.kst(_later(month, 1)).isoformat()
    of_month = f"at >= '{begin}' AND at < '{end}'"
    yield f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;"
    yield f"CREATE TABLE {part} (LIKE {table} INCLUDING DEFAULTS);"
    yield f"INSERT INTO {part} SELECT * FROM {rest} WHERE {of_month};"  # noqa: S608  (names and days of our own)
    yield f"ALTER TABLE {rest} DISABLE TRIGGER USER;"
    yield f"DELETE FROM {rest} WHERE {of_month};"  # noqa: S608
    yield f"ALTER TABLE {rest} ENABLE TRIGGER USER;"
    yield f"ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ('{begin}') TO ('{end}');"
    name = _NO_TRUNCATE[table]
    yield f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {part} FOR EACH STATEMENT EXECUTE FUNCTION {name}();"


def _is_over(month: dt.date) -> bool:
    return _later(month, 12 * chain.YEARS + 1) <= clock.today()


def _later(day: dt.date, months: int) -> dt.date:
    """The first day of the month that is so many months later."""
    number = day.year * 12 + day.month - 1 + months
    return dt.date(number // 12, number % 12 + 1, 1)
