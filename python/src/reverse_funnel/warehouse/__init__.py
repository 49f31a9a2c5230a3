"""The only door to the database.

Reading goes through dbt itself (`DbtProject.query`), so it works with every adapter and needs no
credentials of its own. Writing is limited to raw tables (`publish_raw`), which a loader would
otherwise land, on the two engines the project can be tried on: DuckDB and Postgres.
"""

from reverse_funnel.warehouse.profile import ConnectionInfo
from reverse_funnel.warehouse.project import DbtProject
from reverse_funnel.warehouse.raw import (
    open_database,
    publish_raw,
    raw_tables,
    raw_workspace,
)

__all__ = [
    "ConnectionInfo",
    "DbtProject",
    "open_database",
    "publish_raw",
    "raw_tables",
    "raw_workspace",
]
