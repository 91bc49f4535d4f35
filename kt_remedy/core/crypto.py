"""Personal values at rest: an AES-256-GCM column with key ids, and a blind index for exact search.

A stored value is one byte of key id, twelve bytes of nonce, ciphertext and tag. The associated data names table,
column and row, so a value moved to another row or column does not decrypt. Table rows are COPYed, so the
row key in it is one that is known before the row exists (contract_no, customer_no, a UUID of ours).
"""

import base64
import hashlib
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import pgtrigger
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class DecryptError(Exception):
    """A stored value could not be opened. The message names the place, never the value."""


@cache
def _keys() -> tuple[int, dict[int, AESGCM]]:
    if not settings.FIELD_KEYS:
        raise ImproperlyConfigured("FIELD_KEYS is not set: personal data cannot be read or written without it.")
    return next(iter(settings.FIELD_KEYS)), {number: AESGCM(key) for number, key in settings.FIELD_KEYS.items()}


@cache
def _index_key() -> bytes:
    if not settings.INDEX_KEY:
        raise ImproperlyConfigured("INDEX_KEY is not set: personal data cannot be searched without it.")
    return settings.INDEX_KEY


@cache
def _hmac_states() -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """HMAC-SHA256 with its two key blocks already taken in: a third of the time of `hmac.digest`, the same bytes."""
    block = _index_key().ljust(64, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in block)), hashlib.sha256(bytes(byte ^ 0x5C for byte in block))


def active_key() -> int:
    """The id (1 to 255) of the key new values are written with."""
    return _keys()[0]


def encrypt_bytes(data: bytes, aad: str) -> bytes:
    """Encrypt bytes with the active key, bound to `aad` ("table:column:key")."""
    number, keys = _keys()
    nonce = os.urandom(12)
    return bytes((number,)) + nonce + keys[number].encrypt(nonce, data, aad.encode())


def decrypt_bytes(blob: bytes, aad: str) -> bytes:
    """The bytes behind a stored value. Raises DecryptError where the key is unknown or the value was moved."""
    blob = bytes(blob)
    key = _keys()[1].get(blob[0]) if blob else None
    if key is None:
        raise DecryptError(f"{aad.rsplit(':', 1)[0]}: the key of a stored value is not in FIELD_KEYS")
    try:
        return key.decrypt(blob[1:13], blob[13:], aad.encode())
    except InvalidTag:
        raise DecryptError(f"{aad.rsplit(':', 1)[0]}: a stored value does not belong to its row") from None


def encrypt(text: str, aad: str) -> bytes:
    """Encrypt text; see `encrypt_bytes`."""
    return encrypt_bytes(text.encode(), aad)


def decrypt(blob: bytes, aad: str) -> str:
    """The text behind a stored value; see `decrypt_bytes`."""
    return decrypt_bytes(blob, aad).decode()


def blind_index(value: str, purpose: str) -> bytes:
    """Key (32 bytes) of a normalised value: exact search works without the value in clear.

    `purpose` ("ci", "msisdn", "account", "name" …) keeps equal values of different kinds apart.
    """
    inner, outer = (state.copy() for state in _hmac_states())
    inner.update(purpose.encode() + b"\0" + value.encode())
    outer.update(inner.digest())
    return outer.digest()


def sealer(place: str) -> Callable[[str, str], bytes]:
    """`encrypt` for many rows of one column: `sealer("table:column")(text, key)`."""
    number, keys = _keys()
    head, prefix, seal, urandom = bytes((number,)), f"{place}:".encode(), keys[number].encrypt, os.urandom

    def sealed(text: str, key: str) -> bytes:
        nonce = urandom(12)
        return head + nonce + seal(nonce, text.encode(), prefix + key.encode())

    return sealed


def opener(place: str) -> Callable[[bytes, str], str]:
    """`decrypt` for many rows of one column: `opener("table:column")(blob, key)`."""
    opens = {number: key.decrypt for number, key in _keys()[1].items()}
    prefix = f"{place}:".encode()

    def opened(blob: bytes, key: str) -> str:
        blob = bytes(blob)
        if not blob or (decipher := opens.get(blob[0])) is None:
            raise DecryptError(f"{place}: the key of a stored value is not in FIELD_KEYS")
        try:
            return decipher(blob[1:13], blob[13:], prefix + key.encode()).decode()
        except InvalidTag:
            raise DecryptError(f"{place}: a stored value does not belong to its row") from None

    return opened


def indexer(purpose: str) -> Callable[[str], bytes]:
    """`blind_index` for many values of one purpose."""
    inner, outer = (state.copy() for state in _hmac_states())
    inner.update(purpose.encode() + b"\0")

    def indexed(value: str) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(value.encode())
        second.update(first.digest())
        return second.digest()

    return indexed


def forget_keys() -> None:
    """Read the keys from the settings again; for key rotation and tests."""
    _keys.cache_clear()
    _index_key.cache_clear()
    _hmac_states.cache_clear()


def parse_keys(text: str) -> dict[int, bytes]:
    """`FIELD_KEYS` as "2:<base64>,1:<base64>": ids to 32-byte keys, the active one first. Raises ValueError."""
    keys: dict[int, bytes] = {}
    for part in filter(None, text.split(",")):
        number, _, encoded = part.partition(":")
        if not number.isdecimal() or not 0 < int(number) < 256 or int(number) in keys:
            raise ValueError("each key is ID:BASE64 with its own ID from 1 to 255")
        keys[int(number)] = parse_key(encoded)
    return keys


def parse_key(encoded: str) -> bytes:
    """A 32-byte key from base64. Raises ValueError."""
    key = base64.b64decode(encoded, validate=True)
    if len(key) != 32:
        raise ValueError("a key is 32 bytes in base64")
    return key


class BlindIndexField(models.BinaryField):
    """A column of blind indexes (`blind_index`), read as `bytes`, so that two values can be compared and hashed."""

    _pyi_private_get_type: bytes  # for the type checker alone

    def from_db_value(self, value: bytes | memoryview | None, *_: Any) -> bytes | None:
        return None if value is None else bytes(value)


class EncryptedTextField(models.TextField):
    """Free text, encrypted at rest, read and written as `str`.

    The column holds base64 of the encrypted value; the empty text stays empty, so constraints and queries can ask
    whether anything was written, and nothing else. The associated data name table and column, not the row: many rows
    are written by statements that give them their key. `kind` names columns among which statements copy values.
    """

    def __init__(self, *args: Any, kind: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | ({"kind": self.kind} if self.kind else {})

    def place(self) -> str:
        """The associated data of every value of this column."""
        return self.kind or f"{self.model._meta.db_table}:{self.column}:text"

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return decrypt(base64.b64decode(value), self.place()) if value else value

    def get_prep_value(self, value: Any) -> Any:
        clear = super().get_prep_value(value)
        return base64.b64encode(encrypt(clear, self.place())).decode() if clear else clear


def encrypt_stored_text(table: str, key: str, *columns: str, kind: str = "") -> Callable[[Any, Any], None]:
    """The function of a migration that encrypts the clear text in columns that are now `EncryptedTextField`s.

    The meaning of a row stays the same, so the triggers of append-only tables let it pass.
    """

    def encrypt_rows(_apps: Any, editor: Any) -> None:
        with pgtrigger.ignore(), editor.connection.cursor() as cursor:
            for column in columns:
                cursor.execute(f"SELECT {key}, {column} FROM {table} WHERE {column} <> ''")  # noqa: S608  (our names)
                for row, text in cursor.fetchall():
                    stored = base64.b64encode(encrypt(text, kind or f"{table}:{column}:text")).decode()
                    cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", [stored, row])  # noqa: S608

    return encrypt_rows


class Encrypted:
    """A model attribute that reads and writes an encrypted BinaryField as text.

    `holder_name = Encrypted("holder_name_enc", key="customer_no")` on a model with the field
    `holder_name_enc = BinaryField(null=True)`. None stays None.
    """

    def __init__(self, column: str, *, key: str) -> None:
        self.column, self.key = column, key

    def aad(self, row: models.Model) -> str:
        return f"{row._meta.db_table}:{self.column}:{getattr(row, self.key)}"

    def __get__(self, row: models.Model | None, owner: type | None = None) -> Any:
        if row is None:
            return self
        blob = getattr(row, self.column)
        return None if blob is None else decrypt(blob, self.aad(row))

    def __set__(self, row: models.Model, text: str | None) -> None:
        setattr(row, self.column, None if text is None else encrypt(text, self.aad(row)))
