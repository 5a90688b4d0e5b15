"""The peer of the tests: one connection for each line on the standard input.

usage: peer.py ROLE FAMILY ADDRESS KEY, where KEY is "-" for none. What happened to each connection
is one line on the standard output.
"""

import mmap
import multiprocessing.connection as mpc
import multiprocessing.reduction as reduction
import os
import pickle
import socket
import struct
import sys

role, family, address, key = sys.argv[1:5]
key = None if key == "-" else key.encode()


def python_address():
    if family == "tcp":
        host, port = address.rsplit(":", 1)
        return host, int(port)
    return "\0" + address if family == "abstract" else address


def say(line):
    print(line, flush=True)


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def echo(peer):
    """Answers each message, until the end. Some messages ask for something else."""
    while True:
        try:
            message = peer.recv_bytes()
        except EOFError:
            return
        if message == b"!long":
            # The long form of the length, for a message of any size.
            message = peer.recv_bytes()
            write_all(peer.fileno(), struct.pack("!iQ", -1, len(message)))
            write_all(peer.fileno(), message)
        elif message == b"!give":
            with open("given", "w+b") as given:
                given.write(b"from Python")
                given.flush()
                reduction.send_handle(peer, given.fileno(), None)
        elif message == b"!give two":
            with socket.fromfd(peer.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as stream:
                reduction.sendfds(stream, [0, 1])
        elif message == b"!take":
            fd = reduction.recv_handle(peer)
            with open(fd, "w") as taken:
                taken.write("by Python")
        elif message == b"!count":
            # Takes a message whatever its size, and says what its length looked like.
            head = os.read(peer.fileno(), 4)
            (length,) = struct.unpack("!i", head)
            if length == -1:
                (length,) = struct.unpack("!Q", os.read(peer.fileno(), 8))
                head = b"long"
            left = length
            buffer = bytearray(1 << 20)
            while left:
                left -= os.readv(peer.fileno(), [memoryview(buffer)[:left]])
            peer.send_bytes(b"%s %d" % (head, length))
        elif message == b"!object":
            peer.send(eval(peer.recv_bytes()))
        elif message == b"!objects":
            # Sends an object by every protocol, and wants the same back.
            sent = eval(peer.recv_bytes())
            for protocol in range(3, 6):
                peer.send_bytes(pickle.dumps(sent, protocol))
                got = peer.recv()
                assert (got, type(got)) == (sent, type(sent)), (got, sent)
        else:
            peer.send_bytes(message)


def main():
    listener = None
    if role == "listener":
        listener = mpc.Listener(python_address(), backlog=16, authkey=key)
        bound = listener.address
        say("%s:%d" % bound if family == "tcp" else "bound")
    for command in sys.stdin:
        command = command.split()
        try:
            if command[0] == "digest":
                # A key, and a digest that Listener and Client do not choose by themselves.
                theirs, name = command[1].encode(), command[2]
                if listener is None:
                    peer = mpc.Client(python_address())
                    mpc.answer_challenge(peer, theirs)
                    mpc.deliver_challenge(peer, theirs, name)
                else:
                    peer = listener.accept()
                    mpc.deliver_challenge(peer, theirs, name)
                    mpc.answer_challenge(peer, theirs)
            elif listener is None:
                peer = mpc.Client(python_address(), authkey=key)
            else:
                peer = listener.accept()
            with peer:
                echo(peer)
            say("served")
        except Exception as error:
            say("%s: %s" % (type(error).__name__, error))
            peer = None


main()
