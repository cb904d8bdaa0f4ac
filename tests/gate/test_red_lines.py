"""Removing any line that decides who may what makes a test fail: each line of LINES is removed, and its test tried.

A row is a fragment of a file, what stands there instead, and the test that must turn red. The edit is made in a copy
of the repository, never in place. `red_runner.py` runs the tests, with the libraries loaded once for all copies; the
database of a copy is a copy of this worker's. A fragment that is no longer there fails: correct the row.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.live import ROOT

AUTHENTICATION = "tests/api/test_authentication.py::"
AUTHORISATION = "tests/api/test_authorisation.py::"
LISTS = f"{AUTHORISATION}test_lists_hold_the_visible_plants_and_no_other"
FOREIGN = "tests/api/test_errors.py::test_a_foreign_id_is_as_unknown_as_a_random_one"
ERRORS = "tests/api/test_errors.py::"
TOKEN = "tests/api/test_token.py::"
VISIBLE = "tests/plants/test_visible_to.py::"
CLIENTS = "tests/packages/test_clients.py::"
DOCUMENTATION = "tests/packages/test_documentation_tokens.py::"
SUBSCRIPTIONS = "tests/packages/test_subscriptions.py::"
QUOTA = "tests/packages/test_quota.py::"
NETWORKS = "tests/packages/test_networks.py::"
TABLE = "tests/api/test_feature_table.py::"
EDGES = "tests/gate/test_edges.py::"
PUSH = "tests/ingest/test_push_readings.py::"
IDENTITY = "tests/web/test_identity.py::"
DOORS = "tests/web/test_console_doors.py::test_only_managers_of_the_portal_come_in"
API_PAGES = "tests/web/test_api_access_clients.py::"
INVITATIONS = "tests/accounts/test_invitations.py::"

LINES: dict[str, list[tuple[str, str, str]]] = {
    # --- One SQL statement per call -----------------------------------------------------------------------------------
    "apps/api/auth.py": [
        (
            "WHERE token.token_checksum = %s",
            "WHERE %s <> ''",
            f"{AUTHENTICATION}test_the_checksum_of_a_token_is_no_token",
        ),
        ("AND token.expires > %s", "AND %s <> ''", f"{AUTHENTICATION}test_an_expired_token_is_dead"),
        (
            "AND token.created >= client.valid_after",
            "",
            f"{AUTHENTICATION}test_a_leaked_secret_takes_every_token_of_its_client_along",
        ),
        (
            "AND token.created >= subscription.valid_after",
            "",
            f"{AUTHENTICATION}test_suspended_the_token_is_dead_and_only_the_secret_survives",
        ),
        ("AND client.enabled", "", f"{AUTHENTICATION}test_a_disabled_clients_token_is_dead"),
        (
            "AND (client.expires_at IS NULL OR client.expires_at > %s)",
            "AND %s <> ''",
            f"{AUTHENTICATION}test_an_expired_clients_token_is_dead",
        ),
        (
            "AND subscription.status = 'active'",
            "",
            f"{AUTHENTICATION}test_the_status_alone_kills_the_token[suspended]",
        ),
        (
            "AND (subscription.membership_id IS NULL OR person.is_active)",
            "",
            f"{AUTHENTICATION}test_a_disabled_users_token_is_dead",
        ),
        (
            "AND (subscription.membership_id IS NULL OR token.created >= person.valid_after)",
            "",
            "tests/gate/test_revocation_table.py::test_a_disabled_user_is_out_and_enabling_revives_no_token",
        ),
        (
            "AND manager.role = 'manager'",
            "",
            f"{DOCUMENTATION}test_a_portal_token_dies_with_the_role_of_who_asked_for_it[no manager any more]",
        ),
        (
            "AND who.is_active AND token.created >= who.valid_after))",
            "))",
            f"{DOCUMENTATION}test_a_portal_token_dies_with_the_role_of_who_asked_for_it[disabled]",
        ),
        (
            "AND token.created >= who.valid_after))",
            "))",
            f"{DOCUMENTATION}test_a_portal_token_dies_with_the_role_of_who_asked_for_it[disabled and back]",
        ),
        (
            "AND manager.portal_id = subscription.portal_id",
            "",
            f"{DOCUMENTATION}test_a_portal_token_dies_with_the_role_of_who_asked_for_it[manager elsewhere only]",
        ),
        (
            " or not networks.allows(json.loads(rows[0][8]), address)",
            "",
            f"{AUTHENTICATION}test_a_client_limited_to_networks_is_heard_from_there_only",
        ),
        (
            'if "access_token" in request.GET:',
            "if False:",
            f"{AUTHENTICATION}test_a_token_in_the_address_is_refused_even_beside_a_good_header",
        ),
        ('scheme.lower() != "bearer" or ', "", f"{EDGES}test_a_living_token_is_heard_as_bearer_only"),
        (
            "Via.PORTAL_API if user is None else Via.USER_API",
            "Via.PORTAL_API",
            f"{AUTHENTICATION}test_a_managers_own_user_token_sees_assigned_plants_only",
        ),
        (
            "None if plants is None else frozenset(map(UUID, plants))",
            "None",
            f"{AUTHENTICATION}test_a_limited_client_sees_its_plants_only",
        ),
    ],
    # --- Which plants and fleets exist --------------------------------------------------------------------------------
    "apps/plants/querysets.py": [
        (
            "if access.user is None and not access.sees_whole_portal:",
            "if False:",
            f"{VISIBLE}test_who_is_nobody_sees_nothing_not_even_unassigned_plants",
        ),
        (
            "plants = self.filter(portal=access.portal)",
            "plants = self.all()",
            f"{VISIBLE}test_everybody_sees_exactly_their_plants[Portal API]",
        ),
        (
            "plants = plants.filter(assignments__membership__user=access.user)",
            "pass",
            f"{VISIBLE}test_everybody_sees_exactly_their_plants[owner by User API]",
        ),
        (
            "plants = plants.filter(id__in=access.plant_subset)",
            "pass",
            f"{VISIBLE}test_everybody_sees_exactly_their_plants[Portal API limited to a plant]",
        ),
        (
            "self.filter(portal=access.portal) if",
            "self.all() if",
            f"{VISIBLE}test_fleets_exist_for_those_who_see_the_whole_portal",
        ),
        (
            " if access.sees_whole_portal else self.none()",
            "",
            f"{VISIBLE}test_fleets_exist_for_those_who_see_the_whole_portal",
        ),
        (
            "model.objects.visible_to(kind).filter",
            "model.objects.filter",
            f"{AUTHORISATION}test_a_plant_taken_away_is_gone_with_the_next_call",
        ),
        (
            "frozenset({_PLANT} if plant in subset else ())",
            "frozenset({_PLANT})",
            f"{VISIBLE}test_one_plant_is_found_where_it_is_among_all[Portal API limited to a plant]",
        ),
        (
            "plant_subset=None if subset is None else frozenset(",
            "plant_subset=None if True else frozenset(",
            f"{VISIBLE}test_one_plant_is_found_where_it_is_among_all[Portal API limited to a plant]",
        ),
    ],
    "apps/accounts/access.py": [
        (
            "self.via is Via.BROWSER and ",
            "",
            f"{VISIBLE}test_everybody_sees_exactly_their_plants[manager by User API]",
        ),
        (
            " and self.role is Role.MANAGER",
            "",
            f"{VISIBLE}test_everybody_sees_exactly_their_plants[owner in the browser]",
        ),
    ],
    "apps/plants/epochs.py": [
        (
            "WHERE epoch.plant_id = %s AND component.id IN",
            "WHERE %s IS NOT NULL AND component.id IN",
            f"{FOREIGN}[component_channels]",
        ),
        (
            "rows = list(Epoch.objects.filter(plant=plant)",
            "rows = list(Epoch.objects.all()",
            "tests/plants/test_epochs.py::test_epochs_of_another_plant_do_not_count",
        ),
        (
            "epoch__plant__in=plants, ",
            "",
            f"{EDGES}test_components_are_those_of_the_plant_that_was_asked_about",
        ),
    ],
    "apps/plants/changes.py": [
        (
            "Membership.objects.filter(user=user, portal=plant.portal)",
            "Membership.objects.filter(user=user)",
            "tests/plants/test_changes.py::test_only_members_of_the_plants_portal_can_have_it",
        ),
        (
            "Plant.objects.filter(portal=portal, pk__in=plants)",
            "Plant.objects.filter(pk__in=plants)",
            "tests/plants/test_changes.py::test_a_fleet_with_foreign_or_unknown_plants_names_them_and_is_not_made",
        ),
    ],
    # --- Who is let in ------------------------------------------------------------------------------------------------
    "apps/web/session.py": [
        (
            "if one.portal.slug == slug), None)",
            "), None)",
            "tests/web/test_frame.py::test_a_portal_one_is_no_member_of_is_as_unknown_as_none",
        ),
        ("Membership.objects.filter(user_id=request.user.pk)", "Membership.objects.all()", f"{DOORS}[console]"),
        ("if request.access.role is not Role.MANAGER:", "if False:", f"{DOORS}[console]"),
        (
            "if identity_is_fresh(request) else _to_confirmation(request)",
            "",
            f"{IDENTITY}test_the_password_leads_back_to_the_page",
        ),
        (
            'time.time() - proof["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT',
            "True",
            f"{IDENTITY}test_a_proof_lasts_five_minutes",
        ),
    ],
    "apps/web/plant/door.py": [
        (
            "Plant.objects.visible_to(request.access).select_related",
            "Plant.objects.select_related",
            "tests/web/test_plant_data.py::test_a_foreign_plant_is_as_unknown_as_none[/data]",
        ),
    ],
    "apps/web/api_access/door.py": [
        (
            "if api is Api.PORTAL and request.access.role is not Role.MANAGER:",
            "if False:",
            f"{API_PAGES}test_the_portals_pages_are_for_managers[alice]",
        ),
    ],
    "apps/web/api_access/listing.py": [
        (
            "subscription.clients.all().programs().filter(client_id",
            "ApiClient.objects.filter(client_id",
            f"{API_PAGES}test_somebody_elses_client_is_as_unknown_as_none[bob]",
        ),
    ],
    "apps/web/console/subscriptions.py": [
        (
            "Subscription.objects.filter(portal=request.portal).select_related",
            "Subscription.objects.select_related",
            "tests/web/test_console_subscriptions.py::test_only_managers_of_the_portal_reach_a_subscription[suspend]",
        ),
    ],
    "apps/accounts/invitations.py": [
        ("expires_at__gt=timezone.now(), ", "", f"{INVITATIONS}test_a_link_dies_after_seven_days"),
        (", membership__user__is_active=True", "", f"{INVITATIONS}test_a_disabled_user_cannot_accept"),
        (
            "invitation is None or invitation.membership.user.has_usable_password()",
            "invitation is None",
            f"{INVITATIONS}test_a_link_is_dead_for_who_has_a_password",
        ),
    ],
    "apps/accounts/site.py": [
        (
            " and _has_second_factor(request)",
            "",
            "tests/web/test_admin_door.py::test_staff_without_a_second_factor_are_led_to_its_set_up",
        ),
    ],
    "apps/accounts/changes.py": [
        (
            "sessions.end(row)",
            "pass",
            "tests/accounts/test_sessions.py::test_a_disabled_user_is_out_at_once_and_enabling_revives_no_session",
        ),
    ],
    # --- The road of a call -------------------------------------------------------------------------------------------
    "apps/api/base.py": [
        ("if not self.spent.allowed:", "if False:", f"{ERRORS}test_429_names_the_windows_and_when_to_go_on"),
        (
            "if portal not in (None, self.access.portal_slug):",
            "if False:",
            "tests/api/test_contract_requests.py::test_another_portals_name_is_unknown_to_a_token",
        ),
        ("self.require(())", "pass", f"{ERRORS}test_403_names_the_function_and_the_package"),
        ("if not decision.allowed:", "if False:", f"{ERRORS}test_403_names_the_function_and_the_package"),
        (
            "find_visible(Plant, self.access, wanted)",
            "Plant.objects.filter(id=wanted).first()",
            f"{AUTHORISATION}test_a_plant_taken_away_is_gone_with_the_next_call",
        ),
        (
            "find_visible(Plant, self.access, wanted)",
            "Plant.objects.filter(id=wanted).first()",
            "tests/api/test_headers.py::test_a_known_etag_opens_nothing",
        ),
        ("Plant.objects.visible_to(self.access)", "Plant.objects", f"{FOREIGN}[plant_address]"),
    ],
    "apps/api/defaults.py": [
        ("return False", "return True", f"{EDGES}test_a_view_of_the_framework_that_says_nothing_answers_nobody"),
    ],
    "apps/packages/policy.py": [
        (
            "if all((api, package) in grant for grant in grants):",
            "if True:",
            f"{AUTHENTICATION}test_after_a_downgrade_the_same_token_misses_the_lost_functions",
        ),
        (
            "[function.packages, *(",
            "[*(",
            f"{AUTHENTICATION}test_after_a_downgrade_the_same_token_misses_the_lost_functions",
        ),
        (
            "*(CATEGORIES[kind] for kind in data)",
            "",
            f"{TABLE}test_every_package_has_exactly_its_rows_of_the_feature_table[user basic]",
        ),
        (
            "return Decision(allowed=False)\n",
            "return ALLOWED\n",
            f"{EDGES}test_who_is_in_the_browser_has_no_package_and_so_no_api_function",
        ),
    ],
    "portal/settings.py": [
        (
            '"DEFAULT_PERMISSION_CLASSES": ["apps.api.defaults.Nobody"],',
            "",
            f"{EDGES}test_a_view_of_the_framework_that_says_nothing_answers_nobody",
        ),
        (
            '"django.contrib.auth.middleware.LoginRequiredMiddleware",',
            "",
            f"{EDGES}test_a_page_that_says_nothing_is_closed_to_strangers",
        ),
        (
            '"django.middleware.csrf.CsrfViewMiddleware",',
            "",
            f"{EDGES}test_a_form_without_its_csrf_token_is_refused_wherever_it_goes",
        ),
    ],
    "apps/api/middleware.py": [
        (
            "if settings.SECURE_SSL_REDIRECT and not request.is_secure():",
            "if False:",
            f"{ERRORS}test_plain_http_is_refused_rather_than_redirected",
        ),
        ("request.get_host()", "pass", f"{ERRORS}test_a_host_that_is_not_served_is_a_problem"),
    ],
    # --- Lists, and children of a plant -------------------------------------------------------------------------------
    "apps/api/views.py": [
        (
            'visible = Plant.objects.visible_to(self.access).select_related("address")',
            'visible = Plant.objects.select_related("address")',
            f"{LISTS}[owner]",
        ),
        (
            "fleets = Fleet.objects.visible_to(self.access).filter(plants__in=plants)",
            "fleets = Fleet.objects.filter(plants__in=plants)",
            "tests/api/test_contract_administration.py::test_the_user_api_counts_no_fleets",
        ),
        (
            'plants = Plant.objects.visible_to(self.access).filter(fleets=OuterRef("pk"))',
            'plants = Plant.objects.filter(fleets=OuterRef("pk"))',
            f"{LISTS}[Portal API limited to plant A]",
        ),
        (
            "return Fleet.objects.visible_to(self.access).annotate(",
            "return Fleet.objects.annotate(",
            f"{FOREIGN}[fleet]",
        ),
        (
            "fleet = Fleet.objects.visible_to(self.access).filter(pk=",
            "fleet = Fleet.objects.filter(pk=",
            f"{FOREIGN}[fleet_plants]",
        ),
        (
            "plants = Plant.objects.visible_to(self.access).filter(fleets=fleet)",
            "plants = Plant.objects.filter(fleets=fleet)",
            f"{LISTS}[Portal API limited to plant A]",
        ),
        (
            "p.all_of(Component.objects.filter(epoch__plant=plant), ids)",
            "p.all_of(Component.objects.all(), ids)",
            f"{FOREIGN}[events of a component]",
        ),
        (
            'if not policy.decide(self.access, catalog.function("fleets")).allowed:',
            "if False:",
            "tests/api/test_contract_datasource.py::test_fleets_are_told_to_the_portal_api_advanced_only",
        ),
        (
            "fleets = Fleet.objects.visible_to(self.access).filter(plants=plant)",
            "fleets = Fleet.objects.all()",
            f"{EDGES}test_a_plant_names_its_own_fleets_only",
        ),
    ],
    "apps/events/log.py": [
        (
            "ComponentEvent.objects.filter(lasting, plant=plant, ",
            "ComponentEvent.objects.filter(lasting, ",
            f"{EDGES}test_events_are_those_of_the_plant_that_was_asked_about",
        ),
    ],
    "apps/api/series.py": [
        (
            "self.require(kinds)",
            "pass",
            f"{TABLE}test_every_package_has_exactly_its_rows_of_the_feature_table[user basic]",
        ),
        (
            "Component.objects.filter(epoch__plant=plant, cross_epoch_id__in=ids)",
            "Component.objects.filter(cross_epoch_id__in=ids)",
            f"{FOREIGN}[cross_epoch_channels]",
        ),
        (
            "Component.objects.filter(epoch__plant=plant, cross_epoch_id__in=ids)",
            "Component.objects.filter(cross_epoch_id__in=ids)",
            f"{FOREIGN}[component_year]",
        ),
        (
            "if len(sizes) < len(ids):",
            "if False:",
            f"{FOREIGN}[cross_epoch_channels]",
        ),
        ("if len(found) < len(ids):", "if False:", f"{FOREIGN}[component_channels]"),
        ('"component__epoch__plant": plant, ', "", f"{FOREIGN}[tracker_channels]"),
        ('"component__epoch__plant": plant, ', "", f"{FOREIGN}[channels of a string]"),
        (
            "if len(trackers) + len(strings) < len(ids):",
            "if False:",
            f"{FOREIGN}[tracker_channels]",
        ),
    ],
    "apps/api/parameters.py": [
        ("if len(found) < len(ids):", "if False:", f"{FOREIGN}[events of a component]"),
    ],
    # --- Who may deliver ----------------------------------------------------------------------------------------------
    "apps/ingest/keys.py": [
        (
            "AND key.former_until > %s)",
            "AND %s IS NOT NULL)",
            f"{PUSH}test_after_a_rotation_both_secrets_work_until_the_former_ends",
        ),
        ("AND key.revoked_at IS NULL", "", f"{PUSH}test_without_a_living_key_nothing_is_accepted"),
        ("AND plant.status = 'activated'", "", f"{PUSH}test_a_plant_that_is_switched_off_accepts_nothing"),
        (
            "if login in (None, key.login):",
            "if True:",
            f"{PUSH}test_login_and_secret_work_as_basic_authentication",
        ),
    ],
    "apps/ingest/push.py": [
        (
            "if key.plant.portal.slug != portal:",
            "if False:",
            f"{PUSH}test_a_key_opens_its_own_plant_in_its_own_portal_only",
        ),
    ],
    "apps/ingest/readings.py": [
        (
            "WHERE epoch.plant_id = %s ORDER BY",
            "WHERE %s IS NOT NULL ORDER BY",
            f"{PUSH}test_a_key_opens_its_own_plant_in_its_own_portal_only",
        ),
    ],
    "apps/measurements/rows.py": [
        (
            "WHERE plant_id = %s AND device_id IN",
            "WHERE %s IS NOT NULL AND device_id IN",
            f"{EDGES}test_values_stored_for_another_plant_are_never_read",
        ),
        (
            "WHERE plant_id = %s AND slot >=",
            "WHERE %s IS NOT NULL AND slot >=",
            "tests/measurements/test_fresh.py::test_other_plants_and_other_days_do_not_hear_of_it",
        ),
    ],
    # --- Who is given a token -----------------------------------------------------------------------------------------
    "apps/packages/models.py": [
        (
            "return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), enabled=True)",
            "return self.filter(enabled=True)",
            f"{CLIENTS}test_an_expired_client_is_not_verified",
        ),
        (
            "Q(expires_at__gt=now), enabled=True)",
            "Q(expires_at__gt=now))",
            f"{CLIENTS}test_a_disabled_client_is_not_verified",
        ),
        (
            "Q(subscription__membership=None) | Q(subscription__membership__user__is_active=True),",
            "",
            f"{AUTHENTICATION}test_a_disabled_users_token_is_dead",
        ),
        (
            "subscription__status=Subscription.Status.ACTIVE,\n        )",
            ")",
            f"{AUTHENTICATION}test_the_status_alone_kills_the_token[awaiting]",
        ),
        (
            "return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)",
            "return self.filter(revoked_at=None)",
            f"{CLIENTS}test_the_old_secret_works_until_its_overlap_ends[1h-3600]",
        ),
        (
            "Q(expires_at__gt=now), revoked_at=None)",
            "Q(expires_at__gt=now))",
            f"{CLIENTS}test_a_revoked_secret_is_dead_and_the_other_lives",
        ),
        (
            "return type(self).objects.usable(timezone.now()).filter(pk=self.pk).exists()",
            "return True",
            f"{CLIENTS}test_the_toolkit_itself_would_refuse_a_client_that_is_not_usable",
        ),
    ],
    "apps/packages/clients.py": [
        (
            "ClientSecret.objects.live(now)\n        .filter(client__in",
            "ClientSecret.objects.filter(client__in",
            f"{CLIENTS}test_rotation_without_overlap_ends_the_old_secret_at_once",
        ),
        (
            "client__in=ApiClient.objects.usable(now), ",
            "",
            f"{CLIENTS}test_a_disabled_client_is_not_verified",
        ),
        (
            ", digest__in=digests)",
            ")",
            f"{CLIENTS}test_the_old_secret_works_until_its_overlap_ends[7d-604800]",
        ),
        (
            '.filter(client__client_id=client_id.replace("\\0", ""))',
            "",
            f"{CLIENTS}test_the_right_secret_opens_its_own_client_only",
        ),
        (
            ".exclude(expires_at__lt=ends).update(expires_at=ends)",
            "",
            f"{CLIENTS}test_the_old_secret_works_until_its_overlap_ends[24h-86400]",
        ),
        (
            "if _live(client).count() >= MAX_LIVE_SECRETS:",
            "if False:",
            f"{CLIENTS}test_a_third_live_secret_is_refused_and_changes_nothing",
        ),
        (
            "subscription.clients.update(enabled=False)",
            "pass",
            f"{SUBSCRIPTIONS}test_deactivation_ends_secrets_and_clients",
        ),
        (
            ".filter(client__subscription=subscription).update(revoked_at=now)",
            ".filter(client__subscription=subscription).count()",
            f"{SUBSCRIPTIONS}test_deactivation_ends_secrets_and_clients",
        ),
        (
            "if must_be_open and not fresh.enabled:",
            "if False:",
            f"{CLIENTS}test_a_client_that_was_switched_off_gets_no_secret",
        ),
        (
            "if must_be_open and fresh.documentation:",
            "if False:",
            f"{DOCUMENTATION}test_its_client_never_gets_a_secret",
        ),
        (
            "subscription.clients.programs().alive",
            "subscription.clients.all().alive",
            f"{DOCUMENTATION}test_its_client_takes_no_room_from_programs",
        ),
        (
            "Plant.objects.visible_to(access).filter(pk__in=wanted)",
            "Plant.objects.filter(pk__in=wanted)",
            f"{CLIENTS}test_a_user_client_cannot_be_limited_to_somebody_elses_plant[plant_b]",
        ),
        (
            "if unknown or not wanted:",
            "if not wanted:",
            f"{CLIENTS}test_a_user_client_cannot_be_limited_to_somebody_elses_plant[plant_o]",
        ),
        (
            "if moment is not None and moment <= timezone.now():",
            "if False:",
            f"{CLIENTS}test_an_expiry_in_the_past_is_refused",
        ),
    ],
    "apps/accounts/addresses.py": [
        (
            "if not is_inside(address, settings.TRUSTED_PROXIES):\n            break",
            "pass",
            f"{NETWORKS}test_a_forwarded_address_of_a_stranger_is_not_believed",
        ),
    ],
    "apps/packages/networks.py": [
        (
            "return not networks or addresses.is_inside(addresses.parse(address), networks)",
            "return True",
            f"{NETWORKS}test_a_limited_client_calls_from_inside_its_networks_only",
        ),
    ],
    "apps/packages/tokens.py": [
        (
            "if not ApiClient.objects.usable(now).filter(pk=client.pk, **known).exists():",
            "if False:",
            f"{AUTHENTICATION}test_a_revocation_between_check_and_issue_wins[deactivation]",
        ),
        (
            "ApiClient.objects.usable(now).filter(pk=client.pk, **known)",
            "ApiClient.objects.filter(pk=client.pk, **known)",
            f"{AUTHENTICATION}test_a_revocation_between_check_and_issue_wins[disabled client]",
        ),
        (
            '"valid_after": client.valid_after, ',
            "",
            f"{AUTHENTICATION}test_a_revocation_between_check_and_issue_wins[leak]",
        ),
        (
            ', "subscription__valid_after": client.subscription.valid_after}',
            "}",
            f"{AUTHENTICATION}test_a_revocation_between_check_and_issue_wins[suspension and back]",
        ),
        (
            "        check_manager(subscription.portal, by)\n",
            "        pass\n",
            f"{DOCUMENTATION}test_only_managers_get_a_token_for_the_portal_api[mo]",
        ),
        (
            "elif subscription.membership_id != by.pk:",
            "elif False:",
            f"{DOCUMENTATION}test_nobody_gets_a_token_for_somebody_elses_api",
        ),
    ],
    "apps/api/oauth.py": [
        (
            " or not networks.allows(client.networks, addresses.address_of(request.headers))",
            "",
            f"{TOKEN}test_a_client_limited_to_networks_gets_tokens_from_there_only",
        ),
        (
            'if in_body[1] or in_body[0] not in ("", header[0]):',
            "if False:",
            f"{TOKEN}test_both_ways_at_once_are_refused",
        ),
        (
            ", application=request.client)",
            ")",
            f"{TOKEN}test_somebody_elses_token_survives_and_looks_like_an_unknown_one",
        ),
        ('if request.META.get("QUERY_STRING"):', "if False:", f"{TOKEN}test_a_secret_in_the_address_is_refused"),
        (
            'if request.grant_type not in (None, "client_credentials"):',
            "if False:",
            f"{TOKEN}test_no_other_grant_is_supported[password]",
        ),
    ],
    # --- Who may switch what ------------------------------------------------------------------------------------------
    "apps/packages/offers.py": [
        (
            "by.portal_id != portal.pk or ",
            "",
            f"{SUBSCRIPTIONS}test_nobody_else_may_switch_on_the_portal_api[oskar-other]",
        ),
        (
            "by.role != Role.MANAGER or ",
            "",
            f"{SUBSCRIPTIONS}test_nobody_else_may_switch_on_the_portal_api[mo-sunny]",
        ),
        (" or not by.user.is_active", "", f"{SUBSCRIPTIONS}test_a_disabled_manager_may_not"),
    ],
    "apps/packages/subscriptions.py": [
        (
            "    check_manager(portal, by)\n    subscription, _created",
            "    subscription, _created",
            f"{SUBSCRIPTIONS}test_nobody_else_may_switch_on_the_portal_api[alice-sunny]",
        ),
        ("if not membership.user.is_active:", "if False:", f"{SUBSCRIPTIONS}test_a_disabled_user_gets_no_api"),
        (
            "if subscription.status != Status.OFF:",
            "if False:",
            f"{SUBSCRIPTIONS}test_one_that_awaits_approval_cannot_be_switched_on_by_its_owner",
        ),
        (
            "_kill_tokens(subscription)\n    subscription.save()\n    if",
            "subscription.save()\n    if",
            f"{AUTHENTICATION}test_activation_moves_valid_after_past_tokens_from_before",
        ),
        (
            "_kill_tokens(subscription)\n    ended",
            "ended",
            f"{AUTHENTICATION}test_each_end_moves_valid_after_past_the_living_tokens[deactivation]",
        ),
        (
            '_kill_tokens(subscription)\n    subscription.save()\n    _record(actor, "api.suspended"',
            'subscription.save()\n    _record(actor, "api.suspended"',
            f"{AUTHENTICATION}test_each_end_moves_valid_after_past_the_living_tokens[suspension]",
        ),
        (
            "if subscription.status != Status.SUSPENDED:",
            "if False:",
            f"{SUBSCRIPTIONS}test_only_a_suspended_subscription_can_be_resumed",
        ),
        (
            "if subscription.status not in (Status.ACTIVE, *also):",
            "if False:",
            f"{SUBSCRIPTIONS}test_nothing_but_resuming_leads_out_of_a_suspension",
        ),
    ],
    "apps/packages/quota.py": [
        ('WHERE {_USED.format("minute")} <= %s', "WHERE %s > 0", f"{QUOTA}test_calls_pass_until_the_minute_is_used_up"),
        ('AND {_USED.format("day")} <= %s', "AND %s > 0", f"{QUOTA}test_the_next_utc_day_begins_anew"),
    ],
    "apps/accounts/admin.py": [
        (
            "obj: Any = None) -> bool:\n        return False\n\n    def has_delete_permission",
            "obj: Any = None) -> bool:\n        return True\n\n    def has_delete_permission",
            "tests/test_admin.py::test_audit_entries_clients_and_secrets_cannot_be_changed",
        ),
    ],
}
pytestmark = pytest.mark.django_db  # without a test that says so no database is made
CASES = [(file, *line) for file, lines in LINES.items() for line in lines]
# How a test says no: an assertion, pytest.raises in want of its exception, or the database as the second lock.
FAILED = {"AssertionError", "Failed", "IntegrityError"}
WATCHED = ("teardown", "AssertionError")  # tests/distributed/routed.py: a statement that asks without its plant


# --- Copies ----------------------------------------------------------------------------------------------------------

COPIED, LINKED = ("apps", "portal", "tests"), ("templates", "static", "locale", "docs", "node_modules", "requirements")


def copy_repository(folder: Path) -> None:
    """What runs is copied; what is only read, or large, is a link."""
    folder.mkdir()
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    for name in ("manage.py", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)


def edit(file: Path, old: str, new: str) -> None:
    """Replace the one occurrence of a fragment."""
    text = file.read_text()
    assert text.count(old) == 1, f"{file.name} holds {text.count(old)} times: {old}"
    file.write_text(text.replace(old, new))
    written = next(_edits)
    os.utime(file, (written, written))  # a time no other version has, so that no compiled one is taken for it


_edits = count(1)


NOT_FOR_COPIES = ("PYTEST_", "PYTHONDONTWRITEBYTECODE", "DATABASE_URL", "REQUIRE_SERVICES")
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def template(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database with nothing in it."""
    file = tmp_path_factory.mktemp("red") / "template.sqlite3"
    source, target = sqlite3.connect(connection.settings_dict["NAME"]), sqlite3.connect(file)
    source.backup(target)
    target.execute("PRAGMA journal_mode=DELETE")
    for opened in (source, target):
        opened.close()
    return file


@pytest.fixture(scope="session")
def run(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs tests on a copy of the repository, changed or not; what became of them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_FOR_COPIES)}
    folder = tmp_path_factory.mktemp("copies")
    environment = {
        **kept,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPYCACHEPREFIX": str(folder / "compiled"),  # kept from copy to copy, which all have the same place
        "OPENBLAS_NUM_THREADS": "1",
    }
    runner = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("red_runner.py")), str(template)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def on_copy(tests: list[str], *change: str) -> dict[str, Any]:
        copy = folder / "copy"
        try:
            copy_repository(copy)
            if change:
                file, old, new = change
                edit(copy / file, old, new)
            assert runner.stdin
            assert runner.stdout
            runner.stdin.write(json.dumps({"root": str(copy), "tests": tests}) + "\n")
            runner.stdin.flush()
            result: dict[str, Any] = json.loads(runner.stdout.readline())
            result["output"] = (copy / "output.txt").read_text()
            return result
        finally:
            shutil.rmtree(copy)

    with runner:  # its end is the end of its standard input
        yield on_copy


# --- The tests -------------------------------------------------------------------------------------------------------


def test_without_a_change_every_named_test_is_green(run: Run) -> None:
    named = sorted({test for _file, _old, _new, test in CASES})
    result = run(named)
    assert (result["exit"], result["failed"]) == (0, {}), result["output"][-4000:]
    assert result["passed"] >= len(named)


@pytest.mark.parametrize(("file", "old", "new", "test"), CASES, ids=lambda text: text.strip()[:60])
def test_a_removed_line_turns_its_test_red(file: str, old: str, new: str, test: str, run: Run) -> None:
    result = run([test], file, old, new)
    outcomes = {name: tuple(outcome) for name, outcome in result["failed"].items()}
    assert result["exit"] == 1, result["output"][-4000:]
    assert set(outcomes.values()) <= {("call", name) for name in FAILED} | {WATCHED}, result["output"][-4000:]


def test_a_row_whose_fragment_is_gone_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text("a = 1\nb = 1\n")
    for stale in ("c = 1", " = 1"):
        with pytest.raises(AssertionError, match=r"some\.py holds [02] times"):
            edit(file, stale, "")
