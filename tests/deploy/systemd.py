"""As much of systemd as the shipped units need: starts their ExecStart, reloads, stops. Also a `systemctl` for scripts.

Users, capabilities and namespaces are left out, and what is enabled is only noted. UNITS names the folder of the
units; what they start leaves a file with its pid in STATE.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

UNITS, STATE = (Path(os.environ.get(name, "/nowhere")) for name in ("UNITS", "STATE"))
Settings = dict[str, list[str]]


def systemctl(verb: str, *units: str) -> int:
    """The exit code of `systemctl VERB UNIT...`."""
    for unit in units:
        VERBS[verb](unit)
    return 0


def read(unit: str) -> Settings:
    """All settings of a unit's [Service], with %i filled in; those that come twice have two values."""
    name, _, instance = unit.partition("@")
    text = (UNITS / (f"{name}@.service" if instance else f"{name}.service")).read_text().replace("\\\n", " ")
    found: Settings = {}
    for line in text.partition("[Service]")[2].partition("\n[")[0].splitlines():
        key, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found.setdefault(key, []).append(value.replace("%i", instance))
    return found


def start(unit: str) -> None:
    """Start it in the background, or run it to its end if it is of the type oneshot."""
    if is_running(unit):
        return
    settings = read(unit)
    environment = environment_of(settings)
    for before in settings.get("ExecStartPre", []):
        subprocess.run(_words(before, environment), check=True)
    options = {"cwd": settings["WorkingDirectory"][0], "env": environment, "stdin": subprocess.DEVNULL}
    command = _words(settings["ExecStart"][0], environment)
    with (STATE / f"{unit}.log").open("a") as log:
        if settings.get("Type") == ["oneshot"]:
            sys.exit(subprocess.run(command, stdout=log, stderr=log, check=False, **options).returncode)  # type: ignore[call-overload]
        made = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **options)  # type: ignore[call-overload]
    _pid_file(unit).write_text(str(made.pid))


def stop(unit: str) -> None:
    """SIGTERM, and SIGKILL for all of it when TimeoutStopSec is over."""
    if not is_running(unit):
        return
    pid = _pid(unit)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + float(read(unit)["TimeoutStopSec"][0])
    while is_running(unit):
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
        time.sleep(0.02)
    _pid_file(unit).unlink()


def restart(unit: str) -> None:
    stop(unit)
    start(unit)


def try_restart(unit: str) -> None:
    if is_running(unit):
        restart(unit)


def reload(unit: str) -> None:
    """Its ExecReload."""
    for command in read(unit)["ExecReload"]:
        subprocess.run(_words(command, {"MAINPID": str(_pid(unit))}), check=True)


def enable(unit: str) -> None:
    (STATE / f"{unit}.enabled").touch()


def disable(unit: str) -> None:
    (STATE / f"{unit}.enabled").unlink(missing_ok=True)


VERBS = {
    "start": start,
    "stop": stop,
    "restart": restart,
    "try-restart": try_restart,
    "reload": reload,
    "enable": enable,
    "disable": disable,
}


def environment_of(settings: Settings) -> dict[str, str]:
    """What a service finds: little of ours, its Environment, and its EnvironmentFile, which wins."""
    found = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    for line in settings.get("Environment", []):
        found |= dict(pair.split("=", 1) for pair in shlex.split(line))
    for file in settings.get("EnvironmentFile", []):
        lines = (line for line in Path(file).read_text().splitlines() if line and not line.startswith("#"))
        found |= {name: "".join(shlex.split(value)) for name, value in (line.split("=", 1) for line in lines)}
    return found


def is_running(unit: str) -> bool:
    """Whether its main process lives; one that ended and was not fetched does not."""
    try:
        return Path(f"/proc/{_pid(unit)}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _words(command: str, environment: dict[str, str]) -> list[str]:
    """As systemd splits: ${NAME} stays one word, $NAME becomes as many as it has."""
    words: list[str] = []
    for word in shlex.split(command):
        if re.fullmatch(r"\$\w+", word):
            words += environment.get(word[1:], "").split()
        else:
            words.append(re.sub(r"\$\{(\w+)\}", lambda match: environment.get(match[1], ""), word))
    return words


def _pid_file(unit: str) -> Path:
    return STATE / f"{unit}.pid"


def _pid(unit: str) -> int:
    return int(_pid_file(unit).read_text())


if __name__ == "__main__":
    sys.exit(systemctl(*(word for word in sys.argv[1:] if not word.startswith("--"))))
