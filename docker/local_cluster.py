"""`make cluster`: the parts of a cluster as processes of this machine, until Ctrl-C or `stop`.

Runs the start scripts of the images (`docker/start/`) with addresses, secrets and folders of their
own, and starts a part again that ends by itself. Which machine runs what on a real cluster is said
by `compose.yaml` and `kubernetes/` beside this file.
"""

import argparse
import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

START = Path(__file__).resolve().parent / "start"
READY_LIMIT_S, STOP_LIMIT_S = 180.0, 30.0
LONGEST_PAUSE_S = 30.0
MARK = "ADAPTERSWEEP_LOCAL_CLUSTER"
"""Environment variable by which everything that a part has started is found, its orphans too."""

DEFAULT_PORTS = {"POSTGRES": 5432, "S3": 8333, "MLFLOW": 5000, "CLUSTER": 6379, "DASHBOARD": 8265}
S3_NEIGHBOURS = [a + b for a in (0, 1, 2, 3) for b in (0, 10_000)]  # see start/object-storage.sh


class ClusterError(Exception):
    """What keeps the cluster from running, and what to do."""


@dataclass
class Part:
    """One process of the cluster with everything that it starts.

    Attributes:
        script: its start script.
        ready: tells whether it answers; raises OSError while it does not.
        stop_signal: asks it to end, and to end its own processes.
        pause_s: how long to wait before it is started again.
    """

    name: str
    script: str
    ready: Callable[[], bool]
    arguments: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    pause_s: float = 1.0
    again_at: float = 0.0


class LocalCluster:
    """The parts, their addresses and their folder.

    Args:
        folder: keeps data, secrets and logs; one cluster at a time.
        host: what everything listens on.
        workers, cpus: how many worker nodes of Ray, and the CPUs that each of them offers.
    """

    def __init__(self, folder: Path, *, host: str, workers: int, cpus: int) -> None:
        self.folder = folder.resolve()
        self.host = host
        self.ray_folder = Path(tempfile.gettempdir()) / f"ray-{secrets.token_hex(4)}"
        self._secrets = self.folder / "secrets"
        self._addresses = dict(_addresses(host))
        self.parts = self._parts(workers, cpus)

    def _parts(self, workers: int, cpus: int) -> list[list[Part]]:
        """Return the parts in the order of their start, those at once that need no other."""
        ray = (
            "--dashboard-agent-listen-port",
            "0",
            "--min-worker-port",
            "0",
            "--max-worker-port",
            "0",
        )
        client = ("--ray-client-server-port", str(_free_port(self.host)))
        first = [
            Part("postgres", "postgres.sh", self._database_answers, stop_signal=signal.SIGINT),
            Part("object-storage", "object-storage.sh", lambda: self._listens("S3")),
            Part("ray-head", "ray-head.sh", partial(self._has_nodes, 1), (*ray, *client)),
        ]
        mlflow = Part("mlflow", "mlflow.sh", self._mlflow_answers)
        # One node after another: two that start at once on one machine get into each other's way.
        nodes = [
            Part(
                f"ray-worker-{n}",
                "ray-worker.sh",
                partial(self._has_nodes, n + 1),
                # A node that shares a folder with others removes files that those still need.
                (*ray, "--temp-dir", f"{self.ray_folder}/{n}"),
                {"CPUS": str(cpus)},
            )
            for n in range(1, workers + 1)
        ]
        return [first, [mlflow, *nodes[:1]], *([node] for node in nodes[1:])]

    @property
    def environment(self) -> dict[str, str]:
        """Return what the start scripts read; secrets are in files."""
        path = [str(Path(sys.executable).parent), os.environ["PATH"]]
        loopback = {}
        if self.host == "127.0.0.1":
            path.insert(0, str(START / "loopback"))  # see there
            loopback["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        return {
            **{f"{name}_ADDRESS": address for name, address in self._addresses.items()},
            "LISTEN": self.host,
            "NODE_ADDRESS": self.host,
            "STATE": str(self.folder / "data"),
            "SECRETS": str(self._secrets),
            "ADAPTERSWEEP_WORKSPACE": str(self.folder / "workspace"),
            "OBJECT_STORE_BYTES": "100000000",
            "RAY_TMPDIR": str(self.ray_folder),
            "PATH": os.pathsep.join(path),
            **loopback,
        }

    def run(self) -> None:
        """Start everything, say how it is used, and keep it running until SIGINT or SIGTERM."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)  # PostgreSQL's user passes through when all of this is root's
        with self._alone(), _interruptible():
            end_left_over(self.folder)
            self.ray_folder.mkdir(mode=0o700)  # not in `folder`: its sockets need short names
            try:
                self._prepare()
                for together in self.parts:
                    for part in together:
                        self._start(part)
                    for part in together:
                        self._await(part)
                _say(self._usage())
                self._watch()
            except KeyboardInterrupt:
                _say("stopping")
            finally:
                with _uninterruptible():
                    self._stop()
                    shutil.rmtree(self.ray_folder, ignore_errors=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock = FileLock(self.folder / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise ClusterError(
                f"a cluster runs in {self.folder}; stop it with `make cluster-stop`"
            ) from None
        pid = self.folder / "pid"
        pid.write_text(str(os.getpid()))
        try:
            yield
        finally:
            pid.unlink()
            lock.release()

    def _prepare(self) -> None:
        for name in ("data", "logs", "workspace"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "data").chmod(0o711)
        (self.folder / "logs").chmod(0o700)
        subprocess.run(["sh", str(START / "secrets.sh"), str(self._secrets)], check=True)
        clients = {
            **{k: v for k, v in self.environment.items() if k not in ("PATH", "LISTEN", "STATE")},
            "RAY_ADDRESS": self._addresses["CLUSTER"],
            "RAY_API_SERVER_ADDRESS": f"http://{self._addresses['DASHBOARD']}",
        }
        lines = [f"export {name}={shlex.quote(value)}" for name, value in clients.items()]
        lines.append(f". {shlex.quote(str(START / 'environment.sh'))}\n")
        _write_protected(self.folder / "environment", "\n".join(lines))

    def _start(self, part: Part) -> None:
        end_left_over(self.folder, part.name)
        with (self.folder / "logs" / f"{part.name}.log").open("ab") as log:
            part.process = subprocess.Popen(
                ["sh", str(START / part.script), *part.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self.environment | part.extra | {MARK: self._mark(part.name)},
                start_new_session=True,  # or Ctrl-C would reach it before its turn
            )

    def _mark(self, part: str) -> str:
        return f"{self.folder}:{part}"

    def _await(self, part: Part) -> None:
        deadline = time.monotonic() + READY_LIMIT_S
        while not _answers(part.ready):
            assert part.process is not None
            log = self.folder / "logs" / f"{part.name}.log"
            if part.process.poll() is not None:
                raise ClusterError(
                    f"{part.name} ended with code {part.process.returncode}:\n{_end_of(log)}"
                )
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{part.name} does not answer after {READY_LIMIT_S:g} s; see {log}"
                )
            time.sleep(0.2)

    def _watch(self) -> None:
        """Start again what has ended, at first at once and then ever more slowly."""
        while True:
            time.sleep(0.5)
            for part in (part for together in self.parts for part in together):
                if part.process is None:
                    if time.monotonic() >= part.again_at:
                        self._start(part)
                elif (code := part.process.poll()) is not None:
                    _say(f"{part.name} ended with code {code}; starts again in {part.pause_s:g} s")
                    part.process, part.again_at = None, time.monotonic() + part.pause_s
                    part.pause_s = min(2 * part.pause_s, LONGEST_PAUSE_S)

    def _stop(self) -> None:
        """End the parts against the order of their start, and then whatever they left."""
        for together in reversed(self.parts):
            running = [p.process for p in together if p.process and p.process.poll() is None]
            for part in together:
                if part.process in running:
                    part.process.send_signal(part.stop_signal)
            deadline = time.monotonic() + STOP_LIMIT_S
            for process in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.1, deadline - time.monotonic()))
            for part in together:
                end_left_over(self.folder, part.name)

    def _usage(self) -> str:
        where = "\n".join(
            f"  {name.lower():<10} {address}" for name, address in self._addresses.items()
        )
        return (
            f"the cluster is ready; data, secrets and logs are in {self.folder}\n{where}\n"
            f"use it from another terminal:\n  . {self.folder / 'environment'}\n"
            "  adaptersweep doctor\n  adaptersweep submit sweeps/quickstart.yaml\n"
            "with its workspace in object storage, rather than in a folder:\n"
            "  adaptersweep submit sweeps/quickstart.yaml --workspace s3://sweeps/workspace\n"
            "stop it with Ctrl-C here, or `make cluster-stop`"
        )

    def _database_answers(self) -> bool:
        import psycopg

        host, port = self._addresses["POSTGRES"].rsplit(":", 1)
        try:
            psycopg.connect(
                host=host,
                port=port,
                dbname="sweeps",
                user="sweeps",
                password=(self._secrets / "postgres-sweeps").read_text(),
                connect_timeout=5,
            ).close()
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from error
        return True

    def _listens(self, name: str) -> bool:
        host, port = self._addresses[name].rsplit(":", 1)
        socket.create_connection((host, int(port)), timeout=5).close()
        return True

    def _mlflow_answers(self) -> bool:
        return bool(_get(f"http://{self._addresses['MLFLOW']}/health"))

    def _has_nodes(self, wanted: int) -> bool:
        """Tell whether so many nodes of Ray are alive."""
        token = (self._secrets / "ray-token").read_text()
        asked = f"http://{self._addresses['DASHBOARD']}/nodes?view=summary"
        found = json.loads(_get(asked, {"Authorization": f"Bearer {token}"}))["data"]["summary"]
        alive = [node for node in found if node["raylet"].get("state") == "ALIVE"]
        return len(alive) >= wanted


def marked(folder: Path, part: str = "") -> list[psutil.Process]:
    """Return the processes of one part of the cluster in `folder`, or of all of them."""
    mark = f"{folder}:{part}"
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            value = process.environ().get(MARK, "")
            if value == mark or (not part and value.startswith(mark)):
                found.append(process)
    return found


def end_left_over(folder: Path, part: str = "") -> None:
    """Kill what a part, or the whole cluster, has left running."""
    deadline = time.monotonic() + STOP_LIMIT_S
    while (left := marked(folder, part)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)


def stop(folder: Path) -> None:
    """Ask the cluster in `folder` to stop and wait for it; end what a killed one has left."""
    folder = folder.resolve()
    pid = folder / "pid"
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess, ValueError):
        running = psutil.Process(int(pid.read_text()))
        if any(Path(word).name == Path(__file__).name for word in running.cmdline()):
            running.terminate()
            deadline = time.monotonic() + 4 * STOP_LIMIT_S
            # Has ended, too: a zombie, whose parent has not asked for its end yet.
            while running.status() != psutil.STATUS_ZOMBIE:
                if time.monotonic() > deadline:
                    running.kill()
                time.sleep(0.1)
    end_left_over(folder)
    pid.unlink(missing_ok=True)
    (folder / "environment").unlink(missing_ok=True)
    _say(f"no cluster runs in {folder}")


def _addresses(host: str) -> Iterator[tuple[str, str]]:
    """Choose the port that each part is known for, or a free one where somebody has it."""
    for name, port in DEFAULT_PORTS.items():
        neighbours = S3_NEIGHBOURS if name == "S3" else [0]
        while not all(_is_free(host, port + n) for n in neighbours):
            port = _free_port(host) % 20_000 + 30_000  # 10,000 above is a port, too
        yield name, f"{host}:{port}"


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def _free_port(host: str) -> int:
    with socket.socket() as listener:
        try:
            listener.bind((host, 0))
        except OSError as error:
            raise ClusterError(
                f"expected an address of this machine, found {host!r}: {error}"
            ) from error
        return int(listener.getsockname()[1])


def _answers(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except OSError:  # URLError is one
        return False


def _get(address: str, headers: Mapping[str, str] | None = None) -> bytes:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(address, headers=dict(headers or {}))
    with direct.open(asked, timeout=5) as answer:
        return bytes(answer.read())


def _write_protected(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _end_of(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGINT raise KeyboardInterrupt, also in the background of a script."""
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, signal.default_int_handler)
    yield


@contextlib.contextmanager
def _uninterruptible() -> Iterator[None]:
    """Let nothing but SIGKILL keep the parts from being stopped."""
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, signal.SIG_IGN)
    yield


def main() -> None:
    """Start or stop a cluster, as `make cluster` and `make cluster-stop` do."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("action", choices=("start", "stop"))
    reader.add_argument(
        "--folder", type=Path, default=Path(".cluster"), help="data, secrets and logs"
    )
    reader.add_argument("--host", default="127.0.0.1", help="what everything listens on")
    reader.add_argument("--workers", type=int, default=2, help="worker nodes of Ray")
    reader.add_argument(
        "--cpus", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="of each"
    )
    asked = reader.parse_args()
    try:
        if asked.action == "stop":
            stop(asked.folder)
        else:
            LocalCluster(
                asked.folder, host=asked.host, workers=asked.workers, cpus=asked.cpus
            ).run()
    except ClusterError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
