"""Nobody but its owner uses a local cloud: no other user of the machine, no page in the browser."""

import base64
import http.client
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from local.stacks import Deployed

from lambdify.cli.local.daemon import cloud as room

from .conftest import SECRET

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks for ports through Linux's /proc"),
]

Ports = Callable[[], list[int]]
UNSIGNED = (
    "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
)
EVIL = "import os\ndef handler(event, context):\n    return {'ran as': os.getuid()}\n"


def zipped(name: str, source: str) -> str:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, source)
    return base64.b64encode(content.getvalue()).decode()


def evil_function(name: str, proxy: str) -> dict[str, object]:
    """A function that whoever may call CreateFunction makes."""
    return {
        "FunctionName": name,
        "Runtime": "python{}.{}".format(*sys.version_info),
        "Role": "arn:aws:iam::000000000000:role/any",
        "Handler": "evil.handler",
        "Code": {"ZipFile": zipped("evil.py", EVIL)},
        "Environment": {"Variables": {"MINISTACK_LAMBDA_PROXY_URL": proxy}},
    }


REQUESTS = """
import http.client, json, os, sys
asked = json.loads(sys.stdin.read())
answers = []
for port in asked["ports"]:
    for method, path, body in asked["requests"]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            headers = {"Authorization": asked["authorization"], **asked["headers"]}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answers.append([port, path, answer.status, answer.read().decode(errors="replace")])
        except (OSError, http.client.HTTPException) as error:
            answers.append([port, path, 0, type(error).__name__])
        finally:
            connection.close()
print(json.dumps({"uid": os.getuid(), "answers": answers}))
"""


def ask_as_nobody(
    ports: list[int], requests: list[tuple[str, str, str]], **headers: str
) -> list[list[object]]:
    """What another user of this machine gets to hear: port, path, status, body."""
    asked = {"ports": ports, "requests": requests, "authorization": UNSIGNED, "headers": headers}
    python = str(Path(sys.executable).resolve())
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python, "-I", "-c", REQUESTS],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={},
        cwd="/",
        timeout=120,
    )
    found = json.loads(done.stdout)
    assert found["uid"] == 65534
    answers: list[list[object]] = found["answers"]
    return answers


as_root = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root becomes another user"
)


@as_root
def test_another_user_of_the_machine_runs_no_code(stage: Deployed, ports: Ports) -> None:
    httpx.get(stage.url)
    open_now = ports()
    endpoint = httpx.URL(stage.url).port
    requests = [
        (
            "POST",
            "/2015-03-31/functions",
            json.dumps(evil_function(f"evil{port}", f"http://127.0.0.1:{port}/invoke")),
        )
        for port in open_now
    ]
    requests += [
        *[("POST", f"/2015-03-31/functions/evil{port}/invocations", "{}") for port in open_now],
        ("POST", f"/2015-03-31/functions/{stage.name}/invocations", "{}"),
        ("GET", "/2015-03-31/functions", ""),
        ("GET", f"/_ministack/lambda-code/000000000000/us-east-1/{stage.name}", ""),
        ("POST", "/_ministack/reset", ""),
        ("GET", f"/{stage.bucket}", ""),
    ]
    answers = ask_as_nobody([port for port in open_now if port != endpoint], requests)
    assert answers
    let_in = [answer for answer in answers if answer[2] not in {0, 403}]
    assert not let_in
    assert "ran as" not in json.dumps(answers)
    names = stage.account.client("lambda").list_functions()["Functions"]
    assert {each["FunctionName"] for each in names} == {stage.name}
    assert httpx.get(stage.url).text == SECRET, "and the app is where it was"


@as_root
def test_another_user_of_the_machine_cannot_steer_the_daemon(
    stage: Deployed, cloud: room.Cloud, ports: Ports
) -> None:
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{stage.name}"
    invocation = {
        "X-Amzn-Lambda-Function-Arn": arn,
        "X-Amzn-Lambda-Function-Version": "1",
        "X-Amzn-Lambda-Request-Id": "8e2f4ab0-0000-4000-8000-000000000000",
    }
    requests = [("POST", "/invoke", "{}"), ("GET", "/status", ""), ("POST", "/endpoint", "{}")]
    answers = ask_as_nobody(ports(), requests, **invocation)
    at_the_endpoint = [answer for answer in answers if answer[0] == httpx.URL(stage.url).port]
    others = [answer for answer in answers if answer not in at_the_endpoint]
    assert others
    assert {answer[2] for answer in others} <= {0, 403}
    assert SECRET not in json.dumps(others)
    assert "evil.example" not in json.dumps(at_the_endpoint)


@as_root
def test_another_user_of_the_machine_takes_no_events_and_answers_none(stage: Deployed, ports: Ports) -> None:
    httpx.get(stage.url)
    requests = [
        ("GET", "/2018-06-01/runtime/invocation/next", ""),
        ("POST", "/2018-06-01/runtime/init/error", "{}"),
        ("POST", "/2018-06-01/runtime/invocation/1/response", '"forged"'),
    ]
    others = [port for port in ports() if port != httpx.URL(stage.url).port]
    assert {answer[2] for answer in ask_as_nobody(others, requests)} <= {0, 403}
    assert httpx.get(stage.url).text == SECRET


@as_root
def test_what_the_cloud_writes_is_for_its_owner_only(stage: Deployed, cloud: room.Cloud) -> None:
    httpx.get(stage.url)
    home = cloud.home
    assert home.stat().st_mode & 0o777 == 0o700
    files = [path for path in home.iterdir() if path.is_file()]
    assert {path.name for path in files} >= {"cloud.json", "cloud.lock", "daemon.log", "ministack.log"}
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    folders = [path for path in home.iterdir() if path.is_dir()]
    assert {path.name for path in folders} >= {"functions", "ministack"}
    assert {oct(path.stat().st_mode & 0o777) for path in folders} == {"0o700"}
    looked = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "ls", str(home)], capture_output=True
    )
    assert looked.returncode != 0


PAGE = """<!doctype html><pre id=out>nothing</pre><script>
const out = document.getElementById('out'), asked = ASKED, blind = BLIND;
(async () => {
  out.textContent = 'began';
  for (const [method, url, body] of blind) {
    // What needs no permission, because the page will not read it.
    try { await fetch(url, {method, mode: 'no-cors', body}); } catch (error) {}
    const image = document.createElement('img');
    image.src = url;
    document.body.append(image);
  }
  for (const [method, url, body] of asked) {
    for (const headers of [{Authorization: 'UNSIGNED'}, {}]) {
      try {
        const answer = await fetch(url, {method, headers, body: method == 'GET' ? undefined : body});
        out.textContent += '\\n' + answer.status + ' ' + url + ' ' + await answer.text();
      } catch (error) { out.textContent += '\\nblocked ' + url; }
    }
  }
  out.textContent += '\\nended';
})();
</script>"""


@pytest.fixture
def serve() -> Iterator[Callable[[str], str]]:
    """Serves a page on a port of its own, as any site would; its address as evil.example."""
    servers: list[ThreadingHTTPServer] = []

    def begin(page: str) -> str:
        class Site(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://evil.example:{server.server_address[1]}/"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.browser
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "evil.example"])
def test_a_page_of_another_site_reads_nothing_and_runs_nothing(
    stage: Deployed, ports: Ports, serve: Callable[[str], str], browse: Callable[[str], str], host: str
) -> None:
    httpx.get(stage.url)
    asked = [
        (method, f"http://{host}:{port}{path}", body)
        for port in ports()
        for method, path, body in (
            ("GET", "/2015-03-31/functions", ""),
            (
                "POST",
                "/2015-03-31/functions",
                json.dumps(evil_function("fromweb", f"http://127.0.0.1:{port}/invoke")),
            ),
            ("POST", "/2015-03-31/functions/fromweb/invocations", "{}"),
            ("GET", "/status", ""),
            ("POST", "/endpoint", "{}"),
            ("GET", f"/{stage.bucket}", ""),
        )
    ]
    runtime = "/2018-06-01/runtime"
    blind = [
        (method, f"http://{host}:{port}{runtime}{path}", body)
        for port in ports()
        for method, path, body in (
            ("GET", "/invocation/next", None),
            ("POST", "/init/error", "{}"),
            ("POST", "/invocation/1/response", "{}"),
        )
    ]
    page = PAGE.replace("ASKED", json.dumps(asked)).replace("UNSIGNED", UNSIGNED)
    page = page.replace("BLIND", json.dumps(blind))
    seen = browse(serve(page))
    assert "ended" in seen, seen
    assert SECRET not in seen, "the endpoint has no CORS header: its app decides"
    assert httpx.get(stage.url).text == SECRET, "and the app still gets its events"
    read = [line for line in seen.splitlines() if line[:3].isdecimal()]
    assert not read
    names = stage.account.client("lambda").list_functions()["Functions"]
    assert {each["FunctionName"] for each in names} == {stage.name}


@pytest.mark.browser
def test_a_name_that_leads_here_by_a_trick_reads_nothing(
    stage: Deployed, ports: Ports, browse: Callable[[str], str]
) -> None:
    """DNS rebinding: the page and what it asks for are of one origin, so that the browser asks nobody."""
    httpx.get(stage.url)
    for port in ports():
        seen = browse(f"http://evil.example:{port}/")
        assert SECRET not in seen
        assert browse(f"http://evil.example:{port}/2015-03-31/functions").find("FunctionName") < 0


def ask(port: int, method: str, path: str, *, host: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers={"Host": host, **headers})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "localhost.evil"]
)
def test_the_endpoint_of_the_app_answers_to_names_of_this_machine_only(stage: Deployed, host: str) -> None:
    port = httpx.URL(stage.url).port or 0
    status, _, body = ask(port, "GET", "/", host=f"{host}:{port}")
    assert (status, SECRET in body.decode()) == (403, False)
    for name in ("localhost", "shop.localhost", "127.0.0.1", "[::1]", "LOCALHOST."):
        assert ask(port, "GET", "/", host=f"{name}:{port}")[2].decode() == SECRET


def test_no_answer_of_awss_apis_can_be_read_by_a_page(stage: Deployed, cloud: room.Cloud) -> None:
    port = httpx.URL(cloud.endpoint_url).port or 0
    host = f"127.0.0.1:{port}"
    for method, headers in (
        ("OPTIONS", {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}),
        ("GET", {"Origin": "http://evil.example"}),
        ("GET", {"Origin": "null"}),
        ("GET", {}),
    ):
        status, answered, _ = ask(port, method, "/2015-03-31/functions", host=host, **headers)
        assert status == 403
        assert not [name for name in answered if name.startswith("access-control-")]
    with httpx.Client() as client:
        presigned = stage.account.client("s3").generate_presigned_url(
            "list_objects_v2", {"Bucket": stage.bucket}
        )
        answer = client.get(presigned)
        assert answer.status_code == 200, answer.text
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert client.get(presigned, headers={"Origin": "http://evil.example"}).status_code == 403
        assert client.get(presigned, headers={"Host": "evil.example"}).status_code == 403


def run(cloud: room.Cloud, *words: str) -> str:
    """What the command line answers."""
    environ = {**os.environ, "LAMBDIFY_HOME": str(cloud.home)}
    command = [str(Path(sys.executable).with_name("lambdify")), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environ, timeout=60).stdout


def test_only_who_asks_for_the_keys_gets_to_see_them(stage: Deployed, cloud: room.Cloud) -> None:
    secret = cloud.credentials.secret
    for words in (["local", "status"], ["local", "status", "--json"]):
        assert secret not in run(cloud, *words)
    assert secret not in repr(cloud)
    assert secret in run(cloud, "local", "env")
    assert json.loads(run(cloud, "local", "env", "--json"))["AWS_SECRET_ACCESS_KEY"] == secret
    written = [path for path in cloud.home.iterdir() if path.is_file() and path.name != "cloud.json"]
    assert not [path for path in written if secret.encode() in path.read_bytes()]


def test_another_tool_works_with_what_is_printed_and_with_no_other_keys(
    stage: Deployed, cloud: room.Cloud, tmp_path: Path
) -> None:
    script = tmp_path / "tool.py"
    script.write_text(
        "import boto3, io\n"
        "s3 = boto3.client('s3')\n"
        "s3.upload_fileobj(io.BytesIO(b'x' * 9_000_000), BUCKET, 'large')\n"
        "assert len(s3.get_object(Bucket=BUCKET, Key='large')['Body'].read()) == 9_000_000\n"
        "s3.delete_object(Bucket=BUCKET, Key='large')\n"
        "names = [each['FunctionName'] for each in boto3.client('lambda').list_functions()['Functions']]\n"
        "print(names, boto3.client('sts').get_caller_identity()['Account'])\n".replace(
            "BUCKET", repr(stage.bucket)
        )
    )

    def use(*setup: str) -> "subprocess.CompletedProcess[str]":
        shell = "\n".join([*setup, f"exec {sys.executable} {script}"])
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_PROFILE": "no-such-profile"}
        return subprocess.run(["sh", "-euc", shell], capture_output=True, text=True, env=environ, timeout=60)

    printed = run(cloud, "local", "env")
    done = use(f'eval "{printed}"')
    assert done.stdout == f"['{stage.name}'] 000000000000\n", done.stderr
    strangers = ("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("ACCESS_KEY_ID", "0" * 12)
    for name, wrong in strangers:
        refused = use(printed, f"export AWS_{name}={wrong}")
        assert refused.returncode != 0
        assert "InvalidAccessKeyId" in refused.stderr or "SignatureDoesNotMatch" in refused.stderr


def test_a_function_has_keys_of_its_own(cloud: room.Cloud, tmp_path: Path) -> None:
    app = Deployed(
        cloud,
        tmp_path,
        "import boto3, os\n"
        "def handler(event, context):\n"
        "    buckets = [each['Name'] for each in boto3.client('s3').list_buckets()['Buckets']]\n"
        "    return [buckets, os.environ['AWS_ACCESS_KEY_ID'], os.environ['AWS_SECRET_ACCESS_KEY']]\n",
    )
    try:
        buckets, key_id, secret = httpx.get(app.url).json()
    finally:
        app.remove()
    assert app.bucket in buckets
    assert key_id != cloud.credentials.key_id
    assert secret != cloud.credentials.secret


def test_the_code_that_aws_gives_an_address_of_is_for_who_got_that_address(stage: Deployed) -> None:
    found = stage.account.client("lambda").get_function(FunctionName=stage.name)["Code"]["Location"]
    assert zipfile.ZipFile(io.BytesIO(httpx.get(found).content)).read("app.py")
    assert httpx.get(found.partition("?")[0]).status_code == 403
    assert httpx.get(found[:-1] + ("0" if found[-1] != "0" else "1")).status_code == 403


@pytest.mark.slow
@pytest.mark.index
def test_the_aws_cli_works_with_what_is_printed(stage: Deployed, cloud: room.Cloud, tmp_path: Path) -> None:
    from uv import find_uv_bin

    aws = [find_uv_bin(), "tool", "run", "--quiet", "--from", "awscli", "aws"]
    variables = json.loads(run(cloud, "local", "env", "--json"))
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ = {**others, **variables}

    def ask(*words: str) -> str:
        done = subprocess.run([*aws, *words], capture_output=True, text=True, env=environ, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "file").write_bytes(b"x" * 9_000_000)
    ask("s3", "cp", str(tmp_path / "file"), f"s3://{stage.bucket}/copied")
    assert "9000000 copied" in ask("s3", "ls", f"s3://{stage.bucket}/")
    assert httpx.get(ask("s3", "presign", f"s3://{stage.bucket}/copied").strip()).status_code == 200
    ask("s3", "rm", f"s3://{stage.bucket}/copied")
    names = json.loads(ask("lambda", "list-functions", "--output", "json"))["Functions"]
    assert [each["FunctionName"] for each in names] == [stage.name]
    ask("lambda", "invoke", "--function-name", f"{stage.name}:live", str(tmp_path / "answer"))
    assert json.loads((tmp_path / "answer").read_text()) == SECRET
    assert stage.name in ask("cloudformation", "describe-stacks")
    assert stage.name in ask("logs", "describe-log-groups")
    ask("cloudwatch", "list-metrics")
