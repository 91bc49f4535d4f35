"""Filters and tags every template may load with `{% load remedy %}`.

Dates and money are worded here and nowhere else, in the language of the page:

    {{ n|won }}             160,130                       the bare number
    {{ n|krw }}             160,130원 / ₩160,130           a sum inside a sentence or a ledger
    {% big_won n %}         160,130<small>원</small>       the sum of an `amount` card
    {{ day|kdate }}         1월 22일(목) / Thu 22 Jan      a day of this programme
    {{ day|kdate_small }}   the same, the weekday smaller
    {{ day|kday }}          1월 22일 / 22 Jan              where the weekday would be noise
    {{ day|kdate_long }}    2025년 11월 20일 / 20 Nov 2025 where two years meet
    {{ at|kdatetime }}      1월 14일(수) 10:12 / Wed 14 Jan 10:12
    {{ n|kmonths }}         6개월, 2년 / 6 months, 2 years  a number of months
    {{ span|minutes }}      20                            the minutes of a timedelta
    {{ text|mask_name }}  {{ text|mask_phone }}  {{ last4|mask_account }}  {{ day|mask_birth }}
    {{ number|tel }}        digits for a tel: link
    {{ name|unbroken }}     a masked name or a number stays on one line
    {% practice "staff" %}    what `devtools` shows there to people who try the portal out; nothing in production
    {% icon "next" %}       a drawing from static/icons.svg; a word always stands beside it

Instants become dates in Seoul. The words hold no-break spaces and, in Korean, word joiners around the weekday, so that
"1월 22일(목)까지" never breaks inside; text that leaves as an SMS has its own wording in `kt_remedy.notices`.

What repeats on pages stands in `templates/partials/`; each file begins with the names it takes:

    {% include "partials/icon.html" with name="next" %}
    {% include "partials/steps.html" with steps=steps current=2 label=label %}
    {% include "partials/error_summary.html" %}                          uses `form`
    {% include "partials/verdict_head.html" with kind="yes" id="l1" title=title bits=bits %}
    {% include "partials/amount.html" with label=label won=n rows=rows %}
    {% include "partials/ledger.html" with caption=caption rows=rows %}
    {% include "partials/rail.html" with items=items variant="days" %}
    {% include "partials/checks.html" with items=items %}
    {% include "partials/answers.html" with rows=rows %}
    {% include "partials/receipt.html" with title=title at=at reference=ref won=n rows=rows %}
    {% include "partials/message.html" with text=text %}
    {% include "partials/bars.html" with head=head unit=unit rows=rows %}
    {% include "partials/months.html" with items=items label=label %}
    {% include "partials/empty.html" with icon="doc" title=title text=text %}
    {% include "partials/alert.html" with kind="warning" text=text %}
    {% include "partials/back.html" with url=url %}
    {% include "partials/tag.html" with kind="wait" text=text %}
"""

import datetime as dt
import re
from collections.abc import Iterable
from functools import cache, partial
from typing import Any, cast

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from kt_remedy.core import clock, masking
from kt_remedy.core import practice as practice_aids

register = template.Library()

_NBSP, _JOIN = "\u00a0", "\u2060"
_WEEKDAYS_KO = "월화수목금토일"
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _korean() -> bool:
    return (get_language() or "ko").startswith("ko")


def _day(value: dt.date | dt.datetime) -> dt.date:
    return clock.kst_date(value) if isinstance(value, dt.datetime) else value


@register.filter
def won(value: int | None) -> str:
    """160,130; an empty string where there is no sum."""
    return "" if value is None else f"{value:,}"


@register.filter
def krw(value: int | None) -> str:
    """160,130원, in English ₩160,130; an empty string where there is no sum."""
    if value is None:
        return ""
    return f"{value:,}원" if _korean() else f"₩{value:,}"


@register.inclusion_tag("partials/big_won.html")
def big_won(value: int) -> dict[str, Any]:
    """The sum of an `amount` card: the unit smaller and lighter than the number."""
    return {"won": value, "korean": _korean()}


@register.simple_tag
def ledger_rows(rows: Iterable[Any]) -> SafeString:
    """The rows of `partials/ledger.html`."""
    # Python, not a template: every card of a line has a ledger; three rows take 99 us in a loop there, 37 us here.
    return format_html_join("", "{}\n    ", ((_ledger_row(row),) for row in rows))


def _ledger_row(row: Any) -> SafeString:
    get = row.get if isinstance(row, dict) else partial(getattr, row)
    if (kind := get("kind", "")) == "part":
        return format_html('<tr class="part"><th colspan="2" scope="colgroup">{}</th></tr>', get("label", ""))
    variant = format_html(' class="{}"', kind) if kind else ""
    note = format_html("<small>{}</small>", said) if (said := get("note", "")) else ""
    value = get("text", "") or krw(get("won", None))
    return format_html('<tr{}><th scope="row">{}{}</th><td>{}</td></tr>', variant, get("label", ""), note, value)


@register.filter
def kdate(value: dt.date | dt.datetime | None) -> str:
    """1월 22일(목), in English Thu 22 Jan."""
    if not value:
        return ""
    day = _day(value)
    if _korean():
        return f"{day.month}월{_NBSP}{day.day}일{_JOIN}({_WEEKDAYS_KO[day.weekday()]}){_JOIN}"
    return f"{_WEEKDAYS_EN[day.weekday()]}{_NBSP}{day.day}{_NBSP}{_MONTHS_EN[day.month - 1]}"


@register.filter
def kday(value: dt.date | dt.datetime | None) -> str:
    """1월 22일, in English 22 Jan."""
    if not value:
        return ""
    day = _day(value)
    if _korean():
        return f"{day.month}월{_NBSP}{day.day}일"
    return f"{day.day}{_NBSP}{_MONTHS_EN[day.month - 1]}"


@register.filter
def kweekday(value: dt.date | dt.datetime | None) -> str:
    """목, in English Thu."""
    if not value:
        return ""
    day = _day(value)
    return _WEEKDAYS_KO[day.weekday()] if _korean() else _WEEKDAYS_EN[day.weekday()]


@register.filter
def kdate_small(value: dt.date | dt.datetime | None) -> str:
    """A `kdate` whose weekday is smaller: 1월 22일<small>(목)</small>, in English <small>Thu</small> 22 Jan."""
    if not value:
        return ""
    form = "{day}<small>" + _JOIN + "({weekday})</small>" if _korean() else "<small>{weekday}</small>" + _NBSP + "{day}"
    return format_html(form, day=kday(value), weekday=kweekday(value))


@register.filter
def kdate_long(value: dt.date | dt.datetime | None) -> str:
    """2025년 11월 20일, in English 20 Nov 2025."""
    if not value:
        return ""
    day = _day(value)
    if _korean():
        return f"{day.year}년 {day.month}월{_NBSP}{day.day}일"
    return f"{day.day}{_NBSP}{_MONTHS_EN[day.month - 1]}{_NBSP}{day.year}"


@register.filter
def kmonth(value: dt.date | dt.datetime | None) -> str:
    """2월, in English Feb."""
    if not value:
        return ""
    day = _day(value)
    return f"{day.month}월" if _korean() else _MONTHS_EN[day.month - 1]


@register.filter
def kmonths(value: int | None) -> str:
    """6개월, in English 6 months; whole years as years: 2년, 2 years."""
    if not value:
        return ""
    number, korean, english = (value // 12, "년", "year") if value % 12 == 0 else (value, "개월", "month")
    return f"{number}{korean}" if _korean() else f"{number}{_NBSP}{english}{'' if number == 1 else 's'}"


@register.filter
def minutes(value: dt.timedelta | None) -> int | str:
    """20, the whole minutes of a span of time."""
    return "" if value is None else value // dt.timedelta(minutes=1)


@register.filter
def ktime(value: dt.datetime | None) -> str:
    """10:12 in Seoul."""
    return value.astimezone(clock.KST).strftime("%H:%M") if value else ""


@register.filter
def kdatetime(value: dt.datetime | None) -> str:
    """1월 14일(수) 10:12, in English Wed 14 Jan 10:12; the hour is Seoul's."""
    if not value:
        return ""
    return f"{kdate(value).rstrip(_JOIN)}{_NBSP}{ktime(value)}"


def as_typed(text: str) -> str:
    """The words of a page with usual blanks and without joiners, for a file in which one searches and filters."""
    return text.replace(_NBSP, " ").replace(_JOIN, "")


@register.filter
def mask_name(value: str) -> str:
    """홍*동."""
    return masking.name(value)


@register.filter
def mask_phone(value: str) -> str:
    """010-****-1234."""
    return masking.phone(value)


@register.filter
def mask_account(value: str) -> str:
    """*******1234, from the last four digits."""
    return masking.account(value)


@register.filter
def mask_birth(value: dt.date | None) -> str:
    """19**-**-15."""
    return masking.birth(value) if value else ""


@register.filter
def unbroken(value: str) -> str:
    """Text whose masked names, numbers and references stay on one line, with the ending behind a bracket: a line may
    break beside a star and behind a hyphen or a bracket otherwise."""
    return value.replace("*", f"{_JOIN}*{_JOIN}").replace("-", f"-{_JOIN}").replace(")", f"){_JOIN}")


@register.filter
def tel(value: str) -> str:
    """The digits of a telephone number, for a tel: link."""
    return re.sub(r"[^0-9+]", "", value)


@cache
def _drawing(name: str) -> SafeString:
    # The address carries a hash of the file's content, so it is asked for once per process. Python, not a template:
    # a page of lines shows dozens of drawings, each 15 us in a template and 4 us here.
    return format_html('<svg class="ico" aria-hidden="true"><use href="{}#i-{}"/></svg>', static("icons.svg"), name)


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawing of static/icons.svg, silent to screen readers."""
    return _drawing(name) if name else SafeString()


@register.simple_tag(takes_context=True)
def practice(context: template.Context, place: str) -> SafeString:
    """The panel that `devtools` registered for `place`; nothing in production."""
    return practice_aids.panel(place, cast("dict[str, Any]", context.flatten()))
