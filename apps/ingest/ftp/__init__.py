"""Loggers deliver their files by FTP, as devices do: `manage.py ftpd`. What a session uploads goes to uploads.py.

    server.py    the loop, limits, TLS, an orderly end
    session.py   what one logger may say, and what it is answered
    folder.py    what a session sees: only what it brought itself, nowhere on a disk
    delivery.py  what is asked of the database

One process, one thread, one connection to the database: without the database nothing could be accepted anyway.
"""
