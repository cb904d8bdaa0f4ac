"""Letters to people: one pair of templates each, in the reader's language, with addresses from BASE_URL alone.

`templates/mail/{name}.txt` holds the subject in its first line and the text below it; `{name}.html` says the same.
"""

import logging
import threading
from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

logger = logging.getLogger(__name__)


class MailNotSent(Exception):
    """The mail server did not take the letter. What it was about is saved and can be sent again."""


def address_of(view: str, *args: object) -> str:
    """The absolute address of a page, whatever host name a request came with."""
    return settings.BASE_URL + reverse(view, args=args)


def send(
    name: str, recipient: str, language: str, context: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> None:
    """Hand the letter to the mail server; MailNotSent where it does not take it."""
    letter = _letter(name, recipient, language, context)
    letter.extra_headers.update(headers or {})
    try:
        letter.send()
    except (OSError, SMTPException) as error:
        logger.warning("Mail %r was not sent: %s", name, error)
        raise MailNotSent(str(error)) from error


def send_aside(name: str, recipient: str, language: str, context: Mapping[str, Any]) -> threading.Thread:
    """Send without being waited for, so that the time of an answer does not tell whether there was a letter."""
    letter = _letter(name, recipient, language, context)

    def deliver() -> None:
        try:
            letter.send()
        except (OSError, SMTPException) as error:
            logger.warning("Mail %r was not sent: %s", name, error)

    thread = threading.Thread(target=deliver, name=f"mail-{name}")
    thread.start()
    return thread


def _letter(name: str, recipient: str, language: str, context: Mapping[str, Any]) -> EmailMultiAlternatives:
    with translation.override(language or settings.LANGUAGE_CODE):
        facts = {**context, "base_url": settings.BASE_URL, "recipient": recipient}
        subject, _, text = render_to_string(f"mail/{name}.txt", facts).partition("\n")
        html = render_to_string(f"mail/{name}.html", {**facts, "subject": subject.strip()})
    letter = EmailMultiAlternatives(subject.strip(), text.strip() + "\n", to=[recipient])
    letter.attach_alternative(html, "text/html")
    return letter
