"""The one settings file; everything that differs between places comes from the environment.

`.env.example` lists each variable with its default. Whatever a production must set and has
not set refuses to start, with a sentence that says which.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from billing.alerts import rules as alert_rules
from billing.http import quotas
from billing.http.addresses import Proxies
from billing.http.logs import hide, logging_config
from config import places
from config.databases import database
from config.files import file_storage

django_stubs_ext.monkeypatch()  # so that `ModelAdmin[Hold]` also runs

_T = TypeVar("_T")
BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def _required(name: str, *, shortest: int = 1) -> str:
    """Return the variable `name`, or refuse to start and say what is missing."""
    value: str = env.str(name, default="")
    if len(value) < shortest:
        raise ImproperlyConfigured(
            f"Set {name} in the environment (at least {shortest} characters); "
            "`./run serve` sets it by itself on a laptop. See .env.example."
        )
    return value


def _understood(name: str, read: Callable[[Any], _T], said: str) -> _T:
    """Return what the JSON of the variable `name` means, or refuse to start."""
    try:
        return read(json.loads(said or "{}"))
    except (TypeError, ValueError) as wrong:
        raise ImproperlyConfigured(f"{name}: {wrong}") from wrong


# -- this place --------------------------------------------------------------------------------
DEBUG = False  # a service that handles money never shows its inside to a caller
SECRET_KEY = _required("SECRET_KEY", shortest=32)
# Former keys, still good for what they have signed, while a new one takes over.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
PUBLIC_URL: str = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
SERVED_BY_TLS = PUBLIC_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# -- what it is made of ------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "billing.operators.apps.OperatorsAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "plans",
    "billing",
]
MIDDLEWARE = [
    "billing.http.requests.RequestId",
    "billing.http.headers.Guards",
    "billing.http.deprecation.DeprecationHeaders",
    "billing.http.limits.Limits",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "billing.operators.middleware.AllowedAddresses",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "billing.http.parameters.KnownParameters",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before those of apps: a few of unfold's small pieces are ours.
        "DIRS": [BASE_DIR / "billing" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


# -- PostgreSQL is the record ------------------------------------------------------------------
# PgBouncer takes no such start-up parameter: leave this empty there; the application's role has
# the same three limits by itself.
_session: str = env.str(
    "DATABASE_SESSION_OPTIONS",
    default="-c lock_timeout=4s -c statement_timeout=15s"
    " -c idle_in_transaction_session_timeout=30s",
)
_kept: int = env.int("DATABASE_CONN_MAX_AGE", default=60)
_planned: bool = env.bool("DATABASE_PREPARED_STATEMENTS", default=True)
_database = partial(database, seconds_kept=_kept, plans_once=_planned)
_required("DATABASE_URL")
DATABASES: dict[str, dict[str, Any]] = {
    "default": _database(env.db_url("DATABASE_URL"), session_options=_session)
}
# Who owns the tables: `migrate` alone needs it, and may take its time, but never a lock for long.
if env.str("DATABASE_OWNER_URL", default=""):
    _owner = env.db_url("DATABASE_OWNER_URL")
    DATABASES["owner"] = _database(_owner, session_options="-c lock_timeout=4s")
# A standby that reports are read from; empty: they are read where everything is.
if env.str("REPORTS_DATABASE_URL", default=""):
    _standby = env.db_url("REPORTS_DATABASE_URL")
    DATABASES["reports"] = _database(_standby, session_options=_session)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Redis is the doorbell ---------------------------------------------------------------------
REDIS_URL = _required("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "linggan",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}

# -- who calls ---------------------------------------------------------------------------------
# What seals e-mails, cards and devices: the first key, and former ones that still find theirs.
_identity_key: str = env.str("IDENTITY_KEY", default="")
IDENTITY_KEYS: list[str] = (
    [_identity_key, *env.list("IDENTITY_KEY_FALLBACKS", default=[])]
    if _identity_key
    else [SECRET_KEY, *SECRET_KEY_FALLBACKS]
)
JWT_ISSUER = _required("JWT_ISSUER")
JWT_AUDIENCE = _required("JWT_AUDIENCE")
JWT_ALGORITHM: str = env.str("JWT_ALGORITHM", default="EdDSA")
JWT_JWKS_URL: str = env.str("JWT_JWKS_URL", default="")
JWT_JWKS_ALLOWED_CIDRS: list[str] = env.list("JWT_JWKS_ALLOWED_CIDRS", default=[])
JWT_PUBLIC_KEY: str = env.str("JWT_PUBLIC_KEY", default="", multiline=True)
JWT_PRIVATE_KEY: str = env.str("JWT_PRIVATE_KEY", default="", multiline=True)  # `issue_token`
if not (JWT_JWKS_URL or JWT_PUBLIC_KEY):
    raise ImproperlyConfigured("Set JWT_JWKS_URL or JWT_PUBLIC_KEY: who signs the users' tokens?")

# -- what is proven, and paid ------------------------------------------------------------------
# An Ed25519 private key: PEM, or the base64 of its 32 bytes. The public half is remembered.
RECEIPT_KEY = _required("RECEIPT_KEY", shortest=43).replace("\\n", "\n")
STRIPE_SECRET_KEY: str = env.str("STRIPE_SECRET_KEY", default="")  # empty: no Stripe
STRIPE_API_BASE: str = env.str("STRIPE_API_BASE", default="https://api.stripe.com")
# What proves that a webhook is Stripe's: one secret, or two while a new one takes over.
STRIPE_WEBHOOK_SECRETS: list[str] = [
    secret.strip() for secret in env.list("STRIPE_WEBHOOK_SECRET", default=[]) if secret.strip()
]
# Hosts of the platform to which buyers may be led back; empty: any, by https.
RETURN_HOSTS: list[str] = env.list("RETURN_HOSTS", default=[])

# -- letters ----------------------------------------------------------------------------------
# Where mail is handed in, such as smtp+tls://user:password@mail.example.com:587; empty: nobody is
# written to.
EMAIL_URL: str = env.str("EMAIL_URL", default="")
_mail: dict[str, Any] = environ.Env.email_url_config(EMAIL_URL or "dummymail://")
EMAIL_BACKEND: str = _mail["EMAIL_BACKEND"]
EMAIL_HOST: str = _mail["EMAIL_HOST"] or "localhost"
EMAIL_PORT: int = _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER: str = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD: str = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS: bool = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _mail.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH: str = _mail["EMAIL_FILE_PATH"]
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="Linggan <billing@localhost>")
OPERATORS_EMAIL: str = env.str("OPERATORS_EMAIL", default="")  # who hears of disputes

# -- alerts: who is written to, and in which language; who is called, and what signs it -------
ALERT_EMAILS: list[str] = env.list("ALERT_EMAILS", default=[])
ALERT_LANGUAGE: str = env.str("ALERT_LANGUAGE", default="en")
ALERT_WEBHOOK_URL: str = env.str("ALERT_WEBHOOK_URL", default="")
# whsec_ and 24 bytes or more in base64; without it nobody could believe what is told there.
ALERT_WEBHOOK_SECRET: str = env.str("ALERT_WEBHOOK_SECRET", default="")
if ALERT_WEBHOOK_URL and not re.fullmatch(r"whsec_[\w+/]{32,86}={0,2}", ALERT_WEBHOOK_SECRET):
    raise ImproperlyConfigured(
        "Set ALERT_WEBHOOK_SECRET to whsec_ and 24 to 64 bytes in base64, such as `echo "
        "whsec_$(openssl rand -base64 32)` says, or leave ALERT_WEBHOOK_URL empty."
    )
ALERT_RULES = _understood("ALERT_RULES", alert_rules.read, env.str("ALERT_RULES", default=""))
# For how long one person keeps an alert from everybody else.
ALERT_SILENCE_HOURS: int = _understood(
    "ALERT_SILENCE_HOURS", alert_rules.silence_hours, env.str("ALERT_SILENCE_HOURS", default="24")
)

# -- what is sold, and where it is made --------------------------------------------------------
CATALOG: str = env.str("CATALOG", default=str(BASE_DIR / "plans" / "catalogs" / "kling.toml"))
BACKENDS: dict[str, dict[str, Any]] = _understood(
    "BACKENDS", dict, env.str("BACKENDS", default="{}")
)
BACKEND_WEBHOOK_BASE_URL: str = env.str("BACKEND_WEBHOOK_BASE_URL", default=PUBLIC_URL).rstrip("/")
# Health checks and callbacks come under these names, whatever else an operator has listed.
ALLOWED_HOSTS = list(
    dict.fromkeys(
        [
            *ALLOWED_HOSTS,
            *("localhost", "127.0.0.1", "[::1]"),
            *filter(None, [places.host(PUBLIC_URL), places.host(BACKEND_WEBHOOK_BASE_URL)]),
        ]
    )
)
WEBHOOK_ALLOWED_CIDRS: list[str] = env.list("WEBHOOK_ALLOWED_CIDRS", default=[])
WEBHOOK_SLOW_AT_ONCE: int = env.int("WEBHOOK_SLOW_AT_ONCE", default=2)
WEBHOOK_EVENTS_KEPT_DAYS: int = env.int("WEBHOOK_EVENTS_KEPT_DAYS", default=90)
if WEBHOOK_SLOW_AT_ONCE < 1 or WEBHOOK_EVENTS_KEPT_DAYS < 1:
    raise ImproperlyConfigured("WEBHOOK_SLOW_AT_ONCE and WEBHOOK_EVENTS_KEPT_DAYS are at least 1.")

# -- how many requests -------------------------------------------------------------------------
try:
    # Whose word counts about where a request came from.
    TRUSTED_PROXIES = Proxies.read(env.str("TRUSTED_PROXIES", default="0"))
except ValueError as wrong:
    raise ImproperlyConfigured(
        f"TRUSTED_PROXIES is a number of proxies, or networks such as 10.1.0.0/16: {wrong}"
    ) from wrong
LIMITS = _understood("LIMITS", quotas.read, env.str("LIMITS", default=""))

# -- Celery (the schedule stands in config/celery.py) ------------------------------------------
CELERY_BROKER_URL = REDIS_URL

# -- REST --------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["billing.accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["billing.http.limits.ByCaller"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["billing.http.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "billing.http.openapi.Schema",
    "EXCEPTION_HANDLER": "billing.http.problems.answer_refusal",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Linggan 灵感",
    "DESCRIPTION": "Credits and subscriptions for AI video platforms.",
    "VERSION": "1.0.0",
    "LICENSE": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/favicon.ico",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["billing.http.openapi.finish_document"],
}


# -- files -------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT: str = env.str("STATIC_ROOT", default=str(BASE_DIR / "var" / "static"))
# The picture that browsers ask every host for by themselves. It is answered before there is a
# session, so no cache keeps anybody's cookie with it; a new one is seen after a day.
WHITENOISE_ROOT = BASE_DIR / "billing" / "at_root"
WHITENOISE_MAX_AGE = 86_400
MEDIA_ROOT: str = env.str("MEDIA_ROOT", default=str(BASE_DIR / "var" / "media"))
STORAGE_URL: str = env.str("STORAGE_URL", default="")
# A bucket's own addresses end by themselves, and serve ranges: nothing passes through us then.
STORAGE_REDIRECTS = bool(STORAGE_URL)
STORAGES = {
    "default": file_storage(STORAGE_URL),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
OUTPUT_URL_SECONDS: int = env.int("OUTPUT_URL_SECONDS", default=3600)
OUTPUT_BYTES_MAX: int = env.int("OUTPUT_BYTES_MAX", default=64 * 1024 * 1024)

# -- event streams ----------------------------------------------------------------------------
# Where the process listens that streams events; empty: a proxy sends their addresses there.
EVENTS_URL: str = env.str("EVENTS_URL", default="").rstrip("/")
EVENTS_URL_SECONDS: int = env.int("EVENTS_URL_SECONDS", default=3600)
EVENTS_ORIGINS: list[str] = env.list("EVENTS_ORIGINS", default=[])
EVENTS_LISTENERS_MAX: int = env.int("EVENTS_LISTENERS_MAX", default=2000)
EVENTS_LISTENERS_PER_ACCOUNT_MAX: int = env.int("EVENTS_LISTENERS_PER_ACCOUNT_MAX", default=50)

# -- operators ---------------------------------------------------------------------------------
# How old an operator's last code may be when he changes something.
OPERATOR_CONFIRMATION_MINUTES: int = env.int("OPERATOR_CONFIRMATION_MINUTES", default=10)
# Networks from which the administration can be seen; empty: from anywhere.
ADMIN_ALLOWED_CIDRS = places.networks(env.list("ADMIN_ALLOWED_CIDRS", default=[]))

# -- hosted pages -----------------------------------------------------------------------------
PAGES_ENABLED: bool = env.bool("PAGES_ENABLED", default=True)
# The origins whose pages may show ours in a frame; empty: none.
PAGES_FRAME_ANCESTORS: list[str] = env.list("PAGES_FRAME_ANCESTORS", default=[])
# Where a form of theirs may lead to: Stripe's pages, or a domain of one's own for them.
PAGES_PAYMENT_ORIGINS: list[str] = env.list(
    "PAGES_PAYMENT_ORIGINS", default=["https://checkout.stripe.com", "https://billing.stripe.com"]
)

# -- people ------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"  # instants with their zone
USE_TZ = True
TIME_ZONE = "UTC"
LOGIN_URL = "admin:login"
SESSION_COOKIE_AGE = 30 * 60
SESSION_SAVE_EVERY_REQUEST = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SERVED_BY_TLS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "billing.http.handlers.strange_form"
# By this beginning browsers take a cookie from this very host alone, and by TLS alone.
_cookie = "__Host-" if SERVED_BY_TLS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_cookie}sessionid", f"{_cookie}csrftoken"
SECURE_SSL_REDIRECT = SERVED_BY_TLS
# Asked from inside, past whatever ends TLS: a redirect would lose a callback.
SECURE_REDIRECT_EXEMPT = [r"^webhooks/", r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31536000 if SERVED_BY_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = env.bool("HSTS_SUBDOMAINS", default=False)
# Other hosts below ours, and the list in every browser, are for their owner to decide about.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# "same-origin", not "no-referrer": by that, a browser would call its own forms' origin null.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SERVED_BY_TLS else None
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Linggan administration"),
    "SITE_HEADER": _("Linggan administration"),
    "SHOW_LANGUAGES": True,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _r: static("pages/icon.svg")}
    ],
    "STYLES": [lambda _request: static("console/console.css")],
    "SCRIPTS": [lambda _request: static("console/keys.js")],
    "SIDEBAR": {"navigation": "billing.http.navigation.groups"},
    "DASHBOARD_CALLBACK": "billing.console.dashboard.pages.context",
    "ACCOUNT": {
        "navigation": [
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Second factor"), "link": reverse_lazy("admin:second_factor")},
        ]
    },
}

# -- what it says of itself --------------------------------------------------------------------
# Where this process answers Prometheus, such as 127.0.0.1:9464: an address of loopback or of the
# cluster's own network, for it asks nobody who he is; empty: nowhere.
METRICS_LISTEN = places.listening(env.str("METRICS_LISTEN", default=""))

# -- logs --------------------------------------------------------------------------------------
# text for people, json for machines
LOG_FORMAT: Literal["text", "json"] = (
    "json" if env.str("LOG_FORMAT", default="text") == "json" else "text"
)
hide({name: value for name, value in globals().items() if name.isupper()})
LOGGING = logging_config(LOG_FORMAT)
