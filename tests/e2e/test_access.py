"""Who may connect, tried for real: raw requests, a browser led astray, a page of another port, a token, a reverse proxy."""

import base64
import http.client
import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from leafscope.app import cli
from leafscope.app.navigation import PAGES
from leafscope.core.config import changed
from leafscope.core.config.presets import EXAMPLE
from tests.e2e.conftest import BROWSER_FLAGS
from tests.e2e.harness import HANGS, App, answers, end_app, start_app, until
from tests.e2e.page import saved_file

STREAM = "/_stcore/stream"


def ask(url: str, path: str, host: str | None = None, method: str = "GET", **headers: str) -> int:
    """The status of the answer to a request with these headers; a path of the stream asks for a websocket."""
    address = urlsplit(url).netloc
    connection = http.client.HTTPConnection(address, timeout=HANGS)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or address)
    if path.endswith(STREAM):
        key = base64.b64encode(os.urandom(16)).decode()
        headers |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_only_the_app_s_own_pages_connect(app: App) -> None:
    port = urlsplit(app.url).port
    for path, welcome in ((STREAM, 101), ("/", 200)):
        assert ask(app.url, path) == welcome
        assert ask(app.url, path, f"LocalHost.:{port}") == welcome
        assert ask(app.url, path, Origin=app.url) == welcome
        for host in (f"evil.example:{port}", "evil.example", f"[::1]:{port}", f"0.0.0.0:{port}"):
            assert ask(app.url, path, host, Origin=f"http://{host}") == 400
        for origin in ("http://127.0.0.1:6006", "null", f"https://127.0.0.1:{port}", f"http://localhost:{port}"):
            assert ask(app.url, path, Origin=origin) == 403
    for method in ("POST", "PUT", "DELETE"):
        assert ask(app.url, "/_stcore/upload_file/a/b", method=method, Origin="http://127.0.0.1:6006") == 403
    # Streamlit would ask an outside service for this machine's address, and say so
    assert "external IP" not in (app.database.parent / "app.log").read_text()


def status_of(url: str, request: str) -> int:
    """The status of the answer to a request that is sent as it is, but for @, which is the app's host and port."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=HANGS) as one:
        one.sendall(request.replace("@", place.netloc).replace("\n", "\r\n").encode())
        return int(one.recv(100).split()[1])


UPGRADE = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
GET, SOCKET = "GET / HTTP/1.1\n", f"GET {STREAM} HTTP/1.1\n{UPGRADE}"
EVIL = "evil.example"


@pytest.mark.parametrize(
    ("status", "requests"),
    [
        (
            400,
            [f"GET {path} HTTP/{number}\n{more}" for path, more in (("/", ""), (STREAM, UPGRADE)) for number in ("1.0", "1.1")],
        ),
        (
            400,
            [
                f"GET {address} HTTP/1.1\n{host}"
                for address in ("http://@/", f"http://{EVIL}/")
                for host in ("", f"Host: {EVIL}\n")
            ],
        ),
        (400, [f"{start}Host: @\nHost: {host}\n" for start in (GET, SOCKET) for host in ("@", EVIL, "")]),
        (400, [f"{GET}Host : @\n", f"{GET}Host: @\n {EVIL}\n", f"{GET}Host: @,{EVIL}\n", f"{GET}Host: @/\n", f"{GET}Host: \n"]),
        (
            400,
            [
                f"{start}Host: {EVIL}\n{name}: {value}\n"
                for start in (GET, SOCKET)
                for name, value in (
                    ("X-Forwarded-Host", "@"),
                    ("Forwarded", "host=@"),
                    ("X-Original-Host", "@"),
                    ("X-Forwarded-For", "127.0.0.1"),
                )
            ],
        ),
        (
            400,
            [
                f"{GET}Host: {host}\n"
                for host in (
                    "127.1",
                    "0x7f000001",
                    "017700000001",
                    "2130706433",
                    "localhost..",
                    "[::1]",
                    "[::ffff:127.0.0.1]",
                    "[::1%25lo]",
                    "127.0.0.1:+80",
                    "127.0.0.1:8_0",
                    "127.0.0.1:80:80",
                    "localhost%00",
                )
            ],
        ),
        (
            403,
            [
                f"{SOCKET}Host: @\noRIGIN: http://{EVIL}\n",
                f"{SOCKET}Host: @\nOrigin: http://127.0.0.1\n",
                f"{SOCKET}Host: @\nOrigin: http://127.0.0.1:80\n",
                f"{SOCKET}Host: @\nOrigin: NULL\n",
                f"{SOCKET}Host: @\nX-Forwarded-Proto: https\nOrigin: http://@\n",
                f"{SOCKET}Host: @\nOrigin: http://@.{EVIL}\n",
            ],
        ),
        (
            403,
            [
                f"{method} /_stcore/upload_file/a/b HTTP/1.1\nHost: @\nOrigin: http://{origin}\nContent-Length: 0\n"
                for method in ("PUT", "POST", "DELETE", "PATCH")
                for origin in (EVIL, "127.0.0.1", f"@.{EVIL}")
            ],
        ),
        (404, [f"GET http://{EVIL}/ HTTP/1.1\nHost: @\n", "OPTIONS * HTTP/1.1\nHost: @\n"]),  # no page, of whatever name
        (
            400,
            [
                f"GET {path} HTTP/1.1\nHost: @\n"
                for path in (
                    "/media/..%2f..%2fetc%2fpasswd",
                    "/static/%2e%2e/%2e%2e/etc/passwd",
                    "/static/../../../etc/passwd",
                    "/component/x/../../etc/passwd",
                    "//evil.example/..",
                    "/%00",
                )
            ],
        ),
        (200, [f"{GET}Host: LOCALHOST.:%\n", f"{GET}Host: @\nOrigin: HTTP://@\n", "GET / HTTP/1.0\nHost: @\n"]),
        (101, [f"{SOCKET}Host: @\nOrigin: HTTP://@\n"]),
    ],
)
def test_odd_requests_are_refused_and_right_ones_answered(app: App, status: int, requests: list[str]) -> None:
    port = str(urlsplit(app.url).port)
    answers = {one: status_of(app.url, one.replace("%\n", f"{port}\n") + "\n") for one in requests}
    assert answers == dict.fromkeys(requests, status)


def test_a_name_that_is_led_here_and_another_port_see_nothing(app: App, browser: Any) -> None:
    port = urlsplit(app.url).port
    flags = [*BROWSER_FLAGS, "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    astray = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=flags)
    try:
        page = astray.new_page()
        answer = page.goto(f"http://evil.example:{port}/runs")
        assert answer.status == 400
        assert "does not answer to evil.example" in page.inner_text("body")
    finally:
        astray.close()

    html = f"""<iframe src="{app.url}/runs"></iframe><script>
        window.ends = [];
        const socket = new WebSocket("{app.url.replace("http", "ws")}{STREAM}", ["streamlit"]);
        socket.onopen = () => ends.push("open");
        socket.onerror = () => ends.push("refused");
        fetch("{app.url}/_stcore/health").then((answer) => ends.push("read"), () => ends.push("refused"));
        </script>"""

    class Foreign(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    try:
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
        page.wait_for_function("window.ends.length == 2", timeout=1000 * HANGS)
        assert page.evaluate("window.ends") == ["refused", "refused"]
        (frame,) = [one for one in page.frames if one != page.main_frame]
        assert frame.locator("[data-testid=stApp]").count() == 0
    finally:
        page.close()
        server.shutdown()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def proxy(folder: Path, port: int, to: int) -> Iterator[None]:
    """Run nginx on a port, which passes on what lies below /leafscope/."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        words = "nginx must be installed for this test: apt-get install nginx"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    paths = " ".join(f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""
        daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}
        http {{
            access_log off; {paths}
            map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
            server {{
                listen 127.0.0.1:{port};
                location /leafscope/ {{
                    proxy_pass http://127.0.0.1:{to};
                    proxy_http_version 1.1;
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-Proto $scheme;
                    proxy_set_header Upgrade $http_upgrade;
                    proxy_set_header Connection $connection_upgrade;
                }}
            }}
        }}""")
    running = subprocess.Popen([nginx, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])
    try:
        yield
    finally:
        running.terminate()
        running.wait(10)


def test_below_a_path_of_a_proxy_with_a_token(tmp_path: Path, browser: Any) -> None:
    outside, inside = free_port(), free_port()
    public = f"http://127.0.0.1:{outside}"
    options = ("--token", "--base-path", "/leafscope", "--allowed-host", f"127.0.0.1:{outside}")
    with proxy(tmp_path, outside, inside):
        app = start_app(tmp_path, tmp_path / "runs.db", inside, *options)
        try:
            token = re.fullmatch(rf"http://127\.0\.0\.1:{inside}/leafscope/\?token=([\w-]{{20,}})", app.url)
            assert token is not None, app.url
            for path in ("/leafscope/", f"/leafscope{STREAM}", "/leafscope/media/x.png", "/leafscope/leaves"):
                assert ask(public, path, Origin=public) == 403
            context = browser.new_context(accept_downloads=True)
            page = context.new_page()
            page.set_default_timeout(1000 * HANGS)
            outsiders: list[str] = []
            inner = f"{public}/leafscope/"
            page.on("request", lambda one: None if one.url.startswith((inner, "data:", "blob:")) else outsiders.append(one.url))
            page.goto(f"{public}/leafscope/?token={token.group(1)}&size=projector")
            page.locator(".scene-epoch").wait_for()
            assert "token" not in page.url
            assert "size=projector" in page.url
            (cookie,) = [one for one in context.cookies() if one["name"] == f"leafscope-{inside}"]
            assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/leafscope")
            page.get_by_test_id("stExpandSidebarButton").click()  # a projector's sidebar is folded at first
            for one in PAGES:
                page.get_by_test_id("stSidebarNav").get_by_text(one.title, exact=True).first.click()
                page.wait_for_url(re.compile(rf"{re.escape(inner)}{one.name if one.name != 'playground' else ''}(\?.*)?$"))
                page.get_by_role("heading").first.wait_for()
                expect(page.get_by_test_id("stException")).to_have_count(0)
            app.train(changed(EXAMPLE, {"train.epochs": 2}))  # the table that is saved has one's own runs
            page.goto(f"{public}/leafscope/runs")
            assert "spirals" in saved_file(page, "Export table as CSV").read_text()
            assert outsiders == []
            context.close()
        finally:
            end_app(app)


def test_beyond_this_machine_only_with_a_token_or_a_proxy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for listen in ("0.0.0.0", "::", "192.0.2.1"):
        assert cli.main(["--no-browser", "--no-token", "--listen", listen, "--database", str(tmp_path / "x.db")]) == 2
        assert "without --token or --behind-proxy" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_streamlit_run_shows_others_nothing_and_says_what_it_lacks(tmp_path: Path, browser: Any) -> None:
    port = free_port()
    script = Path(sys.executable).with_name("streamlit")
    main = Path(cli.__file__).parents[1] / "main.py"
    options = ["--server.headless=true", f"--server.port={port}", "--browser.gatherUsageStats=false"]
    environment = os.environ | {"LEAFSCOPE_DATABASE": str(tmp_path / "runs.db")}
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(
        [str(script), "run", str(main), *options], cwd=main.parents[1], env=environment, stdout=log, stderr=log
    )
    app = App(process, f"http://127.0.0.1:{port}", tmp_path / "runs.db")
    flags = [*BROWSER_FLAGS, "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    astray = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=flags)
    try:
        until(lambda: answers(app.url), "an answer")
        page = astray.new_page()
        page.set_default_timeout(1000 * HANGS)
        page.goto(app.url)
        page.locator(".scene-epoch").wait_for()
        assert "streamlit run checks less" in (tmp_path / "log").read_text()

        def refused() -> bool:
            page.goto(f"http://evil.example:{port}/runs")  # again each time: the page may give up before it opens a stream
            page.wait_for_load_state("networkidle")
            return "disallowed Origin or Host header" in (tmp_path / "log").read_text()

        until(refused, "Streamlit's refusal")
        assert page.get_by_test_id("stDataFrame").count() == 0
        assert page.get_by_role("heading", name="Runs").count() == 0
    finally:
        astray.close()
        end_app(app)
