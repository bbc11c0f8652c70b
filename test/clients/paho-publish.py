"""Publishes numbered readings with Eclipse Paho for Python and tells, as one line of JSON, how that went.

Arguments: port, user, password, topic, metric, first and one past the last number, window, QoS, seconds allowed, and
`times` or `no-times`: whether a reading says when it was measured (number n at 2026-01-01 and n seconds).
All is queued before the client connects, as by a device that was offline; the library keeps `window` of it under way.
"""
import json
import sys
import threading
import time

import paho.mqtt.client as paho

port, user, password, topic, metric, first, end, window, qos, allowed, times = sys.argv[1:]
numbers = range(int(first), int(end))
START = 1_767_225_600  # 2026-01-01T00:00:00Z

connections = 0
closed = 0
acknowledged = set()
done = threading.Event()


def on_connect(client, _data, _flags, *_rest):
    global connections
    connections += 1


def on_disconnect(client, _data, *_rest):
    global closed
    closed += 1


def on_publish(client, _data, mid, *_rest):
    acknowledged.add(mid)
    if len(acknowledged) == len(numbers):
        done.set()


arguments = {"client_id": "paho-of-" + user, "clean_session": False}
if hasattr(paho, "CallbackAPIVersion"):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, **arguments)
else:
    client = paho.Client(**arguments)
client.username_pw_set(user, password)
client.max_inflight_messages_set(int(window))
client.max_queued_messages_set(0)
client.reconnect_delay_set(1, 1)
client.on_connect = on_connect
client.on_disconnect = on_disconnect
client.on_publish = on_publish


def reading(number):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START + number))
    return {"device": user, **({"at": at} if times == "times" else {}), "values": {metric: number}}


for number in numbers:
    client.publish(topic, json.dumps(reading(number)), qos=int(qos))

began = time.monotonic()
client.connect_async("127.0.0.1", int(port))
client.loop_start()
done.wait(float(allowed))
seconds = time.monotonic() - began
closed_during = closed
client.disconnect()
client.loop_stop()
print(
    json.dumps(
        {
            "acknowledged": len(acknowledged),
            "connections": connections,
            "closed": closed_during,
            "seconds": round(seconds, 3),
        }
    )
)
