"""How times are written everywhere in the admin: 24 hours, with the zone that they are in (settings.TIME_ZONE)."""

DATETIME_FORMAT = r"Y-m-d H:i:s \U\T\C"
DATE_FORMAT = "Y-m-d"
