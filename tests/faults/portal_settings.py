"""portal.settings for portals without one of their parts: trials, but failures have the pages of production."""

from portal.settings import *  # noqa: F403

DEBUG = False
