"""A built demo, and what it is compared by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from reverse_funnel.demo import DemoConfig, DemoSummary, build_demo

TABLES = (
    "opportunity",
    "opportunity_history",
    "opportunity_field_history",
    "account",
    "account_history",
    "lead",
    "lead_history",
    "task",
    "event",
    "user",
    "user_role",
    "record_type",
    "dated_conversion_rate",
)


@dataclass(frozen=True)
class Demo:
    """A built demo: its database, summary and truth."""

    connection: duckdb.DuckDBPyConnection
    config: DemoConfig
    summary: DemoSummary
    truth: dict[str, Any]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def one(self, sql: str) -> Any:
        row = self.connection.execute(sql).fetchone()
        assert row is not None
        return row[0] if len(row) == 1 else row

    def fingerprints(self) -> dict[str, Any]:
        """Number of rows and order-free hash of every table."""
        return {
            name: self.one(
                f"select count(*), bit_xor(hash(t)), sum(hash(t) % 1000003) "
                f'from salesforce."{name}" t'
            )
            for name in TABLES
        }


def make_demo(folder: Path, **options: Any) -> Demo:
    config = DemoConfig(**options)
    connection = duckdb.connect()
    path = folder / "truth.json"
    summary = build_demo(connection, config, truth_path=path)
    connection.execute("use salesforce")
    return Demo(connection, config, summary, json.loads(path.read_text(encoding="utf-8")))
