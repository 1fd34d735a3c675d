"""A PostgreSQL of our own on loopback, for tests and benchmarks; nothing of it stays."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoPostgresError(RuntimeError):
    """PostgreSQL cannot be started here; the message says why."""


@contextmanager
def running_postgres(port: int) -> Iterator[str]:
    """Start one, and give the URL of its server, without database.

    Raises:
        NoPostgresError: it is not installed, or this user may not run it.
    """
    if shutil.which("initdb") is None or shutil.which("pg_ctl") is None:
        raise NoPostgresError("PostgreSQL is not installed: initdb and pg_ctl are not on PATH")
    # PostgreSQL refuses to run as root, and another user cannot enter a folder of root's.
    as_user: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            raise NoPostgresError(
                "PostgreSQL does not run as root, and there is no setpriv to drop to nobody"
            )
        as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    folder = Path(tempfile.mkdtemp(prefix="adaptersweep-postgres-"))

    def call(*command: str) -> None:
        # Output goes to a file: the server would keep a pipe open for as long as it runs.
        with (folder / "commands.log").open("ab") as log:
            subprocess.run(
                [*as_user, *command], check=True, cwd="/", stdout=log, stderr=log, timeout=60
            )

    try:
        folder.chmod(0o777)
        data = str(folder / "data")
        call("initdb", "-D", data, "-A", "trust", "-U", "sweep", "--no-sync", "-E", "UTF8")
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(folder / "server.log")
        call("pg_ctl", "-D", data, "-l", log, "-o", settings, "-w", "start")
        try:
            yield f"postgresql+psycopg://sweep@127.0.0.1:{port}"
        finally:
            call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
