"""Watching the portal: the id and the line of every request, and what Prometheus reads."""
