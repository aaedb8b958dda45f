"""HTTP and the database as scripts see them: verbs, whose outcomes are tables."""

from __future__ import annotations

import pytest
import trio

from callflow.testing import HttpRequest, HttpResponse

from .scripting import run_script


def visited(folder, body, web, **options):
    """What a script said, and what it asked a web of."""
    asked: list[HttpRequest] = []

    async def people(simulation, alice):
        simulation.web = lambda request: (asked.append(request), web(request))[1]
        await alice.ended()

    return run_script(folder, body, people, **options).said, asked


def test_a_request_is_answered_with_status_headers_and_body(tmp_path):
    said, asked = visited(
        tmp_path,
        """
        local answer = callflow.http.get("http://crm/customers/7", { headers = { ["X-Key"] = "k" }, timeout = 3 })
        print(answer.outcome, answer.response, answer.status, answer.headers["content-type"], answer.body, answer.json)
        """,
        lambda request: HttpResponse(status=404, headers={"content-type": "text/plain"}, body=b"no \xff one"),
    )
    assert said == ["response true 404 text/plain no \ufffd one nil"]
    (request,) = asked
    assert (request.method, request.url, request.timeout) == ("GET", "http://crm/customers/7", 3)
    assert request.headers == {"x-key": "k"}


def test_json_is_sent_and_understood(tmp_path):
    said, asked = visited(
        tmp_path,
        """
        local answer = callflow.http.post("http://crm/", { json = { number = "7", tags = { "a", "b" } } })
        print(answer.json.name, #answer.json.tags, answer.json.tags[2], answer.json.open, answer.json.none)
        """,
        lambda request: HttpResponse(
            headers={"content-type": "application/json; charset=utf-8"},
            body='{"name": "Zoë", "tags": [1, 2.5], "open": true, "none": null}'.encode(),
        ),
    )
    assert said == ["Zoë 2 2.5 true nil"]
    assert asked[0].body == b'{"number":"7","tags":["a","b"]}'
    assert asked[0].headers == {"content-type": "application/json"}


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"[" * 40 + b"]" * 40, b"[" + b"1," * 20_000 + b"1]"])
def test_json_that_is_none_or_too_much_of_it_is_only_a_body(tmp_path, body):
    said, _ = visited(
        tmp_path,
        'local answer = callflow.http.get("http://crm/") print(answer.json, #answer.body)',
        lambda request: HttpResponse(headers={"content-type": "application/json"}, body=body),
    )
    assert said == [f"nil {len(body)}"]


def test_a_request_without_an_answer_has_that_as_its_outcome(tmp_path):
    def refuse(request: HttpRequest) -> HttpResponse:
        raise ConnectionError("nobody listens")

    async def wait(request: HttpRequest) -> HttpResponse:
        await trio.sleep(100)
        return HttpResponse()

    body = """
    local answer = callflow.http.get("http://crm/", { timeout = 2 })
    print(answer.outcome, answer.failed, answer.reason, answer.message, callflow.now() - before)
    """
    said, _ = visited(tmp_path, f"local before = callflow.now() {body}", refuse)
    assert said == ["failed true unreachable nobody listens 0.0"]
    said, _ = visited(tmp_path, f"local before = callflow.now() {body}", wait)
    assert said == ["failed true timeout no answer within 2 s 2.0"]


def test_without_a_web_a_request_fails_and_the_script_goes_on(tmp_path):
    course = run_script(tmp_path, 'print(callflow.http.get("http://crm/").reason)')
    assert course.said == ["absent"]
    assert course.errors == []


def test_a_hangup_ends_a_request_and_its_end_may_be_told_on_hangup(tmp_path):
    told: list[str] = []

    async def web(request: HttpRequest) -> HttpResponse:
        if request.method == "GET":
            try:
                await trio.sleep_forever()
            finally:
                told.append("cancelled")
        told.append(request.body.decode())
        return HttpResponse()

    async def people(simulation, alice):
        simulation.web = web
        await alice.answered()
        alice.hang_up()
        await alice.ended()
        await simulation.wait(1)

    course = run_script(
        tmp_path,
        """
        call:on_hangup(function(ended) callflow.http.post("http://crm/ended", { body = ended.cause_name }) end)
        call:answer()
        callflow.http.get("http://crm/for-ever", { timeout = 60 })
        """,
        people,
    )
    assert told == ["cancelled", "normal_clearing"]
    assert course.errors == []


REQUESTS = {
    "no URL": ("callflow.http.get()", "expected a URL as text, got nil"),
    "an unknown option": ('callflow.http.get("http://a/", { bodi = "x" })', "unknown field `bodi`"),
    "a timeout that is none": ('callflow.http.get("http://a/", { timeout = 0 })', "expected a timeout of up to 60 s"),
    "a method that is none": ('callflow.http.request("http://a/", { method = "G T" })', "expected a method"),
    "a function as JSON": ('callflow.http.post("http://a/", { json = { print } })', "got a function"),
    "no statement": ("callflow.db.query()", "expected a statement of SQL, got nil"),
    "a table as a value": ('callflow.db.query("SELECT ?, ?", 1, { 2 })', "expected texts, numbers, booleans and nil"),
    "no SQL": ('callflow.db.query("SELEKT")', 'SQL: near "SELEKT": syntax error'),
    "no such table": ('callflow.db.query("SELECT * FROM missing")', "SQL: no such table: missing"),
    "too few values": ('callflow.db.query("SELECT ?")', "Incorrect number of bindings"),
    "two statements": ('callflow.db.query("SELECT 1; SELECT 2")', "You can only execute one statement at a time"),
}


@pytest.mark.parametrize(("body", "message"), REQUESTS.values(), ids=REQUESTS)
def test_what_cannot_be_asked_is_refused(tmp_path, body, message):
    course = run_script(tmp_path, f"local ok, problem = pcall(function() {body} end) print(problem.code, problem)")
    assert course.said[0].startswith("bad_argument ")
    assert message in course.said[0]


DENIED = {
    "another file": "ATTACH '/tmp/other.db' AS other",
    "another file in another way": "VACUUM INTO '/tmp/other.db'",
    "a setting": "PRAGMA journal_mode = DELETE",
    "a transaction that lasts": "BEGIN",
    "a virtual table": "CREATE VIRTUAL TABLE t USING fts5(x)",
}


@pytest.mark.parametrize("statement", DENIED.values(), ids=DENIED)
def test_a_statement_reaches_nothing_but_the_tables_of_the_app(tmp_path, statement):
    course = run_script(tmp_path, f'local ok, problem = pcall(callflow.db.execute, "{statement}") print(problem.code) ')
    assert course.said == ["unauthorized"]


def test_rows_are_put_in_changed_and_found(tmp_path):
    course = run_script(
        tmp_path,
        """
        local db = callflow.db
        db.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT UNIQUE, score REAL, note TEXT)")
        local put = db.execute("INSERT INTO customers (name, score, note) VALUES (?, ?, ?)", "Zoë", 1.5, nil)
        print(put.outcome, put.changed, put.last_id)
        db.execute("INSERT INTO customers (name, score) VALUES (:name, :score)", { name = "'; --", score = true })
        local found = db.query("SELECT id, name, score, note FROM customers ORDER BY id")
        print(found.outcome, #found.rows, found.first.name, found.rows[2].name, found.rows[2].score, found.first.note)
        print(db.query("SELECT 1 AS one WHERE 0").first, #db.query("SELECT 1 WHERE 0").rows)
        print(db.query("UPDATE customers SET score = 9.5 WHERE id = ? RETURNING score", 2).first.score)
        local again = db.execute("INSERT INTO customers (name) VALUES (?)", "Zoë")
        print(again.outcome, again.reason, again.message)
        """,
    )
    assert course.said == [
        "changed 1 1",
        "rows 2 Zoë '; -- 1.0 nil",
        "nil 0",
        "9.5",
        "failed constraint UNIQUE constraint failed: customers.name",
    ]


@pytest.mark.parametrize(
    ("statement", "reasons"),
    [
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", ["timeout"]),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
            ["too_large", "timeout"],
        ),  # a slow machine
        ("SELECT zeroblob(1000000) UNION ALL SELECT zeroblob(1000000)", ["too_large"]),
        ("SELECT zeroblob(100000000)", ["too_large"]),
    ],
)
def test_a_statement_is_bounded_in_time_and_size_and_the_next_goes_on(tmp_path, statement, reasons):
    course = run_script(
        tmp_path,
        f'print(callflow.db.query("{statement}").reason) print(callflow.db.query("SELECT 7 AS seven").first.seven)',
    )
    assert course.said[0] in reasons
    assert course.said[1:] == ["7"]


def test_a_test_may_fill_the_database_and_look_into_it(tmp_path):
    seen: list[object] = []

    async def people(simulation, alice):
        simulation.sql("CREATE TABLE numbers (number TEXT, name TEXT)")
        simulation.sql("INSERT INTO numbers VALUES (?, ?)", "alice", "Alice")
        await alice.ended()
        seen.extend(simulation.sql("SELECT * FROM numbers ORDER BY number"))

    course = run_script(
        tmp_path,
        """
        call:answer()
        callflow.sleep(1)
        print(callflow.db.query("SELECT name FROM numbers WHERE number = ?", call.caller.number).first.name)
        callflow.db.execute("INSERT INTO numbers VALUES (?, ?)", "bob", "Bob")
        """,
        people,
    )
    assert course.said == ["Alice"]
    assert seen == [{"number": "alice", "name": "Alice"}, {"number": "bob", "name": "Bob"}]
