"""Fake force servers: one follows a script of literal bytes, one binds atoms to sites by springs."""

import json
import socket
import struct
import threading

# i-PI's constants, as in its ipi/utils/units.py.
ANGSTROM = 1.8897261
ELECTRON_VOLT = 0.036749326

GREETED = b"NEEDINIT    READY       "
GETFORCE = b"GETFORCE    "


def greeting(text):
    """The first bytes of a client with these options."""
    return b"STATUS      INIT        " + struct.pack("<ii", 0, len(text)) + text.encode() + b"STATUS      "


def structure(cell, inverse, positions):
    """A structure and the request for its results; cell and inverse as on the wire, all in Bohr."""
    return b"POSDATA     " + doubles(cell) + doubles(inverse) + atoms(positions) + doubles(positions) + GETFORCE


def results(energy, forces, virial, extras=""):
    """Results in Hartree and Bohr, as a message."""
    text = extras if isinstance(extras, str) else json.dumps(extras)
    numbers = doubles([energy]) + atoms(forces) + doubles(forces) + doubles(virial)
    return b"FORCEREADY  " + numbers + struct.pack("<i", len(text)) + text.encode()


def error(sentence):
    """An error message."""
    return b"ERROR       " + struct.pack("<i", len(sentence)) + sentence.encode()


def doubles(values):
    """Numbers as little-endian float64."""
    return struct.pack(f"<{len(values)}d", *values)


def atoms(values):
    """Number of vectors."""
    return struct.pack("<i", len(values) // 3)


class Fake:
    """Serves successive connections with `serve(connection, receive)` in its own thread."""

    def __init__(self, folder, connections, serve):
        self.address = f"unix:{folder / 's'}"
        self.texts = []
        self._failure = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "s"))
        self._listener.listen()
        self._listener.settimeout(10)
        self._thread = threading.Thread(target=self._run, args=(connections, serve), daemon=True)
        self._thread.start()

    def _run(self, connections, serve):
        try:
            for number in range(connections):
                connection = self._listener.accept()[0]
                with connection, connection.makefile("rb") as stream:
                    connection.settimeout(10)
                    serve(connection, stream, number, self)
        except BaseException as failure:
            self._failure = failure

    def done(self):
        """Waits for the end; fails if a client deviated from the script."""
        self._thread.join(10)
        self._listener.close()
        if self._failure is not None:
            raise self._failure
        assert not self._thread.is_alive()


def scripted(folder, *scripts, rest=b"EXIT        "):
    """A server that follows pairs of request and reply, one list per connection; then `rest` is expected, or nothing is
    read if it is None.
    """

    def serve(connection, stream, number, _):
        for request, reply in scripts[number]:
            assert stream.read(len(request)) == request
            connection.sendall(reply)
        assert rest is None or stream.read() == rest

    return Fake(folder, len(scripts), serve)


def harmonic(folder, places, spring, connections=1):
    """A server with springs (eV/Å²) from each atom to its site (Å), independent of the cell; `texts` collects the texts
    of the INITs.
    """

    def serve(connection, stream, _, fake):
        assert stream.read(28) == b"STATUS      INIT        \0\0\0\0"
        fake.texts.append(stream.read(struct.unpack("<i", stream.read(4))[0]).decode())
        assert stream.read(12) == b"STATUS      "
        connection.sendall(GREETED)
        while stream.read(12) == b"POSDATA     ":
            stream.read(144)
            size = 3 * struct.unpack("<i", stream.read(4))[0]
            positions = struct.unpack(f"<{size}d", stream.read(8 * size))
            assert stream.read(12) == GETFORCE
            connection.sendall(pull(positions, places, spring))

    return Fake(folder, connections, serve)


def pull(positions, places, spring):
    """The springs' results for positions in Bohr."""
    away = [x / ANGSTROM - place for x, place in zip(positions, [x for place in places for x in place])]
    energy = 0.5 * spring * sum(x * x for x in away) * ELECTRON_VOLT
    forces = [-spring * x * ELECTRON_VOLT / ANGSTROM for x in away]
    return results(energy, forces, [0.0] * 9)
