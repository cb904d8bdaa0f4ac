"""What loggers delivered and what became of it: the list, one delivery with its receipt, and the quarantine."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.changes import ChangeRefused
from apps.ingest import deliveries
from apps.ingest import uploads as queue
from apps.ingest.models import Upload
from apps.plants.filters import narrowed
from apps.plants.models import Plant
from apps.web import csv
from apps.web.session import PortalRequest, actor, manager_only

from .days import DaysForm

PER_PAGE = 50
SHOWN = 200  # rejections and flagged values of a receipt that the page lists; the CSV has them all
MOST_COUNTED = 1000  # of what waits
State = Upload.State


class UploadFilter(DaysForm):
    """What the list is narrowed to. Days are UTC days. `plant` and `key` come from links."""

    search = forms.CharField(required=False, max_length=100, label=gettext_lazy("Plant"))
    state = forms.ChoiceField(
        required=False,
        label=gettext_lazy("State"),
        choices=[("", gettext_lazy("Every state")), *State.choices],
        widget=forms.Select({"data-submit": ""}),
    )
    plant = forms.UUIDField(required=False, widget=forms.HiddenInput)
    field_order = ("search", "state", "since", "until", "plant")

    def narrowed(self, plants: QuerySet[Plant]) -> QuerySet[Upload]:
        """The deliveries to `plants` that fit; none where a filter is at fault."""
        if not self.is_valid():
            return Upload.objects.none()
        given = self.cleaned_data
        rows = deliveries.of_plants(plants)
        if given["plant"]:
            rows = rows.filter(plant=given["plant"])
        if given["search"]:
            rows = rows.filter(plant__in=narrowed(plants, {"search": given["search"]}).order_by())
        if given["state"]:
            rows = deliveries.in_state(rows, given["state"])
        return self.within(rows, "received_at")


# --- The list ----------------------------------------------------------------------------------------------------


@manager_only
@require_safe
def uploads(request: PortalRequest) -> HttpResponse:
    """Deliveries, newest first; those in quarantine can be chosen and acted on."""
    plants = Plant.objects.visible_to(request.access)
    form = UploadFilter(request.GET)
    before, after = _id(request.GET.get("before")), _id(request.GET.get("after"))
    step = deliveries.step(form.narrowed(plants), PER_PAGE, before=before, after=after)
    chosen = form.cleaned_data.get("plant") if form.is_valid() else None
    context = {
        "form": form,
        "step": step,
        "only": plants.filter(pk=chosen).first() if chosen else None,
        "narrowed": any(value for name, value in request.GET.items() if name not in ("before", "after")),
        "in_quarantine": queue.quarantined(request.portal).count(),
        "waiting": deliveries.waiting(request.portal, MOST_COUNTED),
    }
    return render(request, "console/uploads.html", context)


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


# --- One of them -------------------------------------------------------------------------------------------------


@manager_only
@require_safe
def upload(request: PortalRequest, upload_id: UUID) -> HttpResponse:
    """A delivery with its receipt."""
    row = _upload(request, upload_id)
    receipt = row.receipt
    context = {
        "upload": row,
        "figures": list(_figures(receipt)),
        "rejected": Entries.of(receipt, "rejected"),
        "flagged": Entries.of(receipt, "flagged"),
        "note": receipt.get("note", ""),
        "built": receipt.get("newComponents") or [],
    }
    return render(request, "console/upload.html", context)


@dataclass(frozen=True, slots=True)
class Entries:
    """What a receipt names one by one: the first SHOWN, and how many there are."""

    shown: list[dict[str, Any]]
    count: int

    @classmethod
    def of(cls, receipt: dict[str, Any], name: str) -> "Entries":
        found = receipt.get(name) or []
        return cls(found[:SHOWN], len(found) + (receipt.get(f"{name}Unnamed") or 0))


_FIGURES = {
    "accepted": gettext_lazy("Values accepted"),
    "records": gettext_lazy("Records"),
    "values_stored": gettext_lazy("Values stored"),
    "events_stored": gettext_lazy("Events stored"),
}


def _figures(receipt: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """The numbers of a receipt with their words."""
    for name, label in _FIGURES.items():
        if isinstance(receipt.get(name), int):
            yield str(label), receipt[name]


@manager_only
@require_safe
def upload_csv(request: PortalRequest, upload_id: UUID) -> StreamingHttpResponse:
    """Everything a receipt names, rejected and flagged, as CSV."""
    row = _upload(request, upload_id)
    response = StreamingHttpResponse(csv.rows_as_csv(COLUMNS, _rows(row)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{row.pk}.csv"'
    return response


COLUMNS = ("what", "file", "line", "reading", "channel", "field", "value", "reason")


def _rows(row: Upload) -> Iterator[list[csv.Cell]]:
    for what in ("rejected", "flagged"):
        for entry in row.receipt.get(what) or []:
            yield [what, *(_cell(entry.get(name)) for name in COLUMNS[1:])]


def _cell(value: Any) -> csv.Cell:
    return value if value is None or isinstance(value, int | float) else str(value)


def _upload(request: PortalRequest, upload_id: UUID) -> Upload:
    """One of this portal; a foreign one is as unknown as none."""
    row = deliveries.of_plants(Plant.objects.visible_to(request.access)).filter(pk=upload_id).first()
    if row is None:
        raise Http404
    return row


# --- Quarantine --------------------------------------------------------------------------------------------------


def _chosen(request: PortalRequest) -> list[Upload]:
    """The deliveries in quarantine that were ticked; ids of others are passed over."""
    ids = [id_ for id_ in map(_id, request.POST.getlist("ids")[:PER_PAGE]) if id_]
    rows = deliveries.of_plants(Plant.objects.visible_to(request.access))
    return list(rows.filter(pk__in=ids, state=State.QUARANTINED)) if ids else []


@manager_only
@require_POST
def retry_uploads(request: PortalRequest) -> HttpResponse:
    """Have the chosen files imported again."""
    done = _each(request, _chosen(request), lambda row: queue.retry(row, actor(request)))
    if done:
        text = ngettext(
            "%(count)d file waits for the import again.", "%(count)d files wait for the import again.", done
        )
        messages.success(request, text % {"count": done})
    return _back(request)


class DiscardForm(forms.Form):
    """Why files are thrown away, and a word typed to confirm it."""

    reason = forms.CharField(
        max_length=500, label=gettext_lazy("Reason"), help_text=gettext_lazy("It is kept in the audit log.")
    )
    typed = forms.CharField(widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.word = _("throw away")
        self.fields["typed"].label = _("Type “%(word)s” to confirm") % {"word": self.word}
        self.fields["typed"].widget.attrs |= {"data-confirm": self.word, "data-enables": "#confirm"}

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"]).strip()
        if typed != self.word:
            raise forms.ValidationError(_("This is not “%(word)s”. Nothing was changed."), params={"word": self.word})
        return typed


@manager_only
@require_POST
def discard_uploads(request: PortalRequest) -> HttpResponse:
    """Say what goes and ask why; once that is sent, throw the chosen files away."""
    rows, form = _chosen(request), DiscardForm(request.POST if "typed" in request.POST else None)
    if rows and not form.is_valid():
        context = {"rows": rows, "form": form, "back": request.POST.get("back", "")}
        return render(request, "console/uploads_discard.html", context, status=422 if form.is_bound else 200)
    done = _each(request, rows, lambda row: queue.discard(row, actor(request), form.cleaned_data["reason"]))
    if done:
        text = ngettext("%(count)d file is thrown away.", "%(count)d files are thrown away.", done)
        messages.success(request, text % {"count": done})
    return _back(request)


def _each(request: PortalRequest, rows: list[Upload], act: Callable[[Upload], object]) -> int:
    """Act on every row; what stands against one is said, and the others go on. How many were done."""
    if not rows:
        messages.warning(request, _("No file in quarantine was chosen."))
    done = 0
    for row in rows:
        try:
            act(row)
        except ChangeRefused as refusal:
            messages.error(request, f"{row.name or row.get_kind_display()}: {refusal}")
        else:
            done += 1
    return done


def _back(request: PortalRequest) -> HttpResponseRedirect:
    """To the delivery the act was chosen on, else to the quarantine."""
    back = _id(request.POST.get("back"))
    if back and deliveries.of_plants(Plant.objects.visible_to(request.access)).filter(pk=back).exists():
        return redirect("web:upload", request.portal.slug, back)
    address = reverse("web:uploads", args=[request.portal.slug])
    return HttpResponseRedirect(f"{address}?{urlencode({'state': State.QUARANTINED.value})}")
