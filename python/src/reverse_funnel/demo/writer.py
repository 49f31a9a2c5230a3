"""Writing the simulated company as the raw tables of a CRM.

The blocks of the simulation become chunks of neutral columns, each under a name of its own
("opportunity", "lead", ...). A CRM is a list of tables that say which chunks feed them and how
(:class:`reverse_funnel.demo.tables.Table`); so every CRM holds the same company.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import duckdb
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from reverse_funnel.demo.accounts import NEW_COUNTRY, NEW_SIZE, NO_CHANGE, Accounts
from reverse_funnel.demo.calendar import OPENING_SECONDS, Ints, day_number, to_seconds
from reverse_funnel.demo.config import (
    COUNTRY_TO_TERRITORY,
    SEGMENT_EMPLOYEES,
    TERRITORIES,
)
from reverse_funnel.demo.deals import Deals
from reverse_funnel.demo.faults import Fault, Kind
from reverse_funnel.demo.salesforce_people import Columns, stamps, user_columns
from reverse_funnel.demo.simulation import Block, Setting
from reverse_funnel.demo.tables import INDUSTRIES, Table

BUILDING = "__building"
"""Suffix of the tables being built; they take the place of the others at the very end."""
_CHUNK = "reverse_funnel_demo_chunk"
_DAY = 86_400
_SYNC_SECONDS = 6 * 3600
_RESYNC = 2 * 3600 + 600
"""Second of the as-of day at which small tables, and the latest deal, were last loaded."""


def quoted(name: str) -> str:
    """Quote a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _first_values(deals: Deals) -> tuple[Ints, Ints, Ints]:
    """Owner, lead source and type at creation: whatever has not changed is what it is now."""
    first: list[Ints] = [
        np.array(now, dtype=np.int64)
        for now in (deals.first_owner, deals.lead_source, deals.type_raw)
    ]
    for field, values in enumerate(first):
        mine = deals.changes.field == field
        values[deals.changes.opportunity[mine]] = deals.changes.old[mine]
    return first[0], first[1], first[2]


class CrmWriter:
    """Writes blocks into tables under temporary names, then puts them in place at once.

    A subclass names the CRM, its tables, the table, id and time of change of its deals, and the
    faults that can be planted in its records.
    """

    crm: ClassVar[str]
    tables: ClassVar[tuple[Table, ...]]
    deals: ClassVar[tuple[str, str, str]]
    kinds: ClassVar[Mapping[str, Kind]]
    faults: ClassVar[tuple[Fault, ...]]

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, setting: Setting, schema: str, rng: Generator
    ) -> None:
        self._connection = connection
        self._setting = setting
        self._schema = quoted(schema)
        self._rng = rng
        self._numbered: dict[str, int] = {}
        self.rows = {table.name: 0 for table in self.tables}

    def target(self, table: str) -> str:
        """Qualified name of a table while it is being built."""
        return f"{self._schema}.{quoted(table + BUILDING)}"

    def prepare(self) -> None:
        """Create the empty tables; what a stopped run left behind goes first."""
        self._connection.execute(f"create schema if not exists {self._schema}")
        for table in self.tables:
            target = self.target(table.name)
            self._connection.execute(f"create or replace table {target} ({table.ddl})")

    def publish(self) -> None:
        """Replace the tables of the schema by the new ones, all or none."""
        self._connection.execute("begin transaction")
        try:
            for table in self.tables:
                name = quoted(table.name)
                self._connection.execute(f"drop table if exists {self._schema}.{name}")
                self._connection.execute(f"alter table {self.target(table.name)} rename to {name}")
            self._connection.execute("commit")
        except BaseException:
            self._connection.execute("rollback")
            raise

    def discard(self) -> None:
        """Drop what was built."""
        for table in self.tables:
            self._connection.execute(f"drop table if exists {self.target(table.name)}")

    def _insert(self, chunk: str, columns: Columns) -> None:
        """Append a chunk to every table it feeds; its rows are numbered on from the last one."""
        rows = len(next(iter(columns.values())))
        if not rows:
            return
        first = self._numbered.get(chunk, 0)
        self._connection.register(_CHUNK, {"number": first + np.arange(rows), **columns})
        try:
            for table in self.tables:
                for source in table.sources(chunk):
                    added = self._connection.execute(
                        f"insert into {self.target(table.name)} "
                        f"select {table.select} from {source.format(chunk=_CHUNK)}"
                    ).fetchone()
                    self.rows[table.name] += added[0] if added else 0
        finally:
            self._connection.unregister(_CHUNK)
        self._numbered[chunk] = first + rows

    def _synced(self, recorded: Ints) -> NDArray[np.datetime64]:
        """Load times: up to six hours after recording, never after the cut."""
        later = recorded + self._rng.integers(60, _SYNC_SECONDS, len(recorded))
        return stamps(np.minimum(later, self._setting.cutoff))

    def _loaded_last(self, rows: int) -> NDArray[np.datetime64]:
        at = day_number(self._setting.config.as_of) * _DAY + _RESYNC
        return stamps(np.full(rows, at, dtype=np.int64))

    # ------------------------------------------------------------------ the company itself

    def write_setting(self) -> None:
        """Users, roles, record types and exchange rates."""
        self._write_users()
        start = to_seconds(np.array([day_number(self._setting.config.start) - 30.0]), np.zeros(1))
        names = np.array(["New Business", "Existing Business"])
        self._insert(
            "record_type",
            {"name": names, "created": stamps(np.repeat(start, 2)), "synced": self._loaded_last(2)},
        )
        rates = self._setting.rates
        days = rates.month_days()
        months, currencies = rates.rate.shape
        self._insert(
            "dated_conversion_rate",
            {
                "currency": np.tile(np.arange(currencies), months),
                "rate": rates.rate.ravel(),
                "start_day": np.repeat(days[:-1], currencies),
                "next_day": np.repeat(days[1:], currencies),
                "synced": self._loaded_last(months * currencies),
            },
        )

    def _write_users(self) -> None:
        users, roles = user_columns(self._setting.organisation.users)
        for name, columns in (("user", users), ("user_role", roles)):
            rows = len(next(iter(columns.values())))
            self._insert(name, {**columns, "synced": self._loaded_last(rows)})

    # ------------------------------------------------------------------ blocks

    def write_block(self, block: Block) -> None:
        """Append one block to every table it has rows for."""
        if not block.future:
            for accounts in block.accounts:
                self._write_accounts(accounts, block.accounts)
            self._write_opportunities(block.deals)
            self._write_histories(block.deals)
            meetings = block.meetings
            self._insert(
                "event",
                {
                    "lead": meetings.lead,
                    "deal": meetings.deal,
                    "owner": meetings.owner,
                    "creator": meetings.creator,
                    "created": stamps(meetings.created),
                    "modified": stamps(self._held(meetings.created, meetings.start)),
                    "start": stamps(meetings.start),
                    "outcome": meetings.outcome,
                    "synced": self._synced(self._held(meetings.created, meetings.start)),
                },
            )
        self._write_leads(block)
        touches = block.touches
        self._insert(
            "task",
            {
                "lead": touches.lead,
                "deal": touches.deal,
                "owner": touches.owner,
                "kind": touches.kind,
                "recorded": stamps(touches.at),
                "synced": self._synced(touches.at),
            },
        )

    def _held(self, created: Ints, start: Ints) -> Ints:
        """When a meeting's record last changed: once held, at its start."""
        return np.where(start <= self._setting.cutoff, np.maximum(created, start), created)

    def _write_accounts(self, accounts: Accounts, all_accounts: list[Accounts]) -> None:
        if not len(accounts):
            return
        absorbed = np.full(len(accounts), -1, dtype=np.int64)
        for others in all_accounts:
            at = others.merged_into - accounts.first_number
            mine = np.flatnonzero((others.merged_into >= 0) & (at >= 0) & (at < len(accounts)))
            absorbed[at[mine]] = others.first_number + mine
        territory = np.array(COUNTRY_TO_TERRITORY)[accounts.country]
        opening = OPENING_SECONDS[territory]
        created = to_seconds(accounts.created, opening)
        changed = to_seconds(accounts.changed_at, opening)
        seen = (accounts.change != NO_CHANGE) & (changed <= self._setting.cutoff)
        merged = np.where(accounts.merged_into >= 0, to_seconds(accounts.merged_at, opening), -1)
        modified = np.maximum(np.maximum(created, np.where(seen, changed, 0)), merged)
        borders = [low for low, _ in SEGMENT_EMPLOYEES[1:]]
        segment = np.searchsorted(borders, accounts.employees, side="right")
        owner = self._setting.organisation.executive_managers[
            segment * len(TERRITORIES) + territory
        ]
        self._insert(
            "account",
            {
                "merged_into": accounts.merged_into,
                "absorbed": absorbed,
                "industry": accounts.industry,
                "employees": np.where(seen, accounts.new_employees, accounts.employees),
                "country": np.where(seen, accounts.new_country, accounts.country),
                "first_employees": accounts.employees,
                "first_country": accounts.country,
                "owner": owner,
                "created": stamps(created),
                "modified": stamps(modified),
                "synced": self._synced(modified),
            },
        )
        for field, kind in enumerate((NEW_SIZE, NEW_COUNTRY)):
            at = np.flatnonzero(seen & (accounts.change == kind))
            values = (
                (accounts.employees, accounts.new_employees)
                if kind == NEW_SIZE
                else (accounts.country, accounts.new_country)
            )
            self._insert(
                "account_history",
                {
                    "account": accounts.first_number + at,
                    "author": owner[at],
                    "recorded": stamps(changed[at]),
                    "field": np.full(len(at), field),
                    "old": values[0][at].astype(np.int64),
                    "new": values[1][at].astype(np.int64),
                    "synced": self._synced(changed[at]),
                },
            )

    def _write_opportunities(self, deals: Deals) -> None:
        recorded = deals.recorded
        fiscal_year, fiscal_quarter = self._fiscal(recorded.close_day)
        created = to_seconds(deals.lives.created, deals.opening)
        rates = self._setting.rates
        first_owner, first_source, first_type = _first_values(deals)
        self._insert(
            "opportunity",
            {
                "deleted": recorded.deleted,
                "account": deals.account,
                "record_type": np.where(deals.type_raw == 0, 0, 1),
                "stage": recorded.stage,
                "amount": recorded.amount,
                "currency": deals.currency,
                "probability": recorded.probability,
                "close_day": recorded.close_day,
                "type_raw": deals.type_raw,
                "lead_source": deals.lead_source,
                "category": recorded.category,
                "owner": deals.owner,
                "creator": deals.creator,
                "created": stamps(created),
                "modified": stamps(deals.modified),
                "stage_changed": stamps(recorded.stage_changed),
                "fiscal_year": fiscal_year,
                "fiscal_quarter": fiscal_quarter,
                "answer": deals.answer,
                "second_answer": deals.second_answer,
                "first_owner": first_owner,
                "first_source": first_source,
                "first_type": first_type,
                "first_rate": 1 / rates.at(deals.currency, created // _DAY),
                "rate": 1 / rates.at(deals.currency, deals.modified // _DAY),
                # HubSpot tells a deletion by its load alone, so it is loaded when it is made.
                "synced": np.where(
                    recorded.deleted, stamps(deals.modified), self._synced(deals.modified)
                ),
            },
        )

    def _fiscal(self, day: Ints) -> tuple[Ints, Ints]:
        """Fiscal year (named by the year it ends in) and quarter of calendar days."""
        month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        shifted = month + (1 - self._setting.config.fiscal_year_start_month) % 12
        return 1970 + shifted // 12, shifted % 12 // 3 + 1

    def _write_histories(self, deals: Deals) -> None:
        rows = deals.recorded.rows
        at = rows.opportunity
        handed_over = (deals.owner_changed[at] >= 0) & (rows.recorded >= deals.owner_changed[at])
        self._insert(
            "opportunity_history",
            {
                "opportunity": deals.first_number + at,
                "record_type": np.where(deals.type_raw[at] == 0, 0, 1),
                "author": np.where(handed_over, deals.owner[at], deals.first_owner[at]),
                "recorded": stamps(rows.recorded),
                "stage": rows.stage,
                "amount": rows.amount,
                "currency": deals.currency[at],
                "close_day": rows.close_day,
                "probability": rows.probability,
                "category": rows.category,
                "synced": self._synced(rows.recorded),
            },
        )
        changes = deals.changes
        self._insert(
            "opportunity_field_history",
            {
                "opportunity": deals.first_number + changes.opportunity,
                "author": changes.by,
                "recorded": stamps(changes.recorded),
                "field": changes.field,
                "old": changes.old,
                "new": changes.new,
                "synced": self._synced(changes.recorded),
            },
        )

    def _write_leads(self, block: Block) -> None:
        leads, deals = block.leads, block.deals
        became = leads.deal >= 0
        number = leads.first_number + np.arange(len(leads))
        self._insert(
            "lead",
            {
                "deleted": leads.deleted,
                "person": number - leads.same_person,
                "account": np.where(became, deals.account[leads.deal], -1),
                "opportunity": np.where(became, deals.first_number + leads.deal, -1),
                "converted": stamps(leads.converted),
                "country": leads.country,
                "employees": leads.employees,
                "industry": (number * 7919 % len(INDUSTRIES)).astype(np.int8),
                "lead_source": leads.lead_source,
                "status": leads.status,
                "rating": leads.rating,
                "owner": leads.owner,
                "created": stamps(leads.created),
                "modified": stamps(leads.modified),
                "score": leads.score,
                "demographic": leads.parts[:, 0],
                "behavioural": leads.parts[:, 1],
                "intent": leads.parts[:, 2],
                "model": leads.model,
                "budget": leads.bant[:, 0],
                "authority": leads.bant[:, 1],
                "need": leads.bant[:, 2],
                "timeline": leads.bant[:, 3],
                "answer": leads.answer,
                "reason": leads.reason,
                "synced": self._synced(leads.modified),
            },
        )
        self._insert(
            "lead_history",
            {
                "lead": leads.first_number + leads.changes_lead,
                "author": leads.owner[leads.changes_lead],
                "recorded": stamps(leads.changes_at),
                "old": leads.changes_old,
                "new": leads.changes_new,
                "synced": self._synced(leads.changes_at),
            },
        )

    def touch_latest(self) -> None:
        """Load the most recently changed deal once more on the as-of day.

        A connector does so now and then; it makes the as-of date the latest load even when that
        day is one without work.
        """
        table, key, modified = self.deals
        target = self.target(table)
        at = str(self._loaded_last(1)[0])
        self._connection.execute(
            f"update {target} set _fivetran_synced = timestamp '{at}' where {key} = "
            f"(select {key} from {target} order by {modified} desc, {key} desc limit 1) "
            f"and _fivetran_synced < timestamp '{at}'"
        )
