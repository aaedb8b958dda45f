"""All transactions of a stack: matching (RFC 3261 §17.1.3, §17.2.3), their deadlines, and what they send.

Effects of the tables are carried out here and nowhere else. What is for the layer above
goes to the transaction's `user`.
"""

from __future__ import annotations

from typing import TypeAlias

from . import client_transaction, server_transaction
from .events import Flow
from .messages import Request, Response
from .schedule import Alarm, Schedule
from .timers import NEVER
from .transaction import Effect, Machine, State, Transaction, TransactionUser, Trigger, response_trigger

Key: TypeAlias = tuple[object, ...]


def server_key(request: Request, method: str) -> Key:
    """What every retransmission of a request has in common, and its ACK or CANCEL if `method` is the INVITE's."""
    via = request.via
    if via.has_cookie:
        return (via.branch, via.host, via.port, method)
    # RFC 2543: without the To tag, which an ACK has and its INVITE had not
    return (request.call_id, request.from_.tag, request.cseq, request.uri_text, str(via), method)


def merge_key(request: Request) -> Key:
    """What two copies of one request have in common that came by different ways (RFC 3261 8.2.2.2)."""
    return (request.call_id, request.from_.tag, request.cseq, request.method)


class TransactionLayer:
    """Transactions by key, one heap of deadlines for them, and the outbox."""

    def __init__(self, *, max_transactions: int) -> None:
        self.schedule: Schedule[Transaction | Alarm] = Schedule()
        self._max_transactions = max_transactions
        self._transactions: dict[Key, Transaction] = {}
        self._merges: dict[Key, Transaction] = {}
        self._of_connection: dict[Flow, dict[Transaction, None]] = {}
        self._outbox: list[tuple[bytes, Flow]] = []

    def __len__(self) -> int:
        return len(self._transactions)

    @property
    def is_full(self) -> bool:
        return len(self._transactions) >= self._max_transactions

    @property
    def has_outgoing(self) -> bool:
        """Is there something for `take_outbox`?"""
        return bool(self._outbox)

    def find(self, key: Key) -> Transaction | None:
        return self._transactions.get(key)

    def is_merged(self, key: Key) -> bool:
        return key in self._merges

    def open_server(
        self, request: Request, flow: Flow, user: TransactionUser | None = None, *, merge: Key | None = None, now: float
    ) -> Transaction:
        """A server transaction for a request that `find` did not know. `flow` is where responses go."""
        key = server_key(request, request.method)
        transaction = Transaction(_server_machine(request.method, flow), flow, key=key, user=user, now=now)
        if merge is not None:
            transaction.merge_key = merge
            self._merges[merge] = transaction
        self._add(transaction)
        return transaction

    def open_client(
        self, branch: str, method: str, flow: Flow, message: bytes, user: TransactionUser | None, *, now: float
    ) -> Transaction:
        """Send a request, again until it is answered, and tell `user`."""
        machine = _client_machine(method, flow)
        transaction = Transaction(machine, flow, key=(branch, method), message=message, user=user, now=now)
        self._add(transaction)
        self.send(message, flow)
        return transaction

    def open_acceptance(
        self, key: Key, flow: Flow, message: bytes, user: TransactionUser, *, now: float
    ) -> Transaction:
        """Send a 2xx to an INVITE again until its ACK comes. The first one went through the server transaction."""
        transaction = Transaction(server_transaction.ACCEPTANCE, flow, key=key, message=message, user=user, now=now)
        self._add(transaction)
        return transaction

    def respond(self, transaction: Transaction, status: int, message: bytes, *, now: float) -> None:
        transaction.message = message
        if status in (401, 407) and transaction.merge_key is not None:
            # The same request is to come again, with credentials. Its CSeq should be new (22.2); if not, let it be.
            self._merges.pop(transaction.merge_key, None)
        self.fire(transaction, response_trigger(status), now=now)

    def receive_response(self, response: Response, *, now: float) -> None:
        """Give a response to the client transaction that it is for; a stray one is dropped."""
        via = response.via
        transaction = self._transactions.get((via.branch, response.cseq_method))
        if transaction is None or via.host != transaction.flow.local[0]:  # 18.1.2: a Via that is not ours
            return
        self.fire(transaction, response_trigger(response.status), response, now=now)

    def fire(self, transaction: Transaction, trigger: Trigger, response: Response | None = None, *, now: float) -> None:
        self._take(transaction, transaction.fire(trigger, now=now), response, now=now)

    def handle_deadline(self, *, now: float) -> None:
        while (item := self.schedule.pop_due(now)) is not None:
            if isinstance(item, Alarm):
                item.ring(now)
                continue
            self._take(item, item.handle_deadline(now=now), None, now=now)

    def send(self, message: bytes, flow: Flow) -> None:
        self._outbox.append((message, flow))

    def take_outbox(self) -> list[tuple[bytes, Flow]]:
        outbox, self._outbox = self._outbox, []
        return outbox

    def close_connection(self, flow: Flow, *, now: float) -> None:
        """A connection is gone, and with it whatever waits for an answer on it."""
        for transaction in list(self._of_connection.get(flow, ())):
            self.fire(transaction, Trigger.TRANSPORT_ERROR, now=now)

    def fail_requests(self, flow: Flow, *, now: float) -> None:
        """Nothing can be sent on `flow`: our requests to it that nobody has answered yet fail (18.4)."""
        waiting = (State.CALLING, State.TRYING)
        for transaction in list(self._transactions.values()):
            if transaction.flow == flow and transaction.state in waiting and len(transaction.key) == 2:
                self.fire(transaction, Trigger.TRANSPORT_ERROR, now=now)

    def _add(self, transaction: Transaction) -> None:
        self._transactions[transaction.key] = transaction
        flow = transaction.flow
        if flow.transport != "udp":
            self._of_connection.setdefault(flow, {})[transaction] = None
        self._settle(transaction)

    def _take(
        self, transaction: Transaction, effects: tuple[Effect, ...], response: Response | None, *, now: float
    ) -> None:
        self._settle(transaction)
        for effect in effects:
            self._carry_out(effect, transaction, response, now)
        transaction.let_go()

    def _settle(self, transaction: Transaction) -> None:
        """Keep the heap and the tables in step with the transaction."""
        if transaction.state is State.TERMINATED:
            self._forget(transaction)
        else:
            self.schedule.set(transaction, transaction.next_deadline())

    def _forget(self, transaction: Transaction) -> None:
        if self._transactions.pop(transaction.key, None) is None:
            return
        if not self._transactions:
            self._transactions.clear()  # with the room that it had for so many: to be empty does not shrink it
            self._merges.clear()
        self.schedule.set(transaction, NEVER)
        if transaction.merge_key is not None and self._merges.get(transaction.merge_key) is transaction:
            del self._merges[transaction.merge_key]
        flow = transaction.flow
        if flow.transport != "udp" and (of_connection := self._of_connection.get(flow)) is not None:
            of_connection.pop(transaction, None)
            if not of_connection:
                del self._of_connection[flow]

    def _carry_out(self, effect: Effect, transaction: Transaction, response: Response | None, now: float) -> None:
        user = transaction.user
        if effect is Effect.SEND:
            self.send(transaction.message, transaction.flow)
        elif user is None:
            pass
        elif effect is Effect.REPORT_TIMEOUT:
            user.fail(transaction, 408, now=now)
        elif effect is Effect.REPORT_TRANSPORT_ERROR:
            user.fail(transaction, 503, now=now)
        elif response is not None:
            if effect is Effect.PASS_UP:
                user.receive_response(transaction, response, now=now)
            else:
                self.send(user.encode_ack(response), transaction.flow)


def _server_machine(method: str, flow: Flow) -> Machine:
    if flow.transport == "udp":
        return server_transaction.INVITE_OVER_UDP if method == "INVITE" else server_transaction.REQUEST_OVER_UDP
    return server_transaction.INVITE_OVER_STREAM if method == "INVITE" else server_transaction.REQUEST_OVER_STREAM


def _client_machine(method: str, flow: Flow) -> Machine:
    if flow.transport == "udp":
        return client_transaction.INVITE_OVER_UDP if method == "INVITE" else client_transaction.REQUEST_OVER_UDP
    return client_transaction.INVITE_OVER_STREAM if method == "INVITE" else client_transaction.REQUEST_OVER_STREAM
