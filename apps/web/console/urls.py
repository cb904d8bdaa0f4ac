"""Addresses of the manager's console."""

from django.urls import path

from . import assignments, audit, fleets, inviting, overview, packages, picking, subscriptions, users

urlpatterns = [
    path("console", overview.console, name="console"),
    path("console/pick/plants", picking.pick_plants, name="pick_plants"),
    path("console/pick/users", picking.pick_members, name="pick_members"),
    path("console/users", users.users, name="users"),
    path("console/users/invite", inviting.invite, name="invite"),
    path("console/users/<uuid:member>", users.user, name="user"),
    path("console/users/<uuid:member>/role", users.set_role, name="user_role"),
    path("console/users/<uuid:member>/access", users.set_access, name="user_access"),
    path("console/users/<uuid:member>/plants", users.set_plants, name="user_plants"),
    path("console/users/<uuid:member>/remove", users.remove, name="user_remove"),
    path("console/users/<uuid:member>/invitation", users.resend, name="invitation_resend"),
    path("console/users/<uuid:member>/invitation/cancel", users.cancel, name="invitation_cancel"),
    path("console/assignments", assignments.assignments, name="assignments"),
    path("console/assignments/change", assignments.change_assignments, name="assignments_change"),
    path("console/assignments/plants", assignments.assignments_by_plant, name="assignments_by_plant"),
    path("console/assignments/users", assignments.assignments_by_user, name="assignments_by_user"),
    path("console/fleets", fleets.fleets, name="fleets"),
    path("console/fleets/new", fleets.new_fleet, name="new_fleet"),
    path("console/fleets/<uuid:fleet_id>", fleets.fleet, name="fleet"),
    path("console/fleets/<uuid:fleet_id>/delete", fleets.delete_fleet, name="delete_fleet"),
    path("console/audit", audit.audit, name="audit"),
    path("console/audit.csv", audit.audit_csv, name="audit_csv"),
    path("console/subscriptions", subscriptions.subscriptions, name="subscriptions"),
    path("console/subscriptions/<uuid:pk>", subscriptions.subscription, name="subscription"),
    path("console/subscriptions/<uuid:pk>/<slug:name>", subscriptions.act, name="subscription_act"),
    path("console/packages", packages.packages, name="packages"),
    path("console/packages/terms", packages.terms, name="terms"),
    path("console/packages/terms/new", packages.terms_new, name="terms_new"),
    path("console/packages/terms/<int:pk>", packages.terms_version, name="terms_version"),
    path("console/packages/<slug:name>", packages.package, name="package"),
    path("console/packages/<slug:name>/reset", packages.package_reset, name="package_reset"),
]
