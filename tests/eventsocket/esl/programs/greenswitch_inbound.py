"""greenswitch, unmodified, dials the engine: it follows events, plays, asks for digits, bridges, and originates."""

import sys

import gevent.queue
from greenswitch import InboundESL

host, port, password = sys.argv[1:]
client = InboundESL(host=host, port=int(port), password=password)
events = gevent.queue.Queue()


def wait(name, **wanted):
    while True:
        event = events.get(timeout=40).headers
        if event.get("Event-Name") == name and all(event.get(key) == value for key, value in wanted.items()):
            return event


def execute(application, argument):
    message = f"call-command: execute\nexecute-app-name: {application}\nexecute-app-arg: {argument}"
    client.send(f"sendmsg {channel}\n{message}")


client.connect()
client.register_handle("*", events.put)
client.send("EVENTS PLAIN ALL")
print("ready", flush=True)
channel = wait("CHANNEL_PARK")["Unique-ID"]
assert client.send(f"api uuid_exists {channel}").data == "true"
client.send(f"sendmsg {channel}\ncall-command: execute\nexecute-app-name: answer")
execute("playback", "tone_stream://%(200,0,440)")
print(wait("CHANNEL_EXECUTE_COMPLETE", Application="playback")["Application-Response"], flush=True)
execute("play_and_get_digits", "1 4 1 20000 # tone_stream://%(200,0,440) silence pin \\d+ 20000")
wait("CHANNEL_EXECUTE", Application="play_and_get_digits")
print("asking", flush=True)
print("digits", wait("CHANNEL_EXECUTE_COMPLETE", Application="play_and_get_digits")["variable_pin"], flush=True)
execute("bridge", "user/desk")
wait("CHANNEL_BRIDGE")
print("bridged", flush=True)
wait("CHANNEL_UNBRIDGE")
client.send("bgapi originate {origination_uuid=mine}user/desk &park()")
wait("CHANNEL_PARK", **{"Unique-ID": "mine"})
print("originated", flush=True)
client.send("api uuid_kill mine")
client.send(f"api uuid_kill {channel}")
print(wait("CHANNEL_HANGUP", **{"Unique-ID": channel})["Hangup-Cause"], flush=True)
client.stop()
