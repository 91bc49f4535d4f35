"""The cast of a try-out: whoever can verify themselves finds the form filled in so that it can be sent as it stands."""

import pytest
from django.test import Client

from kt_remedy.devtools import cast
from kt_remedy.identity.forms import SmsForm
from tests import people


@pytest.fixture
def the_cast(settings) -> list[cast.Role]:
    settings.SANDBOX_URL, settings.DELIVERIES_DIR = "http://127.0.0.1:1", str(people.deliveries())
    return cast.cast()


def test_each_of_the_cast_fills_in_a_form_that_is_right(the_cast):
    assert len(the_cast) >= 15
    for role in the_cast:
        form = SmsForm(role._asdict())
        assert form.is_valid(), (role.key, form.errors)


@pytest.mark.django_db
def test_the_page_shows_the_carrier_chosen(the_cast):
    page = Client().get("/identity/sms/?as=kong").content.decode()
    assert '<option value="LGU" selected>' in page
