"""Sentences of the public pages on refunds, exclusions and perks of the programme, all from its file. Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from eligibility import presenters
from kt_remedy.core.programme import Programme
from kt_remedy.core.templatetags.remedy import kdate_long
from rewards.templatetags.perks import perk_name

_WEEKDAYS = (
    gettext_lazy("월요일"),
    gettext_lazy("화요일"),
    gettext_lazy("수요일"),
    gettext_lazy("목요일"),
    gettext_lazy("금요일"),
    gettext_lazy("토요일"),
    gettext_lazy("일요일"),
)
_NETWORKS = {"MVNO": gettext_lazy("알뜰폰 회선")}
_ENDINGS = {
    "FORCED": (
        gettext_lazy("직권해지된 회선"),
        gettext_lazy("요금을 오래 내지 않는 등의 이유로 회사가 해지한 경우입니다."),
    ),
    "CANCEL": (gettext_lazy("번호를 없애고 해지한 회선"), gettext_lazy("다른 통신사로 번호를 옮긴 경우만 대상입니다.")),
    "PORT_OUT": (
        gettext_lazy("다른 통신사로 번호를 옮긴 회선"),
        gettext_lazy("번호를 없애고 해지한 경우만 대상입니다."),
    ),
}
_CHANNELS = {"WEB": gettext_lazy("홈페이지"), "CALL_CENTRE": gettext_lazy("전화"), "STORE": gettext_lazy("매장")}
_PERSONAL_PRODUCTS = ("HANDSET", "WATCH", "TABLET")


@dataclass(frozen=True, slots=True)
class Point:
    """One item of a list on a page, with a short explanation or none."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one programme in the active language; templates read the attributes."""

    programme: Programme

    @property
    def refunded(self) -> list[Point]:
        """The billed items that are refunded."""
        items = self.programme.waiver.refundable_items
        return [Point(presenters.item_name(code), presenters.item_note(code)) for code in items]

    @property
    def refunded_names(self) -> str:
        """The same items in a sentence, each with its explanation in brackets."""
        return ", ".join(f"{item.text}({item.note})" if item.note else item.text for item in self.refunded)

    @property
    def not_refunded_names(self) -> str:
        """The billed items that are not refunded."""
        return ", ".join(map(presenters.item_name, self.programme.waiver.non_refundable_items))

    @property
    def products(self) -> str:
        """The products whose penalty is refunded."""
        excluded = self.programme.waiver.excluded_products
        return ", ".join(presenters.product_name(code) for code in _PERSONAL_PRODUCTS if code not in excluded)

    @property
    def events(self) -> str:
        """The kinds of contract that are excluded if made too late."""
        events = self.programme.waiver.excluded_events
        return ", ".join(str(presenters.EVENTS.get(code, code)) for code in events)

    @property
    def excluded(self) -> list[Point]:
        """The lines that the waiver leaves out."""
        waiver = self.programme.waiver
        points = []
        if waiver.excluded_events:
            made = _("%(day)s부터 새 약정을 맺은 회선") % {"day": kdate_long(waiver.contract_before)}
            points.append(Point(made, self.events))
        points += [Point(str(_NETWORKS.get(code, code))) for code in waiver.excluded_networks]
        for code in waiver.excluded_products:
            points.append(Point(_("%(product)s 회선") % {"product": presenters.product_name(code)}))
        for code in waiver.excluded_termination_reasons:
            text, note = _ENDINGS.get(code, (code, ""))
            points.append(Point(str(text), str(note)))
        if waiver.exclude_rejoined:
            last = {"last": kdate_long(waiver.terminated_to)}
            points.append(Point(_("해지하신 뒤 %(last)s까지 다시 가입하신 분의 회선") % last))
        return points

    @property
    def endings(self) -> str:
        """The ways of leaving that count, in one sentence."""
        excluded = self.programme.waiver.excluded_termination_reasons
        if "CANCEL" in excluded:
            return _("다른 통신사로 번호를 옮기신 경우만 대상입니다.")
        if "PORT_OUT" in excluded:
            return _("번호를 없애고 해지하신 경우만 대상입니다.")
        return _("다른 통신사로 옮기셨든 그냥 해지하셨든 같습니다.")

    @property
    def channels(self) -> str:
        """The places where one may apply."""
        return ", ".join(str(_CHANNELS[code]) for code in self.programme.applications.channels if code in _CHANNELS)

    @property
    def weekly(self) -> str:
        """The weekday of the weekly rounds."""
        return str(_WEEKDAYS[self.programme.supplementary.weekday])

    @property
    def perk_ways(self) -> list[str]:
        """The ways to get the perks, each as a sentence, as far as one of them has it."""
        by_mode: dict[str, list[str]] = {}
        for perk in self.programme.perks:
            by_mode.setdefault(perk.mode, []).append(perk_name(perk.code))
        sentences = {
            "AUTOMATIC": gettext_lazy("저절로 시작됩니다: %(perks)s."),
            "CHOICE": gettext_lazy("골라 주셔야 합니다: %(perks)s."),
            "APPLICATION": gettext_lazy("신청하셔야 합니다: %(perks)s."),
        }
        told = [str(sentences[mode]) % {"perks": ", ".join(names)} for mode, names in by_mode.items()]
        ages = {perk.automatic_from_age for perk in self.programme.perks if perk.automatic_from_age is not None}
        return told + [_("만 %(age)s세 이상은 신청하지 않으셔도 됩니다.") % {"age": age} for age in sorted(ages)]
