"""Kamailio as the edge of phones in web pages: WebSocket there, UDP to us; it stays in the path of every call.

The addresses of web pages lead nowhere (RFC 7118 5): it notes in each Contact which connection it came by.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.ports import free_ports

from .kamailio import MODULES, kamailio

CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{web_port}
tcp_accept_no_cl=yes
auto_aliases=no
children=1
tcp_children=1
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "nathelper.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
event_route[xhttp:request] {{
  if ($hdr(Upgrade) =~ "websocket" && ws_handle_handshake()) {{ exit; }}
  xhttp_reply("404", "Not Found", "", "");
}}
onreply_route[WEB] {{
  if (nat_uac_test("64")) {{ add_contact_alias(); }}
}}
request_route {{
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
  if (nat_uac_test("64")) {{ force_rport(); add_contact_alias(); }}
  t_on_reply("WEB");
  if (has_totag()) {{
    loose_route();
    handle_ruri_alias();
    t_relay();
    exit;
  }}
  t_check_trans();
  if (!is_method("REGISTER")) {{ record_route(); }}
  if ($si == "127.0.0.1" && $sp == {engine}) {{
    handle_ruri_alias();
  }} else {{
    $du = "sip:127.0.0.1:{engine}";
    $fs = "udp:127.0.0.1:{port}";
  }}
  t_relay();
}}
"""


@asynccontextmanager
async def edge(folder: Path, engine: int) -> AsyncIterator[str]:
    """An edge before the engine at this UDP port. The URL for web pages."""
    port, _ = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        web_port = listening.getsockname()[1]
    config = CONFIG.format(port=port, web_port=web_port, engine=engine, modules=MODULES)
    async with kamailio(folder, config, lambda pid: _takes_connections(web_port)):
        yield f"ws://127.0.0.1:{web_port}"


def _takes_connections(port: int) -> bool:
    """It has its sockets of TCP in one of its processes, and not for long in the first."""
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0
