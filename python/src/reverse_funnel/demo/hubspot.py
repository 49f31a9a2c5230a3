"""HubSpot, as Fivetran lands it."""

from __future__ import annotations

from reverse_funnel.demo.hubspot_faults import FAULTS, KINDS
from reverse_funnel.demo.hubspot_tables import TABLES
from reverse_funnel.demo.writer import CrmWriter


class HubspotWriter(CrmWriter):
    """Writes the simulated company as HubSpot tables."""

    crm = "hubspot"
    tables = TABLES
    deals = ("deal", "deal_id", "property_hs_lastmodifieddate")
    kinds = KINDS
    faults = FAULTS
