"""The tables of the report, for its page and its export: one definition, so that both show the same values."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from kt_remedy.core import masking, programme, replica
from kt_remedy.core.templatetags.remedy import as_typed, kdate, kmonth
from kt_remedy.staff.models import Store
from refunds import calendar
from refunds.applications import letters
from refunds.applications.staff_presenters import decision_reason
from refunds.models.applications import Channel, Objection
from refunds.models.states import Status
from refunds.reports import answer_days, applications, kept, money, work
from refunds.reports.selection import Selection

COUNT, WON, SHARE, DAYS = "count", "won", "share", "days"
STORES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: its label, values in the order of the columns, and a note under the label."""

    label: str
    values: tuple[Any, ...]
    note: str = ""
    sums: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report. Shares are thousandths, None where nothing is counted.

    `chart` is the column whose values are drawn as bars. With `plain` the bars are the whole table on the page, the
    other columns stand small beside them. `folded` rows of the page stand behind a summary.
    """

    code: str
    title: str
    first: str
    columns: tuple[tuple[str, str], ...]  # (title, unit)
    rows: list[Row]
    chart: int | None = None
    plain: bool = True
    note: str = ""
    folded: tuple[str, list[Row]] = ("", [])
    shown: int = 0  # rows on the page; 0 shows all

    @property
    def all_rows(self) -> list[Row]:
        """Every row, those behind the summary too."""
        return [*self.rows, *self.folded[1]]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a selection and their tables."""

    chosen: Selection
    counted_at: dt.datetime
    found: applications.Applications
    paid: money.Money
    tables: dict[str, Table] = field(default_factory=dict)

    @property
    def take_up(self) -> tuple[int, int]:
        """(applied for, lines with a refund due)."""
        return sum(row[2] for row in self.found.take_up), sum(row[1] for row in self.found.take_up)


def build(chosen: Selection, *, with_people: bool, anew: bool = False) -> Report:
    """Lay out the figures of a selection, counted now or minutes ago (`kept`), now with `anew`; `with_people` adds the
    work of each member of staff."""
    counted = kept.figures(chosen, anew=anew)
    found, paid = counted.found, counted.paid
    made = [
        _states(found),
        *_days(chosen, found),
        _channels(found, paid),
        _approval(found),
        _answers(found),
        _answer_days(counted.answers),
        _waiting(found),
        _take_up(found),
        _rejections(found),
        _rounds(paid),
        _money_days(paid),
        _objections(found),
        _stores(found, paid),
    ]
    if with_people:
        made.append(_work(chosen))
    return Report(chosen, counted.counted_at, found, paid, {table.code: table for table in made})


def share(part: int, whole: int) -> int | None:
    """Thousandths, rounded to the nearest; None of nothing."""
    return (2000 * part + whole) // (2 * whole) if whole else None


def _states(found: applications.Applications) -> Table:
    rows = [Row(str(status.label), (found.by_status[status],)) for status in Status if found.by_status[status]]
    if rows:
        rows.append(Row(_("모두"), (found.total,), sums=True))
    return Table("states", _("지금 상태"), _("상태"), ((_("건수"), COUNT),), rows, plain=False)


def _days(chosen: Selection, found: applications.Applications) -> list[Table]:
    columns = (*((str(channel.label), COUNT) for channel in Channel), (_("모두"), COUNT))
    closes = programme.current().applications.closes
    inside: list[Row] = []
    after: list[Row] = []
    for day in chosen.days(programme.current()):
        counts = [found.by_day[day, channel] for channel in Channel]
        (after if day > closes else inside).append(Row(kdate(day), (*counts, sum(counts)), note=_day_note(day)))
    late = sum(row.values[-1] for row in after)
    hours = [Row(_("%(hour)s시") % {"hour": hour}, (found.by_hour[hour],)) for hour in range(24)]
    return [
        Table(
            "days",
            _("날마다 들어온 신청"),
            _("신청한 날"),
            columns,
            inside,
            chart=len(Channel),
            folded=(_("마감 뒤에 들어온 신청 %(count)s건") % {"count": f"{late:,}"}, after),
        ),
        Table("hours", _("시간마다 들어온 신청"), _("시각"), ((_("건수"), COUNT),), hours, chart=0),
    ]


def _day_note(day: dt.date) -> str:
    """An event of the programme on a day."""
    facts = programme.current()
    for reminder in facts.reminders:
        if day == reminder.send_on:
            return _("%(number)s번째 알림") % {"number": reminder.round}
    if day == facts.applications.opens:
        return _("접수 첫날")
    if day == facts.applications.closes:
        return _("마감")
    paid = calendar.round_on(day, facts)
    return _("%(number)s차 지급일") % {"number": paid.number} if paid else ""


def _channels(found: applications.Applications, paid: money.Money) -> Table:
    rows = []
    for channel in Channel:
        states = _states_of(found.by_channel, channel)
        rows.append(
            Row(
                str(channel.label),
                (states.total(), share(states.total(), found.total), paid.by_channel[channel]),
            )
        )
    columns = ((_("신청"), COUNT), (_("비율"), SHARE), (_("돌려드린 돈"), WON))
    return Table("channels", _("접수처"), _("접수처"), columns, rows, chart=0)


def _approval(found: applications.Applications) -> Table:
    rows = []
    for channel in Channel:
        approved, decided = applications.decided(_states_of(found.by_channel, channel))
        rows.append(Row(str(channel.label), (share(approved, decided), approved, decided)))
    columns = ((_("승인율"), SHARE), (_("승인"), COUNT), (_("정함"), COUNT))
    total = applications.decided(found.by_status)[1]
    note = _("정한 %(count)s건 가운데 승인한 것입니다. 취하와 기다리는 것은 뺐습니다.") % {"count": f"{total:,}"}
    return Table("approval", _("승인율"), _("접수처"), columns, rows, chart=0, note=note)


def _answers(found: applications.Applications) -> Table:
    labels = {
        applications.PASSED: _("알려 드린 날이 지남"),
        applications.TODAY: _("오늘까지"),
        applications.SOON: _("%(days)s영업일 안") % {"days": applications.SOON_DAYS},
        applications.LATER: _("그 뒤"),
        applications.NOT_SAID: _("알려 드린 날 없음"),
    }
    title = _("심사를 기다리는 %(count)s건") % {"count": f"{found.answers.total():,}"}
    rows = [Row(labels[age], (found.answers[age],)) for age in applications.AGES]
    return Table("answers", title, _("답하기로 한 날"), ((_("건수"), COUNT),), rows, chart=0)


def _answer_days(found: dict[str, answer_days.AnswerDays]) -> Table:
    labels = {Status.REVIEW: _("심사"), Status.LATE: _("기간 뒤 접수"), answer_days.OBJECTION: _("이의")}
    rows = [
        Row(labels[kind], (found[kind].median, found[kind].answers, found[kind].longest))
        for kind in labels
        if kind in found
    ]
    columns = ((_("걸린 날(중앙값)"), DAYS), (_("답한 건수"), COUNT), (_("가장 오래 걸린 날"), DAYS))
    note = _("심사나 이의를 받은 날부터 답한 날까지입니다. 같은 날이면 0일입니다.")
    return Table("answer_days", _("답하기까지 걸린 날"), _("무엇에 대한 답"), columns, rows, plain=False, note=note)


def _waiting(found: applications.Applications) -> Table:
    rows = [Row(decision_reason(code), (n,)) for code, n in found.waiting.most_common()]
    return Table("waiting", _("사람을 기다리는 이유"), _("이유"), ((_("건수"), COUNT),), rows, chart=0)


def _take_up(found: applications.Applications) -> Table:
    rows = [Row(_month(month), (share(applied, lines), applied, lines)) for month, lines, applied in found.take_up]
    columns = ((_("신청한 비율"), SHARE), (_("신청"), COUNT), (_("대상 회선"), COUNT))
    note = _("거른 것은 신청에만 들고, 대상 회선은 언제나 모두입니다.")
    return Table("take_up", _("대상 가운데 신청한 비율"), _("해지한 달"), columns, rows, chart=0, note=note)


def _month(day: dt.date) -> str:
    return _("%(year)s년 %(month)s") % {"year": day.year, "month": kmonth(day)}


def _rejections(found: applications.Applications) -> Table:
    whole = found.by_status[Status.REJECTED]
    rows = [Row(_reason(code), (n, share(n, whole))) for code, n in found.rejections]
    columns = ((_("건수"), COUNT), (_("비율"), SHARE))
    note = _("한 신청에 이유가 여럿일 수 있습니다.")
    return Table("rejections", _("거절한 이유"), _("거절한 이유"), columns, rows, chart=0, note=note)


def _reason(code: str) -> str:
    """The name of a reason of a letter, or of a decision without one."""
    words = letters.labels([code])
    return words if words != code else decision_reason(code)


def _rounds(paid: money.Money) -> Table:
    rows, whole = [], money.Round()
    for pay_on, row in sorted(paid.rounds.items(), key=lambda item: item[0] or dt.date.max):
        rows.append(_round_row(pay_on, row))
        whole = money.Round(
            whole.sent + row.sent,
            whole.returned + row.returned,
            whole.open + row.open,
            whole.refunded + row.refunded,
        )
    if rows:
        rows.append(Row(_("모두"), (whole.sent, whole.returned, whole.open, whole.refunded), sums=True))
    columns = ((_("보낸 돈"), WON), (_("되돌아옴"), WON), (_("답 기다림"), WON), (_("돌려드린 돈"), WON))
    return Table("rounds", _("회차마다 돌려드린 돈"), _("회차"), columns, rows, chart=3, plain=False)


def _round_row(pay_on: dt.date | None, row: money.Round) -> Row:
    planned = calendar.round_on(pay_on, programme.current()) if pay_on else None
    label = _("%(number)s차") % {"number": planned.number} if planned else _("회차 밖")
    return Row(label, (row.sent, row.returned, row.open, row.refunded), note=kdate(pay_on) if pay_on else "")


def _money_days(paid: money.Money) -> Table:
    """Won by day, from the first to the last day on which money arrived; days between them without any are zero."""
    days = sorted(paid.by_day)
    rows = []
    if days:
        span = (days[0] + dt.timedelta(days=n) for n in range((days[-1] - days[0]).days + 1))
        rows = [Row(kdate(day), (paid.by_day[day],)) for day in span]
    note = _("은행의 답을 확인한 날입니다.")
    columns = ((_("돌려드린 돈"), WON),)
    return Table("money_days", _("날마다 돌려드린 돈"), _("날"), columns, rows, chart=0, note=note)


def _objections(found: applications.Applications) -> Table:
    rows = [_objection_row(str(kind.label), _states_of(found.objections, kind)) for kind in Objection.Kind]
    every: Counter[str] = Counter()
    for (_kind, state), n in found.objections.items():
        every[state] += n
    rows.append(_objection_row(_("모두"), every, sums=True))
    columns = (
        (_("받음"), COUNT),
        (_("받아들임"), COUNT),
        (_("받아들이지 않음"), COUNT),
        (_("보는 중"), COUNT),
        (_("거둠"), COUNT),
        (_("받아들인 비율"), SHARE),
    )
    whole = found.objections.total()
    title = _("이의 %(count)s건") % {"count": f"{whole:,}"}
    return Table("objections", title, _("무엇에 대한 이의"), columns, rows if whole else [], plain=False)


def _objection_row(label: str, states: Counter[str], sums: bool = False) -> Row:
    upheld, declined = states[Objection.Status.UPHELD], states[Objection.Status.DECLINED]
    waiting, withdrawn = states[Objection.Status.OPEN], states[Objection.Status.WITHDRAWN]
    values = (states.total(), upheld, declined, waiting, withdrawn, share(upheld, upheld + declined))
    return Row(label, values, sums=sums)


def _stores(found: applications.Applications, paid: money.Money) -> Table:
    by_store: dict[int, Counter[str]] = {}
    for (store, status), n in found.by_store.items():
        by_store.setdefault(store, Counter())[status] += n
    most = sorted(by_store.items(), key=lambda item: (-item[1].total(), item[0]))
    stores = Store.objects.in_bulk(by_store)
    rows = [
        Row(
            stores[store].name,
            (states.total(), share(*applications.decided(states)), paid.by_store[store]),
            note=stores[store].code,
        )
        for store, states in most
    ]
    columns = ((_("신청"), COUNT), (_("승인율"), SHARE), (_("돌려드린 돈"), WON))
    title = _("많이 받은 매장")
    return Table("stores", title, _("매장"), columns, rows, plain=False, shown=STORES_SHOWN)


def _work(chosen: Selection) -> Table:
    rows = [
        Row(
            masking.name(row.user.first_name) or row.user.username,
            (row.filings, row.approved, row.rejected, row.asked, row.objections, row.total),
            note=" · ".join(filter(None, [row.user.username, row.user.store.name if row.user.store else ""])),
        )
        for row in replica.read(lambda: work.by_person(chosen))[0]
    ]
    columns = (
        (_("접수"), COUNT),
        (_("승인"), COUNT),
        (_("거절"), COUNT),
        (_("서류 요청"), COUNT),
        (_("이의 답"), COUNT),
        (_("모두"), COUNT),
    )
    note = _("접수처와 회차로는 거르지 않습니다.")
    return Table("work", _("직원마다 한 일"), _("직원"), columns, rows, plain=False, note=note, shown=20)


def _states_of(counts: Counter[Any], key: Any) -> Counter[str]:
    """The part of counts by (key, state) that belongs to a key, by state."""
    return Counter({state: n for (of, state), n in counts.items() if of == key})


def rows_for_sheet(table: Table) -> Iterable[list[Any]]:
    """The rows of a table as cells: shares as percent with one decimal, words as one types them into a search."""
    units = [unit for _title, unit in table.columns]
    for row in table.all_rows:
        cells = [
            value if unit != SHARE else ("" if value is None else f"{value // 10}.{value % 10}%")
            for value, unit in zip(row.values, units, strict=True)
        ]
        yield [as_typed(row.label), as_typed(row.note), *cells]
