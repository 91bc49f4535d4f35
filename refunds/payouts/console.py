"""The figures of the console's home: where the money of a round is, and the trend over the rounds.

Sums over items come from the figures that the worker keeps (`BatchFigures`), so that the page reads a row for each
round and never the items.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kt_remedy.core.models import PeriodicTask
from kt_remedy.core.tasks import schedule
from kt_remedy.core.templatetags.remedy import kdatetime, krw, won
from refunds.models.batches import Batch, BatchFigures
from refunds.models.items import Item
from refunds.payouts import answers, invariants, overview
from refunds.payouts.overview import FigureBar


@dataclass(frozen=True, slots=True)
class Flow:
    """One step in the life of a round: the money that reached it, and in `off` what left it there."""

    label: str
    main: str
    notes: list[str] = field(default_factory=list)
    off: list[str] = field(default_factory=list)
    state: str = ""  # done, now, ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Items and won of a batch by state, as the worker last counted them; None if it never did."""

    states: dict[str, tuple[int, int]] | None
    counted_at: dt.datetime | None = None

    def count(self, *codes: str) -> int:
        """Items in these states."""
        return sum((self.states or {}).get(code, (0, 0))[0] for code in codes)

    def won(self, *codes: str) -> int:
        """Won of the items in these states."""
        return sum((self.states or {}).get(code, (0, 0))[1] for code in codes)

    @property
    def sent(self) -> int:
        """Items that were not taken out."""
        return self.count(*(code for code in Item.Status.values if code != Item.Status.VOID))


def progress(batch: Batch) -> Progress:
    """The stored states of a batch, also while the worker counts them anew."""
    row: BatchFigures | None = getattr(batch, "figures", None)
    if row is None or "states" not in row.figures:
        return Progress(None)
    return Progress({code: (count, total) for code, (count, total) in row.figures["states"].items()}, row.counted_at)


def batches_with_figures() -> QuerySet[Batch]:
    """Every batch with its stored figures and its people."""
    return Batch.objects.select_related("figures", "prepared_by", "approved_by")


def current_batches(*, at: dt.datetime | None = None) -> list[Batch]:
    """The frozen batches that are not settled, nearest pay day first; the last settled one if there is none."""
    rows = batches_with_figures().exclude(status=Batch.Status.OPEN)
    running = list(rows.exclude(status=Batch.Status.SETTLED).order_by("pay_on"))
    return running or list(rows.order_by("-pay_on")[:1])


def step_of(batch: Batch) -> int:
    """The number of the present step of a batch, of the seven of `flow`."""
    reached = overview.batch_steps(batch)[1]
    return min(reached, 7)


def next_act(batch: Batch) -> tuple[str, str]:
    """The next act of a batch in words, and until when."""
    by = _("%(at)s까지") % {"at": kdatetime(overview.hand_over_by(batch.pay_on))}
    words = {
        "OPEN": (_("확정하기"), _("%(at)s 마감") % {"at": kdatetime(batch.cut_off)}),
        "FROZEN": (_("승인하기"), by),
        "APPROVED": (_("파일 만들기"), by),
        "FILED": (_("은행에 전달"), by),
        "REFUSED": (_("파일 다시 만들기"), _("은행이 거절했습니다")),
        "MADE": (_("다시 만든 파일 승인"), ""),
        "HANDED_OVER": (_("은행 답 기다림"), ""),
        "ACCEPTED": (_("은행 답 기다림"), ""),
        "SETTLED": (_("끝남"), ""),
    }
    unknown = progress(batch).count(Item.Status.UNKNOWN)
    if unknown:
        return _("모르는 %(count)s건 물어보기") % {"count": won(unknown)}, ""
    return words[batch.stage]


def waiting_for(batches: QuerySet[Batch], user: Any) -> QuerySet[Batch]:
    """Batches whose next act the user may do."""
    acts = {
        "FROZEN": "payouts.approve_batch",
        "MADE": "payouts.approve_batch",
        "APPROVED": "payouts.create_file",
        "FILED": "payouts.hand_over_file",
        "REFUSED": "payouts.create_file",
    }
    own = [
        batch.pk
        for batch in Batch.objects.exclude(status__in=[Batch.Status.OPEN, Batch.Status.SETTLED])
        if (permission := acts.get(batch.stage)) and user.has_perm(permission)
    ]
    return batches.filter(pk__in=own)


def flow(batch: Batch) -> list[Flow]:
    """The seven steps of a frozen batch with the money that reached each and what left it there."""
    done = progress(batch)
    count, total = batch.count or 0, batch.won or 0
    excluded = list(batch.excluded.values())
    out_count, out_won = sum(row[0] for row in excluded), sum(row[1] or 0 for row in excluded)
    files = list(batch.files.in_force().order_by("part"))
    handed_over = [file for file in files if file.handed_over_at]
    reached = overview.batch_steps(batch)[1]  # 2 frozen, 3 approved, 4 filed …
    body = [_count(count)]
    closed = _("%(at)s 마감") % {"at": _at(batch.cut_off)}
    settled = Flow(_("정산"), _("끝"), [_at(batch.settled_at)]) if batch.settled_at else Flow(_("정산"), _("아직"))
    steps = [
        Flow(_("모음"), krw(total + out_won), [_count(count + out_count), closed]),
        Flow(
            _("확정"),
            krw(total),
            [*body, _at(batch.prepared_at), overview.name_of(batch.prepared_by)],
            [_("다음 회차로 %(n)s") % {"n": _count(out_count)}, krw(out_won)] if out_count else [],
        ),
        Flow(
            _("승인"),
            krw(total) if batch.approved_at else _("아직"),
            [*body, _at(batch.approved_at), overview.name_of(batch.approved_by)] if batch.approved_at else [],
            [_("뺀 것 %(n)s") % {"n": _count(done.count(Item.Status.VOID))}, krw(done.won(Item.Status.VOID))]
            if done.count(Item.Status.VOID)
            else [],
        ),
        Flow(
            _("파일"),
            krw(sum(file.won for file in files)) if files else _("아직"),
            [_count(sum(file.count for file in files)), _("파일 %(n)s개") % {"n": len(files)}] if files else [],
        ),
        Flow(
            _("전달"),
            krw(sum(file.won for file in handed_over)) if handed_over else _("아직"),
            [_count(sum(file.count for file in handed_over)), _at(max(f.handed_over_at for f in handed_over))]
            if handed_over
            else [],
        ),
        _result_step(batch, done, bool(handed_over)),
        settled,
    ]
    return [
        Flow(step.label, step.main, [note for note in step.notes if note], step.off, _state(place, reached))
        for place, step in enumerate(steps, 1)
    ]


def _result_step(batch: Batch, done: Progress, handed_over: bool) -> Flow:
    staged = overview.answers_to_confirm().filter(file__batch=batch).count() if handed_over else 0
    if staged:
        return Flow(_("결과"), _("답 %(count)s개 확인 전") % {"count": staged})
    if not handed_over or done.states is None:
        return Flow(_("결과"), _("아직"))
    notes = [_count(done.count(Item.Status.PAID))]
    open_count = done.count(*Item.OPEN_AT_BANK)
    if open_count:
        notes.append(_("기다림 %(n)s") % {"n": _count(open_count)})
    returned = done.count(Item.Status.RETURNED)
    off = [_("되돌아옴 %(n)s") % {"n": _count(returned)}, krw(done.won(Item.Status.RETURNED))] if returned else []
    return Flow(_("결과"), krw(done.won(Item.Status.PAID)), notes, off)


def _state(place: int, reached: int) -> str:
    """`reached` counts six steps; results and settlement are its last one."""
    now = reached if reached < 6 else (6 if reached == 6 else 8)
    return "done" if place < now else ("now" if place == now else "")


def _count(number: int) -> str:
    return _("%(count)s건") % {"count": won(number)}


def _at(moment: dt.datetime | None) -> str:
    return kdatetime(moment)


def sent_by_round() -> list[FigureBar]:
    """Won that left with each round, without what was taken out; as long as the largest."""
    rows = list(batches_with_figures().filter(won__isnull=False).order_by("pay_on"))
    most = max((row.won or 0 for row in rows), default=0) or 1
    return [
        FigureBar(
            overview.round_name(row.number, row.pay_on),
            (row.won or 0) * 1000 // most,
            krw(row.won),
            row.count or 0,
            row.won or 0,
        )
        for row in rows
    ]


def returned_by_round() -> list[FigureBar]:
    """Share of the payments of each round that came back.

    The bar ends where an answer needs a confirmation of its own (D-65).
    """
    bars = []
    for row in batches_with_figures().filter(won__isnull=False).order_by("pay_on"):
        done = progress(row)
        if not done.sent or not done.count(Item.Status.PAID, Item.Status.RETURNED):
            continue
        returned = done.count(Item.Status.RETURNED)
        share = returned * 10_000 // done.sent  # hundredths of a per cent
        bars.append(
            FigureBar(
                overview.round_name(row.number, row.pay_on),
                min(1000, share * 10 // answers.ODD_SHARE),
                f"{share / 100:.2f}%",
                returned,
                done.won(Item.Status.RETURNED),
            )
        )
    return bars


def money_check() -> dict[str, Any]:
    """The last run of the invariants: when, what it found, and whether it is late."""
    checked = PeriodicTask.objects.filter(code="refunds.verify_money").first()
    broken = {
        values["code"]: values["n"]
        for _text, values in (checked.result_messages if checked else [])
        if "code" in values
    }
    return {
        "checked": checked,
        "check_every": invariants.EVERY,
        "broken": broken,
        "late": bool(checked and schedule.is_overdue(checked, dt.datetime.now(dt.UTC))),
        "findings": [(code, title, broken.get(code, 0)) for code, title, _find in invariants.INVARIANTS],
    }
