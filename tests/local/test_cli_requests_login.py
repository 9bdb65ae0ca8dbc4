"""Where `directory-sync requests` goes and as whom: no secret is an argument, shown, or sent where others
could read it.
"""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from directory_sync.cli import rest_login
from directory_sync.cli.exit_status import UsageError
from directory_sync.cli.main import main
from directory_sync.cli.rest_address import find_address
from directory_sync.cli.rest_login import Login, Token, find_login
from tests.scenarios.certificates import Authority
from tests.scenarios.rest_server import PASSWORD, TOKEN, Answer, RestServer, as_agreed, details


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nobody has set anything."""
    for name in (
        "DIRECTORY_SYNC_URL",
        "DIRECTORY_SYNC_TOKEN",
        "DIRECTORY_SYNC_PASSWORD",
        "AIRFLOW__API__BASE_URL",
        "AIRFLOW_CONFIG",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))


@pytest.fixture
def server() -> Iterator[RestServer]:
    """A server with one pending request."""
    with RestServer(as_agreed(details())) as running:
        yield running


def options(**given: object) -> Namespace:
    """What the parser gives, with these."""
    return Namespace(
        **{
            "url": None,
            "user": None,
            "token_file": None,
            "ca_certificate": None,
            "insecure_http": False,
            **given,
        }
    )


# -- where ---------------------------------------------------------------------------------------------------


def test_the_address_is_looked_for_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Option, own variable, Airflow's variable, Airflow's file; a slash at the end does not matter, a path
    does.
    """
    (tmp_path / "airflow.cfg").write_text("[api]\nbase_url = https://file.example/air/\n[core]\nx = 100%\n")
    assert find_address(options()).url == "https://file.example/air"
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example")
    assert find_address(options()).url == "https://airflow.example"
    monkeypatch.setenv("DIRECTORY_SYNC_URL", "https://own.example:8443")
    assert find_address(options()).url == "https://own.example:8443"
    assert find_address(options(url="https://option.example//")).url == "https://option.example"


def test_no_address_is_wrong_usage() -> None:
    """The message names every way to give one."""
    with pytest.raises(UsageError, match=r"--url.*DIRECTORY_SYNC_URL.*\[api\] base_url"):
        find_address(options())


@pytest.mark.parametrize(
    "url",
    [
        "airflow.example", "ftp://airflow.example", "https://", "https:///path", "https://a.example?x=1", "https://a.example#x",
        "https://a.example:99999", "https://[::1", "https://a.example\\b.example", "https://a .example", "/", "file:///etc/passwd",
        "https://a.example\r\nX: y",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError, match="is not an address"):
        find_address(options(url=url))


@pytest.mark.parametrize(
    "url", ["https://bea:geheim@a.example", "https://geheim@a.example", "http://:geheim@localhost"]
)
def test_an_address_holds_no_login(url: str) -> None:
    """It would stand in the list of processes; the message does not repeat it."""
    with pytest.raises(UsageError, match="holds a login") as caught:
        find_address(options(url=url))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    ["airflow.example", "192.0.2.1", "localhost.example", "127.0.0.1.example", "0.0.0.1", "[2001:db8::1]"],
)
def test_plain_http_leaves_this_machine_only_on_demand(host: str) -> None:
    """A login over plain HTTP to another host is refused unless that is asked for."""
    with pytest.raises(UsageError, match="--insecure-http"):
        find_address(options(url=f"http://{host}:8080"))
    assert not find_address(options(url=f"http://{host}:8080", insecure_http=True)).local
    assert not find_address(options(url=f"https://{host}")).local


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_plain_http_within_this_machine_is_fine(host: str) -> None:
    """Nothing goes over a network."""
    assert find_address(options(url=f"http://{host}:8080")).local


def test_a_certificate_file_that_is_none(tmp_path: Path) -> None:
    """Missing, or without a certificate in it: wrong usage, and the option is named."""
    empty = tmp_path / "empty.pem"
    empty.touch()
    for file in (empty, tmp_path / "missing.pem", tmp_path):
        with pytest.raises(UsageError, match="--ca-certificate"):
            find_address(options(url="https://a.example", ca_certificate=file)).tls()


# -- who -----------------------------------------------------------------------------------------------------


def test_who_is_looked_for_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Options come before the token in the environment; a final line break in a file does not matter."""
    monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", "from.environment")
    monkeypatch.setenv("DIRECTORY_SYNC_PASSWORD", PASSWORD)
    file = tmp_path / "token"
    file.write_text("from.file\n")

    assert find_login(options(token_file=file)) == Token("from.file", f"--token-file {file}")
    assert find_login(options(user="bea")) == Login("bea", PASSWORD)
    assert find_login(options()) == Token("from.environment", "DIRECTORY_SYNC_TOKEN")


def test_nobody_is_wrong_usage() -> None:
    """The message names every way to say who one is."""
    with pytest.raises(UsageError, match=r"--user.*--token-file.*DIRECTORY_SYNC_TOKEN"):
        find_login(options())


def test_secrets_are_in_no_representation() -> None:
    """A traceback that shows variables shows no secret."""
    assert "geheim" not in repr(Token("geheim", "x")) + repr(Login("bea", "geheim"))


@pytest.mark.parametrize("text", ["", "two words", "a\r\nX-Header: b", "ä", "a\0b", '{"access_token": "x"}'])
def test_what_is_no_token_is_not_sent(tmp_path: Path, text: str) -> None:
    """The file is named, its content never."""
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(UsageError, match="token-file") as caught:
        find_login(options(token_file=file))
    assert not text or text not in str(caught.value)


def test_a_token_file_that_is_missing(tmp_path: Path) -> None:
    """Wrong usage; folders are no files either."""
    for file in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match="cannot be read"):
            find_login(options(token_file=file))


def test_a_password_is_asked_for_in_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere nobody could type it; no password at all sends nothing."""
    with pytest.raises(UsageError, match="DIRECTORY_SYNC_PASSWORD"):
        find_login(options(user="bea"))
    monkeypatch.setattr(rest_login, "is_terminal", lambda stream: stream is sys.stdin)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: PASSWORD)
    assert find_login(options(user="bea")) == Login("bea", PASSWORD)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "")
    with pytest.raises(UsageError, match="nothing was sent"):
        find_login(options(user="bea"))


def test_a_password_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no text in this locale are refused, and not shown."""
    monkeypatch.setenv("DIRECTORY_SYNC_PASSWORD", "geheim\udcff")
    with pytest.raises(UsageError) as caught:
        find_login(options(user="bea"))
    assert "geheim" not in str(caught.value)


def test_no_option_takes_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """There is neither --password nor --token."""
    for option in ("--password", "--token"):
        assert main(["requests", "list", option, "geheim"]) == 2


# -- against a server ----------------------------------------------------------------------------------------


def test_a_password_becomes_a_token(monkeypatch: pytest.MonkeyPatch, server: RestServer) -> None:
    """It is sent once, to Airflow's own login; everything else carries the token."""
    monkeypatch.setenv("DIRECTORY_SYNC_PASSWORD", PASSWORD)
    assert main(["requests", "list", "--url", server.url, "--user", "bea"]) == 0

    login, *others = server.asked
    assert (login.method, login.path, login.json) == (
        "POST",
        "/auth/token",
        {"username": "bea", "password": PASSWORD},
    )
    assert others
    assert all(
        PASSWORD.encode() not in each.body and each.headers["authorization"] == f"Bearer {TOKEN}"
        for each in others
    )


def test_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch, server: RestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 5; the server's answer, which may repeat what was sent, is not shown, also with -vv."""
    monkeypatch.setenv("DIRECTORY_SYNC_PASSWORD", "wrong-geheim")
    assert main(["requests", "list", "--url", server.url, "--user", "bea", "-vv"]) == 5

    output = capsys.readouterr()
    assert "does not accept this user name and password" in output.err
    assert "geheim" not in output.out + output.err


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, {"detail": "Not Found"}),
        Answer(405, {"detail": "geheim"}),
        Answer(422, {"detail": "geheim"}),
        Answer(500, b"geheim"),
        Answer(201, b"<html>geheim</html>"),
        Answer(201, {"detail": "geheim"}),
        Answer(201, {"access_token": "geheim\r\nX: y"}),
        Answer(201, {"access_token": ["geheim"]}),
        Answer(201, ["geheim"]),
    ],
    ids=["none", "not so", "invalid", "failing", "page", "no token", "header", "list", "no object"],
)
def test_a_login_that_fails_otherwise(
    monkeypatch: pytest.MonkeyPatch, server: RestServer, capsys: pytest.CaptureFixture[str], answer: Answer
) -> None:
    """Exit status 1 and a remedy; nothing of the answer is shown, and nothing else is sent."""
    monkeypatch.setenv("DIRECTORY_SYNC_PASSWORD", PASSWORD)
    server.answers = lambda asked: answer
    assert main(["requests", "list", "--url", server.url, "--user", "bea", "-vv"]) == 1

    err = capsys.readouterr().err
    assert f"Airflow at {server.url}" in err
    assert "geheim" not in err
    assert len(server.asked) == 1


def test_a_token_never_goes_to_another_address(
    monkeypatch: pytest.MonkeyPatch, server: RestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Redirects are told and not followed; what may be secret in them is left out."""
    monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
    with RestServer(as_agreed(details())) as other:
        target = other.url.replace("http://", "http://user:geheim@")
        for status in (301, 302, 307, 308):
            server.answers = lambda asked, status=status: Answer(
                status, b"", {"Location": f"{target}/x?code=geheim"}
            )
            assert main(["requests", "list", "--url", server.url]) == 1
            err = capsys.readouterr().err
            assert "not followed" in err
            assert other.url.removeprefix("http://") in err
            assert "geheim" not in err
        assert not other.asked


def test_no_proxy_carries_what_stays_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, server: RestServer
) -> None:
    """A proxy in the environment is not used for this machine: the login would leave it unprotected."""
    monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
    with RestServer(lambda asked: Answer(500)) as proxy:
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert main(["requests", "list", "--url", server.url]) == 0
        assert not proxy.asked


def test_proxies_are_used_for_other_machines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the environment says; a proxy that is no address is wrong usage, and its password is not shown."""
    monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
    arguments = ["requests", "list", "--url", "http://airflow.example", "--insecure-http"]
    with RestServer(as_agreed(details())) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert main(arguments) == 0
        assert proxy.asked[0].headers["host"] == "airflow.example"
    monkeypatch.setenv("HTTP_PROXY", "nonsense://user:geheim@proxy")
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert "HTTP_PROXY" in err
    assert "geheim" not in err


def test_certificates_are_verified(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: RestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A certificate of an unknown authority ends it before anything is sent; --ca-certificate makes it
    known.
    """
    monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
    authority = Authority(tmp_path)
    server.use_tls(authority.issue("server", "IP:127.0.0.1"))
    arguments = ["requests", "list", "--url", server.url]

    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert "TLS failed" in err
    assert "--ca-certificate" in err
    assert not server.asked
    assert main([*arguments, "--ca-certificate", str(authority.ca)]) == 0
    assert server.asked


def test_the_name_in_a_certificate_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: RestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A certificate for another host is refused, whoever has issued it."""
    monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
    authority = Authority(tmp_path)
    server.use_tls(authority.issue("server", "DNS:other.example"))

    assert main(["requests", "list", "--url", server.url, "--ca-certificate", str(authority.ca)]) == 1
    assert "TLS failed" in capsys.readouterr().err
    assert not server.asked
