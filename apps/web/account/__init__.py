"""Logging in, second factors, invitations, and the account page. allauth owns the flows; looks and rules are here."""
