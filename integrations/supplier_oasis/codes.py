"""Overstock's carrier and service codes as far as they are public, and the free texts known to mean them.

Sources: supplier-oasis 4.3 and 4.4. The full lists are behind the vendor's login; staff add what is missing.
"""

from __future__ import annotations

CARRIERS = {
    "UPS": "UPS",
    "UPSSP": "UPS SurePost",
    "UPSMI": "UPS Mail Innovations",
    "USPS": "USPS",
    "USPSFC": "USPS First Class",
    "FEDEX": "FedEx",
    "FEDSP": "FedEx SmartPost",
    "FXFE": "FedEx Freight",
    "ONTRAC": "OnTrac",
    "DHL": "DHL Express",
}

SERVICE_LEVELS = {
    "GROUND": "Ground",
    "NEXT_DAY": "Next day",
    "TWO_DAY": "Two day",
    "THREE_DAY": "Three day",
    "FIRSTCLASS": "First class",
    "PRIORITY": "Priority",
    "MEDIA_MAIL": "Media mail",
    "DOCK": "Freight to dock",
    "THRESHOLD": "Freight to threshold",
}

# (carrier text, service text, carrier code, service code or "" for the one that the order asked for). No service text
# is "", any that has no row of its own is "*": only where one code serves all (4.4).
SEED_MAPPINGS: tuple[tuple[str, str, str, str], ...] = (
    ("UPS", "", "UPS", ""),
    ("UPS", "Ground", "UPS", "GROUND"),
    ("UPS", "UPS Ground", "UPS", "GROUND"),
    ("UPS", "Standard", "UPS", "GROUND"),
    ("UPS", "Next Day Air", "UPS", "NEXT_DAY"),
    ("UPS", "Next Day Air Saver", "UPS", "NEXT_DAY"),
    ("UPS", "Next Day Air Early", "UPS", "NEXT_DAY"),
    ("UPS", "2nd Day Air A.M.", "UPS", "TWO_DAY"),
    ("UPS", "2nd Day Air", "UPS", "TWO_DAY"),
    ("UPS", "3 Day Select", "UPS", "THREE_DAY"),
    ("UPS", "SurePost", "UPSSP", "FIRSTCLASS"),
    ("UPS", "Mail Innovations", "UPSMI", "FIRSTCLASS"),
    ("UPS Ground", "", "UPS", "GROUND"),
    ("UPS SurePost", "", "UPSSP", "FIRSTCLASS"),
    ("UPSSP", "", "UPSSP", "FIRSTCLASS"),
    ("UPS Mail Innovations", "", "UPSMI", "FIRSTCLASS"),
    ("UPSMI", "", "UPSMI", "FIRSTCLASS"),
    ("FedEx", "", "FEDEX", ""),
    ("FedEx", "Ground", "FEDEX", "GROUND"),
    ("FedEx", "FedEx Ground", "FEDEX", "GROUND"),
    ("FedEx", "Home Delivery", "FEDEX", "GROUND"),
    ("FedEx", "Express Saver", "FEDEX", "GROUND"),
    ("FedEx", "Standard Overnight", "FEDEX", "NEXT_DAY"),
    ("FedEx", "Priority Overnight", "FEDEX", "NEXT_DAY"),
    ("FedEx", "2Day", "FEDEX", "TWO_DAY"),
    ("FedEx", "FedEx 2Day", "FEDEX", "TWO_DAY"),
    ("FedEx", "International Priority", "FEDEX", "PRIORITY"),
    ("FedEx", "SmartPost", "FEDSP", "GROUND"),
    ("FedEx", "Freight", "FXFE", "DOCK"),
    ("FedEx Ground", "", "FEDEX", "GROUND"),
    ("FedEx SmartPost", "", "FEDSP", "GROUND"),
    ("FEDSP", "", "FEDSP", "GROUND"),
    ("FedEx Freight", "", "FXFE", ""),
    ("FXFE", "", "FXFE", ""),
    ("FXFE", "DOCK", "FXFE", "DOCK"),
    ("USPS", "", "USPS", "PRIORITY"),
    ("USPS", "Priority", "USPS", "PRIORITY"),
    ("USPS", "Priority Mail", "USPS", "PRIORITY"),
    ("USPS", "First Class", "USPSFC", "FIRSTCLASS"),
    ("USPS", "First Class Mail", "USPSFC", "FIRSTCLASS"),
    ("USPS", "Media Mail", "USPS", "MEDIA_MAIL"),
    ("USPS First Class", "", "USPSFC", "FIRSTCLASS"),
    ("USPSFC", "", "USPSFC", "FIRSTCLASS"),
    ("OnTrac", "", "ONTRAC", "GROUND"),
    ("OnTrac", "*", "ONTRAC", "GROUND"),
    ("DHL", "", "DHL", "GROUND"),
    ("DHL", "*", "DHL", "GROUND"),
    ("DHL Express", "", "DHL", "GROUND"),
    ("DHL Express", "*", "DHL", "GROUND"),
)
