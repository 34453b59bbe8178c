"""Certificates of a test, made by openssl."""
import ssl
import subprocess

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Certificates:
    """A self-signed certificate and its key, as the files that a server reads."""

    def __init__(self, directory, name="tls"):
        self.certificate, self.key = directory / f"{name}.pem", directory / f"{name}.key"

    def make(self):
        """New ones; returns what a client has to trust."""
        openssl("req", "-x509", *CURVE, "-keyout", self.key, "-out", self.certificate, "-days", "2", "-subj", "/CN=127.0.0.1",
                "-addext", "subjectAltName=IP:127.0.0.1")
        context = ssl.create_default_context(cafile=self.certificate)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def references(self):
        return {"certificate": f"file:{self.certificate}", "key": f"file:{self.key}"}


class Authority:
    """Certifies clients."""

    def __init__(self, directory, name="ca"):
        self.directory, self.ca, self.key = directory, directory / f"{name}.pem", directory / f"{name}.key"
        openssl("req", "-x509", *CURVE, "-keyout", self.key, "-out", self.ca, "-days", "2", "-subj", f"/CN={name}")

    def certify(self, subject, purpose, name=None):
        """(certificate, key) of a new one."""
        certificate, key = self.directory / f"{name or purpose}.pem", self.directory / f"{name or purpose}.pem.key"
        request, more = self.directory / "request.csr", self.directory / "more.cnf"
        more.write_text(f"extendedKeyUsage={purpose}\n", encoding="ascii")
        openssl("req", *CURVE, "-keyout", key, "-out", request, "-subj", subject)
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-out", certificate,
                "-days", "2", "-extfile", more)
        return certificate, key
