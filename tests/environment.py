"""Loaded before Django: the tests run with a developer's settings and without waiting between attempts."""

import os

for name, value in {
    "DEBUG": "1",
    "ALLOW_CUSTOM_ENDPOINTS": "1",
    "RETRY_BASE_SECONDS": "0",
    "LOOKUP_GRACE_SECONDS": "0",
    "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", "") or "sqlite://:memory:",
    "REDIS_URL": "",
}.items():
    os.environ[name] = value
