"""TLS with client certificates in front of a program that speaks plain HTTP, as a service's gateway has it; sees what passes.

`trust` says whose clients are let in. `tokens`: every bearer token that was shown; `clients`: the subjects of who came.
"""
import http.client
import http.server
import socket
import ssl
import threading

HOPS = ("connection", "keep-alive", "transfer-encoding", "content-length")


class TlsFront:
    def __init__(self, certificates, port):
        """certificates: of harness.certificates, which this shows; port: where the program listens."""
        self.certificates, self.port = certificates, port
        self.tokens, self.clients = set(), set()
        self.open = set()
        self.context = None
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # handshakes that come to nothing
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def trust(self, ca):
        """Clients that this certifies, and no others; who is connected has to come again."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates.certificate, self.certificates.key)
        context.load_verify_locations(ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self.context = context
        for connection in list(self.open):
            connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _handler(front):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                self.request = front.context.wrap_socket(self.request, server_side=True)
                subject = dict(pair for rdn in self.request.getpeercert()["subject"] for pair in rdn)
                front.clients.add(subject["commonName"])
                front.open.add(self.request)
                super().setup()

            def finish(self):
                front.open.discard(self.request)
                super().finish()

            def pass_on(self):
                scheme, _, token = self.headers.get("Authorization", "").partition(" ")
                if scheme == "Bearer":
                    front.tokens.add(token)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                inner = http.client.HTTPConnection("127.0.0.1", front.port)
                inner.request(self.command, self.path, body, dict(self.headers))
                reply = inner.getresponse()
                data = reply.read()
                inner.close()
                self.send_response_only(reply.status)
                for name, value in reply.getheaders():
                    if name.lower() not in HOPS:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

            def log_message(self, *args):
                pass

        return Handler
