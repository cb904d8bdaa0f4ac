"""portal.settings with every logger at DEBUG: what the most talkative server would write down."""

from portal.settings import *  # noqa: F403

LOUD = ("django", "django.db.backends", "django.request", "oauth2_provider", "oauthlib")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "DEBUG"},
    "loggers": {name: {"level": "DEBUG"} for name in LOUD},
}
