"""The German catalogue is compiled, complete for our pages and messages, and fits its placeholders."""

import ast
import gettext
import io
import re
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.utils.translation.template import templatize

from apps.web.management.commands.compile_translations import compiled
from tests.live import ROOT

FOLDER = ROOT / "locale" / "de" / "LC_MESSAGES"


def catalogue(data: bytes) -> dict[str | tuple[str, int], str]:
    """Translations by sentence; those of plurals by sentence and number of the form."""
    entries: dict[str | tuple[str, int], str] = gettext.GNUTranslations(io.BytesIO(data))._catalog  # type: ignore[attr-defined]
    return entries


GERMAN = catalogue((FOLDER / "django.mo").read_bytes())
DJANGOS = catalogue(
    (Path(django.__file__).parent / "conf" / "locale" / "de" / "LC_MESSAGES" / "django.mo").read_bytes()
)


def test_the_compiled_file_is_that_of_the_source():
    assert (FOLDER / "django.mo").read_bytes() == compiled((FOLDER / "django.po").read_text()), (
        "Run manage.py compile_translations."
    )


def test_every_language_but_english_has_a_catalogue():
    assert [code for code, _ in settings.LANGUAGES if code != "en"] == [
        folder.name for folder in (ROOT / "locale").iterdir()
    ]


def sentences(source: str) -> set[str]:
    """What a piece of code hands to gettext, its plurals and contexts included."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    found = set()
    for call in calls:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        texts = [node.value for node in call.args if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        if not texts:
            continue
        if name in ("_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"):
            found.add(texts[0])
        elif name in ("pgettext", "pgettext_lazy", "npgettext"):
            found.add(f"{texts[0]}\x04{texts[1]}")
    return found


def sentences_of_template(text: str) -> set[str]:
    """The same of a template, read as Django itself reads it."""
    calls = re.findall(
        r"\b(?:n?p?gettext|_)\(u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^()'\"])*\)", templatize(text)
    )
    return set().union(*(sentences(call) for call in calls))


def translated(sentence: str) -> bool:
    return sentence in GERMAN or (sentence, 0) in GERMAN or sentence in DJANGOS


@pytest.mark.parametrize(
    "file",
    [*sorted((ROOT / "templates").rglob("*.*")), *sorted((ROOT / "apps").rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_sentence_is_translated(file):
    text = file.read_text()
    found = sentences(text) if file.suffix == ".py" else sentences_of_template(text)
    assert sorted(sentence for sentence in found if not translated(sentence)) == []


def test_sentences_are_found_wherever_they_stand():
    template = """{% load i18n %}{% translate "short" %}{% translate "given" as title %}
      {% blocktranslate trimmed with n=one %}a {{ n }}
        b{% endblocktranslate %}{% blocktranslate count n=n %}one{% plural %}many{% endblocktranslate %}"""
    assert sentences_of_template(template) == {"short", "given", "a %(n)s b", "one"}
    assert sentences("f(_('x')); g = gettext_lazy('y'); ngettext('z', 'zs', n); pgettext('May', 'm')") == {
        "x",
        "y",
        "z",
        "May\x04m",
    }


def test_placeholders_survive_translation():
    pattern = re.compile(r"%\(\w+\)[sd]|%[sd]")
    broken = [
        key
        for key, value in GERMAN.items()  # a plural may leave the number out of its singular
        if isinstance(key, str) and sorted(pattern.findall(key)) != sorted(pattern.findall(value))
    ]
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
