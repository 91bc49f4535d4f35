"""Record sign-ins, sign-outs and failed sign-ins of staff (docs/domain.md#d1, article 8)."""

import hashlib
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from kt_remedy.audit import service


def connect() -> None:
    """Connect the signals of django.contrib.auth."""
    user_logged_in.connect(_record_sign_in, dispatch_uid="audit.in")
    user_logged_out.connect(_record_sign_out, dispatch_uid="audit.out")
    user_login_failed.connect(_record_failure, dispatch_uid="audit.failed")


def _record_sign_in(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    service.record(actor=service.actor(user), action="staff.signed_in", object=f"user:{user.pk}")


def _record_sign_out(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    if user is not None:
        service.record(actor=service.actor(user), action="staff.signed_out", object=f"user:{user.pk}")


def _record_failure(sender: Any, credentials: dict, request: Any = None, **kwargs: Any) -> None:
    # The user name is stored as a digest, because people type a password or a customer's name into the wrong field.
    name = str(credentials.get("username", ""))
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    service.record(actor="nobody", action="staff.sign_in_failed", object="user", detail={"name_digest": digest})
