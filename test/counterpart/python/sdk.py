"""The Python package openziti (the C SDK of 2022) as the other end of our tests; see ../foreign-sdk.ts for what each command does and prints.

  enrol TOKEN_FILE IDENTITY_FILE | dial IDENTITY_FILE BYTES SERVICE... | host IDENTITY_FILE SERVICE...
"""
import faulthandler
import hashlib
import json
import os
import socket
import statistics
import sys
import threading
import time

import openziti
from openziti import zitilib

CHUNK = 64 * 1024
ROUND_TRIPS = 100
# Of the bulk. When more comes than the library has messages for, its channel may stop until somebody else's frame comes by it.
UNDER_WAY = 4 * CHUNK
PRINTING = threading.Lock()


def say(event, **rest):
    with PRINTING:
        print(json.dumps({"event": event, **rest}), flush=True)


def enrol(token, identity):
    with open(token, encoding="ascii") as file:
        enrolled = openziti.enroll(file.read())
    with open(os.open(identity, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(enrolled)
    say("enrolled")


def connect(context, service):
    fd = zitilib.ziti_socket(socket.SOCK_STREAM)
    # The package's own ctx.connect(service) raises TypeError: it makes bytes of a terminator that is None.
    zitilib.connect(fd, context._ctx, service, "")
    # The library has put one end of a socket pair in the descriptor's place.
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fd)


def read_exactly(connection, length):
    content = bytearray()
    while len(content) < length:
        chunk = connection.recv(min(CHUNK, length - len(content)))
        if not chunk:
            raise EOFError(f"ended after {len(content)} of {length} bytes")
        content += chunk
    return bytes(content)


def round_trip(connection):
    began = time.perf_counter()
    connection.sendall(b"!")
    read_exactly(connection, 1)
    return (time.perf_counter() - began) * 1e6


def exchange_bulk(connection, content):
    echoed = bytearray()
    sent = 0
    while len(echoed) < len(content):
        while sent < len(content) and sent - len(echoed) < UNDER_WAY:
            sent += connection.send(content[sent : sent + CHUNK])
        chunk = connection.recv(CHUNK)
        if not chunk:
            raise EOFError(f"ended after {len(echoed)} of {len(content)} bytes")
        echoed += chunk
    return bytes(echoed)


def dial(context, length, service):
    connection = connect(context, service)
    connection.settimeout(60)
    trips = [round_trip(connection) for _ in range(ROUND_TRIPS)]
    content = os.urandom(length)
    began = time.perf_counter()
    echoed = exchange_bulk(connection, content)
    took = time.perf_counter() - began
    connection.shutdown(socket.SHUT_WR)
    rest = bytearray()
    while chunk := connection.recv(CHUNK):
        rest += chunk
    say(
        "exchanged",
        service=service,
        intact=hashlib.sha256(echoed).digest() == hashlib.sha256(content).digest(),
        counted=int.from_bytes(rest, "big"),
        roundTripUs=round(statistics.median(trips)),
        megabytesPerSecond=round(length / took / 1e6),
        ended="cleanly",
    )
    connection.close()


def echo(service, connection, caller):
    count = 0
    while chunk := connection.recv(CHUNK):
        connection.sendall(chunk)
        count += len(chunk)
    connection.sendall(count.to_bytes(8, "big"))
    connection.close()
    say("served", service=service, caller=caller, bytes=count)


def accept(service, listener):
    while True:
        connection, (caller, _) = listener.accept()
        threading.Thread(target=echo, args=(service, connection, caller), daemon=True).start()


def host(context, service):
    listener = context.bind(service)
    listener.listen(5)
    threading.Thread(target=accept, args=(service, listener), daemon=True).start()
    say("hosting", service=service)


def main(command, *args):
    faulthandler.enable()
    if command == "enrol":
        enrol(*args)
        return
    identity, *rest = args
    context = openziti.load(identity)
    if command == "dial":
        length, *services = rest
        for service in services:
            dial(context, int(length), service)
    elif command == "host":
        for service in rest:
            host(context, service)
        sys.stdin.read()
    # The library's own shutdown may wait for ever.
    os._exit(0)


main(*sys.argv[1:])
