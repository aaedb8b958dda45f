"""A PostgreSQL server of our own: made for the tests, on a Unix socket in a folder that ends with them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest
import trio

from tests.interop.process import children, is_running, until

_NUMBERS = count(1)


class Server:
    """One cluster; its server is started, killed, and started again."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder, self._binaries = folder, binaries
        self._data = folder / "data"

    def make(self) -> None:
        """Have an empty cluster, and start it."""
        os.chmod(self._folder, 0o700)
        if (account := _account()) is not None:
            shutil.chown(self._folder, account, pwd.getpwnam(account).pw_gid)
        self._run(
            "initdb",
            "--auth=trust",
            "--username=callflow",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            "--wal-segsize=1",
        )
        settings = {"listen_addresses": "", "unix_socket_directories": str(self._folder), "max_connections": 50}
        # What is not on the disk when the machine fails is no matter here.
        settings |= {"min_wal_size": "2MB", "max_wal_size": "32MB"}
        settings |= {"fsync": "off", "shared_buffers": "16MB", "logging_collector": "off", "log_statement": "none"}
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start()

    def start(self) -> None:
        """Return when it takes connections."""
        self._run("pg_ctl", "--wait", "--timeout=100", f"--log={self._folder / 'log'}", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Return when it has ended."""
        self._run("pg_ctl", "--wait", "--timeout=100", f"--mode={mode}", "stop")

    async def kill(self) -> None:
        """As a power failure does."""
        processes = self._processes
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        await until(lambda: not any(map(is_running, processes)))
        for lock in (self._data / "postmaster.pid", self._folder / ".s.PGSQL.5432.lock"):
            lock.unlink()  # where nobody reaps the dead, it would be taken for alive

    async def start_again(self) -> None:
        """After `kill`."""
        await trio.to_thread.run_sync(self.start)

    @contextmanager
    def full(self) -> Iterator[None]:
        """No file of it can grow beyond a megabyte meanwhile, which it takes for a full disk."""
        self._limit("1048576:")
        try:
            yield
        finally:
            self._limit("unlimited:")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It stands still meanwhile, and so do all its processes."""
        processes = self._processes
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def file_of(self, table: str, url: str) -> Path:
        """Where its rows are."""
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT pg_relation_filepath(%s)", (table,)).fetchone()
        assert found is not None
        return self._data / str(found[0])

    @property
    def _log(self) -> str:
        path = self._folder / "log"
        return path.read_text()[-2000:] if path.exists() else ""

    @property
    def _processes(self) -> list[int]:
        return [self.pid, *children(self.pid)]

    @property
    def pid(self) -> int:
        """Of the server."""
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def url(self) -> str:
        """That of an empty schema, which is of nobody else."""
        schema = f"test_{next(_NUMBERS)}"
        url = f"postgresql:///postgres?host={self._folder}&user=callflow"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
        return f"{url}&options=-csearch_path%3D{schema}"

    def database(self, name: str, encoding: str) -> str:
        """The URL of an empty database in that encoding."""
        url = f"postgresql:///postgres?host={self._folder}&user=callflow"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'".encode())
        return url.replace("///postgres", f"///{name}")

    def _limit(self, soft: str) -> None:
        for process in self._processes:  # those that begin have what the first has
            try:
                self._do("prlimit", f"--pid={process}", f"--fsize={soft}")
            except AssertionError:
                if is_running(process):
                    raise

    def _run(self, program: str, *arguments: str) -> None:
        self._do(str(self._binaries / program), f"--pgdata={self._data}", *arguments)

    def _do(self, *command: str) -> None:
        user = _account()
        group = pwd.getpwnam(user).pw_gid if user is not None else None
        done = subprocess.run(
            command, cwd=self._folder, user=user, group=group, extra_groups=[] if user is not None else None,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr.decode()}\n{self._log}"


@contextmanager
def server() -> Iterator[Server]:
    """One that runs. Skips the test if PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    installed = shutil.which("initdb")
    if not found and installed is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    binaries = found[-1] if found else Path(installed or "").resolve().parent
    # PostgreSQL runs as another user, who has no way into pytest's folders.
    with tempfile.TemporaryDirectory(prefix="callflow-pg-") as folder:
        made = Server(Path(folder), binaries)
        made.make()
        try:
            yield made
        finally:
            made.stop()


def _account() -> str | None:
    """Who runs it in place of root, whom it refuses."""
    return "postgres" if os.geteuid() == 0 else None
