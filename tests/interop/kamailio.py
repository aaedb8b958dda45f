"""Kamailio as a carrier: its registrar and its proxy want to know who we are, and its nonces live for seconds only.

It takes calls of its customer to one callee, and calls of anybody to its customer, wherever he has registered.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.ports import free_ports

from .process import listening_ports, until

USER, PASSWORD = "4930999", "carrier-secret"
MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules"
CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
listen=udp:127.0.0.1:{port}
disable_tcp=yes
auto_aliases=no
children=1
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 1)
modparam("registrar", "max_expires", {expires})
modparam("auth", "nonce_expire", 2)
modparam("auth", "algorithm", "{algorithm}")
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
  if (has_totag()) {{ loose_route(); t_relay(); exit; }}
  t_check_trans();
  if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("carrier", "{password}", "0")) {{ www_challenge("carrier", "1"); exit; }}
    save("location");
    exit;
  }}
  record_route();
  if ($rU == "{user}") {{
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
    exit;
  }}
  {ask}
  $du = "sip:127.0.0.1:{callee}";
  t_relay();
}}
"""
EDGE = """\
#!KAMAILIO
debug=2
log_stderror=yes
listen=udp:127.0.0.1:{port}
disable_tcp=yes
auto_aliases=no
children=1
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "path.so"
loadmodule "textops.so"
loadmodule "siputils.so"
request_route {{
  if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
  if (is_method("REGISTER")) {{
    add_path();
    $du = "sip:127.0.0.1:{registrar}";
    t_relay();
    exit;
  }}
  if (!has_totag()) {{ record_route(); }}
  loose_route();
  t_check_trans();
  t_relay();
}}
"""
ASK = """\
if (!pv_proxy_authenticate("carrier", "{password}", "0")) {{ proxy_challenge("carrier", "1"); exit; }}
  consume_credentials();"""


@asynccontextmanager
async def carrier(
    folder: Path, *, callee: int, algorithm: str = "MD5", expires: int = 600, asks: bool = True
) -> AsyncIterator[tuple[str, int]]:
    """A carrier whose customer's calls go to the port `callee`; gone on exit. Where it is reached.

    One that `asks` nothing is but a proxy that stays in the path of all calls to the callee.
    """
    port, _ = free_ports(1)
    config = CONFIG.format(
        port=port,
        callee=callee,
        modules=MODULES,
        user=USER,
        password=PASSWORD,
        algorithm=algorithm,
        ask=ASK.format(password=PASSWORD) if asks else "",
        expires=expires,
    )
    async with kamailio(folder, config, lambda pid: port in listening_ports(pid, "udp")):
        yield "127.0.0.1", port


@asynccontextmanager
async def edge(folder: Path, *, registrar: int) -> AsyncIterator[tuple[str, int]]:
    """A proxy before a registrar, which stays on the way to who registers by it (RFC 3327). Where it is reached."""
    port, _ = free_ports(1)
    config = EDGE.format(port=port, modules=MODULES, registrar=registrar)
    async with kamailio(folder, config, lambda pid: port in listening_ports(pid, "udp")):
        yield "127.0.0.1", port


@asynccontextmanager
async def kamailio(folder: Path, config: str, is_ready: Callable[[int], bool]) -> AsyncIterator[None]:
    """Kamailio with a configuration, from when it `is_ready`, which is asked with its process id."""
    program = shutil.which("kamailio")
    assert program, "kamailio is not installed (apt-get install kamailio)"
    folder.mkdir(parents=True)
    (folder / "kamailio.cfg").write_text(config)
    command = [program, "-f", "kamailio.cfg", "-DD", "-E", "-Y", str(folder), "-w", str(folder), "-m", "32"]
    with (folder / "log.txt").open("wb") as log:
        process = await trio.lowlevel.open_process(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        await until(lambda: process.poll() is not None or is_ready(process.pid))
        assert process.poll() is None, (folder / "log.txt").read_text()[-3000:]
        yield
    finally:
        with trio.CancelScope(shield=True):
            if process.poll() is None:
                process.terminate()
            with trio.move_on_after(5):
                await process.wait()
            process.kill()
            await process.wait()
