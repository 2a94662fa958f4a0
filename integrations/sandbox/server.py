"""Both simulated systems on loopback, each with the control address `/_sandbox/` beside it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock, Thread
from types import TracebackType
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from integrations.sandbox import control, gecko, oasis, samples
from integrations.sandbox.faults import Cut, Fault, Faults, answer
from integrations.sandbox.gecko_state import GeckoState
from integrations.sandbox.oasis_state import OasisState

OASIS, TRADEGECKO = "oasis", "tradegecko"


class Quiet(WSGIRequestHandler):
    """No line per request on the terminal."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        return


class Sandbox:
    """Both systems and their faults; a context manager that serves while it is open.

    Port 0 takes any free one. `oasis` and `tradegecko` are the states, to look into and to change.
    """

    def __init__(self, *, oasis_port: int = 0, tradegecko_port: int = 0, with_samples: bool = False) -> None:
        self.oasis, self.tradegecko, self.faults = OasisState(), GeckoState(), Faults()
        self.lock = Lock()
        self.log: list[tuple[str, str, str]] = []
        samples.catalogue(self.tradegecko)
        if with_samples:
            samples.orders(self.oasis)
        self._servers = {
            OASIS: self._server(OASIS, oasis_port, lambda request: oasis.handle(self.oasis, request)),
            TRADEGECKO: self._server(
                TRADEGECKO, tradegecko_port, lambda request: gecko.handle(self.tradegecko, request)
            ),
        }

        self.tradegecko.address = self.tradegecko_url

    @property
    def oasis_url(self) -> str:
        return f"http://127.0.0.1:{self._servers[OASIS].server_port}"

    @property
    def tradegecko_url(self) -> str:
        return f"http://127.0.0.1:{self._servers[TRADEGECKO].server_port}"

    def calls(self, system: str) -> list[tuple[str, str]]:
        """(method, path) of every request so far, control ones aside."""
        return [(method, path) for name, method, path in self.log if name == system]

    def __enter__(self) -> Sandbox:
        for server in self._servers.values():
            Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()  # seconds until it sees a shutdown
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            with suppress(OSError):  # wakes the thread at once; where that cannot be, it looks by itself
                server.socket.shutdown(socket.SHUT_RDWR)
            server.shutdown()
            server.server_close()

    def _server(self, system: str, port: int, handle: Callable[[Request], Response]) -> BaseWSGIServer:
        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            request = Request(environ)
            if request.path.startswith("/_sandbox/"):
                with self.lock:
                    return control.handle(self, request)(environ, start_response)
            with self.lock:
                self.log.append((system, request.method, request.path))
                fault = self.faults.take(system, request)
            return self._answer(fault, handle, request, environ, start_response)

        return make_server("127.0.0.1", port, application, threaded=True, request_handler=Quiet)

    def _answer(
        self, fault: Fault | None, handle: Callable[[Request], Response], request: Request, environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:  # fmt: skip
        def apply() -> Response:
            with self.lock:
                return handle(request)

        try:
            return answer(fault, apply)(environ, start_response)
        except Cut:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError from None
