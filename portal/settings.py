"""The one settings file, driven by the environment.

| variable | meaning | default |
|---|---|---|
| `DEBUG` | 1 for local trials: secrets are made by themselves and kept in `var/` | 0 |
| `SECRET_KEY` | signs sessions and links | none: must be set unless DEBUG |
| `SECRET_PEPPER` | keys hashes of client secrets; comma list, the first for new ones | none: must be set unless DEBUG |
| `ALLOWED_HOSTS` | host names served, comma list | none: must be set unless DEBUG |
| `BASE_URL` | public address, without a slash at the end | none: must be set unless DEBUG |
| `DATABASE_URL` | `postgres://user:password@host/name` or `sqlite:///path` | SQLite in `var/` |
| `REDIS_URL` | login limits, quota counters, messages to workers | none: database and folder do it |
| `BROKER_FOLDER` | messages to workers where there is no `REDIS_URL` | `broker` in `var/` |
| `EMAIL_URL` | mail server: `smtp+tls://user:password@host:587` | `smtp://localhost:25`; a trial prints mails |
| `DEFAULT_FROM_EMAIL` | sender of mails | `Helioport <noreply@` host of BASE_URL `>` |
| `ADMIN_REQUIRES_MFA` | the server administration asks staff for a second factor | 1 unless DEBUG |
| `TRUSTED_PROXIES` | networks of our own proxies, comma list: their X-Forwarded-For is believed | none |
| `TOKEN_SECONDS` | life of an access token | 3600 |
| `FTP_ADDRESS` | where loggers reach `manage.py ftpd`, `host:port`; told with their keys | host of BASE_URL, 2121 |
| `EMISSION_FACTOR` | kg of CO₂ that a kWh avoids, for plants without a factor of their own | not known |
| `ACCESS_LOG` | a line in the log for every request; 0: only for those that were refused or failed | 1 unless DEBUG |
| `METRICS_TOKEN` | whoever sends it as a bearer token reads `/metrics`; none: nobody does | none |
| `METRICS_FOLDER` | where processes of a machine keep what they count, best in memory | `metrics` in `var/` |
| `CHANNEL_BOUNDS` | JSON: physical bounds of channels, `{"Irradiation": [-20, 1800]}` | apps/measurements/bounds.py |
"""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
DEBUG = env.bool("DEBUG", default=False)


def required(name: str) -> str:
    """A value production cannot do without; a trial makes its own once and keeps it in var/."""
    value: str = env.str(name, default="")
    if value:
        return value
    if not DEBUG:
        raise ImproperlyConfigured(f"Set the environment variable {name} (or DEBUG=1 for a local trial).")
    file = VAR_DIR / name.lower()
    if not file.exists():
        VAR_DIR.mkdir(exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(48))
    return file.read_text().strip()


def _comma_list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


SECRET_KEY = required("SECRET_KEY")
SECRET_PEPPERS = _comma_list(required("SECRET_PEPPER"))
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000") if DEBUG else required("BASE_URL")
BASE_URL = BASE_URL.rstrip("/")
ALLOWED_HOSTS = _comma_list(
    env.str("ALLOWED_HOSTS", default="127.0.0.1,localhost,[::1]") if DEBUG else required("ALLOWED_HOSTS")
)
CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(BASE_URL))]

INSTALLED_APPS = [
    "apps.monitoring",
    "apps.background",
    "apps.accounts",
    "apps.plants",
    "apps.measurements",
    "apps.events",
    "apps.ingest",
    "apps.packages",
    "apps.api",
    "apps.web",
    "apps.demo",
    "oauth2_provider",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "apps.accounts.admin_app.ServerAdministrationConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",  # before its renderer can find our templates for fields
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

MIDDLEWARE = [
    "apps.web.monitoring.requests.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "apps.api.middleware.ApiMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.web.account.activity.ActivityMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.web.session.PortalMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

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
                "apps.web.frame.frame",
            ],
        },
    }
]

# --- Database: one connection per worker thread, kept open ---------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'helioport.sqlite3'}")}
DATABASES["default"].update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["OPTIONS"] = {"prepare_threshold": 0}  # of the statements of apps/accounts/statements.py
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    Path(DATABASES["default"]["NAME"]).parent.mkdir(exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # a writer that starts as reader cannot upgrade under WAL
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
# The limits of logging in are counted in the cache, so all processes must share it, and adding a key must be atomic. A
# table does both without set-up (a migration makes it), also for several machines; Redis is quicker. Entries that have
# expired are removed when more than MAX_ENTRIES are there.
CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            # Who logs in while Redis is away is told so at once.
            "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2, "retry": Retry(NoBackoff(), 0)},
        }
        if REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "accounts_cache",
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    )
}

# --- Background work: who carries the messages; the rest is said in portal/celery.py -------------------
# Messages are hints: what is to be done stands in the database, so a broker that is lost costs a minute.
CELERY_BROKER_URL = REDIS_URL or "folder://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        "global_keyprefix": "helioport:",
        "visibility_timeout": 900,  # longer than any task may take: then it was lost with its worker
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "max_retries": 1,  # whoever sends a message does not wait for a broker that is away
        "interval_start": 0,
    }
    if REDIS_URL
    else {"folder": env.str("BROKER_FOLDER", default=str(VAR_DIR / "broker")), "polling_interval": 0.25}
)

# --- People and sessions ---------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "web:home"
PASSWORD_RESET_TIMEOUT = 3600
ACCOUNT_ADAPTER = "apps.web.account.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation proves the address
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to who has no account
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGOUT_REDIRECT_URL = "web:home"
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105  (a path)
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
# A limit whose refusal is the page 429 ends after a minute, as the page says; that of failed logins after five.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
}
ACCOUNT_FORMS = {
    "login": "apps.web.account.forms.LoginForm",
    "reauthenticate": "apps.web.account.forms.ReauthenticateForm",
    "change_password": "apps.web.account.forms.ChangePasswordForm",
    "reset_password": "apps.web.account.forms.ResetPasswordForm",
    "reset_password_from_key": "apps.web.account.forms.ResetPasswordKeyForm",
}
MFA_ADAPTER = "apps.web.account.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an invitation proved it
MFA_REAUTHENTICATION_REQUIRED = False  # apps.web.session.identity_confirmed asks, and keeps no sent form in the session
MFA_TOTP_TOLERANCE = 1  # a code may be one period old; CodeForm refuses its second use
MFA_FORMS = {
    "authenticate": "apps.web.account.forms.AuthenticateForm",
    "reauthenticate": "apps.web.account.forms.ReauthenticateByCodeForm",
    "activate_totp": "apps.web.account.forms.ActivateTotpForm",
    "add_webauthn": "apps.web.account.forms.AddPasskeyForm",
    "edit_webauthn": "apps.web.account.forms.RenamePasskeyForm",
}
ADMIN_REQUIRES_MFA = env.bool("ADMIN_REQUIRES_MFA", default=not DEBUG)
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = 14 * 24 * 3600  # for who ticks "stay logged in"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_REDIRECT_EXEMPT = [r"^api/", r"^auth/realms/", r"^ingest/"]  # plain HTTP is refused there, by ApiMiddleware
if not DEBUG:
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
    }
}

# --- Mail ------------------------------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"Helioport <noreply@{urlsplit(BASE_URL).hostname}>")

# --- Language, time, static files -------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"  # UTC inside; the plant's zone at the edge
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
_ASSETS = {
    "bootstrap": "bootstrap/dist",
    "htmx": "htmx.org/dist",
    "uplot": "uplot/dist",
    "inter": "@fontsource-variable/inter",
}
STATICFILES_DIRS = [
    BASE_DIR / "static",
    *(
        (f"vendor/{name}", BASE_DIR / "node_modules" / folder)
        for name, folder in _ASSETS.items()
        if (BASE_DIR / "node_modules" / folder).is_dir()
    ),
]
WHITENOISE_USE_FINDERS = DEBUG
if not DEBUG:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "portal.static.HashedNames"},
    }

# --- API ------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    # The framework only describes our views. One that took its own way to an answer would answer nobody.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["apps.api.defaults.Nobody"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "apps.api.openapi.CatalogSchema",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Helioport API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_PERMISSIONS": ["apps.api.defaults.Nobody"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

TRUSTED_PROXIES = _comma_list(env.str("TRUSTED_PROXIES", default=""))
TOKEN_SECONDS = env.int("TOKEN_SECONDS", default=3600)
FTP_ADDRESS = env.str("FTP_ADDRESS", default=f"{urlsplit(BASE_URL).hostname}:2121")
EMISSION_FACTOR = env.float("EMISSION_FACTOR", default=None)
CHANNEL_BOUNDS = env.json("CHANNEL_BOUNDS", default={})
USAGE_FLUSH_SECONDS = 5.0  # how long usage statistics stay in memory; 0: until somebody calls usage.flush()
OAUTH2_PROVIDER_APPLICATION_MODEL = "packages.ApiClient"
OAUTH2_PROVIDER = {
    "ACCESS_TOKEN_EXPIRE_SECONDS": TOKEN_SECONDS,
    "OAUTH2_VALIDATOR_CLASS": "apps.api.oauth.Validator",
    "SCOPES": {"read": "Read plant data"},
    "DEFAULT_SCOPES": ["read"],
    **{
        f"COMPLIANT_BCP_RFC9700_{rule}": True
        for rule in (
            "IMPLICIT_GRANT",
            "PASSWORD_GRANT",
            "PKCE_METHOD",
            "ACCESS_TOKEN_TRANSPORT",
            "AUTHZ_RESPONSE_ISS",
            "TOKEN_STORAGE",
            "REFRESH_TOKEN",
            "REDIRECT_URI_SCHEME",
            "REDIRECT_URI_MATCHING",
            "PKCE_REQUIRED",
        )
    },
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
}

# --- Log and metrics (docs/monitoring.md) ---------------------------------------------------------------
ACCESS_LOG = env.bool("ACCESS_LOG", default=not DEBUG)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_FOLDER = env.str("METRICS_FOLDER", default=str(VAR_DIR / "metrics"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "apps.monitoring.logs.formatter", "readable": DEBUG}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "helioport": {"level": "INFO"},  # requests and tasks, also where a worker keeps all others to warnings
        "django.request": {"level": "ERROR"},  # of what was refused there is a line of ours
        "fido2": {"level": "WARNING"},  # it tells of every use of a passkey
    },
}
