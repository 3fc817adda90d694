"""
`darkroom doctor`: what is missing on this machine, and how to mend it; with `--meta`, which link of the chain between
Meta and a running Darkroom does not hold, and which screen of Meta's to open.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3

from devstack import layers, meta_chain, template
from devstack.cloud import STACK, Ports
from devstack.darkroom_api import find_api, plain
from devstack.processes import LOOPBACK, LocalCloudError
from devstack.project import find_root
from devstack.template import TemplateError
from devstack.terminal import styled

DESCRIPTION = """\
Checks what the other commands need on this machine.

With --meta: walks the chain between Meta and a running Darkroom, on AWS or of `darkroom up`: app id and secret (a token
is asked for with a code that nobody has), webhooks (the challenge, and a wrong token), the callbacks of deauthorising
and data deletion (a forged request), the redirect URI, and of each account permissions, subscription, token, quota and
the last problem, with Instagram's own word. Changes nothing."""

EPILOG = """\
--meta asks the API as `darkroom timeline` does: --url and --key, else DARKROOM_URL and DARKROOM_API_KEY, else the
`darkroom up` that is running here; the key needs accounts:read. The app's secret is read with your AWS credentials
(cloudformation:DescribeStacks, secretsmanager:GetSecretValue); without them that part is left out with a warning.
docs/meta-setup.md says what each line means.

Exit codes: 0 all is well or a warning, 1 something needed is missing or does not hold, 2 wrong usage."""

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@dataclass(frozen=True)
class Finding:
    name: str
    is_ok: bool
    detail: str
    mend: str = ""
    is_optional: bool = False


def add_to(commands: Any) -> None:
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor",
        help="check this machine, and say how to mend what is missing",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--meta", action="store_true", help="check a running Darkroom and its app at Meta instead")
    parser.add_argument("--account", metavar="ACCOUNT_ID", help="with --meta: only this account, not every one")
    parser.add_argument("--stack", default=STACK, help="with --meta: CloudFormation stack (default: %(default)s)")
    parser.add_argument("--url", help="with --meta: base URL of the API, as Meta sees it")
    parser.add_argument("--key", help="with --meta: API key; others on this machine can see it here")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    return _meta(options) if options.meta else _machine(options)


def _meta(options: argparse.Namespace) -> int:
    """Each finding is shown as soon as it is known."""
    found: list[meta_chain.Finding] = []
    for finding in meta_chain.walk(find_api(options.url, options.key), options.stack, options.account):
        found.append(finding)
        if not options.json:
            print(_link(finding), flush=True)
    is_well = all(finding.status != "problem" for finding in found)
    if options.json:
        print(json.dumps({"ok": is_well, "findings": [asdict(finding) for finding in found]}, indent=2))
    return 0 if is_well else 1


def _link(finding: meta_chain.Finding) -> str:
    about = f"{finding.account}: " if finding.account else ""
    word = styled(f"{finding.status:9}", _COLOURS[finding.status])
    line = f"{word} {finding.link:14} {plain(about + finding.detail)}"
    where = f"Meta: {finding.screen}" if finding.screen and finding.status != "ok" else None
    todo = [text for text in (finding.action, where) if text]
    return "\n".join([line, *(f"{'':25}{plain(text)}" for text in todo)])


def _machine(options: argparse.Namespace) -> int:
    findings = list(examine(find_root()))
    is_well = all(finding.is_ok or finding.is_optional for finding in findings)
    if options.json:
        print(json.dumps({"ok": is_well, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        print("\n".join(_line(finding) for finding in findings))
    return 0 if is_well else 1


def _line(finding: Finding) -> str:
    word, colour = ("ok", "green") if finding.is_ok else ("missing", "red")
    if not finding.is_ok and finding.is_optional:
        word, colour = "optional", "yellow"
    mend = f"\n{'':22}{finding.mend}" if finding.mend and not finding.is_ok else ""
    return f"{styled(f'{word:9}', colour)} {finding.name:11} {finding.detail}{mend}"


def examine(root: Path) -> Iterator[Finding]:
    yield _python(root)
    yield _uv(root)
    yield _lock(root)
    yield _venv(root)
    yield _template(root)
    yield from (port(name, number) for name, number in vars(Ports()).items())
    yield _credentials()
    yield _sam(root)


def _python(root: Path) -> Finding:
    wanted = (root / ".python-version").read_text().strip()
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Finding("python", here == wanted, f"{here}; the functions run on {wanted}", "make setup")


def _uv(root: Path) -> Finding:
    try:
        uv = layers.find_uv(root)
    except LocalCloudError as error:
        return Finding("uv", is_ok=False, detail="not found", mend=str(error))
    return Finding("uv", is_ok=True, detail=f"{_said([uv, '--version'])} at {uv}")


def _lock(root: Path) -> Finding:
    is_ok = _uv_agrees(root, ["lock", "--check", "--offline"])
    return Finding("lock", is_ok, "uv.lock matches pyproject.toml" if is_ok else "uv.lock is stale", "uv lock")


def _venv(root: Path) -> Finding:
    is_ok = _uv_agrees(root, ["sync", "--check", "--frozen", "--offline", "--inexact", "--no-install-project"])
    return Finding("venv", is_ok, ".venv has what uv.lock says" if is_ok else ".venv is incomplete", "make setup")


def _template(root: Path) -> Finding:
    try:
        functions = template.of_type(template.load(root / "template.yaml"), template.FUNCTION)
    except TemplateError as error:
        return Finding("template", is_ok=False, detail=str(error), mend="mend it, or take it back from git")
    return Finding("template", is_ok=True, detail=f"template.yaml, {len(functions)} functions")


def port(name: str, number: int) -> Finding:
    with socket.socket() as probe:
        is_free = probe.connect_ex((LOOPBACK, number)) != 0
    detail = f"{number} for {name} is {'free' if is_free else 'taken'}"
    return Finding("port", is_free, detail, "nothing to do: `darkroom up` takes another", is_optional=True)


def _credentials() -> Finding:
    try:
        session = boto3.Session()
        method = credentials.method if (credentials := session.get_credentials()) else None
    except Exception as error:  # noqa: BLE001 (a broken profile breaks in many ways, none of them ours)
        return Finding("aws", is_ok=False, detail=str(error), mend="mend ~/.aws/config", is_optional=True)
    detail = f"credentials from {method}, region {session.region_name or 'not set'}" if method else "no credentials"
    return Finding("aws", method is not None, detail, "needed only to deploy: aws configure", is_optional=True)


def _sam(root: Path) -> Finding:
    own = root / ".venv-sam" / "bin" / "sam"
    sam = str(own) if own.exists() else shutil.which("sam")
    detail = f"{sam}" if sam else "not installed"
    return Finding("sam", sam is not None, detail, "needed only to deploy: see the Makefile", is_optional=True)


def _uv_agrees(root: Path, arguments: list[str]) -> bool:
    try:
        command = [layers.find_uv(root), *arguments, "--quiet", "--project", str(root)]
    except LocalCloudError:
        return False
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _said(command: list[str]) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
