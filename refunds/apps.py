from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _

from kt_remedy.audit import actions

# A session plans the statement of a history trigger once. A plan for one row is a nested loop, which takes hours for
# half a million rows; a merge or hash join costs one row nothing. This holds for every table with history.
HISTORY_PLANS = """
DO $$ DECLARE history regprocedure; BEGIN
    FOR history IN SELECT oid FROM pg_proc
        WHERE proname LIKE 'pgtrigger_%' AND prosrc LIKE '%JOIN new_values%'
          AND NOT coalesce(proconfig, '{}') @> '{enable_nestloop=off}'
    LOOP EXECUTE format('ALTER FUNCTION %s SET enable_nestloop = off', history); END LOOP;
END $$
"""


def steady_history(using: str, **_: Any) -> None:
    """Keep history triggers from plans that fit one row only; runs after every migration, which may recreate them."""
    with connections[using].cursor() as cursor:
        cursor.execute(HISTORY_PLANS)


def _register_actions() -> None:
    actions.register_exports(
        "list.exported",
        "item.call_list",
        "evidence.taken",
        "file.downloaded",
        "inquiry.downloaded",
        "settlement.taken",
        "settlement.trial_balance",
    )
    actions.register(
        {
            "filing": _("신청"),
            "account": _("계좌"),
            "accounts": _("계좌번호 지우기"),
            "application": _("심사"),
            "consent": _("동의"),
            "evidence": _("서류와 증거 묶음"),
            "objection": _("이의"),
            "note": _("상담 기록"),
            "batch": _("지급 회차"),
            "item": _("지급 건"),
            "file": _("은행 파일"),
            "result": _("은행 결과"),  # before answers were staged
            "answer": _("은행 답"),
            "inquiry": _("은행 조회 목록"),
            "statement": _("거래내역"),
            "suspense": _("미결"),
            "adjustment": _("정정 지급"),
            "offline_payment": _("국내 계좌가 없는 지급"),
            "settlement": _("정산서"),
            "roster": _("담당과 대리"),
            "list": _("목록 내보내기와 거르기"),
        }
    )


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = _("환급")

    def ready(self) -> None:
        """Register the texts and the calendar's tasks of each part of this application."""
        _register_actions()

        from kt_remedy.audit import heads
        from kt_remedy.core.tasks import metrics
        from kt_remedy.staff import household as households
        from kt_remedy.staff import leaving
        from refunds import balance, reminders, tasks  # models are loaded only now
        from refunds.accounts import household, wipe
        from refunds.applications import call_backs, queue, sms
        from refunds.payouts import chain_heads, gauges, invariants
        from refunds.payouts import sms as payout_texts
        from refunds.payouts.admin import home
        from refunds.promise import texts as promise_texts
        from refunds.views import console, store_home

        households.register_source(household.persons)
        leaving.register(queue.pass_on)
        leaving.register(call_backs.hand_over)
        heads.register_source(chain_heads.stored)
        metrics.register(gauges.gauges)
        post_migrate.connect(steady_history, sender=self)
        post_migrate.connect(queue.make_functions, sender=self)
        post_migrate.connect(wipe.make_function, sender=self)
        pre_migrate.connect(invariants.drop_views, sender=self)
        pre_migrate.connect(balance.drop_view, sender=self)
        post_migrate.connect(balance.make_view, sender=self)  # the invariants read it
        post_migrate.connect(invariants.make_views, sender=self)
        sms.register()
        payout_texts.register()
        promise_texts.register()
        reminders.register()
        tasks.register()
        console.register()
        store_home.register()
        home.register()
