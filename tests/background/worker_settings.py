"""portal.settings for workers that tests start: they know the jobs of the tests, and notice a lost worker soon."""

from portal.settings import *  # noqa: F403
from portal.settings import CELERY_BROKER_TRANSPORT_OPTIONS, REDIS_URL

CELERY_IMPORTS = ("tests.background.jobs",)
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS |= {"visibility_timeout": 2}
