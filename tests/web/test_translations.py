"""The German catalogue is compiled, complete for our pages, and fits its placeholders."""

import gettext
import io
import re

import pytest
from django.conf import settings

from apps.web.management.commands.compile_translations import compiled
from tests.live import ROOT

FOLDER = ROOT / "locale" / "de" / "LC_MESSAGES"


def catalogue(data: bytes) -> dict[str, str]:
    entries: dict[str, str] = gettext.GNUTranslations(io.BytesIO(data))._catalog  # type: ignore[attr-defined]
    return entries


GERMAN = catalogue((FOLDER / "django.mo").read_bytes())


def test_the_compiled_file_is_that_of_the_source():
    assert (FOLDER / "django.mo").read_bytes() == compiled((FOLDER / "django.po").read_text()), (
        "Run manage.py compile_translations."
    )


def test_every_language_but_english_has_a_catalogue():
    assert [code for code, _ in settings.LANGUAGES if code != "en"] == [
        folder.name for folder in (ROOT / "locale").iterdir()
    ]


@pytest.mark.parametrize("template", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_every_sentence_of_a_page_is_translated(template):
    text = template.read_text()
    short = re.findall(r'{% translate "(.*?)" %}', text)
    long = [
        " ".join(line.strip() for line in block.strip().splitlines())
        for block in re.findall(r"{% blocktranslate trimmed %}(.*?){% endblocktranslate %}", text, re.DOTALL)
    ]
    assert [sentence for sentence in short + long if sentence not in GERMAN] == []


def test_placeholders_survive_translation():
    pattern = re.compile(r"%\(\w+\)[sd]|%[sd]")
    broken = [key for key, value in GERMAN.items() if sorted(pattern.findall(key)) != sorted(pattern.findall(value))]
    assert broken == []


def test_plurals_contexts_and_long_texts_are_compiled():
    source = (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
        'msgid "one day"\nmsgid_plural "%d days"\nmsgstr[0] "ein Tag"\nmsgstr[1] "%d Tage"\n\n'
        'msgctxt "month"\nmsgid "May"\nmsgstr "Mai"\n\n'
        'msgid ""\n"a "\n"b"\nmsgstr ""\n"A "\n"B"\n\n'
        '#, fuzzy\nmsgid "guess"\nmsgstr "geraten"\n\nmsgid "open"\nmsgstr ""\n'
    )
    german = gettext.GNUTranslations(io.BytesIO(compiled(source)))
    assert german.ngettext("one day", "%d days", 2) == "%d Tage"
    assert german.pgettext("month", "May") == "Mai"
    assert german.gettext("a b") == "A B"
    assert (german.gettext("guess"), german.gettext("open")) == ("guess", "open")
