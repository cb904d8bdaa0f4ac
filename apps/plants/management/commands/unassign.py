"""`manage.py unassign PLANT EMAIL`: take a plant from a member; its programs stop seeing it with the next call."""

from . import assign


class Command(assign.Command):
    help = "Take a plant from a user. A second time changes nothing."
    assigned = False
