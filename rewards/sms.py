"""Messages about perks by SMS, without amount, address or name (docs/domain.md#c7)."""

from django.utils.translation import gettext_lazy as _

from kt_remedy.notices import service as notices


def register() -> None:
    """Register the message texts with the notices."""
    notices.register(
        "rewards.code",
        label=_("영상 서비스 이용권을 받았을 때"),
        text={
            "ko": "{prefix} 영상 서비스 이용권 번호가 나왔습니다. 고객 보답에서 보세요. 문의 {hotline}(무료)",
            "en": "{prefix} Your video service code is ready on our website under Rewards. Call {hotline}",
        },
        sms=True,
    )
    notices.register(
        "rewards.code_awaited",
        label=_("영상 서비스 이용권 번호가 남지 않아 기다리실 때"),
        text={
            "ko": "{prefix} 이용권 번호가 모두 나갔습니다. 들어오면 순서대로 드립니다. 문의 {hotline}",
            "en": "{prefix} No video code is left now. You get one in turn and we tell you. Call {hotline}",
        },
        sms=True,
    )
    notices.register(
        "rewards.added",
        label=_("늦게 전해진 회선을 더했을 때"),
        text={
            "ko": "{prefix} 회선을 고객 보답에 더했습니다. 혜택은 고객 보답에서 보세요. 문의 {hotline}(무료)",
            "en": "{prefix} Your line now has the rewards. See them under Rewards. Call {hotline} (free)",
        },
        sms=True,
    )
    notices.register(
        "rewards.applied",
        label=_("안심 보험을 신청했을 때"),
        text={
            "ko": "{prefix} 안심 보험을 신청하셨습니다. 기간은 고객 보답에 있습니다. 문의 {hotline}(무료)",
            "en": "{prefix} We received your insurance application. Dates are under Rewards. Call {hotline}",
        },
        sms=True,
    )
