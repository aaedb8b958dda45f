"""greenswitch, unmodified, dials the engine as its README shows: it answers a parked call, plays, hangs up."""

import sys

import gevent.event
from greenswitch import InboundESL

host, port, password = sys.argv[1:]
client = InboundESL(host=host, port=int(port), password=password)
parked, completed, ended = gevent.event.AsyncResult(), gevent.event.AsyncResult(), gevent.event.AsyncResult()


def on_complete(event):
    if event.headers["Application"] == "playback":
        completed.set(event.headers["Application-Response"])


client.connect()
client.register_handle("CHANNEL_PARK", lambda event: parked.set(event.headers["Unique-ID"]))
client.register_handle("CHANNEL_EXECUTE_COMPLETE", on_complete)
client.register_handle("CHANNEL_HANGUP", lambda event: ended.set(event.headers["Hangup-Cause"]))
client.send("EVENTS PLAIN ALL")
print("ready", flush=True)
channel = parked.get(timeout=20)
print(client.send(f"api uuid_exists {channel}").data)
client.send(f"sendmsg {channel}\ncall-command: execute\nexecute-app-name: answer")
client.send(f"sendmsg {channel}\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: goodbye.wav")
print(completed.get(timeout=20))
print(client.send(f"api uuid_kill {channel}").data.strip())
print(ended.get(timeout=20))
client.stop()
