"""Salesforce, as Fivetran lands it."""

from __future__ import annotations

from reverse_funnel.demo.salesforce_faults import FAULTS, KINDS
from reverse_funnel.demo.salesforce_tables import TABLES
from reverse_funnel.demo.writer import CrmWriter


class SalesforceWriter(CrmWriter):
    """Writes the simulated company as Salesforce tables."""

    crm = "salesforce"
    tables = TABLES
    deals = ("opportunity", "id", "last_modified_date")
    kinds = KINDS
    faults = FAULTS
