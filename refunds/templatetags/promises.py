"""The first sentence of a promise on a page."""

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from kt_remedy.core.templatetags.remedy import kdate
from refunds.promise.facts import Promise

register = template.Library()


@register.filter
def first_sentence(promise: Promise) -> SafeString:
    """The first sentence; a day in it that does not hold any more is struck through."""
    sentence = escape(promise.sentence)
    if promise.struck_day is None:
        return sentence
    day = escape(kdate(promise.struck_day))
    struck = format_html("<del>{}</del>", day)
    return SafeString(sentence.replace(day, struck, 1))  # nosec B703  (both are escaped)
