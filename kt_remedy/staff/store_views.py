"""Stores offered while a member of staff types one."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from kt_remedy.core.access import permission_required
from kt_remedy.staff import stores
from kt_remedy.staff.store_field import SUGGESTED


@permission_required("staff.find_store")
@require_safe
def suggest_stores(request: HttpRequest) -> JsonResponse:
    """A few stores that fit the typed words, as the field of a form takes them."""
    fitting = stores.search(request.GET.get("q", "")[:60], closed=True)[:SUGGESTED]
    return JsonResponse({"values": [f"{store.code} · {store.name}" for store in fitting]})
