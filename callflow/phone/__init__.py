"""A SIP phone over the engine's own SIP stack and media: for `callflow dial`, and for simulated calls.

::

    phone = Phone(lambda on_event: Endpoint(stack, on_event=on_event), media, name="alice")
    call = await phone.call("sip:1000@127.0.0.1:5060")
    await call.wait_answered()
    call.press("1")
    print((await call.wait_ended()).reason)
"""

from .call import CallState, PhoneCall
from .device import Phone, RegistrationRefused
from .events import (
    Answered,
    Calling,
    DigitHeard,
    DigitsPressed,
    EarlyMedia,
    Ended,
    Held,
    PhoneEvent,
    Resumed,
    Ringing,
    SilenceHeard,
    SoundHeard,
    TextReceived,
    TransferAsked,
    TransferTold,
)

__all__ = [
    "Answered",
    "CallState",
    "Calling",
    "DigitHeard",
    "DigitsPressed",
    "EarlyMedia",
    "Ended",
    "Held",
    "Phone",
    "PhoneCall",
    "PhoneEvent",
    "RegistrationRefused",
    "Resumed",
    "Ringing",
    "SilenceHeard",
    "SoundHeard",
    "TextReceived",
    "TransferAsked",
    "TransferTold",
]
