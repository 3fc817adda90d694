"""What the README tells a newcomer to type, typed."""

import os
import re
import subprocess
from datetime import UTC, datetime, timedelta

from tests.stack.clouds import ROOT


def tomorrow():
    """A time in a text passes one day."""
    return (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


def test_the_commands_of_the_readme_work_as_they_stand(cloud, tenant):
    (block,) = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    script = block.replace(". .local/env", ": the variables are set").replace("2027-03-01", tomorrow())
    environment = {
        "PATH": os.environ["PATH"],
        "DARKROOM_URL": cloud.api_url,
        "DARKROOM_API_KEY": tenant.api.headers["authorization"].removeprefix("Bearer "),
        "DARKROOM_SIMULATOR_URL": cloud.simulator_url,
    }
    ran = subprocess.run(
        ["bash", "-euc", script], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    session, accounts, post, scheduled, posts = (line for line in ran.stdout.splitlines() if line)
    assert '"authorize_url"' in session
    assert tenant.account.id in accounts
    assert '"state":"queued"' in post
    assert '"state":"scheduled"' in scheduled
    assert scheduled[: scheduled.index('"state"')].split('"id":')[1] in posts
    tenant.follow(re.findall(r'"id":"(post_\w+)"', post)[0])
