from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions


class AuditConfig(AppConfig):
    name = "kt_remedy.audit"
    verbose_name = _("접속 기록")

    def ready(self) -> None:
        actions.register(
            {
                "audit": _("접속 기록"),
                "admin": _("관리 화면"),
                "schedule": _("일정표"),
                "look": _("고객 정보가 있는 화면"),
                "reveal": _("가린 번호 보기"),
                "question": _("조회에 대한 질문"),
                "review": _("월간 점검"),
            }
        )
        # The purpose of a page is that of its area of the console.
        actions.register_looks(
            {
                "look.work": _("맡은 일을 하려고"),
                "look.desk": _("고객님의 신청과 문의를 도와드리려고"),
                "look.review": _("고객님의 신청이나 이의를 심사하려고"),
                "look.payouts": _("환급금을 보내 드리려고"),
                "look.perks": _("혜택을 드리려고"),
                "look.messages": _("안내가 닿았는지 확인하려고"),
                "look.reports": _("신청 현황을 집계하려고"),
                "look.calendar": _("일정을 확인하려고"),
                "look.admin": _("업무가 바르게 되었는지 점검하려고"),
                "reveal.account": _("환급금을 보낼 계좌번호를 확인하려고"),
                "reveal.phone": _("약속한 전화를 드리려고"),
                "admin.listed": _("업무가 바르게 되었는지 점검하려고"),
                "admin.viewed": _("업무가 바르게 되었는지 점검하려고"),
            }
        )

        from kt_remedy.audit import gauges, parts, sign_ins, tasks  # need the models
        from kt_remedy.core import health
        from kt_remedy.core.tasks import metrics

        health.register_alarm(parts.missing, parts.words_of_missing)
        metrics.register(gauges.gauges)
        tasks.register()
        sign_ins.connect()
