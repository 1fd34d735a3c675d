"""What a sweep under faults stands on: servers that come back, nodes of Ray, and a small disk.

Which faults there are, and when they happen, is left to `chaos`.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.object_storage import KEYS, START, answers, storage_environment

BACK_AFTER_S = 2.0
DISK_MB = 96


class Server:
    """A process that is started again after it has ended, as a service manager does."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        answers: Callable[[], bool],
    ) -> None:
        self.name = name
        self._command, self._log, self._environment = command, log, dict(environment)
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None
        self._again_at = 0.0

    def tend(self) -> None:
        """Start it where it does not run, a while after it has ended."""
        if self._process is not None and self._process.poll() is not None:
            self._process, self._again_at = None, time.monotonic() + BACK_AFTER_S
        if self._process is None and time.monotonic() >= self._again_at:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=self._environment,
                    start_new_session=True,
                )

    def processes(self) -> list[psutil.Process]:
        """Return it and all that it has started."""
        with suppress(psutil.NoSuchProcess):
            if self._process is not None:
                own = psutil.Process(self._process.pid)
                return [own, *own.children(recursive=True)]
        return []

    def wait(self, limit_s: float = 240.0) -> None:
        deadline = time.monotonic() + limit_s
        while not self._answers():
            assert time.monotonic() < deadline, f"{self.name}: {self._log.read_text()[-3000:]}"
            time.sleep(0.3)

    def close(self) -> None:
        left = self.processes()
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)
        if self._process is not None:
            self._process.wait()


class SmallDisk:
    """A file system of a few MiB, in memory, which can be filled; only root may make one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir()
        options = f"size={DISK_MB}m,mode=755"
        command = ["mount", "-t", "tmpfs", "-o", options, "adaptersweep-chaos", str(folder)]
        subprocess.run(command, check=True, capture_output=True)

    @staticmethod
    def can_be_made() -> bool:
        with tempfile.TemporaryDirectory() as folder:
            try:
                SmallDisk(Path(folder) / "disk").close()
            except (OSError, subprocess.CalledProcessError):
                return False
        return True

    def fill(self) -> None:
        """Take all room that is left, to the last byte."""
        with suppress(OSError), self._ballast.open("ab", buffering=0) as stream:
            for piece in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while stream.write(bytes(piece)):
                        pass

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True, capture_output=True)


class Grounds:
    """The servers and the disk of one chaos, as a context.

    Attributes:
        servers: name → server.
        disk: where the workspace is; None where none can be made.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.servers: dict[str, Server] = {}
        self.disk: SmallDisk | None = None
        self._data: list[Path] = []
        self._over = threading.Event()
        self._tending = threading.Thread(target=self._tend, daemon=True)

    def __enter__(self) -> "Grounds":
        self._tending.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._tending.join()
        for server in reversed(self.servers.values()):
            server.close()
        if self.disk is not None:
            self.disk.free()
            self.disk.close()
        for data in self._data:
            shutil.rmtree(data, ignore_errors=True)

    def _tend(self) -> None:
        while not self._over.wait(0.3):
            for server in list(self.servers.values()):
                server.tend()

    def _serve(
        self,
        name: str,
        command: Sequence[str],
        answers: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> Server:
        log = self.folder / f"{name.replace(' ', '-')}.log"
        given = self.environment if environment is None else environment
        self.servers[name] = Server(name, command, log=log, environment=given, answers=answers)
        return self.servers[name]

    def add_disk(self) -> Path:
        """Make a small disk and return its folder; or an ordinary one where that cannot be."""
        folder = self.folder / "disk"
        if SmallDisk.can_be_made():
            self.disk = SmallDisk(folder)
        else:
            folder.mkdir()
        return folder

    def add_postgresql(self, port: int) -> str:
        """Start PostgreSQL and return the URL of a catalog in it."""
        import psycopg

        as_user: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        # Not below `folder`, which another user may not enter.
        data = Path(tempfile.mkdtemp(prefix="adaptersweep-postgres-"))
        self._data.append(data)
        data.chmod(0o777)
        make = ["initdb", "-D", f"{data}/data", "-A", "trust", "-U", "sweep", "-E", "UTF8"]
        subprocess.run([*as_user, *make, "--no-sync"], check=True, cwd="/", capture_output=True)

        def answers() -> bool:
            with suppress(psycopg.OperationalError):
                psycopg.connect(
                    f"postgresql://sweep@127.0.0.1:{port}/postgres", connect_timeout=2
                ).close()
                return True
            return False

        options = f"-D {data}/data -p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
        server = self._serve("PostgreSQL", [*as_user, "postgres", *options.split()], answers)
        server.wait()
        with psycopg.connect(
            f"postgresql://sweep@127.0.0.1:{port}/postgres", autocommit=True
        ) as connection:
            connection.execute("CREATE DATABASE sweeps")
        return f"postgresql+psycopg://sweep@127.0.0.1:{port}/sweeps"

    def add_mlflow(self, port: int) -> str:
        """Start an MLflow server with a store of its own and return its address."""
        address = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            with suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5) as found:
                return bool(found.status == 200)
            return False

        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.sqlite'}"]
        command += ["--artifacts-destination", (self.folder / "artifacts").as_uri()]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        self._serve("MLflow", command, answers).wait()
        return address

    def add_object_storage(self) -> str:
        """Start SeaweedFS, give everybody its address and key, and return a workspace's URL."""
        folder = Path(tempfile.mkdtemp(prefix="weed-", dir="/tmp"))
        self._data.append(folder)
        address, environment = storage_environment(folder)
        command = ["sh", str(START)]
        server = self._serve("object storage", command, lambda: answers(address), environment)
        server.wait()
        self.environment |= KEYS | {"AWS_ENDPOINT_URL": f"http://{address}"}
        return "s3://sweeps/chaos"

    def add_ray(self, port: int, nodes: int = 2) -> str:
        """Start a head of Ray that runs no trial, and nodes of one CPU; return the address."""
        token = self.folder / "token"
        token.write_text(secrets.token_hex(16))
        self.environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
        address = f"127.0.0.1:{port}"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment["PATH"] = path  # of `ray`
        ray = ["sh", str(START.with_name("ray-node.sh"))]
        ray += ["--node-ip-address", "127.0.0.1", "--object-store-memory", "100000000"]
        head = ["--head", "--port", str(port), "--num-cpus", "0", "--include-dashboard", "false"]
        self._serve("head", [*ray, *head], lambda: self._has_nodes(address, 1)).wait()
        for n in range(1, nodes + 1):  # one after another, or they get into each other's way
            # A node that shares a folder with others removes files that those still need.
            folder = f"/tmp/ray-{secrets.token_hex(4)}"
            self._data.append(Path(folder))
            own = ["--address", address, "--num-cpus", "1", "--temp-dir", folder]
            here = n + 1
            self._serve(
                f"node {n}", [*ray, *own], lambda here=here: self._has_nodes(address, here)
            ).wait()
        return address

    def _has_nodes(self, address: str, wanted: int) -> bool:
        command = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address]
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.environment, check=False
        )
        return done.stdout.count(" node_") >= wanted

    def signal(self, processes: Sequence[psutil.Process], what: signal.Signals) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(what)
