"""What the rewards pages accept. Codes and contracts are checked again, under lock, by the service."""

from django import forms
from django.utils.translation import gettext_lazy as _


class ChoiceForm(forms.Form):
    """One service for one line; `ward` is the customer number of the child it is for, empty for oneself."""

    perk = forms.CharField(max_length=40)
    contract = forms.CharField(max_length=20)
    ward = forms.CharField(max_length=20, required=False)
    choice = forms.CharField(max_length=40, error_messages={"required": _("보고 싶은 서비스를 하나 골라 주세요")})


class PerkForm(forms.Form):
    """One perk, and for one by line the contract."""

    perk = forms.CharField(max_length=40)
    contract = forms.CharField(max_length=20, required=False)
    ward = forms.CharField(max_length=20, required=False)
