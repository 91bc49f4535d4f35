"""Sessions in the database under a digest of their keys.

A row names the SHA-256 of the key that the browser holds, so that nobody takes a session over by reading the table, a
dump or a replica. The key has 165 random bits, so the digest needs no salt.
"""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

_COLUMN = 40  # characters of Django's column: 160 bits of the digest


def row_key(session_key: str) -> str:
    """The key of the row that holds the session of a browser."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:_COLUMN]


class SessionStore(db.SessionStore):
    """Django's store in the database, which looks rows up by `row_key`. Its asynchronous calls are not used here."""

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        now = timezone.now()
        row = self.model.objects.filter(session_key=row_key(str(self.session_key)), expire_date__gt=now).first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        """True if a session has this key."""
        return super().exists(row_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        """The row of this session, not saved yet."""
        row = super().create_model_instance(data)
        row.session_key = row_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Delete the session with this key, or this one."""
        key = session_key or self.session_key
        if key is not None:
            super().delete(row_key(key))
