"""greenswitch, unmodified, is dialled by the engine: its README's IVR plays, asks for digits, bridges and hangs up."""

import gevent
from gevent.server import StreamServer
from greenswitch.esl import OutboundSession


class Ivr:
    def __init__(self, session):
        self.session = session

    def run(self):
        self.session.connect()
        self.session.myevents()
        self.session.linger()
        self.session.answer()
        gevent.sleep(0)
        print("caller", self.session.caller_id_number, "uuid", len(self.session.uuid) > 0, flush=True)
        self.session.playback("tone_stream://%(300,100,440)")
        print("played", flush=True)
        digits = self.session.play_and_get_digits(
            "1", "1", "3", "20000", "#", "menu.wav", "invalid.wav", "chosen", "\\d", "1000", "''"
        )
        print("digits", digits, flush=True)
        self.session.bridge("user/desk", block=True, response_timeout=40)
        print("parted", flush=True)
        self.session.hangup()


def serve(sock, address):
    Ivr(OutboundSession(address, sock)).run()


server = StreamServer(("127.0.0.1", 0), serve)
server.start()
print("port", server.server_port, flush=True)
server.serve_forever()
