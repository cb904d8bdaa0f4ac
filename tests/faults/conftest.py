"""Which faults are tried when: what takes minutes in `make faults` only, what is about servers where there are some."""

import logging
import os

from django.conf import settings

IS_SQLITE = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
IN_FULL = "FAULT_ROUNDS" in os.environ

collect_ignore = [*([] if IN_FULL else ["test_load.py", "test_worker.py"]), *(["test_servers.py"] if IS_SQLITE else [])]

logging.getLogger("httpx").setLevel(logging.WARNING)
