"""What queues and tasks are for, in the words of the page. Names are those of Celery."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

QUEUES: dict[str, str | Promise] = {
    "ingest": _("Deliveries of loggers"),
    "measurements": _("Readings, events, state of plants"),
    "mail": _("Mails"),
    "housekeeping": _("Cleaning up"),
}

TASKS: dict[str, str | Promise] = {
    "ingest.import_upload": _("Imports a file that was delivered"),
    "ingest.sweep_uploads": _("Imports deliveries that still wait"),
    "ingest.forget_uploads": _("Deletes old receipts of deliveries"),
    "measurements.seal": _("Packs fresh readings"),
    "events.detect": _("Looks for faults in the readings"),
    "events.refresh_health": _("Judges the state of plants"),
    "events.send_notices": _("Sends notices about events"),
    "packages.warn_of_ends": _("Writes to owners of API clients that end soon"),
    "packages.clean_usage": _("Forgets old usage statistics, shortens old addresses"),
    "packages.clear_tokens": _("Deletes expired access tokens"),
    "accounts.clear_sessions": _("Deletes expired browser sessions"),
    "accounts.forget_invitations": _("Deletes invitations that expired long ago"),
    "background.trim": _("Keeps the record on this page short"),
}
