"""Pipeline targets worked backwards from bookings goals: the Python side of the dbt project.

The package is thin on purpose. It reads one mart (`assumptions`) through dbt itself, solves, and
writes seed files; it never touches a CRM row except to land raw tables (`demo`, `load`). What SQL
can do stays in SQL.

Modules
-------
errors
    What can go wrong, said so that a person can put it right.
warehouse
    The only door to the database: queries through dbt, raw tables written directly.
plan
    Goals and measured assumptions to monthly targets per planning cell.
load
    Flat files into the raw schema `flat_file`.
headlines
    The two headline tables in a terminal.
demo
    The simulator: a CRM with a known truth.
cli
    The command `reverse-funnel`.
"""

__version__ = "0.1.0"
