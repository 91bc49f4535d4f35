"""An invented register: dated deliveries in the shape of the real event, the same bytes for the same size and seed.

Its days are written for a waiver from 1 September to 13 January and moved to those of the programme file
(`sample_dates`). The cast stands at the top of the first delivery (`sample_people`), the crowd behind it
(`sample_crowd`).
"""

import hashlib
import json
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TextIO

from kt_remedy.devtools import sample_crowd, sample_dates
from kt_remedy.devtools.sample_contracts import BILL_COLUMNS, DELIVERIES, LINE_COLUMNS, Contract
from kt_remedy.devtools.sample_people import CAST, Person, cast_contracts

_SHUFFLED = 20_000  # bills waiting to be written in another order than the lines


def write(directory: Path, *, lines: int, seed: int, progress: Callable[[int], None] = lambda done: None) -> None:
    """Write the deliveries of `lines` lines into `directory`, one folder per day, and `people.json` beside them.

    Memory does not grow with `lines`. `progress` is told now and then how many lines are done. Raises ValueError
    where `lines` is too small for the cast and one line of each story, OSError where the place cannot be written.
    """
    if lines < smallest():
        raise ValueError(f"{lines} lines are too few: the cast and one of each story need {smallest()}.")
    directory.mkdir(parents=True, exist_ok=True)
    writers = [_Delivery(directory / str(day), random.Random(f"{seed}:{day}")) for day in DELIVERIES]
    try:
        for done, contract in enumerate(_contracts(lines, seed), 1):
            _tell(contract, writers)
            if done % 10_000 == 0:
                progress(done)
    finally:
        for writer in writers:
            writer.close()
    for day in DELIVERIES:
        write_manifest(directory / str(day), day)
    progress(lines)
    (directory / "people.json").write_text(
        json.dumps([_described(person) for person in CAST], ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


def _contracts(lines: int, seed: int) -> Iterator[Contract]:
    cast = cast_contracts()
    yield from cast
    yield from sample_crowd.contracts(lines - len(cast), seed)


def write_manifest(folder: Path, day: date) -> None:
    """Say that a delivery is complete (D-93); written last."""
    files = {}
    for name in ("lines.csv", "bills.csv"):
        path = folder / name
        with path.open("rb") as file:
            files[name] = {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"as_of": str(day), "files": files}, indent=1) + "\n")


def smallest() -> int:
    """The fewest lines a sample can have."""
    return len(cast_contracts()) + len(sample_crowd.STORIES)


def _described(person: Person) -> dict:
    return {
        "key": person.key,
        "name": person.name,
        "kind": person.kind,
        "birth_date": person.birth_date,
        "phone": person.phone,
        "carrier": person.carrier,
        "ci": person.ci,
        "contract_nos": [
            line.contract_no for line in cast_contracts() if line.holder.customer_no == person.holder.customer_no
        ],
        "story": {"ko": sample_dates.told(person.story[0], "ko"), "en": sample_dates.told(person.story[1], "en")},
    }


class _Delivery:
    """The two files of one day. Bills leave through a pool, so that their order is not that of the lines."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        folder.mkdir(exist_ok=True)
        self.lines = _opened(folder / "lines.csv", LINE_COLUMNS)
        self.bills = _opened(folder / "bills.csv", BILL_COLUMNS)
        self.pool: list[str] = []
        self.draw = rng.random

    def bill(self, row: str) -> None:
        if len(self.pool) < _SHUFFLED:
            self.pool.append(row)
            return
        place = int(self.draw() * _SHUFFLED)
        self.bills.write(self.pool[place])
        self.pool[place] = row

    def close(self) -> None:
        pool = self.pool
        while pool:
            place = int(self.draw() * len(pool))
            pool[place], pool[-1] = pool[-1], pool[place]
            self.bills.write(pool.pop())
        self.lines.close()
        self.bills.close()


def _opened(path: Path, columns: tuple[str, ...]) -> TextIO:
    file = path.open("w", encoding="utf-8", newline="\n")
    file.write(",".join(columns) + "\n")
    return file


def _tell(contract: Contract, writers: list[_Delivery]) -> None:
    told: dict[int, str] = {}
    for since, row in contract.rows():
        told[bisect_right(DELIVERIES, since)] = row
    for number, row in told.items():
        if number < len(writers):
            writers[number].lines.write(row + "\n")
    bills: dict[tuple[int, str, str], tuple] = {}
    for since, bill in contract.bills:
        bills[bisect_right(DELIVERIES, since), bill[0], bill[1]] = bill
    for (number, _item, _on), bill in bills.items():
        if number < len(writers):
            writers[number].bill(f"{contract.contract_no},{','.join(map(str, bill))}\n")
