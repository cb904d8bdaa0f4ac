"""Files of Solar-Log data loggers: read as text with regular expressions, judged, and put into the store.

folder.py leads; text, times, base_vars, devices, minutes, totals and events read; counters and night judge values;
configuration settles epochs and components. The rules are in docs/decisions/0004-import-rules.md.
"""
