"""How static files are named in production: with a digest of their content, so that browsers keep them for good.

`manage.py collectstatic` makes them, plain and gzipped, for the web server to hand out.
"""

from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

_, _IMPORTS = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns


class HashedNames(CompressedManifestStaticFilesStorage):
    """Our modules import each other by these names too. Those of others are not looked into: comments mislead it."""

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", _IMPORTS))

    def create_compressor(self, **options: Any) -> Compressor:
        return Compressor(use_brotli=False, **options)  # Debian's nginx speaks gzip only; brotli takes a minute
