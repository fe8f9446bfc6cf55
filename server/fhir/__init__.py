"""FHIR's vocabulary: pure functions on plain JSON."""

from typing import Any

Json = dict[str, Any]
"""A FHIR resource or element inside the server: a plain dict whose decimals are `decimal.Decimal`."""
