"""Messages about perks by SMS, without amount, address or name (docs/domain.md#c7)."""

from django.utils.translation import gettext_lazy as _

from kt_remedy.notices import service as notices


def register() -> None:
    """Register the message texts with the notices."""
    notices.register(
        "rewards.code",
        label=_("영상 서비스 이용권을 받았을 때"),
        text={
            "ko": "[KT] 영상 서비스 이용권이 발급되었습니다. 홈페이지의 고객 보답에서 확인하세요. 문의 {hotline}(무료)",
            "en": "[KT] Your video service code is ready under Rewards on our website. Call {hotline} (free)",
        },
    )
    notices.register(
        "rewards.applied",
        label=_("안심 보험을 신청했을 때"),
        text={
            "ko": "[KT] 안심 보험 신청이 접수되었습니다. 기간은 고객 보답에서 확인하세요. 문의 {hotline}(무료)",
            "en": "[KT] We received your insurance application. See dates under Rewards. Call {hotline} (free)",
        },
    )
