"""Statements as a bank writes them: `debit` and `credit` make the lines, `camt053` and `sheet` the file."""

import datetime as dt
from dataclasses import dataclass
from xml.sax.saxutils import escape

from django.conf import settings

from refunds.bankfiles.statement import CREDIT, DEBIT

OPENING = 10_000_000_000


@dataclass(frozen=True)
class Line:
    """One line of a statement."""

    direction: str
    won: int
    reference: str = ""
    code: str = ""
    words: str = ""
    bank_reference: str = ""


def debit(won: int, reference: str = "", **more: str) -> Line:
    return Line(DEBIT, won, reference, **more)


def credit(won: int, reference: str = "", **more: str) -> Line:
    return Line(CREDIT, won, reference, **more)


def moved(lines: list[Line]) -> int:
    """Won by which the lines change the balance."""
    return sum(line.won if line.direction == CREDIT else -line.won for line in lines)


def camt053(
    lines: list[Line],
    *,
    number: int = 1,
    day: str = "2026-01-22",
    opening: int = OPENING,
    closing: int | None = None,
    account: str = "",
) -> bytes:
    """A camt.053.001.08 message, valid against the published schema."""
    end = opening + moved(lines) if closing is None else closing

    def balance(kind: str, won: int) -> str:
        sign = "DBIT" if won < 0 else "CRDT"
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
            f'<Amt Ccy="KRW">{abs(won)}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>\n'
        )

    def entry(line: Line) -> str:
        sign = "CRDT" if line.direction == CREDIT else "DBIT"
        own = f"<AcctSvcrRef>{escape(line.bank_reference)}</AcctSvcrRef>" if line.bank_reference else ""
        why = f"<RtrInf><Rsn><Cd>{line.code}</Cd></Rsn></RtrInf>" if line.code else ""
        words = f"<AddtlTxInf>{escape(line.words)}</AddtlTxInf>" if line.words else ""
        refs = f"<Refs><EndToEndId>{escape(line.reference)}</EndToEndId></Refs>" if line.reference else ""
        details = f"<NtryDtls><TxDtls>{refs}{why}{words}</TxDtls></NtryDtls>" if refs or why or words else ""
        return (
            f'<Ntry><Amt Ccy="KRW">{line.won}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
            f"<BookgDt><Dt>{day}</Dt></BookgDt>{own}<BkTxCd><Prtry><Cd>TRF</Cd></Prtry></BkTxCd>{details}</Ntry>\n"
        )

    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>\n'
        f"<GrpHdr><MsgId>STMT-{number}</MsgId><CreDtTm>{day}T23:59:00+09:00</CreDtTm></GrpHdr>\n"
        f"<Stmt><Id>STMT-{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{day}T23:59:00+09:00</CreDtTm>"
        f"<Acct><Id><Othr><Id>{account or settings.PAYER_ACCOUNT}</Id></Othr></Id></Acct>\n"
        f"{balance('OPBD', opening)}{balance('CLBD', end)}{''.join(map(entry, lines))}"
        "</Stmt></BkToCstmrStmt></Document>\n"
    ).encode()


def sheet(
    lines: list[Line],
    *,
    number: int = 1,
    day: str = "2026-01-22",
    opening: int = OPENING,
    closing: int | None = None,
    account: str = "",
) -> bytes:
    """The sheet's statement."""
    end = opening + moved(lines) if closing is None else closing
    on = f"{dt.date.fromisoformat(day):%Y%m%d}"
    rows = [f"S\t{number:09}\t{on}\t020\t{account or settings.PAYER_ACCOUNT:<16}\t{opening:015}\t{end:015}".encode()]
    for at, line in enumerate(lines, 1):
        words = line.words.encode("cp949").ljust(60)
        cells = (
            f"L\t{at:09}\t{on}\t{line.direction[0]}\t{line.won:013}\t{line.reference:<35}\t{line.bank_reference:<20}"
            f"\t{line.code:<2}\t"
        )
        rows.append(cells.encode() + words)
    out, in_ = ([line.won for line in lines if line.direction == way] for way in (DEBIT, CREDIT))
    rows.append(f"Z\t{len(out):09}\t{sum(out):015}\t{len(in_):09}\t{sum(in_):015}".encode())
    return b"\r\n".join(rows) + b"\r\n"
