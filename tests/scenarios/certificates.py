"""A throwaway certificate authority and the server certificates it issues, made with the `openssl`
program.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of one certificate, PEM."""

    certificate: Path
    key: Path


class Authority:
    """An authority in a folder of its own. `ca` is its certificate."""

    def __init__(self, folder: Path, name: str = "Throwaway CA") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = folder / "ca.pem"
        self._key = folder / "ca.key"
        _openssl(
            *(
                "req",
                "-x509",
                *_NEW_KEY,
                "-keyout",
                self._key,
                "-out",
                self.ca,
                "-days",
                "3650",
                "-subj",
                f"/CN={name}",
            ),
            *(
                "-addext",
                "basicConstraints=critical,CA:true",
                "-addext",
                "keyUsage=critical,keyCertSign,cRLSign",
            ),
        )

    def issue(
        self, name: str, alternatives: str = "IP:127.0.0.1,DNS:localhost", *, days: int = 3650
    ) -> Certificate:
        """Issue a server certificate.

        Args:
            name: the common name, and the files' name.
            alternatives: subjectAltName as openssl writes it.
            days: how long it is valid from now; negative for one that has expired.
        """
        request, key, certificate = (self.folder / f"{name}.{ending}" for ending in ("csr", "key", "pem"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(
            f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n"
        )
        _openssl("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        _openssl(
            *(
                "x509",
                "-req",
                "-in",
                request,
                "-CA",
                self.ca,
                "-CAkey",
                self._key,
                "-CAcreateserial",
                "-out",
                certificate,
            ),
            *("-days", str(days), "-extfile", extensions),
        )
        key.chmod(0o600)
        return Certificate(certificate, key)

    def self_signed(self, name: str = "selfsigned") -> Certificate:
        """A certificate that no authority issued."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        _openssl(
            *(
                "req",
                "-x509",
                *_NEW_KEY,
                "-keyout",
                key,
                "-out",
                certificate,
                "-days",
                "30",
                "-subj",
                f"/CN={name}",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        )
        key.chmod(0o600)
        return Certificate(certificate, key)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr}")
