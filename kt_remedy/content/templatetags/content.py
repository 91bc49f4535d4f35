"""`{% load content %}{% entries "FAQ" as questions %}`: entries of a place, each with `.title` and `.body`."""

from django import template

from kt_remedy.content import service
from kt_remedy.content.models import Entry, Place

register = template.Library()


@register.simple_tag
def entries(place: str) -> list[Entry]:
    """Return the entries of a place in force today. One query."""
    return service.current(Place(place))
