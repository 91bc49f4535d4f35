"""`manage.py judge LINES.csv BILLS.csv`: print the verdicts of a delivery as CSV, without database or server."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser

from eligibility.feed.judging import JudgedDelivery
from eligibility.feed.records import FeedError
from kt_remedy.core import programme


class Command(BaseCommand):
    """Print the verdicts in the order of lines.csv, and the rejects to standard error or a file.

    Exit status 0 if both files were read, 2 with one sentence if one could not be read.
    """

    help = "Judge every line of a delivery and print the verdicts as CSV; needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lines", metavar="LINES.csv")
        parser.add_argument("bills", metavar="BILLS.csv")
        parser.add_argument("--programme", metavar="FILE.toml", help="another programme than the installed one")
        parser.add_argument("--rejects", metavar="FILE", help="write rejected rows there instead of standard error")

    def handle(self, *args: Any, **options: Any) -> None:
        gc.disable()  # millions of tuples without cycles: collection would take a quarter of the time
        try:
            self._judge(options)
        finally:
            gc.enable()

    def _judge(self, options: dict[str, Any]) -> None:
        try:
            self._check_rejects(options)
            rules = programme.load(options["programme"]) if options["programme"] else programme.current()
            judging = JudgedDelivery(options["lines"], options["bills"], rules)
            self._write_rejects(judging.rejects(), options["rejects"])
        except (FeedError, programme.ProgrammeError) as error:
            self._refuse(str(error))
        except KeyboardInterrupt:
            sys.exit(130)
        try:
            for text in judging.verdicts():
                self.stdout.write(text, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # The reader closed the pipe. Flushing the buffer at exit must not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            self._refuse(f"the verdicts cannot be written to standard output: {error.strerror or error}")

    def _refuse(self, sentence: str) -> NoReturn:
        self.stderr.write(sentence)
        sys.exit(2)

    def _check_rejects(self, options: dict[str, Any]) -> None:
        """Check before judging that the rejects can be written and overwrite no input. Raises FeedError."""
        if not options["rejects"]:
            return
        target = Path(options["rejects"])
        if target.is_dir():
            raise FeedError(f"--rejects {target} is a folder; name a file")
        if not os.access(target if target.exists() else target.parent, os.W_OK):
            raise FeedError(f"--rejects {target} cannot be written: no such folder, or no right to write there")
        for source in (options["lines"], options["bills"], options["programme"]):
            if source and target.exists() and Path(source).exists() and target.samefile(source):
                raise FeedError(f"--rejects {target} would overwrite a file that is to be read; name another")

    def _write_rejects(self, rejects: Iterator[str], path: str | None) -> None:
        """Write the report. Standard error gets no header if there are no rejects."""
        if path:
            try:
                with open(path, "w", encoding="utf-8", newline="") as file:
                    file.writelines(rejects)
            except OSError as error:
                raise FeedError(f"--rejects {path} cannot be written: {error.strerror or error}") from None
            return
        header = next(rejects)
        for row in rejects:
            if header:
                self.stderr.write(header, _unstyled, "")
                header = ""
            self.stderr.write(row, _unstyled, "")


def _unstyled(text: str) -> str:
    return text
