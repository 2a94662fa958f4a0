"""Crossdock's settings: one module, driven by the environment (see `.env.example`)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from config import environment, schedules
from config.navigation import UNFOLD as UNFOLD
from orders import roles

BASE_DIR = Path(__file__).resolve().parent.parent
environment.load(BASE_DIR)

DEBUG = environment.flag("DEBUG")
SECRET_KEY = environment.secret_key(debug=DEBUG)
CREDENTIALS_KEYS = environment.credentials_keys(debug=DEBUG)
ALLOWED_HOSTS = environment.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1")
CSRF_TRUSTED_ORIGINS = environment.origins()
ALLOW_CUSTOM_ENDPOINTS = environment.flag("ALLOW_CUSTOM_ENDPOINTS")
EGRESS_ADDRESS = environment.env.str("EGRESS_ADDRESS", default="")
DATA_UPLOAD_MAX_NUMBER_FIELDS = 15_000  # an order of 2000 lines, which is as many as a form of the admin takes
STALE_AFTER_SECONDS = environment.seconds("STALE_AFTER_SECONDS", 180, least=1)
RETRY_BASE_SECONDS = environment.seconds("RETRY_BASE_SECONDS", 30, least=0)
LOOKUP_GRACE_SECONDS = environment.seconds("LOOKUP_GRACE_SECONDS", 30, least=0)
PERSONAL_DATA_DAYS = environment.number("PERSONAL_DATA_DAYS", 0, least=0, most=3650)  # 0: kept for ever
ALERT_RECIPIENTS = environment.recipients("ALERT_RECIPIENTS")
ALERT_WEBHOOK_URL = environment.webhook("ALERT_WEBHOOK_URL", secure=not ALLOW_CUSTOM_ENDPOINTS)
SITE_URL = environment.site("SITE_URL")
TRUSTED_PROXY_COUNT = environment.number("TRUSTED_PROXY_COUNT", 0, least=0, most=10)
REQUIRE_SECOND_FACTOR = environment.chosen("REQUIRE_SECOND_FACTOR", ("Everyone", *roles.NAMES))

# The lower layers read the job table from here, so that they need not import upwards.
JOBS = schedules.JOBS
CARETAKERS = schedules.CARETAKERS
FORGETTERS = schedules.FORGETTERS
# What a change of aliases would do to orders and quantities, for the preview of an import.
ALIAS_EFFECTS = "orders.foresight.foresee"
# Units in orders that the warehouse has not counted yet, for what a listing would show now.
PENDING = "orders.demand.pending"
ROLES = roles.NAMES

INSTALLED_APPS = [
    "config",  # before django_q, whose qcluster it extends
    "unfold",
    "axes",
    "unfold.contrib.import_export",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "import_export",
    "simple_history",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "django_q",
    "integrations",
    "inventory",
    "orders",
]

MIDDLEWARE = [
    "config.headers.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.sessions.SessionLimits",
    "config.second_factor.SecondFactor",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
    "config.refusals.ReadableAddresses",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": environment.database(BASE_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# By user name and address together: nobody can lock somebody else out from elsewhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = environment.number("LOGIN_FAILURE_LIMIT", 5, least=1, most=100)
AXES_COOLOFF_TIME = timedelta(seconds=environment.seconds("LOGIN_LOCKOUT_SECONDS", 900, least=60))
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "config.lockout.address_of"
AXES_LOCKOUT_CALLABLE = "config.lockout.locked"
AXES_DISABLE_ACCESS_LOG = True  # who has signed in and when, the users say
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
OTP_TOTP_ISSUER = "Crossdock"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["config.formats"]

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
_STATIC = "django.contrib.staticfiles.storage.StaticFilesStorage"
if not DEBUG:
    _STATIC = "whitenoise.storage.CompressedManifestStaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STATIC},
}
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_USE_FINDERS = DEBUG

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT = not DEBUG
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REDIRECT_EXEMPT = [r"^healthz(/deep)?$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = environment.seconds("SESSION_MAX_SECONDS", 12 * 60 * 60, least=300)
SESSION_IDLE_SECONDS = environment.seconds("SESSION_IDLE_SECONDS", 2 * 60 * 60, least=60)
LOGIN_REDIRECT_URL = "admin:index"
CSRF_FAILURE_VIEW = "config.refusals.not_from_here"

vars().update(environment.email())
DEFAULT_FROM_EMAIL = environment.sender()

# Retries belong to Transmission alone: the queue runs each task once and never catches up on missed schedules.
Q_CLUSTER: dict[str, Any] = {
    "name": "crossdock",
    "workers": 2,
    "timeout": 600,
    "retry": 900,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "poll": 0.5,
    "guard_cycle": 0.5,
    "queue_limit": 50,
    "bulk": 1,
    "recycle": 200,
    "save_limit": 1000,
    "label": "Queue",
}
if environment.redis_url():
    Q_CLUSTER["redis"] = environment.redis_url()
else:
    Q_CLUSTER["orm"] = "default"

IMPORT_EXPORT_USE_TRANSACTIONS = True
# Without these, whoever may enter the admin may import and export.
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "change"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "config.logs.LogFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "filters": {"without_codes": {"()": "config.logs.WithoutCodes"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without_codes"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Django's own handlers would write tracebacks with the rows that a database's error quotes.
        "django": {"handlers": [], "level": "INFO"},
        "axes": {"level": "WARNING"},
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
