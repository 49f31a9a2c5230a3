"""The checks there are: what each looks at, and what to do when it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["", "share", "hours"]


# Kinds of columns in words.
READ_AS = {
    "money": "an amount",
    "number": "a number",
    "date": "a date",
    "timestamp": "a time",
    "boolean": "true or false",
}


@dataclass(frozen=True, slots=True)
class Check:
    """A kind of check.

    Attributes
    ----------
    name
        As the policy names it.
    unit
        What the policy's limit counts: a share of rows, hours, or nothing where a check is met
        or not.
    says
        What is wrong when it fails; `{limit}` is the limit.
    remedy
        What to do about it.

    """

    name: str
    unit: Unit
    says: str
    remedy: str


CHECKS = {
    check.name: check
    for check in (
        Check(
            "table_exists",
            "",
            "the table is absent",
            "let the loader land it, or correct the schema var and the loader's selection",
        ),
        Check(
            "table_kept",
            "",
            "the table was there in the last run and is gone",
            "look at what changed in the loader's selection; without it: {without_it}",
        ),
        Check(
            "column_exists",
            "",
            "the column is absent",
            "let the loader land it, and give its user the right to read the field in the CRM",
        ),
        Check(
            "column_kept",
            "",
            "the column was there in the last run and is gone",
            "look at what changed in the CRM and the loader; without it: {without_it}",
        ),
        Check(
            "column_type",
            "",
            "the column has a type that cannot be read as {kind}",
            "correct the type in the loader, or land the column as text",
        ),
        Check(
            "readable",
            "share",
            "texts that do not read as {kind}",
            "correct them in the CRM or the file; until then they are null and flagged",
        ),
        Check(
            "rows_present",
            "",
            "the table has no rows",
            "see whether the loader ran and its user may read the object",
        ),
        Check(
            "rows_kept",
            "share",
            "fewer rows than in the runs before",
            "see whether a load was cut short or a filter was added; if the rows were removed on "
            "purpose, accept it with --accept-volume",
        ),
        Check(
            "rows_grown",
            "share",
            "many more rows than in the runs before",
            "see whether a load ran twice or another company's data came in; if it is right, "
            "accept it with --accept-volume",
        ),
        Check(
            "recent_rows",
            "share",
            "fewer rows of the last four weeks than of four weeks usually",
            "see whether the loader lags behind or skips new rows",
        ),
        Check(
            "fresh",
            "hours",
            "the last load is long ago",
            "restart the loader; for data of the past use --as-of",
        ),
        Check(
            "key_present",
            "share",
            "rows without their key",
            "find them in the CRM; such rows go to quarantine",
        ),
        Check(
            "key_unique",
            "share",
            "rows whose key came before",
            "load the table anew; the row changed last is kept. A loader that appends every change "
            "does this always: switch the check off for the table",
        ),
        Check(
            "filled",
            "share",
            "rows without a value that is needed",
            "fill it in the CRM; such rows are quarantined or say nothing",
        ),
        Check(
            "refers",
            "share",
            "rows that refer to what is not there",
            "load both tables anew; rows were lost, or the loader's user cannot see them",
        ),
        Check(
            "known_value",
            "share",
            "values that the mapping does not know",
            "add them to seeds/mappings/{values}.csv; until then they count as unmapped",
        ),
        Check(
            "known_currency",
            "share",
            "currencies without a rate",
            "land their rates; until then their amounts are null",
        ),
        Check(
            "amount_possible",
            "share",
            "amounts below 0, or of var absurd_amount and more",
            "correct them in the CRM; until then they are null and flagged",
        ),
        Check(
            "date_possible",
            "share",
            "dates before var calendar_first_day or after var calendar_last_day",
            "correct them in the CRM; until then they are null and flagged",
        ),
        Check(
            "not_ahead",
            "share",
            "times later than the last load",
            "see whether the loader writes local time instead of UTC",
        ),
    )
}
