"""How measured data comes in: files of loggers and answers of the original API, read as text and never executed.

Imports events, measurements, plants and accounts; is imported by web, api and management commands.
"""
