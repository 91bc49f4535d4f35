"""The applications of the verified customer of a request."""

from django.http import Http404

from kt_remedy.identity.service import VerifiedRequest
from refunds.applications.access import visible_to
from refunds.models.applications import Application


def own_application(request: VerifiedRequest, pk: int) -> Application:
    """An application the customer may see. Raises Http404 for any other."""
    row = (
        Application.objects.filter(visible_to(person_index=request.person.ci_index), pk=pk)
        .select_related("filing", "line__customer", "account__holder_check")
        .first()
    )
    if row is None:
        raise Http404
    return row
