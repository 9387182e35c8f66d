"""A client of a force server (`tumble serve`).

    with Client("unix:/tmp/forces", ["O", "H", "H"], rotate="octahedral") as client:
        answer = client.evaluate(positions)

The client plays the part of i-PI in i-PI's protocol.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tumble import conditions, options, wire
from tumble.atoms import in_python
from tumble.elements import runs
from tumble.forks import follow
from tumble.wire import Array

LONGEST_ERROR = 1 << 16


class ServerError(RuntimeError):
    """The force server refused the request, with its message, and closed the connection."""


@dataclass(frozen=True)
class Answer:
    """Results for one structure."""

    # eV
    energy: float
    # [N, 3], eV/Å
    forces: Array
    # [3, 3]: -dE/d(strain), eV; NaN if unknown
    virial: Array
    # Further results, with the keys of tumble_details() in include/tumble.h, in eV and Å.
    extras: dict[str, Any] = field(default_factory=dict)


class Client:
    """A connection to a force server. All its structures have the same atoms. Several threads may use it, in turn.

    - `address`: `unix:PATH` or `tcp:HOST:PORT`
    - `species`: symbols or atomic numbers, in the order of the positions
    - `rotate`: none, random, random:N, tetrahedral, octahedral, icosahedral, degree:N, legendre:L or lebedev:L; a grid
      may be followed by +random
    - `inversion`: whether to add the inversion of every rotation
    - `seed`, `stream` (up to 65535): select the random rotations
    - `step`: number of the first structure; it increases by one with every structure and selects the random rotations
    - `forces`: "conservative" or "direct"
    - `correction`: whether to return averaged minus bare
    - `charge` (e), `spin` (the multiplicity 2S + 1), `field` [3] (V/Å): conditions of all structures, for models that
      know them
    - `token`: for a server with a token
    - `timeout`: time limit for an answer, seconds; None waits forever

    For other parameters, None means the server's default.

    Raises ValueError for invalid arguments, ServerError if the server refuses, ConnectionError if it cannot be reached,
    and TimeoutError if it does not answer in time. After the last three you cannot use the client any more.
    """

    def __init__(
        self,
        address: str,
        species: Sequence[str | int],
        *,
        rotate: str | None = None,
        inversion: bool | None = None,
        seed: int | None = None,
        stream: int = 0,
        step: int = 0,
        forces: str | None = None,
        correction: bool | None = None,
        charge: float | None = None,
        spin: float | None = None,
        field: ArrayLike | None = None,
        token: str | None = None,
        timeout: float | None = None,
    ):
        random = {"seed": seed, "stream": stream, "step": step}
        wishes = {"inversion": inversion, "correction": correction, "forces": forces, "token": token}
        given = conditions.words({"charge": charge, "spin": spin, "field": field})
        text = options.text(species=runs(species), rotate=rotate, **random, **wishes, **given)
        self._atoms = len(species)
        self._species = list(species)
        self._address = address
        self._timeout = timeout
        self._turns = Lock()
        self._process = os.getpid()
        follow(self)
        self._socket: socket.socket | None = _connect(address, timeout)
        self._stream = self._socket.makefile("rb")
        self._exchange(wire.greeting(text), self._greeted)

    def evaluate(self, positions: ArrayLike, cell: ArrayLike | None = None) -> Answer:
        """Energy, forces and virial of one structure.

        `positions` [N, 3] are in Å, wrapped or not. The rows of `cell` [3, 3] are the cell vectors, Å; without a cell,
        or along zero vectors, nothing is periodic. A wrong shape raises ValueError before anything is sent.
        """
        positions = np.asarray(positions, np.float64)
        cell = np.zeros((3, 3)) if cell is None else np.asarray(cell, np.float64)
        if positions.shape != (self._atoms, 3):
            raise ValueError(f"positions have the shape {positions.shape}: give ({self._atoms}, 3), as for the species")
        if cell.shape != (3, 3):
            raise ValueError(f"the cell has the shape {cell.shape}: give (3, 3), with the cell vectors as rows")
        with self._turns:
            try:
                return self._exchange(wire.structure(cell, positions), self._answer)
            except ServerError as error:
                raise ServerError(in_python(str(error), self._species, positions, cell)) from None

    @property
    def closed(self) -> bool:
        """Whether this side has closed the connection, or knows that it has ended."""
        return self._socket is None or self._process != os.getpid()

    def forked(self) -> None:
        """Called in a forked child: it cannot use the connection of its parent."""
        self._turns = Lock()

    def close(self) -> None:
        """Closes the connection. It cannot be opened again."""
        with self._turns:
            if not self.closed:
                try:
                    self._socket.sendall(wire.header("EXIT"))
                except OSError:
                    pass  # The server also accepts the end of the connection.
            self._drop()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drop(self) -> None:
        if self._socket is not None:
            self._stream.close()
            self._socket.close()
            self._socket = None

    def _exchange(self, request: bytes, read):
        """Sends a request and reads the answer. An interruption, even by Ctrl-C, closes the connection."""
        if self._process != os.getpid():
            # The parent still uses the connection: answers could go to either process.
            self._drop()
        if self._socket is None:
            raise ConnectionError(f"the connection to the server at {self._address} is closed: connect again")
        try:
            self._send(request)
            return read()
        except TimeoutError:
            self._drop()
            raise TimeoutError(f"no answer from the server at {self._address} within {self._timeout} s") from None
        except OSError as error:
            self._drop()
            raise ConnectionError(f"the connection to the server at {self._address} broke: {error}") from None
        except BaseException:
            self._drop()
            raise

    def _send(self, request: bytes) -> None:
        try:
            self._socket.sendall(request)
        except ConnectionError:
            # A server that refuses may close before it has read everything: its message comes first.
            self._header()
            raise

    def _greeted(self) -> None:
        for due in ("NEEDINIT", "READY"):
            self._expect(due)

    def _answer(self) -> Answer:
        self._expect("FORCEREADY")
        energy = np.frombuffer(self._read(8), wire.FLOAT)[0] / wire.ELECTRON_VOLT
        atoms = self._int()
        if atoms != self._atoms:
            raise OSError(
                f"{atoms} atoms came where {self._atoms} were sent: check that it is a force server of tumble"
            )
        forces, virial = wire.results(self._read(24 * atoms + 72), atoms)
        text = self._text()
        return Answer(float(energy), forces, virial, wire.details(json.loads(text)) if text else {})

    def _expect(self, due: str) -> None:
        found = self._header()
        if found != wire.header(due):
            raise OSError(f"{found!r} came where {due} was due: check that it is a force server of tumble")

    def _header(self) -> bytes:
        found = self._read(wire.HEADER)
        if found == wire.header("ERROR"):
            raise ServerError(self._text(LONGEST_ERROR))
        return found

    def _text(self, limit: int = 2**31 - 1) -> str:
        length = self._int()
        if not 0 <= length <= limit:
            raise OSError(f"a text of {length} bytes came where 0 to {limit} are allowed")
        return self._read(length).decode(errors="replace")

    def _int(self) -> int:
        return wire.INT.unpack(self._read(wire.INT.size))[0]

    def _read(self, length: int) -> bytes:
        read = self._stream.read(length)
        if len(read) < length:
            raise OSError("the server has closed it")
        return read


def check_address(address: str) -> None:
    """Raises ValueError if `address` is not an address."""
    kind, _, place = address.partition(":")
    host, _, port = place.rpartition(":")
    if not (kind == "unix" and place or kind == "tcp" and host and port.isdigit()):
        raise ValueError(f'the address "{address}" is neither unix:PATH nor tcp:HOST:PORT')


def _connect(address: str, timeout: float | None) -> socket.socket:
    check_address(address)
    kind, _, place = address.partition(":")
    host, _, port = place.rpartition(":")
    try:
        if kind == "unix":
            return _connect_file(place, timeout)
        connected = socket.create_connection((host.removeprefix("[").removesuffix("]"), int(port)), timeout)
        # Send small messages at once.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected
    except (OSError, OverflowError) as error:
        message = f"cannot connect to {address}: {error}: is the server running there?"
        raise ConnectionError(message) from None


def _connect_file(path: str, timeout: float | None) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(timeout)
    try:
        connected.connect(path)
    except OSError:
        connected.close()
        raise
    return connected
