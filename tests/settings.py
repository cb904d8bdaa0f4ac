"""portal.settings for tests: secrets of its own, a cheap password hasher, and a database file per process.

The environment is set before portal.settings is read, so nothing is written to var/ and nothing depends on the
shell; only DATABASE_URL is respected, so that the same suite runs on PostgreSQL. SQLite is a file and not memory
because several tests start processes against the same database.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folder = Path(tempfile.mkdtemp(prefix="helioport-tests-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)

os.environ.update(
    DEBUG="1",
    SECRET_KEY="a-key-for-tests-only",
    SECRET_PEPPER="a-pepper-for-tests-only",
    BASE_URL="http://testserver",
    ALLOWED_HOSTS="testserver,127.0.0.1,localhost",
    REDIS_URL="",
    BROKER_FOLDER=str(_folder / "broker"),  # for the processes that tests start
    METRICS_FOLDER=str(_folder / "metrics"),
    TOKEN_SECONDS="3600",
    DJANGO_ALLOW_ASYNC_UNSAFE="1",  # Playwright runs an event loop in the thread of the test
)
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_folder / 'never-used.sqlite3'}")

from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": str(_folder / "test.sqlite3")}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_URL = "memory://"  # messages are taken and never delivered: no task runs unless a test calls it
CELERY_BROKER_TRANSPORT_OPTIONS = {}
USAGE_FLUSH_SECONDS = 0  # tests call usage.flush() themselves
WHITENOISE_AUTOREFRESH = True  # looks a file up when it is asked for, instead of listing all at every start
