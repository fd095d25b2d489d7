"""The public trace formats by name, and how to tell which one a file is in."""

from collections.abc import Callable, Mapping
from pathlib import Path

from aryl.model.errors import BadInput
from traces.helios import COLUMNS as HELIOS_COLUMNS
from traces.helios import read_helios
from traces.lingjun import JOB_COLUMNS as LINGJUN_COLUMNS
from traces.lingjun import read_lingjun
from traces.openb import COLUMNS as OPENB_COLUMNS
from traces.openb import read_openb
from traces.pai import HEADER as PAI_HEADER
from traces.pai import read_pai
from traces.philly import read_philly
from traces.public import Converted
from traces.raw import open_text

FORMATS: Mapping[str, Callable[[Path], Converted]] = {
    "philly": read_philly,
    "helios": read_helios,
    "pai": read_pai,
    "openb": read_openb,
    "lingjun": read_lingjun,
}
HEADERS = {"helios": HELIOS_COLUMNS, "lingjun": LINGJUN_COLUMNS, "openb": OPENB_COLUMNS}


def detect_format(path: Path) -> str:
    """Tell a trace's format by its first line; raises BadInput if it looks like none of them."""
    if path.is_dir():
        return "lingjun"
    with open_text(path) as stream:
        line = stream.readline()
    if line.lstrip().startswith("["):
        return "philly"
    cells = [cell.strip() for cell in line.split(",")]
    for name, columns in HEADERS.items():
        if set(columns) <= set(cells):
            return name
    if len(cells) == len(PAI_HEADER):
        return "pai"
    raise BadInput(
        str(path),
        "is in no format that we can tell",
        row=1,
        expected=f"--format, one of {', '.join(FORMATS)}",
    )
