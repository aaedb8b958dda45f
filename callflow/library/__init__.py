"""What offices have, as programs on the public SDK alone: voicemail, queues, parking, supervision, paging, lists.

Each is an object that a script makes once, at its top, and that its calls share:

voicemail = Voicemail()

@app.route("100")
async def desk(call: Call) -> None:
    await voicemail(call, box="100")

What it keeps lives as long as the script's process; what has a `file` is there again after a restart.
"""

from .agent import Agent
from .directory import Directory, Entry
from .handover import Handover
from .hours import Hours
from .mailbox import Mailboxes, Message
from .numbers import Numbers, Screen
from .paging import page
from .parking import Full, Parked, Parking
from .pickup import Intercepted, Pickup
from .queue import GaveUp, Queue, Served
from .schedule import scheduled
from .summary import make_email, make_summary
from .supervision import Supervision
from .voicemail import Voicemail

__all__ = [
    "Agent",
    "Directory",
    "Entry",
    "Full",
    "GaveUp",
    "Handover",
    "Hours",
    "Intercepted",
    "Mailboxes",
    "Message",
    "Numbers",
    "Parked",
    "Parking",
    "Pickup",
    "Queue",
    "Screen",
    "Served",
    "Supervision",
    "Voicemail",
    "make_email",
    "make_summary",
    "page",
    "scheduled",
]
