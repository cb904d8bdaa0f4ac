"""Choosing from a long list: plants or people, searched and paged on the server, chosen one by one or all that match.

A choice is a part of a form: `plants-ids` (boxes of the page shown), `plants-more` (ids of other pages, separated by
commas), or `plants-all` with the search that was in force. What is chosen comes back as a queryset.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from apps.accounts import people
from apps.accounts.models import Membership
from apps.plants.filters import narrowed
from apps.plants.models import Fleet, Plant
from apps.web.session import PortalRequest, manager_only

PER_PAGE = 20
Row = TypeVar("Row", bound=Model)


class Ids(forms.Field):
    """Ids as boxes send them, with those of other pages in one text: a form may have no more than 1,000 fields."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: Iterable[str] | None) -> set[UUID]:
        try:
            return {UUID(text) for part in value or () for text in part.split(",") if text}
        except ValueError:
            raise forms.ValidationError(_("This is no id.")) from None


class Choice(forms.Form, Generic[Row]):
    """What somebody chose. `chosen` is what the boxes show before anything was sent."""

    noun: ClassVar[str]
    hint: ClassVar[str | Promise]  # what the search looks at
    ids = Ids(required=False)
    more = Ids(required=False)
    all = forms.BooleanField(required=False)
    search = forms.CharField(required=False, max_length=100, label=gettext_lazy("Search"))

    def __init__(self, request: PortalRequest, data: QueryDict, chosen: Collection[UUID] = ()) -> None:
        super().__init__(data, prefix=self.noun)
        self.request, self.sent, self.before = request, data, set(chosen)
        self.narrow_fields()
        for name in ("search", *self.filters):  # these narrow the list at once and are no part of the form around it
            self.fields[name].widget.attrs["form"] = self.finder
        self.fields["search"].widget.attrs.update({"placeholder": self.hint, "type": "search"})
        self.full_clean()

    def narrow_fields(self) -> None:
        """Offer in selects only what the portal has."""

    def visible(self) -> QuerySet[Row]:
        """Every row that can be chosen."""
        raise NotImplementedError

    def matching(self) -> QuerySet[Row]:
        """The rows that fit the search; none where the search itself is at fault."""
        raise NotImplementedError

    @property
    def picked(self) -> set[UUID]:
        """Ids chosen one by one."""
        sent = self.cleaned_data.get("ids", set()) | self.cleaned_data.get("more", set())
        return sent or (set() if self.is_sent else self.before)

    @property
    def is_sent(self) -> bool:
        """Whether the data come from a form with this choice, so that no box means none."""
        return self.add_prefix("more") in self.data

    @cached_property
    def rows(self) -> QuerySet[Row]:
        """What was chosen."""
        if self.cleaned_data.get("all"):
            return self.matching()
        return self.visible().filter(pk__in=self.picked)

    def clean(self) -> dict[str, Any]:
        """Refuse ids that are not there; a foreign one is as unknown as a random one."""
        cleaned: dict[str, Any] = self.cleaned_data
        wanted = cleaned.get("ids", set()) | cleaned.get("more", set())
        if wanted and self.visible().filter(pk__in=wanted).count() != len(wanted):
            raise forms.ValidationError(_("Something you chose is not in this portal, or no longer."))
        return cleaned

    # --- What the page shows ---

    @cached_property
    def page(self) -> Page[Row]:
        return Paginator(self.matching(), PER_PAGE).get_page(self.data.get(self.add_prefix("page")))

    @property
    def elsewhere(self) -> str:
        """Ids that were chosen and are not on this page."""
        here = {row.pk for row in self.page}
        return ",".join(sorted(str(id_) for id_ in self.picked - here))

    @property
    def address(self) -> str:
        """Where pages of this list are."""
        return reverse(f"web:pick_{self.noun}", args=[self.request.portal.slug])

    @property
    def finder(self) -> str:
        """The id of the form that searches."""
        return f"{self.noun}-find"

    @property
    def tools(self) -> list[forms.BoundField]:
        """The fields that narrow the list."""
        return [self["search"], *(self[name] for name in self.filters)]

    @property
    def search_in_force(self) -> dict[str, str]:
        """What narrows the list shown, by name of the field."""
        return {tool.html_name: self.data.get(tool.html_name, "") for tool in self.tools}

    @property
    def query(self) -> str:
        """The search as part of an address, without the page."""
        return urlencode({name: value for name, value in self.search_in_force.items() if value})

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of the selects beside the search."""
        return tuple(name for name, field in self.fields.items() if isinstance(field, forms.ChoiceField))

    @property
    def sent_on(self) -> Mapping[str, list[str]]:
        """Every value as it came, to be sent again by the page that asks for confirmation."""
        start = f"{self.prefix}-"
        return {name: self.sent.getlist(name) for name in self.sent if name.startswith(start)}


class PlantChoice(Choice[Plant]):
    """Plants of the portal, by a part of their name, city or serial number, and by fleet."""

    noun = "plants"
    hint = gettext_lazy("Name, city or serial number")
    fleet: "forms.ModelChoiceField[Fleet]" = forms.ModelChoiceField(
        None, required=False, label=gettext_lazy("Fleet"), empty_label=gettext_lazy("All fleets")
    )

    def narrow_fields(self) -> None:
        field: Any = self.fields["fleet"]
        field.queryset = Fleet.objects.visible_to(self.request.access)

    def visible(self) -> QuerySet[Plant]:
        return Plant.objects.visible_to(self.request.access).select_related("address")

    def matching(self) -> QuerySet[Plant]:
        if {"search", "fleet"} & self.errors.keys():
            return self.visible().none()
        fleet = self.cleaned_data.get("fleet")
        given = {"search": self.cleaned_data.get("search", ""), "fleet": str(fleet.pk) if fleet else ""}
        return narrowed(self.visible(), given).order_by("label", "pk")


class MemberChoice(Choice[Membership]):
    """People of the portal, by a part of their name or address, and by role."""

    noun = "members"
    hint = gettext_lazy("Name or e-mail address")
    role = forms.ChoiceField(
        choices=[("", gettext_lazy("All roles")), *Membership.Roles.choices], required=False, label=gettext_lazy("Role")
    )

    def visible(self) -> QuerySet[Membership]:
        return people.members(self.request.portal)

    def matching(self) -> QuerySet[Membership]:
        if {"search", "role"} & self.errors.keys():
            return self.visible().none()
        return people.matching(self.visible(), self.cleaned_data.get("search", ""), self.cleaned_data.get("role", ""))


@manager_only
@require_safe
def pick_plants(request: PortalRequest) -> HttpResponse:
    """A page of the list of plants, put in place by htmx."""
    return render(request, "console/_picker_list.html", {"choice": PlantChoice(request, request.GET)})


@manager_only
@require_safe
def pick_members(request: PortalRequest) -> HttpResponse:
    """A page of the list of people, put in place by htmx."""
    return render(request, "console/_picker_list.html", {"choice": MemberChoice(request, request.GET)})
