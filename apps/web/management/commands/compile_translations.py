"""`manage.py compile_translations`: locale/*/LC_MESSAGES/*.po -> .mo, without gettext.

Both files are committed, so nobody needs this to run the portal; who changes a .po runs it (a test says so).
New strings are found with Django's `makemessages`, which does need gettext.
"""

import ast
import re
import struct
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

_LINE = re.compile(r'(?:(msgctxt|msgid_plural|msgid|msgstr)(?:\[\d+\])?\s+)?(".*")')


class Command(BaseCommand):
    help = "Compile the translations without gettext."

    def handle(self, *args: Any, **options: Any) -> None:
        for folder in settings.LOCALE_PATHS:
            for source in sorted(Path(folder).glob("*/LC_MESSAGES/*.po")):
                source.with_suffix(".mo").write_bytes(compiled(source.read_text()))
                self.stdout.write(f"{source.parent.parent.name}: {source.with_suffix('.mo').name}")


def compiled(text: str) -> bytes:
    """The binary catalogue (GNU .mo) of a .po file; fuzzy and untranslated entries are left out."""
    entries = [_entry(block) for block in re.split(r"\n\s*\n", text) if "msgid" in block and "#, fuzzy" not in block]
    pairs = sorted((key.encode(), value.encode()) for key, value in entries if value.strip("\0"))
    keys, values = [key for key, _ in pairs], [value for _, value in pairs]
    start, count = 28, len(pairs)
    texts = start + 16 * count
    after_keys = texts + sum(len(key) + 1 for key in keys)
    header = struct.pack("<7I", 0x950412DE, 0, count, start, start + 8 * count, 0, texts)
    return b"".join(
        [header, _index(keys, texts), _index(values, after_keys), *(part + b"\0" for part in keys + values)]
    )


def _index(parts: list[bytes], offset: int) -> bytes:
    rows = []
    for part in parts:
        rows.append(struct.pack("<2I", len(part), offset))
        offset += len(part) + 1
    return b"".join(rows)


def _entry(block: str) -> tuple[str, str]:
    """Key and value as they stand in a .mo: plurals joined by NUL, the context before the key."""
    fields: dict[str, list[str]] = {"msgctxt": [], "msgid": [], "msgid_plural": [], "msgstr": []}
    name = ""
    for line in block.splitlines():
        found = _LINE.fullmatch(line.strip())
        if found:
            if found[1]:
                name = found[1]
                fields[name].append("")
            fields[name][-1] += ast.literal_eval(found[2])
    key = "\0".join(fields["msgid"] + fields["msgid_plural"])
    return "\x04".join([*fields["msgctxt"], key]), "\0".join(fields["msgstr"])
