"""The flat-file contract: which tables and columns may be loaded, and what each is good for."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["text", "timestamp", "date", "money", "number", "integer", "boolean"]


@dataclass(frozen=True, slots=True)
class FlatTable:
    """One table that a folder of flat files may hold.

    Attributes
    ----------
    name
        Its name, and that of its file without the ending.
    columns
        Column to kind. Further columns are kept as text.
    required
        Columns without which the table cannot be loaded.
    without_it
        What is switched off when the table is absent; empty where it must be there.

    """

    name: str
    columns: MappingProxyType[str, Kind]
    required: tuple[str, ...]
    without_it: str = ""

    @property
    def is_required(self) -> bool:
        """True where nothing can be loaded without this table."""
        return not self.without_it


def _table(
    name: str, required: dict[str, Kind], optional: dict[str, Kind], without_it: str = ""
) -> FlatTable:
    return FlatTable(
        name=name,
        columns=MappingProxyType({**required, **optional}),
        required=tuple(required),
        without_it=without_it,
    )


TABLES = (
    _table(
        "opportunities",
        {
            "opportunity_id": "text",
            "created_at": "timestamp",
            "stage_name": "text",
            "amount": "money",
            "close_date": "date",
        },
        {
            "name": "text",
            "account_id": "text",
            "owner_id": "text",
            "lead_id": "text",
            "deal_type": "text",
            "lead_source": "text",
            "record_type": "text",
            "currency": "text",
            "is_deleted": "boolean",
            "self_reported_source": "text",
            "last_modified_at": "timestamp",
        },
    ),
    _table(
        "opportunity_changes",
        {"opportunity_id": "text", "changed_at": "timestamp", "stage_name": "text"},
        {
            "amount": "money",
            "close_date": "date",
            "forecast_category": "text",
            "owner_id": "text",
        },
        without_it="an opportunity has a history of two states, created and closed: no stage "
        "conversion, no slippage, and stage dates are estimates",
    ),
    _table(
        "leads",
        {"lead_id": "text", "created_at": "timestamp", "status": "text"},
        {
            "lead_source": "text",
            "rating": "text",
            "score": "number",
            "owner_id": "text",
            "company": "text",
            "country": "text",
            "converted_at": "timestamp",
            "opportunity_id": "text",
            "account_id": "text",
        },
        without_it="no lead funnel and no lead targets",
    ),
    _table(
        "lead_changes",
        {"lead_id": "text", "changed_at": "timestamp", "status": "text"},
        {},
        without_it="leads have no dates between creation and conversion",
    ),
    _table(
        "touches",
        {"touch_id": "text", "occurred_at": "timestamp"},
        {
            "lead_id": "text",
            "opportunity_id": "text",
            "owner_id": "text",
            "kind": "text",
            "outcome": "text",
        },
        without_it="no response times to leads",
    ),
    _table(
        "accounts",
        {"account_id": "text"},
        {"name": "text", "employees": "integer", "country": "text", "industry": "text"},
        without_it="segment and territory are unmapped",
    ),
    _table(
        "users",
        {"user_id": "text"},
        {
            "name": "text",
            "team": "text",
            "role": "text",
            "manager_id": "text",
            "is_active": "boolean",
            "start_date": "date",
        },
        without_it="no teams or roles",
    ),
)

SQL_TYPES: MappingProxyType[Kind, str] = MappingProxyType(
    {
        "text": "varchar",
        "timestamp": "timestamp",
        "date": "date",
        "money": "decimal(18, 2)",
        "number": "double",
        "integer": "bigint",
        "boolean": "boolean",
    }
)

# What a value that does not read as its kind should have looked like.
EXAMPLES: MappingProxyType[Kind, str] = MappingProxyType(
    {
        "text": "text",
        "timestamp": "2026-07-01 09:30:00, or 2026-07-01T09:30:00Z",
        "date": "2026-07-01",
        "money": "12500.00",
        "number": "72.5",
        "integer": "250",
        "boolean": "true or false",
    }
)
