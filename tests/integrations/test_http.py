"""What the network may do to an exchange, over real sockets: which of the errors it is, how long it may take, what is kept."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from gzip import compress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from integrations.account import Account, Exchange
from integrations.errors import IntegrationError, Misconfigured, OutcomeUnknown, Unavailable
from integrations.http import Door
from integrations.processes import RunLost
from integrations.supplier_oasis.adapter import connect as connect_overstock
from integrations.supplier_oasis.client import BasicAuth
from integrations.tradegecko.client import BearerAuth
from tests.loopback import Loopback, loopback

SECRET = "p&ss<é>wörd"
BASIC = b64encode(f"jürgen:{SECRET}".encode()).decode()
Talk = Callable[[Any], None]


class Diary:
    """A journal that remembers."""

    def __init__(self) -> None:
        self.entries: list[Exchange] = []

    def record(self, exchange: Exchange) -> None:
        self.entries.append(exchange)

    def problem(self, text: str) -> None:
        raise AssertionError(text)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        yield one


@contextmanager
def listening(talk: Talk) -> Iterator[int]:
    """A server of one connection, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                talk(connection)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody vouches for, with its key."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def over_tls(certificate: Path, talk: Talk) -> Talk:
    def talk_inside(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        try:
            talk(context.wrap_socket(connection, server_side=True))
        except ssl.SSLError:
            return

    return talk_inside


def write(url: str, **seconds: float) -> None:
    Door(Account("O", url), BasicAuth("u", "p"), **seconds).send("POST", "/shipments", body=b"<x/>", writes=True)


def spoil_the_answer(inside: ssl.SSLSocket) -> None:
    """Take the request, then send a TLS record that cannot be decrypted."""
    inside.recv(65536)
    with socket.socket(fileno=inside.detach()) as bare:
        bare.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)


def test_a_tls_error_after_the_request_has_left_leaves_a_write_in_doubt(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with listening(over_tls(certificate, spoil_the_answer)) as port, pytest.raises(OutcomeUnknown):
        write(f"https://localhost:{port}")


def test_a_certificate_that_nobody_vouches_for_is_a_wrong_setting(certificate: Path) -> None:
    with (
        listening(over_tls(certificate, spoil_the_answer)) as port,
        pytest.raises(Misconfigured, match="certificate_verify_failed"),
    ):
        write(f"https://localhost:{port}")


def test_a_server_that_speaks_no_tls_is_a_wrong_setting() -> None:
    with (
        listening(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port,
        pytest.raises(Misconfigured, match="no secure connection"),
    ):
        write(f"https://localhost:{port}")


@pytest.mark.parametrize("head", [b"Content-Length: 100000", b"Transfer-Encoding: chunked", b"Connection: close"])
@pytest.mark.parametrize("status", [b"200 OK", b"302 Found\r\nLocation: http://127.0.0.1:9/"])
def test_an_answer_that_drips_is_given_up(head: bytes, status: bytes) -> None:
    given_up = Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n\r\n")
        drop = b"1\r\nx\r\n" if b"chunked" in head else b"x"
        try:
            while not given_up.wait(0.02):
                connection.sendall(drop)
        except OSError:
            return

    with listening(drip) as port:
        try:
            with pytest.raises(OutcomeUnknown, match="did not finish its answer"):
                write(f"http://127.0.0.1:{port}", read_seconds=5, total_seconds=0.2)
        finally:
            given_up.set()


@pytest.mark.parametrize("answer", [
    b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
])  # fmt: skip
def test_an_answer_that_breaks_off_leaves_a_write_in_doubt(answer: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + answer)

    with listening(talk) as port, pytest.raises(OutcomeUnknown):
        write(f"http://127.0.0.1:{port}")


def test_a_large_compressed_answer_comes_whole(server: Loopback) -> None:
    body = b"".join(b"%d" % number for number in range(300_000))
    server.will(200, compress(body), Content_Encoding="gzip")
    assert Door(Account("O", server.url), BasicAuth("u", "p")).send("GET", "/").body == body


@pytest.mark.parametrize("echo", [SECRET, BASIC, "p%26ss%3C%C3%A9%3Ew%C3%B6rd", "p&amp;ss&lt;é&gt;wörd"])
@pytest.mark.parametrize("status", [200, 400, 401, 404, 409, 429, 500])
def test_an_echoed_secret_is_in_no_error_and_in_no_record(server: Loopback, echo: str, status: int) -> None:
    diary = Diary()
    server.will(status, "x" * 3995 + f"<error>you sent {echo}</error>")
    overstock = connect_overstock(Account("O", server.url, "jürgen", SECRET, journal=diary))
    with pytest.raises(IntegrationError) as caught:
        list(overstock.orders(datetime.now(UTC), datetime.now(UTC)))
    [entry] = diary.entries
    assert echo not in str(caught.value) + entry.response_body + entry.error
    # Cut off after the secret is gone, so that no half of it is left either.
    assert echo[:5] not in entry.response_body


def test_the_secret_is_gone_from_an_order_and_the_order_still_read(server: Loopback) -> None:
    from tests.supplier_oasis.test_reading import M, parcel

    server.will(200, M.format(parcel()).replace("Boise", f"Boise {BASIC}"))
    overstock = connect_overstock(Account("O", server.url, "jürgen", SECRET))
    [order] = overstock.orders(datetime.now(UTC), datetime.now(UTC))
    assert BASIC not in order.raw
    assert "Boise ***" in order.raw


@pytest.mark.parametrize("token", ["tök\u4e2den", "token\nX-Evil: 1"])
def test_a_token_that_cannot_be_sent_is_a_wrong_setting_and_not_told(server: Loopback, token: str) -> None:
    with pytest.raises(Misconfigured, match="cannot be sent") as caught:
        Door(Account("Gecko", server.url, secret=token), BearerAuth(token)).send("GET", "/", writes=True)
    assert token not in str(caught.value)
    assert server.asked == []


def test_a_host_that_cannot_be_reached_leaves_nothing_in_doubt() -> None:
    with pytest.raises(Unavailable, match="cannot reach") as caught:
        Door(Account("O", "http://127.0.0.1:9"), BasicAuth("u", "p")).send("POST", "/", body=b"x", writes=True)
    assert not isinstance(caught.value, OutcomeUnknown)


def test_a_write_does_not_leave_once_others_have_taken_the_work_over() -> None:
    class Lost:
        def check(self) -> None:
            raise RunLost("taken over")

    with loopback() as server:
        server.will(200)
        door = Door(Account("O", server.url, lease=Lost()), BasicAuth("u", "p"))
        with pytest.raises(RunLost):
            door.send("POST", "/shipments", body=b"<x/>", writes=True)
        assert server.asked == []
        assert door.send("GET", "/salesorders").status == 200


def test_requests_leave_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    def refuse(connection: Any) -> None:
        heard.append(connection.recv(1000))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    monkeypatch.delenv("NO_PROXY", raising=False)
    with listening(refuse) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        door = Door(Account("Gecko", "https://api.tradegecko.com", secret=SECRET), BearerAuth("x"))
        with pytest.raises(Unavailable, match="cannot reach api.tradegecko.com"):
            door.send("GET", "/orders")
    assert heard[0].startswith(b"CONNECT api.tradegecko.com:443 ")
