"""A small reverse proxy with TLS and a self-signed certificate, as a clinic's nginx would stand before the server."""

import http.client
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.ports import free_port

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate and key for localhost and 127.0.0.1."""
    cert, key = folder / "tls.crt", folder / "tls.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", str(cert), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that goes away, or tries the certificate first and then trusts it, is no error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | ssl.SSLError):
            super().handle_error(request, client_address)


class TlsProxy:
    """Knows its own address before it knows the server behind it, because PUBLIC_URL has to name the proxy."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"

    @contextmanager
    def before(self, upstream: str, folder: Path) -> Iterator[str]:
        """Forwards to `upstream` while the block runs; answers the proxy's address."""
        server = _Server(("127.0.0.1", self.port), _handler(upstream))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate(folder))
        # The handshake happens in the request's own thread, so that a browser's idle connection blocks nobody.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self.url
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(upstream: str) -> type[BaseHTTPRequestHandler]:
    target = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 15

        def setup(self) -> None:
            self.request.settimeout(self.timeout)
            self.request.do_handshake()
            super().setup()

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
            try:
                connection.request(self.command, self.path, body or None, self._headers())
                self._answer(connection.getresponse())
            finally:
                connection.close()

        do_GET = do_HEAD = do_POST = forward  # noqa: N815 - the names that http.server calls

        def _headers(self) -> dict[str, str]:
            kept = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            return kept | {
                "X-Forwarded-For": self.client_address[0],
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": self.headers.get("Host", ""),
            }

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            content = answer.read()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", answer.headers.get("Content-Length") or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_words: object) -> None:
            """Says nothing."""

    return Handler
