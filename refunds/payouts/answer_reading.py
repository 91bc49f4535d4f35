"""A staged answer is read once: from its stored bytes into `refunds_answer_line`, in bounded memory.

The worker copies the lines in shards of one transaction each, so that the page shows how far it is. A worker that was
killed starts again from the first line.
"""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db import connection, transaction

from refunds import bankfiles
from refunds.bankfiles.records import Answer, AnswerHead
from refunds.models.bank_answers import AnswerLine, BankAnswer
from refunds.payouts.files import StoredBytes
from refunds.payouts.guards import raise_timeouts

SHARD = 50_000
_COLUMNS = "answer_id, number, line, reference, outcome, reason, code, words, won"


def copy_lines(answer: BankAnswer) -> tuple[str, AnswerHead]:
    """Copy the lines of an answer into their table; returns its layout and what it says of itself.

    Raises FileFault. The lines that were copied before the fault stay until the answer is read again.
    """
    with transaction.atomic():
        raise_timeouts()
        AnswerLine.objects.filter(answer=answer.pk).delete()
    source, head = StoredBytes(answer.sha256), AnswerHead()
    reader = io.BufferedReader(source)
    layout = bankfiles.recognise(reader)
    lines = _rows(answer.pk, layout.read_answer(reader, head))
    while _copy(islice(lines, SHARD)):
        BankAnswer.objects.filter(pk=answer.pk).update(progress=source.read_bytes)
    return layout.code, head


def _rows(answer_id: int, answers: Iterator[Answer]) -> Iterator[tuple[Any, ...]]:
    stored = AnswerLine._meta.get_field("words").get_prep_value  # only a return has words, which may name the holder
    for number, (line, reference, outcome, reason, code, words, won) in enumerate(answers, 1):
        yield answer_id, number, line, reference[:140], outcome, reason, code[:35], words and stored(words[:140]), won


def _copy(rows: Iterator[tuple[Any, ...]]) -> bool:
    """COPY rows in a transaction of their own; False if there were none."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    if not text.tell():
        return False
    text.seek(0)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.copy_expert(
            f"COPY refunds_answer_line ({_COLUMNS}) FROM STDIN"
            " (FORMAT csv, FORCE_NOT_NULL (reference, reason, code, words))",
            text,
        )
    return True
