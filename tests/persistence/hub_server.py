"""A server that speaks as much of the Hugging Face Hub's protocol as models need, on this machine alone.

Files that the real Hub keeps out of git (safetensors, Parquet) go the same way here: a batch request of Git LFS, an
upload, and a pointer in the commit.
"""

import base64
import hashlib
import json
import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

TOKEN = "hf_secret"
SHA = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Repositories and requests of the server."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.objects: dict[str, bytes] = {}
        self.lfs: set[str] = set()
        self.requests: list[str] = []
        self.messages: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """One request: its path is looked up in `POST` or `GET`."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub

    @property
    def base(self) -> str:
        return f"http://{self.headers['Host']}"

    @property
    def is_known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def log_message(self, *_) -> None:
        """Say nothing."""

    def answer(self, value=None, *, status=200, data=None, **headers) -> None:
        data = json.dumps(value).encode() if data is None else data
        self.send_response(status)
        for name, text in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, status: int, code: str) -> None:
        self.answer({"error": code}, status=status, X_Error_Code=code, X_Error_Message=code)

    def route(self, routes, *arguments) -> None:
        self.hub.requests.append(f"{self.command} {self.path}")
        for pattern, method in routes.items():
            if match := re.fullmatch(pattern, self.path.partition("?")[0]):
                return method(self, *match.groups(), *arguments)
        return self.refuse(404, "RepoNotFound")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.is_known:
            self.route(POST, body)
        else:
            self.refuse(401, "Unauthorized")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.objects[hashlib.sha256(body).hexdigest()] = body
        self.answer({})

    def do_GET(self) -> None:
        self.route(GET)

    def do_HEAD(self) -> None:
        self.route(GET)

    def validate(self, body: bytes) -> None:
        self.answer({"errors": [], "warnings": []})

    def create(self, body: bytes) -> None:
        given = json.loads(body)
        name = f"{given.get('organization') or 'me'}/{given['name']}"
        status = 409 if name in self.hub.repositories else 200
        self.hub.repositories.setdefault(name, {})
        self.hub.private.setdefault(name, given.get("private") or given.get("visibility") == "private")
        self.answer({"url": f"{self.base}/{name}", "name": name}, status=status)

    def preupload(self, repository: str, body: bytes) -> None:
        files = [one["path"] for one in json.loads(body)["files"]]
        mode = {True: "lfs", False: "regular"}
        self.answer({"files": [
            {"path": path, "shouldIgnore": False, "uploadMode": mode[path.endswith((".safetensors", ".parquet"))]}
            for path in files
        ]})  # fmt: skip

    def batch(self, repository: str, body: bytes) -> None:
        upload = lambda one: {"upload": {"href": f"{self.base}/lfs/{one['oid']}"}}  # noqa: E731
        objects = [{**one, "actions": upload(one)} for one in json.loads(body)["objects"]]
        self.answer({"transfer": "basic", "objects": objects})

    def commit(self, repository: str, body: bytes) -> None:
        files = self.hub.repositories[repository]
        for line in map(json.loads, body.splitlines()):
            kind, value = line["key"], line["value"]
            if kind == "header":
                self.hub.messages.append(value["summary"])
            elif kind == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                files[value["path"]] = self.hub.objects[value["oid"]]
                self.hub.lfs.add(value["path"])
        self.answer({"commitUrl": f"{self.base}/{repository}/commit/{SHA}", "commitOid": SHA, "hookOutput": ""})

    def about(self, repository: str) -> None:
        if self.may_read(repository):
            files = [{"rfilename": name} for name in self.hub.repositories[repository]]
            self.answer({"id": repository, "sha": SHA, "siblings": files})

    def tree(self, repository: str) -> None:
        if self.may_read(repository):
            self.answer([
                {"type": "file", "path": name, "size": len(data), "oid": oid(data), **self.pointer(name, data)}
                for name, data in self.hub.repositories[repository].items()
            ])  # fmt: skip

    def resolve(self, repository: str, name: str) -> None:
        if self.may_read(repository):
            data = self.hub.repositories[repository].get(name)
            if data is None:
                self.refuse(404, "EntryNotFound")
            else:
                self.answer(data=data, ETag=f'"{oid(data)}"', X_Repo_Commit=SHA)

    def may_read(self, repository: str) -> bool:
        secret = self.hub.private.get(repository) and not self.is_known
        if secret or repository not in self.hub.repositories:
            self.refuse(401 if secret else 404, "RepoNotFound")
            return False
        return True

    def pointer(self, name: str, data: bytes) -> dict:
        known = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return {"lfs": known} if name in self.hub.lfs else {}


_MODEL = r"/api/models/([^/]+/[^/]+)"
POST = {
    r"/api/validate-yaml": Handler.validate,
    r"/api/repos/create": Handler.create,
    rf"{_MODEL}/preupload/main": Handler.preupload,
    rf"{_MODEL}/commit/main": Handler.commit,
    r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch": Handler.batch,
}
GET = {
    rf"{_MODEL}(?:/revision/.+)?": Handler.about,
    rf"{_MODEL}/tree/.+": Handler.tree,
    r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)": Handler.resolve,
}


def oid(data: bytes) -> str:
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


@contextmanager
def running(hub: Hub):
    """The address of a server of these repositories."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub = hub
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
