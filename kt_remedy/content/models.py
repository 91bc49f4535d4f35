"""Content entries: short texts in Korean and English that staff edit, each in force from a KST date."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class Place(models.TextChoices):
    NOTICE = "NOTICE", _("첫 화면 알림")
    FAQ = "FAQ", _("자주 묻는 질문")
    PARTNER = "PARTNER", _("제휴 브랜드")
    INSURER = "INSURER", _("보험사")
    PLAN = "PLAN", _("요금제 안내")
    SECURITY = "SECURITY", _("정보보호 5년 계획")


# Places whose texts stand on the site only after another person released them.
RELEASED = (Place.SECURITY,)


class Entry(models.Model):
    """One version of a text. A change adds a version with a later date, so the text of every day stays known.

    A version without a title removes the text from the page.
    """

    place = models.CharField(_("자리"), max_length=8, choices=Place.choices)
    key = models.SlugField(_("이름표"), help_text=_("같은 이름표의 새 글이 앞선 글을 대신합니다."))
    order = models.SmallIntegerField(_("순서"), default=0)
    title_ko = models.CharField(_("제목(한국어)"), max_length=120, blank=True)
    title_en = models.CharField(_("제목(영어)"), max_length=120, blank=True)
    body_ko = models.TextField(_("내용(한국어)"), max_length=4000, blank=True)
    body_en = models.TextField(_("내용(영어)"), max_length=4000, blank=True)
    shown_from = models.DateField(_("언제부터"))
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, editable=False, verbose_name=_("쓴 사람"))
    written_at = models.DateTimeField(_("쓴 때"), editable=False)

    class Meta:
        db_table = "content_entry"
        verbose_name = _("안내 글")
        verbose_name_plural = _("안내 글")
        constraints = [models.UniqueConstraint(fields=["place", "key", "shown_from"], name="content_one_a_day")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.key

    @property
    def title(self) -> str:
        """The title in the language of the page; Korean if there is no English title."""
        return self.title_ko if (get_language() or "ko").startswith("ko") else self.title_en or self.title_ko

    @property
    def body(self) -> str:
        """The body in the language of the page; Korean if there is no English body."""
        return self.body_ko if (get_language() or "ko").startswith("ko") else self.body_en or self.body_ko


class Release(models.Model):
    """The yes of the privacy officer to a version of a text; another person wrote it."""

    entry = models.OneToOneField(Entry, models.PROTECT, primary_key=True, related_name="release")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("내보낸 사람"))
    at = models.DateTimeField(_("내보낸 때"))

    class Meta:
        db_table = "content_release"
        verbose_name = verbose_name_plural = _("내보냄")
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="two_people",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                IF NEW.by_id = (SELECT written_by_id FROM content_entry WHERE id = NEW.entry_id) THEN
                    RAISE EXCEPTION 'who wrote a text does not release it';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return str(self.entry_id)
