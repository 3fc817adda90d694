"""Where the project is."""

from pathlib import Path

from devstack.processes import LocalCloudError

LOCAL = Path(".local")


def find_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` (the working directory) with a template.yaml."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "template.yaml").is_file():
            return folder
    raise LocalCloudError(f"{here} is not inside the project: there is no template.yaml here or above.")
