"""Seeds that people write: read as text, checked cell by cell, every fault named with its row."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from reverse_funnel.errors import Fault, InputError, raise_if
from reverse_funnel.plan.model import ALL, UNMAPPED

Row = TypeVar("Row", bound=BaseModel)


def _iso_date(value: Any) -> date:
    text = str(value)
    if len(text) != 10:
        raise ValueError("is not a date of the form YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date of the form YYYY-MM-DD") from None


def _month(value: Any) -> date:
    day = _iso_date(value)
    if day.day != 1:
        raise ValueError("is not the first day of a month")
    return day


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
FirstOfMonth = Annotated[date, BeforeValidator(_month)]
Name = Annotated[str, Field(min_length=1)]

_PROBLEMS = {
    "string_too_short": "is empty",
    "string_pattern_mismatch": "is not a currency code",
    "greater_than_equal": "is negative",
    "decimal_parsing": "is not a number",
    "decimal_type": "is not a number",
    "finite_number": "is not a number",
    "decimal_max_places": "has more than two decimals",
    "decimal_max_digits": "has more than 18 digits",
    "decimal_whole_digits": "has more than 16 digits before the point",
}


def parse_rows(path: Path, model: type[Row], remedies: Mapping[str, str]) -> dict[int, Row]:
    """Return the rows by line number; `InputError` with every cell that does not parse.

    `remedies` says, by column, what to write instead.
    """
    given, faults = read_csv_rows(path, tuple(model.model_fields))
    rows: dict[int, Row] = {}
    for number, cells in given.items():
        try:
            rows[number] = model.model_validate(cells)
        except ValidationError as error:
            faults += _faults_of(path, number, cells, error, remedies)
    raise_if(sorted(faults, key=lambda fault: fault.row or 0))
    return rows


def read_csv_rows(
    path: Path, required: Collection[str]
) -> tuple[dict[int, dict[str, str]], list[Fault]]:
    """Return the trimmed cells of each row by line number, and the rows that have too few or many.

    Raises `InputError` for a file that is no table at all: absent, not text, a column missing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(
            Fault(
                file=path,
                problem="not found",
                remedy=f"write it, with the columns {', '.join(required)}",
            )
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            Fault(
                file=path,
                row=error.object[: error.start].count(b"\n") + 1,
                problem="is not UTF-8 text",
                remedy="save the file as CSV in UTF-8",
            )
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(reader, [])]
    raise_if(
        Fault(file=path, row=1, column=name, problem="is missing", remedy="add the column")
        for name in required
        if name not in header
    )
    rows: dict[int, dict[str, str]] = {}
    faults: list[Fault] = []
    number = reader.line_num + 1
    for cells in reader:
        if len(cells) == len(header):
            rows[number] = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        elif any(cell.strip() for cell in cells):
            faults.append(
                Fault(
                    file=path,
                    row=number,
                    problem=f"has {len(cells)} cells where the header has {len(header)}",
                    remedy="put text that holds a comma in double quotes",
                )
            )
        number = reader.line_num + 1
    return rows, faults


def unknown_name(
    path: Path, row: int, dimension: str, name: str, names: Collection[str], source: str
) -> Fault:
    """Return the fault of a name that the mapping `source` does not define."""
    known = sorted(set(names) - {UNMAPPED, ALL})
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}? Known" if close else "known"
    return Fault(
        file=path,
        row=row,
        column=dimension,
        problem=f"{name!r} is not a known {dimension}",
        remedy=f"{hint} are {', '.join(known)}; others must first be added to {source}",
    )


def _faults_of(
    path: Path,
    number: int,
    cells: Mapping[str, str],
    error: ValidationError,
    remedies: Mapping[str, str],
) -> Iterator[Fault]:
    for detail in error.errors():
        column = str(detail["loc"][0])
        given = cells[column]
        problem = _PROBLEMS.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
        if not given:
            problem = "is empty"
        yield Fault(
            file=path,
            row=number,
            column=column,
            problem=f"{given!r} {problem}" if given else problem,
            remedy=remedies.get(column, f"write the {column}"),
        )
