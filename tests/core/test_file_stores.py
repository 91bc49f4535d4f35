"""Stores: the same in a folder and in a bucket of an object store, over the wire."""

import datetime as dt
import hashlib
import os
import time
import tracemalloc
from pathlib import Path

import pytest

from kt_remedy.core import file_stores


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path: Path) -> file_stores.FileStore:
    if request.param == "folder":
        return file_stores.at(str(tmp_path / "kept"))
    return file_stores.at(request.getfixturevalue("bucket"))


def test_a_file_is_written_read_replaced_and_removed(store):
    assert (store.names(), store.exists("a/one.csv")) == (([], []), False)
    digest = store.put_bytes("a/one.csv", b"first")
    assert digest == hashlib.sha256(b"first").hexdigest() == store.digest("a/one.csv")
    store.put_bytes("a/one.csv", b"second, longer")
    store.put_bytes("a/empty", b"")
    store.put_bytes("top", b"x")
    assert store.read("a/one.csv") == b"second, longer"
    assert (store.size("a/one.csv"), store.size("a/empty"), store.read("a/empty")) == (14, 0, b"")
    with store.at_hand("a/one.csv") as path:
        assert path.read_bytes() == b"second, longer"
    assert store.names() == (["a"], ["top"])
    assert (sorted(store.names("a")[0]), sorted(store.names("a")[1])) == ([], ["empty", "one.csv"])
    store.remove("a/one.csv")
    store.remove("a/one.csv")
    assert not store.exists("a/one.csv")


def test_a_missing_file_is_a_missing_file(store):
    for look in (store.read, store.digest, store.size):
        with pytest.raises(FileNotFoundError):
            look("a/nothing")
    with pytest.raises(FileNotFoundError), store.at_hand("a/nothing") as path:
        path.read_bytes()


def test_nobody_finds_half_a_file(store):
    def write(file) -> int:
        file.write(b"x" * (6 << 20))
        file.flush()
        assert not store.exists("a/list.csv")
        assert all(name.startswith(file_stores.DRAFT) for name in store.names("a")[1])
        file.write(b"end")
        return 2

    digest, result = store.put("a/list.csv", write)
    assert (result, store.size("a/list.csv")) == (2, (6 << 20) + 3)
    assert digest == store.digest("a/list.csv")
    assert store.names("a")[1] == ["list.csv"]


def test_a_writer_that_fails_leaves_the_earlier_file(store):
    def write(file) -> None:
        file.write(b"half")
        raise RuntimeError("the database ended")

    store.put_bytes("a/list.csv", b"earlier")
    with pytest.raises(RuntimeError, match="the database ended"):
        store.put("a/list.csv", write)
    assert (store.read("a/list.csv"), store.names("a")[1]) == (b"earlier", ["list.csv"])


def test_other_bytes_than_were_written_never_get_the_name(store, monkeypatch):
    monkeypatch.setattr(type(store), "digest", lambda self, name: "0" * 64)
    with pytest.raises(file_stores.FileStoreError, match="keeps other bytes"):
        store.put_bytes("a/list.csv", b"bytes")
    assert not store.exists("a/list.csv")


def test_a_large_file_takes_little_memory(store):
    piece = os.urandom(1 << 20)

    def write(file) -> None:
        for _ in range(48):
            file.write(piece)

    store.put_bytes("a/warm", b"imports and connections")
    tracemalloc.start()
    try:
        digest, _ = store.put("a/large", write)
        with store.at_hand("a/large") as path:
            assert path.stat().st_size == 48 << 20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert digest == hashlib.sha256(piece * 48).hexdigest()
    assert peak < 28 << 20, f"{peak >> 20} MB"


def test_old_drafts_go_and_young_ones_stay(store):
    store.put_bytes(f"a/{file_stores.DRAFT}dead", b"half")
    store.put_bytes("a/list.csv", b"whole")
    assert store.remove_drafts("a", older_than_seconds=3600) == 0
    assert store.remove_drafts("nothing", older_than_seconds=0) == 0
    time.sleep(1.1)  # times of objects are whole seconds
    assert store.remove_drafts("a", older_than_seconds=0) == 1
    assert store.names("a")[1] == ["list.csv"]


def test_a_bucket_that_does_not_answer_is_told_soon(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    silent = file_stores.at(f"{bucket}/silent")
    began = time.monotonic()
    for act in (lambda: silent.read("a"), lambda: silent.put_bytes("a", b"x"), silent.names):
        with pytest.raises(file_stores.FileStoreError, match="does not answer"):
            act()
    assert time.monotonic() - began < 20


def test_a_bucket_that_refuses_is_no_missing_file(bucket):
    with pytest.raises(file_stores.FileStoreError, match="NoSuchBucket"):
        file_stores.at("s3://nobody-made-this").put_bytes("a", b"x")


def test_files_of_a_folder_are_read_by_their_owner_alone(tmp_path):
    file_stores.at(str(tmp_path)).put_bytes("a", b"x")
    file_stores.at(str(tmp_path), mode=0o644).put_bytes("b", b"x")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [0o600, 0o644]


@pytest.mark.django_db
def test_a_delivery_is_loaded_from_a_bucket(bucket, settings):
    from eligibility.feed import deliveries
    from tests import people

    day, sample = dt.date(2026, 1, 14), people.deliveries()
    settings.DELIVERIES_DIR = bucket
    kept = file_stores.at(bucket)
    for name in ("lines.csv", "bills.csv"):
        kept.put_bytes(f"{day}/{name}", (sample / str(day) / name).read_bytes())
    kept.put_bytes("2026-99-99/lines.csv", b"")
    with pytest.raises(deliveries.IncompleteDelivery):
        deliveries.load_day(day)
    kept.put_bytes(f"{day}/manifest.json", (sample / str(day) / "manifest.json").read_bytes())
    assert deliveries.days() == [day]
    assert deliveries.load_day(day).state == "LOADED"
    kept.put_bytes("2026-01-15/manifest.json", kept.read(f"{day}/manifest.json").replace(b"-01-14", b"-01-15"))
    kept.put_bytes("2026-01-15/lines.csv", kept.read(f"{day}/lines.csv"))
    kept.put_bytes("2026-01-15/bills.csv", kept.read(f"{day}/bills.csv").swapcase())
    with pytest.raises(deliveries.WrongDigest):
        deliveries.load_day(dt.date(2026, 1, 15))


@pytest.mark.django_db
def test_the_head_of_the_audit_goes_to_a_bucket(bucket, settings):
    from kt_remedy.audit import heads
    from kt_remedy.audit import service as audit

    settings.AUDIT_HEADS_DIR = bucket
    audit.record(actor="system", action="admin.viewed", object="x")
    head = heads.give()
    assert file_stores.at(bucket).read(f"audit-head-{head.day}.csv").decode() == heads.as_csv([head])
