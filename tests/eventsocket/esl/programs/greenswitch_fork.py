"""greenswitch, unmodified, dials the engine: it has a call streamed, and prints what is said there."""

import sys

import gevent.queue
from greenswitch import InboundESL

host, port, password, url = sys.argv[1:]
client = InboundESL(host=host, port=int(port), password=password)
events = gevent.queue.Queue()


def wait(name, **wanted):
    while True:
        event = events.get(timeout=40)
        if event.headers.get("Event-Name") == name and wanted.items() <= event.headers.items():
            return event


client.connect()
client.register_handle("*", events.put)
client.send("EVENTS PLAIN ALL")
print("ready", flush=True)
channel = wait("CHANNEL_PARK").headers["Unique-ID"]
client.send(f"sendmsg {channel}\ncall-command: execute\nexecute-app-name: answer")
print(
    client.send(f'api uuid_audio_fork {channel} start {url} mono 8k {{"for": "greenswitch"}}').data.strip(), flush=True
)
transcription = wait("CUSTOM", **{"Event-Subclass": "mod_audio_fork::transcription"})
body = transcription.headers["Content-Length"].splitlines()[-1]  # where greenswitch leaves it
print(transcription.headers["Unique-ID"] == channel, body, flush=True)
client.send(f"api uuid_audio_fork {channel} stop enough")
wait("MEDIA_BUG_STOP")
client.send(f"api uuid_kill {channel}")
wait("CHANNEL_HANGUP", **{"Unique-ID": channel})
client.stop()
