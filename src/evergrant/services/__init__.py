"""Every Zoho service as data: where it is, where the org travels, and what its errors mean."""

from evergrant.services.catalog import SERVICES, find_service
from evergrant.services.pages import Pages
from evergrant.services.refusal import Refusal
from evergrant.services.service import ErrorCodes, Org, Probe, Service

__all__ = ["SERVICES", "ErrorCodes", "Org", "Pages", "Probe", "Refusal", "Service", "find_service"]
