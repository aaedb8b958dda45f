"""curl: servers are asked for ESL clients, if the configuration names them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.interop.terminal import terminal
from tests.trio_tests import run_trio
from tests.web.server import response, serving

from .place import place
from .test_calls import take


@run_trio
async def test_an_answer_is_the_body_with_its_headers_or_as_json(tmp_path: Path):
    async with serving() as server, place(tmp_path, http=[server.host]) as running:
        server.answers["/a"] = response(body="grüße".encode(), x_account="7")
        client = await running.login()
        assert await client.api(f"curl {server.url('/a')}") == "grüße"
        head, _, body = (await client.api(f"curl {server.url('/a')} headers get")).partition("\n\n")
        assert head.splitlines()[0] == "HTTP/1.1 200 OK"
        assert "x-account: 7" in head.lower()
        assert body == "grüße"
        told = json.loads(await client.api(f"curl {server.url('/a')} json"))
        assert (told["status_code"], told["phrase"], told["body"]) == (200, "OK", "grüße")
        assert {"key": "x-account", "value": "7"} in [{**each, "key": each["key"].lower()} for each in told["headers"]]


@run_trio
async def test_what_is_posted_is_decoded_and_has_its_type(tmp_path: Path):
    async with serving() as server, place(tmp_path, http=[server.host]) as running:
        server.answers["/p"] = response(201, b"made", reason="Created")
        client = await running.login()
        assert await client.api(f"curl {server.url('/p')} post a=1%262&b=3") == "made"
        assert server.bodies[-1] == b"a=1&2&b=3"
        assert "content-type: application/x-www-form-urlencoded" in server.asked[-1].lower()
        json_type = "content-type application/json append_headers X-Key:secret"
        assert await client.api(f"""curl {server.url("/p")} {json_type} post '{{"a": 1}}'""") == "made"
        assert server.bodies[-1] == b'{"a": 1}'
        assert "content-type: application/json" in server.asked[-1].lower()
        assert "x-key: secret" in server.asked[-1].lower()
        assert await client.api(f"curl {server.url('/p')} head") == "-ERR no reply\n"  # there is no body
        assert server.asked[-1].startswith("HEAD ")


@run_trio
async def test_the_application_sets_variables_and_the_call_goes_on(tmp_path: Path):
    async with serving() as server, place(tmp_path, http=[server.host]) as running, terminal() as guest:
        server.answers["/long"] = response(body=b"x" * 20_000)
        server.answers["/here"] = response(302, location="/there", reason="Found")
        server.answers["/there"] = response(404, b"gone", reason="Not Found")
        client, _, channel = await take(running, guest)

        async def curl(path: str) -> tuple[str, str]:
            await client.execute(channel, "curl", f"{server.url(path)} get")
            await client.event("CHANNEL_EXECUTE_COMPLETE", Application="curl")
            code = await client.api(f"uuid_getvar {channel} curl_response_code")
            return code, await client.api(f"uuid_getvar {channel} curl_response_data")

        assert await curl("/long") == ("200", "x" * 20_000)
        assert await curl("/here") == ("404", "gone")
        assert server.asked[-1].startswith("GET /there ")


@run_trio
async def test_who_is_not_named_is_not_asked(tmp_path: Path):
    async with serving() as server, serving() as other, place(tmp_path, http=[server.host]) as running:
        async with terminal() as guest:
            client, _, channel = await take(running, guest)
            refused = f'-ERR {other.host} is no host that ESL clients may ask: write http = ["{other.host}"] to [esl]'
            assert (await client.api(f"curl {other.url('/')}")).startswith(refused)
            server.answers["/"] = response(307, location=other.url("/"))
            assert (await client.api(f"curl {server.url('/')}")).startswith(refused)
            await client.execute(channel, "curl", other.url("/"))
            done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="curl")
            assert done["Application-Response"].startswith(refused)
            assert await client.api(f"uuid_getvar {channel} curl_response_code") == "0"
            assert other.asked == []


@run_trio
async def test_what_goes_wrong_is_said(tmp_path: Path):
    async with serving() as server, place(tmp_path, http=[server.host, "127.0.0.1:9"]) as running:
        server.answers["/big"] = response(body=b"x" * 64_001)
        client = await running.login()
        for arguments, answer in (
            ("", "-ERR\ncurl url [headers|json"),
            (f"{server.url('/')} insecure", "-ERR\ncurl url"),
            (f"{server.url('/')} append_headers bad", "-ERR\ncurl url"),
            (f"{server.url('/')} timeout soon", "-ERR\ncurl url"),
            ("ftp://127.0.0.1/", "-ERR expected a URL that begins with http:// or https://"),
            ("http://127.0.0.1:9/ timeout 20", "-ERR no answer came"),
            (server.url("/big"), "-ERR expected at most 64000 octets, got more"),
        ):
            assert (await client.api(f"curl {arguments}".strip())).startswith(answer), arguments
