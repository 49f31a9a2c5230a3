"""Faults, said so that the reader can put them right.

Two kinds reach a person. An `InputError` means something given to the command is wrong: it lists
faults, each with file, row, column, problem and remedy, and the command exits with code 2 having
written nothing. Any other `ReverseFunnelError` (a warehouse that does not answer, a lock held by
another run) exits with code 1. Neither prints a traceback; everything else is a bug and does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reverse_funnel.text import short_path

MAX_FAULTS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with an input, and what to do about it.

    `row` is a line number of the file, counted from 1 with the header as line 1.
    """

    problem: str
    remedy: str = ""
    file: str | Path | None = None
    row: int | None = None
    column: str | None = None

    @property
    def place(self) -> str:
        """Where the fault is: `goals.csv, row 3, column currency`; empty when nowhere."""
        parts = (
            short_path(Path(self.file)) if self.file is not None else "",
            f"row {self.row}" if self.row is not None else "",
            f"column {self.column}" if self.column is not None else "",
        )
        return ", ".join(part for part in parts if part)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        remedy = f"\n    → {self.remedy}" if self.remedy else ""
        return f"{where}{self.problem}{remedy}"


class ReverseFunnelError(Exception):
    """Base of every error shown to a person without a traceback."""

    exit_code = 1

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}\n    → {remedy}" if remedy else problem)


class InputError(ReverseFunnelError):
    """Something given to the command is wrong; nothing has been written.

    Carries one or more faults. The message shows the first twenty and counts the rest.
    """

    exit_code = 2

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults = (faults,) if isinstance(faults, Fault) else tuple(faults)
        if not self.faults:
            raise ValueError("an InputError needs at least one fault")
        super().__init__(describe_faults(self.faults))


def describe_faults(faults: Iterable[Fault]) -> str:
    """Return the faults as text, one a paragraph, at most twenty and a count of the rest."""
    every = tuple(faults)
    lines = [str(fault) for fault in every[:MAX_FAULTS_SHOWN]]
    if hidden := len(every) - len(lines):
        lines.append(f"… and {hidden} more {'fault' if hidden == 1 else 'faults'}")
    return "\n".join(lines)


def raise_if(faults: Iterable[Fault]) -> None:
    """Raise an `InputError` when there is at least one fault."""
    if every := tuple(faults):
        raise InputError(every)
