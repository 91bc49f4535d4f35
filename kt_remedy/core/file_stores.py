"""Files that outlast a process and that every machine finds: in a folder, or in a bucket with the S3 API.

The settings UPLOADS_DIR, DELIVERIES_DIR, HAND_OFF_DIR and AUDIT_HEADS_DIR name a folder or `s3://bucket/folder`. A
bucket is reached through django-storages; boto3 reads its address and keys from the environment (AWS_ENDPOINT_URL_S3,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION).

A file is written under a temporary name, read back, compared by its SHA-256 and only then given its name, so that
nobody ever finds half a file or other bytes. Every fault of a store is an OSError.
"""

import datetime as dt
import errno
import hashlib
import io
import os
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from django.core.files.storage import FileSystemStorage, Storage

if TYPE_CHECKING:
    from storages.backends.s3 import S3Storage

Result = TypeVar("Result")

DRAFT = ".draft-"
_PIECE = 1 << 20  # bytes
# A store that is silent must not hold the locks of a request for long.
_CONNECT_SECONDS, _ANSWER_SECONDS, _TRIES = 2, 10, 2


class FileStoreError(OSError):
    """A store did not answer, refused, or kept other bytes than it was given."""


@lru_cache(maxsize=16)
def at(address: str, *, mode: int = 0o600) -> "FileStore":
    """The store at an address; see the head of this module. `mode` holds for the files of a folder."""
    if not address.startswith("s3://"):
        return _Folder(FileSystemStorage(location=address), mode)
    from boto3.s3.transfer import TransferConfig  # late: a portal with folders alone needs none of them
    from botocore.config import Config
    from storages.backends.s3 import S3Storage

    parts = urlsplit(address)
    client = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_ANSWER_SECONDS,
        retries={"total_max_attempts": _TRIES, "mode": "standard"},
        # Checksums in trailers are unknown to many stores; what was written is read back instead.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    storage = S3Storage(
        bucket_name=parts.netloc,
        location=parts.path.strip("/"),
        client_config=client,
        transfer_config=TransferConfig(use_threads=False),  # each thread would hold eight megabytes
    )
    return _Bucket(storage)


class FileStore(ABC):
    """A folder or a bucket. Names are relative, with `/`. Methods raise OSError: FileNotFoundError for a missing file,
    FileStoreError for a bucket that does not answer."""

    _storage: Storage

    def put(self, name: str, write: Callable[[IO[bytes]], Result]) -> tuple[str, Result]:
        """Let `write` write a file, and name it when it is whole; returns its SHA-256 and what `write` returned.

        Memory holds a few megabytes, however large the file is. An earlier file of the name is replaced.
        """
        folder, _, _last = name.rpartition("/")
        draft = f"{folder}/{DRAFT}{uuid.uuid4().hex}".lstrip("/")
        try:
            with self._faults():
                with self._new(draft) as file:
                    digesting = _Digesting(file)
                    buffer = io.BufferedWriter(digesting, _PIECE)  # COPY writes row by row
                    result = write(buffer)
                    buffer.flush()
                    self._keep(file)
                digest = digesting.digest.hexdigest()
                if self.digest(draft) != digest:
                    raise FileStoreError(errno.EIO, "the store keeps other bytes than it was given")
                self._publish(draft, name)
        finally:
            with suppress(OSError):
                self.remove(draft)
        return digest, result

    def put_bytes(self, name: str, data: bytes) -> str:
        """Store bytes under a name; returns their SHA-256. See `put`."""
        return self.put(name, lambda file: file.write(data))[0]

    def read(self, name: str) -> bytes:
        """The whole of a small file."""
        with self._faults(), self._reading(name) as file:
            return file.read()

    def digest(self, name: str) -> str:
        """The SHA-256 of a file as it is kept."""
        digest = hashlib.sha256()
        with self._faults(), self._reading(name) as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def exists(self, name: str) -> bool:
        """True if there is a file of this name."""
        with self._faults():
            return bool(self._storage.exists(name))

    def size(self, name: str) -> int:
        """The bytes of a file."""
        with self._faults():
            return int(self._storage.size(name))

    def remove(self, name: str) -> None:
        """Delete a file; one that is not there is no fault."""
        with self._faults():
            self._storage.delete(name)

    def names(self, folder: str = "") -> tuple[list[str], list[str]]:
        """The folders and the files directly in a folder; none where it does not exist."""
        try:
            with self._faults():
                folders, files = self._storage.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return [], []
        return list(folders), list(files)

    def remove_drafts(self, folder: str, *, older_than_seconds: int) -> int:
        """Delete files of a folder that killed writers left unfinished; returns how many.

        Uses the wall clock, like the times of files. A slow writer whose file was deleted gets a fault.
        """
        limit, deleted = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=older_than_seconds), 0
        for name in self.names(folder)[1]:
            draft = f"{folder}/{name}"
            with suppress(OSError), self._faults():
                if name.startswith(DRAFT) and self._storage.get_modified_time(draft) < limit:
                    self._storage.delete(draft)
                    deleted += 1
        return deleted

    @abstractmethod
    def at_hand(self, name: str) -> AbstractContextManager[Path]:
        """The path of a file on this machine, for readers that need one; a copy from a bucket goes afterwards."""

    @abstractmethod
    def _reading(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file to be read from its beginning to its end."""

    @abstractmethod
    def _new(self, draft: str) -> IO[bytes]:
        """Open a file that does not exist yet."""

    @abstractmethod
    def _keep(self, file: IO[bytes]) -> None:
        """Bring what was written to where it outlasts a crash, as far as closing the file does not."""

    @abstractmethod
    def _publish(self, draft: str, name: str) -> None:
        """Give a finished file its name at once; the draft may stay."""

    @abstractmethod
    def _faults(self) -> AbstractContextManager[None]:
        """Turn the faults of the store into OSError."""


class _Folder(FileStore):
    """A folder of this machine, or one that several machines mount."""

    def __init__(self, storage: FileSystemStorage, mode: int) -> None:
        self._storage: FileSystemStorage = storage
        self._mode = mode

    @contextmanager
    def at_hand(self, name: str) -> Iterator[Path]:
        """See `FileStore`."""
        yield Path(self._storage.path(name))

    def _reading(self, name: str) -> IO[bytes]:
        return open(self._storage.path(name), "rb")

    def _new(self, draft: str) -> IO[bytes]:
        path = Path(self._storage.path(draft))
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "xb", opener=lambda name, flags: os.open(name, flags, self._mode))

    def _keep(self, file: IO[bytes]) -> None:
        file.flush()
        os.fsync(file.fileno())

    def _publish(self, draft: str, name: str) -> None:
        os.replace(self._storage.path(draft), self._storage.path(name))

    @contextmanager
    def _faults(self) -> Iterator[None]:
        yield


class _Bucket(FileStore):
    """A bucket of an object store. Closing a file ends its upload; a copy stands under its name at once."""

    def __init__(self, storage: "S3Storage") -> None:
        self._storage: S3Storage = storage

    @contextmanager
    def at_hand(self, name: str) -> Iterator[Path]:
        """See `FileStore`."""
        with tempfile.NamedTemporaryFile(prefix="kt-remedy-") as copy:
            with self._faults():
                self._storage.bucket.download_fileobj(self._key(name), copy, Config=self._storage.transfer_config)
            copy.flush()
            yield Path(copy.name)

    def _reading(self, name: str) -> AbstractContextManager[IO[bytes]]:
        return closing(self._storage.bucket.Object(self._key(name)).get()["Body"])

    def _new(self, draft: str) -> IO[bytes]:
        return cast(IO[bytes], self._storage.open(draft, "wb"))

    def _keep(self, file: IO[bytes]) -> None:
        """Nothing: the store answers the end of the upload when it has the file."""

    def _publish(self, draft: str, name: str) -> None:
        source = {"Bucket": self._storage.bucket_name, "Key": self._key(draft)}
        self._storage.bucket.copy(source, self._key(name), Config=self._storage.transfer_config)

    def _key(self, name: str) -> str:
        return f"{self._storage.location}/{name}".lstrip("/")

    @contextmanager
    def _faults(self) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey"}:
                raise FileNotFoundError(errno.ENOENT, "the store has no such file") from None
            raise FileStoreError(errno.EIO, str(error)) from error
        except (BotoCoreError, Boto3Error) as error:
            raise FileStoreError(errno.EIO, f"the store does not answer ({type(error).__name__})") from error


class _Digesting(io.RawIOBase):
    """Passes bytes on to a file and digests them on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def writable(self) -> bool:
        """True: it can only be written to."""
        return True

    def write(self, data: Any) -> int:
        """Write all of the bytes; returns their number."""
        self._file.write(data)
        self.digest.update(data)
        return len(data)
