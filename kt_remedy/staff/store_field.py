"""A form field that takes a store by code or name and suggests stores while one types."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from kt_remedy.core.fields import TextField
from kt_remedy.staff import stores
from kt_remedy.staff.models import Store

SUGGESTED = 8


class StoreField(TextField):
    """The store of a code, a name, or of words that fit one store alone.

    `static/js/suggest.js` offers stores while one types; without scripts the refusal names those that fit.
    """

    widget = forms.TextInput(
        attrs={"autocomplete": "off", "data-suggest": reverse_lazy("staff-stores"), "maxlength": "60"}
    )

    def to_python(self, value: Any) -> Any:
        """The store, None for an empty field. Raises ValidationError where none or several fit."""
        words = super().to_python(value)
        if not words:
            return None
        words = words.partition(" · ")[0]  # as it was suggested: code, then name
        store = stores.named(words)
        if store is not None:
            return store
        fitting = list(stores.search(words, closed=True)[: SUGGESTED + 1])
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            raise ValidationError(_("그런 매장이 없습니다. 매장 이름이나 번호를 적어 주세요."), code="unknown")
        listed = ", ".join(f"{store.code} {store.name}" for store in fitting[:SUGGESTED])
        raise ValidationError(_("여러 곳이 맞습니다. 번호로 적어 주세요: %(stores)s") % {"stores": listed}, code="many")

    def prepare_value(self, value: Any) -> Any:
        """The store as a person reads and types it."""
        return f"{value.code} · {value.name}" if isinstance(value, Store) else value

    def run_validators(self, value: Any) -> None:
        """Nothing: a store was found by its words."""
