"""One logger's session: which commands there are, who may log in, and when a file counts as received.

226 is said after the file is in the database, never before. Who gets another answer, or none, sends the file again;
the same file twice does no harm.
"""

import contextlib
import logging
import select
import sys
from typing import Any, ClassVar
from uuid import UUID

from OpenSSL import SSL
from pyftpdlib.exceptions import AuthenticationFailed, FilesystemError
from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler

from apps.ingest.models import LoggerKey
from apps.ingest.refusals import storage_is_full
from apps.monitoring import counters

from . import delivery
from .delivery import StorageFull, Unavailable
from .folder import Folder, Incoming, TooLarge, delivered_name

logger = logging.getLogger(__name__)

SESSIONS_PER_KEY = 5
IDLE = 120  # seconds between commands
STALLED = 60  # seconds without a byte of a transfer
LOG_IN_WITHIN = 30  # seconds
TLS_COMMANDS = ("AUTH", "PBSZ", "PROT")
_NOT_FOR_LOGGERS = ("STOU", "MFMT", "SITE", "SITE CHMOD", "SITE HELP", "REIN")
_PERMISSIONS = "elwadfm"  # of pyftpdlib: enter, list, store, append, delete, rename, make folders; "r" is missing

AGAIN = "451 The database does not answer. Nothing was accepted; please send it again."
FULL = "452 There is no room at the moment. Nothing was accepted; please send it again later."
BROKEN = "426 The connection broke off. Nothing was accepted; please send it again."
FAILED = "451 Something went wrong here. Nothing was accepted; please send it again."
ENDED = "421 This key is no longer accepted."


class TooManySessions(Exception):
    """The key is in use by as many sessions as it may."""


class Keys:
    """Who may log in, as pyftpdlib asks it."""

    def validate_authentication(self, login: str, secret: str, session: "Session") -> None:
        key = delivery.living_key(login, secret)
        if key is None:
            raise AuthenticationFailed
        if sum(other.key == key for other in session.server.sessions()) >= SESSIONS_PER_KEY:
            raise TooManySessions
        session.key = key

    def has_perm(self, login: str, permission: str, path: str | None = None) -> bool:
        return permission in _PERMISSIONS

    def get_perms(self, login: str) -> str:
        return _PERMISSIONS

    def get_home_dir(self, login: str) -> str:
        return "/"

    def get_msg_login(self, login: str) -> str:
        return "Welcome."

    def get_msg_quit(self, login: str) -> str:
        return "Goodbye."

    def impersonate_user(self, login: str, secret: str) -> None:
        """Nothing here belongs to users of the machine."""

    def terminate_impersonation(self, login: str) -> None:
        """See above."""


class DataChannel(TLS_DTPHandler):
    """One transfer. All its ends, good and bad, pass `close`: only there a file is handed over.

    pyftpdlib takes every end of the connection for the end of the file; one that broke off is not.
    """

    timeout = STALLED
    cmd_channel: "Session"
    file_obj: Incoming | None
    transfer_finished: bool
    _answered = False

    def enable_receiving(self, type: str, cmd: str) -> None:  # noqa: A002  (pyftpdlib calls it that)
        """Files are kept as they come, also in ASCII mode: the import reads every kind of line end."""
        super().enable_receiving("i", cmd)

    def close(self) -> None:
        """Hand over what came as a whole, before the answer is sent; remember what was cut short."""
        file, session = self.file_obj, self.cmd_channel
        if self.receive and file and not self._answered:
            self._answered = True
            if self.transfer_finished and (_broken_off() or session.hung_up()):
                self.transfer_finished = False
                self._resp = (BROKEN, logger.debug)
            if self.transfer_finished:
                self._resp = (session.received(file), logger.debug)
            else:
                session.cut_short(file)
        super().close()

    def handle_error(self) -> None:
        """Answer in any case: TLS_DTPHandler would leave the client waiting."""
        self._error = True  # no farewell by TLS
        if isinstance(error := sys.exc_info()[1], TooLarge):
            self._resp = (f"552 {error}", logger.info)
        elif error is not None and storage_is_full(error):
            self._resp = (FULL, logger.error)
        elif isinstance(error, SSL.Error):
            self._resp = (BROKEN, logger.info)
        else:
            self.log_exception(self)
            self._resp = (FAILED, logger.info)
        self.close()


def _broken_off() -> bool:
    """Whether an error, and not the client, ended the connection that is being closed.

    By TLS also who leaves without a farewell: anybody on the way could cut a file like that.
    """
    return isinstance(sys.exc_info()[1], (OSError, SSL.SysCallError))


class Session(TLS_FTPHandler):
    """A control connection. `key` is the logger's, once it has logged in."""

    banner = "Helioport: files of data loggers"
    authorizer = Keys()
    abstracted_fs = Folder
    dtp_handler = DataChannel
    proto_cmds: ClassVar = {
        name: rule for name, rule in TLS_FTPHandler.proto_cmds.items() if name not in _NOT_FOR_LOGGERS
    }
    timeout = IDLE
    max_login_attempts = 3
    auth_failed_timeout = 3  # seconds until a wrong key is told so
    use_sendfile = False
    ssl_context: SSL.Context | None = None
    key: LoggerKey | None = None
    _current_type: str
    _parting = False

    def __init__(self, conn: Any, server: Any, ioloop: Any = None) -> None:
        super().__init__(conn, server, ioloop)
        self._log_debug = False  # it would log what clients send
        if self.connected:
            self._extra_feats = ["AUTH TLS", "PBSZ", "PROT"] if self.ssl_context else []
            self.call_later(LOG_IN_WITHIN, self._end_unless_logged_in)

    def __repr__(self) -> str:
        return f"<session of {self.key.login if self.key else 'nobody'} from {self.remote_ip}>"

    @classmethod
    def get_ssl_context(cls) -> SSL.Context | None:
        """Without a certificate there is no TLS."""
        return cls.ssl_context

    def say_goodbye(self, answer: str) -> None:
        """Answer, and end the session."""
        if not self._parting:
            self._parting = True
            self.respond(answer)
            self.close_when_done()

    def _end_unless_logged_in(self) -> None:
        if not self.authenticated:
            self.say_goodbye("421 Log in sooner.")

    # --- Commands ------------------------------------------------------------------------------------------------

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        """Ask with every command whether the key still lives. Without an answer go on: nothing can be stored then."""
        if self.authenticated:
            with contextlib.suppress(Unavailable):
                self.key = delivery.living_key(self.username, self.password)
            if self.key is None:
                self.say_goodbye(ENDED)
                return
        super().pre_process_command(line, cmd, arg)

    def process_command(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        try:
            super().process_command(cmd, *args, **kwargs)
        except Unavailable:
            self.respond(AGAIN)

    def ftp_PASS(self, line: str) -> None:  # noqa: N802  (pyftpdlib calls it that)
        try:
            super().ftp_PASS(line)
        except Unavailable:
            self.say_goodbye("421 The database does not answer. Come again later.")
        except TooManySessions:
            self.say_goodbye("421 Too many sessions with this key.")

    def ftp_SIZE(self, path: str) -> None:  # noqa: N802
        """The same in both types, because files are kept as they come; pyftpdlib refuses it for ASCII."""
        kind, self._current_type = self._current_type, "i"
        try:
            super().ftp_SIZE(path)
        finally:
            self._current_type = kind

    def flush_account(self) -> None:
        """Somebody else logs in on this connection."""
        super().flush_account()
        self.key = None

    def on_login_failed(self, username: str, password: str) -> None:
        logger.warning("A login from %s was refused", self.remote_ip)
        counters.refused_credentials("logger_key")

    # --- Files ---------------------------------------------------------------------------------------------------

    def received(self, file: Incoming) -> str:
        """Hand a complete file over; the answer to the client."""
        name, body = delivered_name(file.name), file.body()
        try:
            self.key = delivery.living_key(self.username, self.password)
            if self.key is None:
                self._quit_pending = True  # pyftpdlib ends the session after this answer
                return ENDED
            upload = delivery.deliver(self.key, name, body) if body else None  # an empty file says nothing
        except StorageFull:
            return FULL
        except Unavailable:
            return AGAIN
        except Exception:  # noqa: BLE001  (no error of ours may look like an accepted file)
            self.log_exception(self)
            return FAILED
        self.fs.put(file.name, body, upload)
        logger.info("%s delivered %s, %d bytes", self.key.login, name, len(body))
        return "226 Received and safely stored."

    def cut_short(self, file: Incoming) -> None:
        """Remember what came of a file, for a client that resumes it in this session."""
        if self.fs and not file.closed:
            self.fs.put(file.name, file.body(), None)

    def renamed(self, upload: UUID, name: str, body: bytes | None) -> UUID:
        """A file that was handed over has another name now."""
        found = delivery.rename(self.key, upload, name, body) if self.key else None
        if found is None:
            raise FilesystemError("It has been imported; send it again under this name")
        return found

    def hung_up(self) -> bool:
        """Whether the client is gone without having said so: then its last file may be cut, and nobody awaits 226."""
        if self._quit_pending or sys.platform != "linux":
            return False
        poll = select.poll()
        poll.register(self._fileno, select.POLLRDHUP)
        return bool(poll.poll(0))

    # --- Log -----------------------------------------------------------------------------------------------------

    def log(self, msg: str, logfun: Any = logger.debug) -> None:
        """pyftpdlib's own words, without line breaks a client may have sent.

        None before the login: some people type their secret where the login belongs.
        """
        if self.key:
            logfun("%r: %s", self, "".join(sign if sign.isprintable() else "?" for sign in msg))
