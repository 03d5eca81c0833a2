"""Settings, read from the environment. What is missing or misspelt stops the start.

Everything that Glosa adds is prefixed ANNOTATOR_ and listed in the README.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent


def env_bool(name: str, *, default: bool) -> bool:
    """Read a boolean; anything but a known word is an error, not False."""
    value = os.environ.get(name)
    if value is None:
        return default
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False}
    words |= {"no": False, "": default}
    if value.strip().lower() not in words:
        raise ImproperlyConfigured(f"{name}: not a boolean: {value!r}")
    return words[value.strip().lower()]


def env_int(name: str, *, default: int) -> int:
    """Read a whole number or stop."""
    value = os.environ.get(name, "")
    if not value:
        return default
    if not value.lstrip("-").isdigit():
        raise ImproperlyConfigured(f"{name}: not a whole number: {value!r}")
    return int(value)


# Data: everything that Glosa writes lies under this folder -----------------------

ANNOTATOR_DATA_DIR = Path(
    os.environ.get("ANNOTATOR_DATA_DIR", "") or BASE_DIR / "var"
).resolve()
# Bundles that ship with the code; each folder inside is one.
ANNOTATOR_SHIPPED_BUNDLES = Path(
    os.environ.get("ANNOTATOR_SHIPPED_BUNDLES", "") or BASE_DIR / "models"
).resolve()
if not ANNOTATOR_SHIPPED_BUNDLES.is_dir():
    raise ImproperlyConfigured(
        f"ANNOTATOR_SHIPPED_BUNDLES: no such folder: {ANNOTATOR_SHIPPED_BUNDLES}"
    )
ANNOTATOR_SAMPLE_DATA = BASE_DIR / "sample_data"


def read_secret_key() -> str:
    """Take SECRET_KEY from the environment, or the one generated at first start."""
    if key := os.environ.get("SECRET_KEY", ""):
        return key
    path = ANNOTATOR_DATA_DIR / "secret_key"
    if not path.exists():
        ANNOTATOR_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:  # another process of the same start was first
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text(encoding="ascii").strip()


# Core ----------------------------------------------------------------------------

DEBUG = env_bool("DEBUG", default=False)
SECRET_KEY = read_secret_key()
HOST = os.environ.get("HOST", "") or "127.0.0.1"
PORT = env_int("PORT", default=8000)
ALLOWED_HOSTS = [
    host for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host
] or ["localhost", "127.0.0.1", "[::1]", HOST]
CSRF_TRUSTED_ORIGINS = [
    origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin
]

INSTALLED_APPS = [
    "annotator.apps.AnnotatorConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "annotator.apps.OwnStaticFilesConfig",
    "csp",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "annotator.middleware.PersonLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "annotator.middleware.PrivacyMiddleware",
    "annotator.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "annotator.urls"
WSGI_APPLICATION = "annotator.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Database ------------------------------------------------------------------------

# WAL lets readers go on while one writes; IMMEDIATE makes the busy timeout hold for
# read-then-write transactions, which DEFERRED ones fail at once; FULL keeps the last
# commits at a power loss. No ATOMIC_REQUESTS: services open their own transactions.
SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
    ),
}
DATABASES: dict[str, Any] = {
    # Set but empty, as make hands it on, means not set.
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL", "")
        or f"sqlite:///{ANNOTATOR_DATA_DIR / 'glosa.sqlite3'}",
        conn_max_age=0,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People and sessions -------------------------------------------------------------

AUTH_USER_MODEL = "annotator.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = env_int("SESSION_HOURS", default=12) * 3600

# Security ------------------------------------------------------------------------

# True behind a TLS proxy; the embedded default serves plain HTTP on this host only.
HTTPS = env_bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "annotator.views.errors.csrf_failure"
# The pages hold neither inline scripts nor inline styles, so nothing has to be let in.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# Uploads: a body larger than this is refused before it is parsed.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
ANNOTATOR_MAX_UPLOAD_BYTES = env_int("ANNOTATOR_MAX_UPLOAD_MB", default=200) * 1024**2
ANNOTATOR_MAX_NOTE_CHARS = env_int("ANNOTATOR_MAX_NOTE_CHARS", default=1_000_000)
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_HANDLERS = [
    "annotator.upload_limit.LimitUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Languages -----------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "annotator" / "locale"]
TIME_ZONE = os.environ.get("TZ", "") or "UTC"
USE_TZ = True

# Static files --------------------------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = ANNOTATOR_DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "annotator.static_files.ModuleManifestStorage"
        if not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# Background work -----------------------------------------------------------------

# The embedded broker is a folder: no server, at most once, unordered. The Job row is
# the truth and the ticker wakes workers again, so a lost message costs seconds.
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "") or "filesystem://here"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if CELERY_BROKER_URL.startswith("filesystem:"):
    _BROKER = ANNOTATOR_DATA_DIR / "broker"
    CELERY_BROKER_TRANSPORT = "annotator.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_BROKER / "messages"),
        "data_folder_out": str(_BROKER / "messages"),
        "control_folder": str(_BROKER / "control"),
        "polling_interval": 0.25,
    }
elif CELERY_BROKER_URL.startswith("redis"):
    # Longer than any training: a redelivered message is harmless, but useless.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 43_200}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A worker that runs a job answers no AMQP heartbeat: its one process is at work.
CELERY_BROKER_HEARTBEAT = 0
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "quick"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

ANNOTATOR_LEASE_SECONDS = env_int("ANNOTATOR_LEASE_SECONDS", default=30)
ANNOTATOR_TICK_SECONDS = env_int("ANNOTATOR_TICK_SECONDS", default=5)
ANNOTATOR_MAX_ATTEMPTS = env_int("ANNOTATOR_MAX_ATTEMPTS", default=3)
# The engine child holds the model in memory; without work for so long it ends.
# Whether the child that holds the model looks for the fastest way to run it: half a
# minute of one core for each bundle, at the lowest priority, once.
ANNOTATOR_ACCELERATE = env_bool("ANNOTATOR_ACCELERATE", default=True)
ANNOTATOR_ENGINE_IDLE_SECONDS = env_int("ANNOTATOR_ENGINE_IDLE_SECONDS", default=60)
# Below these a comparison of two models says "not enough to say" (DESIGN section 3).
ANNOTATOR_MIN_HELD_OUT_NOTES = 15
ANNOTATOR_MIN_HELD_OUT_SPANS = 100

# API -----------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotator.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "annotator.api.pagination.LimitedPagination",
    "DEFAULT_PARSER_CLASSES": ["annotator.api.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    # The address that the log-in's lock counts by: a header could be made up.
    "NUM_PROXIES": 0,
    "DEFAULT_THROTTLE_RATES": {"login": "10/min"},
    "EXCEPTION_HANDLER": "annotator.api.exceptions.handle",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Glosa",
    "DESCRIPTION": "Notes, suggestions, annotations, models and exports of Glosa.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # Files are binary in requests and nothing else.
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "annotator.api.schema.add_refusals",
    ],
    "ENUM_NAME_OVERRIDES": {
        "JobState": "annotator.enums.JobState",
        "NoteState": "annotator.enums.NoteState",
        "SetState": "annotator.enums.SetState",
        "VersionState": "annotator.enums.VersionState",
        "Split": "annotator.enums.Split",
    },
}

# Logging: ids, lengths and digests only, never the text of a note -----------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "annotator.log_format.TextFreeFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.utils.autoreload": {"level": "WARNING"},
        # These bring handlers of their own, which print the text of exceptions.
        "django": {"handlers": [], "level": "INFO"},
        "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}
