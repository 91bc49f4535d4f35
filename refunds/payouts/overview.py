"""Figures about batches for makers and checkers, and the duties of today. Reads only."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, F, Max, Min, OuterRef, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.core import clock, masking, programme
from kt_remedy.core.templatetags.remedy import kdate, kdatetime, krw, won
from kt_remedy.staff.models import User
from refunds.applications.decision import PERSONS_ON_ONE_ACCOUNT
from refunds.bankfiles.returns import return_reason
from refunds.calendar import PayoutRound, business_days_before, round_on
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch, BatchFigures, Roster
from refunds.models.cases import Adjustment, OfflinePayment
from refunds.models.items import Item
from refunds.payouts import comparison, forecasts, funds, roster, sample, stops
from refunds.payouts.selection import REASONS

# Bounds of the bars in won; larger amounts share the last bar.
BOUNDS = (50_000, 100_000, 150_000, 200_000, 300_000, 400_000)
LARGE_KRW = 700_000
# A file reaches the bank on the business day before, by this hour.
HAND_OVER_AT = dt.time(18)
STEPS = ("OPEN", "FROZEN", "APPROVED", "FILED", "HANDED_OVER", "SETTLED")


@dataclass(frozen=True, slots=True)
class FigureBar:
    """A row of `partials/bars.html`."""

    label: str
    share: int
    text: str
    count: int = 0
    won: int = 0


@dataclass(frozen=True, slots=True)
class ReviewHint:
    """One review hint: a sentence, and the filter of the item list that shows its items."""

    text: str
    filter: str


def name_of(user: User | None) -> str:
    """A member of staff as other staff read them."""
    return masking.name(user.first_name) if user and user.first_name else (user.get_username() if user else "")


def hand_over_by(pay_on: dt.date) -> dt.datetime:
    """The latest hand-over of a file to the bank: 18:00 on the business day before the pay day."""
    return clock.kst(business_days_before(pay_on, 1), HAND_OVER_AT)


def figures(batch: Batch) -> dict[str, int]:
    """Count, sum, mean (rounded down), largest and smallest item of a batch, in won."""
    sums = batch.items.standing().aggregate(
        count=Count("pk"), won=Sum("amount_krw"), largest=Max("amount_krw"), smallest=Min("amount_krw")
    )
    result = {key: value or 0 for key, value in sums.items()}
    result["mean"] = result["won"] // result["count"] if result["count"] else 0
    return result


def stored_figures(batch: Batch) -> dict[str, Any]:
    """The stored figures of a batch: numbers and codes of its page. Each of them reads every item."""
    return {
        "figures": figures(batch),
        "review_hints": review_hint_sums(batch) if batch.status in Batch.BEFORE_FILE else [],
        "sample": sample.choose(batch, sample.weighed(_risks(batch))) if batch.status in Batch.BEFORE_FILE else [],
        "channels": comparison.by_channel(batch),
        "spread": spread(batch),
        "banks": by_bank(batch),
        "largest": [item.pk for item in largest(batch)],
        "states": states(batch),
        "files": {str(file.pk): items_by_state(file) for file in batch.files.all()},
    }


def spread(batch: Batch) -> dict[str, tuple[int, int]]:
    """Items and won by the number of the amount's bar (`spread_bars`)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT width_bucket(amount_krw::numeric, %s::numeric[]), count(*), sum(amount_krw)::bigint"
            " FROM refunds_item WHERE batch_id = %s AND status <> 'VOID' GROUP BY 1",
            [list(BOUNDS), batch.pk],
        )
        return {str(bucket): (count, total) for bucket, count, total in cursor.fetchall()}


def spread_bars(by_bucket: dict[str, tuple[int, int]]) -> list[FigureBar]:
    """Items by amount."""
    # In ten thousands, as amounts are spoken.
    bounds = [bound // 10_000 for bound in BOUNDS]
    labels = [_("%(to)s만 원 미만") % {"to": bounds[0]}]
    labels += [_("%(from)s만~%(to)s만") % {"from": low, "to": high} for low, high in itertools.pairwise(bounds)]
    labels.append(_("%(from)s만 원 이상") % {"from": bounds[-1]})
    rows = ((label, *by_bucket.get(str(bucket), (0, 0))) for bucket, label in enumerate(labels))
    return _bars(
        rows, length=lambda count, _won: count, text=lambda count, _won: _("%(count)s건") % {"count": won(count)}
    )


def by_bank(batch: Batch) -> list[tuple[str, int, int]]:
    """(code of the bank, items, won), largest sum first."""
    rows = (
        batch.items.standing()
        .values("account__bank_code")
        .annotate(count=Count("pk"), total=Sum("amount_krw"))
        .order_by("-total")
    )
    return [(row["account__bank_code"], row["count"], row["total"]) for row in rows]


def largest(batch: Batch, limit: int = 20) -> list[Item]:
    """The largest items of a batch."""
    return list(batch.items.standing().order_by("-amount_krw", "reference")[:limit])


def items_by_key(ids: Iterable[int]) -> dict[int, Item]:
    """Items by their keys, with their accounts and applications."""
    return Item.objects.select_related("account", "application__filing").in_bulk(set(ids))


def _previous_batch(batch: Batch) -> Batch | None:
    """The round frozen before this one."""
    return Batch.objects.filter(pay_on__lt=batch.pay_on, won__isnull=False).order_by("-pay_on").first()


def review_hints(items: QuerySet[Item]) -> dict[str, QuerySet[Item]]:
    """Filters of an item list for payments that deserve a review before the approval, by code."""
    shared = (
        Item.objects.standing()
        .values("account__number_index")
        .annotate(people=Count("account__person_index", distinct=True))
        .filter(people__gt=PERSONS_ON_ONE_ACCOUNT)
        .values("account__number_index")
    )
    # Compared by the index of the number: an account that another person entered before is not new.
    paid = Item.objects.filter(
        account__number_index=OuterRef("account__number_index"),
        status=Item.Status.PAID,
        batch__pay_on__lt=OuterRef("batch__pay_on"),
    )
    return {
        "stopped": stops.flagged(items),
        "large": items.filter(amount_krw__gte=LARGE_KRW),
        "differs": items.filter(kind="REFUND").exclude(amount_krw=F("application__amount_seen_krw")),
        "changed": items.exclude(account=F("application__filing__account")),
        "shared": items.filter(account__number_index__in=shared),
        "new": items.filter(~Exists(paid)),
        "again": items.filter(attempt__gt=1),
        "adjustment": items.filter(kind=Item.Kind.ADJUSTMENT),
    }


def hint_labels() -> dict[str, str]:
    """The review hints in a few words, as filters and samples name them."""
    return {
        "stopped": _("나가면 안 되는 것"),
        "large": _("큰 금액"),
        "differs": _("보여 드린 금액과 다름"),
        "changed": _("계좌를 바꿈"),
        "shared": _("여러 사람이 쓰는 계좌"),
        "new": _("처음 쓰는 계좌"),
        "again": _("다시 보냄"),
        "adjustment": _("정정 지급"),
    }


def _risks(batch: Batch) -> dict[str, QuerySet[Item]]:
    """The review hints that tell payments of this batch apart: in the first round every account is new."""
    rows = review_hints(batch.items.standing())
    if _previous_batch(batch) is None:
        del rows["new"]
    return rows


def review_hint_sums(batch: Batch) -> list[tuple[str, int, int]]:
    """(code of `review_hints`, items, won) of the hints that apply; for "differs" the difference in won."""
    hints = []
    for code, rows in _risks(batch).items():
        if code == "stopped":
            continue  # the page counts them anew each time
        sums = rows.aggregate(count=Count("pk"), total=Sum("amount_krw"), seen=Sum("application__amount_seen_krw"))
        if sums["count"]:
            total = abs(sums["total"] - (sums["seen"] or 0)) if code == "differs" else sums["total"]
            hints.append((code, sums["count"], total))
    return hints


def review_hint_texts(batch: Batch, sums: Iterable[tuple[str, int, int]]) -> list[ReviewHint]:
    """Review hints as sentences, from `review_hint_sums`, and a comparison with the round before."""
    hints, before = [], _previous_batch(batch)
    for code, count, total in sums:
        values = {"count": won(count), "limit": krw(LARGE_KRW), "won": krw(total), "people": PERSONS_ON_ONE_ACCOUNT}
        hints.append(ReviewHint(_HINT_TEXTS[code]() % values, code))
    if before and before.won and batch.won:
        values = {
            "day": kdate(before.pay_on),
            "count": f"{(batch.count or 0) - (before.count or 0):+,}",
            "won": f"{batch.won - before.won:+,}",
            "share": batch.won * 100 // before.won,
        }
        text = _("지난 회차(%(day)s)보다 %(count)s건, %(won)s원. 합계는 그 %(share)s%%입니다.")
        hints.append(ReviewHint(text % values, ""))
    return hints


_HINT_TEXTS: dict[str, Any] = {
    "large": lambda: _("%(limit)s 이상 %(count)s건, 모두 %(won)s"),
    "differs": lambda: _("신청 화면에 보여 드린 금액과 다른 %(count)s건, 차이 %(won)s"),
    "changed": lambda: _("신청한 뒤 계좌를 바꾼 %(count)s건, 모두 %(won)s"),
    "shared": lambda: _("%(people)s명이 넘게 쓰는 계좌로 가는 %(count)s건, 모두 %(won)s"),
    "new": lambda: _("처음으로 돈이 가는 계좌 %(count)s건, 모두 %(won)s"),
    "again": lambda: _("되돌아와 다시 보내는 %(count)s건, 모두 %(won)s"),
    "adjustment": lambda: _("정정 지급 %(count)s건, 모두 %(won)s"),
}


def excluded(batch: Batch) -> list[tuple[str, int, int]]:
    """(reason in words, applications, won) left out by the freeze."""
    return [(str(REASONS.get(code, code)), count, won or 0) for code, (count, won) in batch.excluded.items()]


def states(batch: Batch) -> dict[str, tuple[int, int]]:
    """Items and won by state; of the void ones those that a person took out, not the copies of each new freeze."""
    rows = (
        batch.items.exclude(status=Item.Status.VOID, taken_out_because="")
        .values_list("status")
        .annotate(count=Count("pk"), total=Sum("amount_krw"))
        .order_by()
    )
    return {status: (count, total) for status, count, total in rows}


def state_label(batch: Batch, code: str) -> str:
    """The state of items of this batch in words: before the hand-over a filed item is in a file, not at the bank."""
    if code == Item.Status.FILED and not batch.handed_over_at:
        return _("파일에 담음")
    return str(Item.Status(code).label)


def state_bars(batch: Batch, sums: dict[str, tuple[int, int]]) -> list[FigureBar]:
    """Won by state of the items."""
    return won_bars((state_label(batch, code), *sums[code]) for code in Item.Status.values if code in sums)


def by_state() -> list[FigureBar]:
    """Won by state, of all items that were not taken out."""
    sums: dict[str, tuple[int, int]] = {}
    for _batch, by_code in _kept_states():
        for code, (count, total) in by_code.items():
            before = sums.get(code, (0, 0))
            sums[code] = (before[0] + count, before[1] + total)
    return won_bars(
        (str(label), *sums[code]) for code, label in Item.Status.choices if code in sums and code != Item.Status.VOID
    )


def _kept_states() -> Iterable[tuple[Batch, dict[str, tuple[int, int]]]]:
    """The states of the items of each frozen batch: from its stored figures where they stand."""
    kept = {row.batch_id: row for row in BatchFigures.objects.filter(asked=False).only("batch_id", "figures")}
    for batch in Batch.objects.exclude(status=Batch.Status.OPEN).order_by("pay_on"):
        row = kept.get(batch.pk)
        yield batch, row.figures["states"] if row is not None and row.figures else states(batch)


def returns() -> list[FigureBar]:
    """Won that came back, by the bank's reason."""
    rows = (
        Item.objects.filter(status=Item.Status.RETURNED)
        .values_list("code")
        .annotate(count=Count("pk"), total=Sum("amount_krw"))
        .order_by("-total", "code")
    )
    return won_bars((return_reason(code), count, total) for code, count, total in rows)


def by_round() -> list[FigureBar]:
    """Won by round that left for the bank and did not come back; the label says what came back."""
    gone = {Item.Status.PAID, Item.Status.RETURNED, Item.Status.UNKNOWN}
    rows = []
    for batch, by_code in _kept_states():
        left = gone | ({Item.Status.FILED} if batch.handed_over else set())
        count, total = (sum(by_code[code][n] for code in left if code in by_code) for n in (0, 1))
        back = by_code.get(Item.Status.RETURNED, (0, 0))[1]
        if count:
            day = kdate(batch.pay_on)
            label = _("%(day)s, %(back)s 되돌아옴") % {"day": day, "back": krw(back)} if back else day
            rows.append((label, count, total - back))
    return won_bars(rows)


def won_bars(rows: Iterable[tuple[str, int, int]]) -> list[FigureBar]:
    """Bars as long as their won."""
    return _bars(rows, length=lambda _count, won: won, text=lambda _count, won: krw(won))


def _bars(
    rows: Iterable[tuple[str, int, int]], *, length: Callable[[int, int], int], text: Callable[[int, int], str]
) -> list[FigureBar]:
    """Bars of rows of label, count and won; the longest is 1000 long."""
    every = list(rows)
    most = max((length(count, won) for _label, count, won in every), default=0) or 1
    return [
        FigureBar(label, length(count, won) * 1000 // most, text(count, won), count, won) for label, count, won in every
    ]


# Today --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty of today: its text, deadline, address, and the people who do it."""

    text: str
    duty: str
    until: dt.datetime | None
    url: str
    late: bool
    holder: str
    deputy: str
    # No qualified person is assigned: `holder` names all who hold the role.
    unnamed: bool


def assigned_names(assigned: dict[str, Roster], duty: str) -> tuple[str, str, bool]:
    """Holder and deputy of a duty by name, and True if no qualified person is assigned."""
    row = assigned.get(duty)
    if row is not None and (roster.is_qualified(row.holder, duty) or roster.is_qualified(row.deputy, duty)):
        return (
            name_of(row.holder) if roster.is_qualified(row.holder, duty) else "",
            name_of(row.deputy) if roster.is_qualified(row.deputy, duty) else "",
            False,
        )
    return ", ".join(name_of(user) for user in roster.candidates(duty)[:4]), "", True


def duties(*, at: dt.datetime | None = None) -> list[Duty]:
    """The duties of today, in the order of their deadlines."""
    at = at or clock.now()
    open_duties: list[tuple[str, str, dt.datetime | None, str]] = []
    for forecast in forecasts.current(at=at)[0]:
        payout_round = forecast.round
        if forecast.is_over(at):
            continue
        if payout_round.cut_off <= at:
            url = reverse("admin:payouts:freeze", args=[payout_round.pay_on])
            open_duties.append(
                (
                    _("%(round)s 확정") % {"round": _round(payout_round)},
                    "FREEZE",
                    hand_over_by(payout_round.pay_on),
                    url,
                )
            )
        elif clock.kst_date(payout_round.cut_off) <= clock.kst_date(at):
            url = reverse("admin:payouts:rounds")
            text = _("%(round)s 오늘 %(when)s 마감") % {
                "round": _round(payout_round),
                "when": kdatetime(payout_round.cut_off),
            }
            open_duties.append((text, "FREEZE", payout_round.cut_off, url))
    for batch in Batch.objects.exclude(status__in=["OPEN", "SETTLED"]).order_by("pay_on"):
        payout_round_of_batch = round_on(batch.pay_on, programme.current())
        label = _round(payout_round_of_batch) if payout_round_of_batch else str(batch)
        url, deadline = reverse("admin:payouts:batch", args=[batch.pk]), hand_over_by(batch.pay_on)
        if batch.status == Batch.Status.FROZEN:
            open_duties.append((_("%(round)s 승인") % {"round": label}, "APPROVE", deadline, url))
        elif batch.status == Batch.Status.APPROVED:
            open_duties.append((_("%(round)s 파일 만들기") % {"round": label}, "FILE", deadline, url))
        elif (stage := batch.stage) == Batch.Status.FILED:
            open_duties.append((_("%(round)s 은행에 전달") % {"round": label}, "FILE", deadline, url))
        elif stage == BankFile.Status.REFUSED:
            open_duties.append((_("%(round)s 은행이 거절한 파일 다시 만들기") % {"round": label}, "FILE", None, url))
        elif stage == BankFile.Status.MADE:
            open_duties.append((_("%(round)s 다시 만든 파일 승인") % {"round": label}, "APPROVE", None, url))
        elif batch.pay_on <= clock.kst_date(at):
            evening = clock.kst(batch.pay_on, HAND_OVER_AT)
            open_duties.append((_("%(round)s 결과 올리기") % {"round": label}, "RESULTS", evening, url))
    for notice in funds.untold().select_related("batch"):
        label = round_name(notice.batch.number, notice.batch.pay_on)
        url = reverse("admin:payouts:funds_tell", args=[notice.pk])
        text = _("%(round)s 지급 자금을 재무에 알리기") % {"round": label}
        open_duties.append((text, "FREEZE", hand_over_by(notice.batch.pay_on), url))
    stopped = stops.at_bank().count()
    if stopped:
        url = reverse("admin:payouts:stopped_at_bank")
        text = _("은행에 간 뒤 보류되었거나 판정이 바뀐 %(count)s건, 재무에 알리기")
        open_duties.append((text % {"count": won(stopped)}, "RESULTS", None, url))
    answers = answers_to_confirm().count()
    if answers:
        url = reverse("admin:refunds_bankanswer_changelist") + "?status__exact=STAGED"
        open_duties.append((_("은행 답 확인하기 %(count)s건") % {"count": won(answers)}, "APPROVE", None, url))
    unknown = unknown_count()
    if unknown:
        url = reverse("admin:payouts:inquiries")
        open_duties.append((_("은행에 물어볼 %(count)s건") % {"count": won(unknown)}, "RESULTS", None, url))
    waiting = Adjustment.objects.filter(status=Adjustment.Status.PROPOSED).count()
    if waiting:
        url = reverse("admin:refunds_adjustment_changelist") + "?status__exact=PROPOSED"
        open_duties.append((_("정정 지급 승인 %(count)s건") % {"count": won(waiting)}, "APPROVE", None, url))
    offline = OfflinePayment.objects.filter(status=OfflinePayment.Status.RECORDED).count()
    if offline:
        url = reverse("admin:refunds_offlinepayment_changelist") + "?status__exact=RECORDED"
        open_duties.append((_("따로 보낸 지급 확인 %(count)s건") % {"count": won(offline)}, "APPROVE", None, url))
    ordered = sorted(open_duties, key=lambda duty: (duty[2] is None, duty[2] or at))
    assigned = roster.assignments()
    return [
        Duty(text, code, until, url, bool(until and until < at), *assigned_names(assigned, code))
        for text, code, until, url in ordered
    ]


def answers_to_confirm() -> QuerySet[BankAnswer]:
    """Answers that a worker has read without a fault and that wait for another person."""
    return BankAnswer.objects.filter(
        status=BankAnswer.Status.STAGED, read_at__isnull=False, faults=[], confirmed_by=None
    )


def unknown_count() -> int:
    """Unanswered payments by the figures that the worker keeps: each page of staff shows how many acts wait, and none
    of them may read items for it."""
    rows = BatchFigures.objects.values_list("figures__states__UNKNOWN", flat=True)
    return sum(row[0] for row in rows if row)


def _round(payout_round: PayoutRound) -> str:
    return round_name(payout_round.number, payout_round.pay_on)


def round_name(number: int, pay_on: dt.date) -> str:
    """1차 지급 · 1월 22일(목)."""
    return _("%(number)s차 지급 · %(day)s") % {"number": number, "day": kdate(pay_on)}


def batch_steps(batch: Batch) -> tuple[list[str], int]:
    """The six steps of a batch and the number of the current one, from 1; 7 when all are done."""
    names = [_("모음"), _("확정"), _("승인"), _("파일"), _("전달"), _("정산")]
    # A refused part and the one that replaces it stand again before the hand-over.
    stage = {"REFUSED": "FILED", "MADE": "FILED", "ACCEPTED": "HANDED_OVER"}.get(batch.stage, batch.stage)
    return names, STEPS.index(stage) + 2 if stage != "OPEN" else 1


def items_by_state(file: BankFile) -> dict[str, tuple[int, int]]:
    """Items and won of a file by state."""
    rows = file.items.values_list("status").annotate(count=Count("pk"), won=Sum("amount_krw")).order_by()
    return {status: (count, total) for status, count, total in rows}
