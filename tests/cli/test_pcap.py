"""Captures: what tshark makes of them."""

from __future__ import annotations

import subprocess

from callflow.cli.pcap import pcap
from callflow.protocol.queries import WireMessage
from tests.interop import needs

pytestmark = needs.program("tshark")

OPTIONS = (
    b"OPTIONS sip:1000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:1000@192.0.2.1>\r\nCall-ID: one\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
FIELDS = ("frame.time_epoch", "ip.src", "ipv6.dst", "udp.srcport", "udp.dstport", "sip.Method", "sip.Call-ID")


def read(path) -> list[list[str]]:
    """What tshark reads, and whether it finds a checksum bad."""
    options = [word for field in FIELDS for word in ("-e", field)]
    checks = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    command = ["tshark", "-r", str(path), "-T", "fields", *options, *checks]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    bad = [*command[:3], *checks, "-Y", "ip.checksum.status == Bad || udp.checksum.status == Bad"]
    assert subprocess.run(bad, capture_output=True, text=True, check=True).stdout == ""
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_wireshark_reads_the_messages_with_their_times_and_ways(tmp_path):
    received = WireMessage(1, 1795821390.25, False, "udp", "192.0.2.1:5060", "192.0.2.9:40000", OPTIONS)
    sent = WireMessage(2, 1795821391.5, True, "tcp", "[2001:db8::1]:5061", "[2001:db8::9]:5062", OPTIONS + b"x")
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap([received, sent]))
    first, second = read(path)
    assert float(first[0]) == 1795821390.25
    assert first[1:] == ["192.0.2.9", "", "40000", "5060", "OPTIONS", "one"]
    assert float(second[0]) == 1795821391.5
    assert second[1:3] == ["", "2001:db8::9"]


def test_a_message_longer_than_a_datagram_is_cut(tmp_path):
    long = WireMessage(1, 0.0, True, "tcp", "192.0.2.1:5060", "192.0.2.9:40000", OPTIONS + b"x" * 100_000)
    path = tmp_path / "call.pcap"
    path.write_bytes(pcap([long, long]))
    assert len(read(path)) == 2
