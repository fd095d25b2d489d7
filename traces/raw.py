"""Reads table files (CSV, gzipped CSV, Parquet) as blocks of text cells, column by column."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from aryl.model.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types

BLOCK_ROWS = 8192  # rows held as text at once: large files must not fill the memory
PARQUET_SUFFIXES = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class Block:
    """A run of rows: the row numbers as a user counts them, and the cells of each column."""

    rows: Sequence[int]
    columns: Sequence[Sequence[str]]


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a text file, gzipped or not, and turn what can be wrong with it into BadInput."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as stream:
                yield stream
        else:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                yield stream
    except FileNotFoundError as error:
        raise BadInput(str(path), "no such file", expected="a trace") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(
            str(path), f"is damaged or cut short ({error})", expected="a whole gzip file"
        ) from error
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from error
    except OSError as error:
        raise BadInput(str(path), f"can't be read ({error.strerror or error})") from error


def read_blocks(path: Path) -> Iterator[Block]:
    """Yield the header as a block of one row, then the rows in blocks of `BLOCK_ROWS`.

    Blank lines are skipped, but counted. Raises BadInput for a missing, empty, damaged or ragged
    file.
    """
    if path.suffix in PARQUET_SUFFIXES:
        return _parquet_blocks(path)
    return csv_blocks(path)


def csv_blocks(path: Path, width: int | None = None) -> Iterator[Block]:
    """Yield the blocks of a CSV file whose rows have `width` cells (None: as many as the first)."""
    with open_text(path) as stream:
        lines = csv.reader(stream, strict=True)
        row = 0
        take = 1 if width is None else BLOCK_ROWS
        try:
            while cells := list(islice(lines, take)):
                numbers: Sequence[int] = range(row + 1, row + len(cells) + 1)
                row += len(cells)
                if [] in cells:
                    kept = [(n, line) for n, line in zip(numbers, cells, strict=True) if line]
                    numbers, cells = [n for n, _ in kept], [line for _, line in kept]
                if not cells:
                    continue
                width = width or len(cells[0])
                _check_width(path, Block(numbers, cells), width)
                take = BLOCK_ROWS
                yield Block(numbers, list(zip(*cells, strict=True)))
        except csv.Error as error:
            raise BadInput(str(path), f"is not CSV ({error})", row=lines.line_num) from error


def _check_width(path: Path, lines: Block, width: int) -> None:
    """Raise BadInput at the first line that has more or fewer cells than the header."""
    if set(map(len, lines.columns)) == {width}:
        return
    for row, cells in zip(lines.rows, lines.columns, strict=True):
        if len(cells) != width:
            raise BadInput(
                str(path), f"has {len(cells)} cells", row=row, expected=f"{width}, as in the header"
            )


def _not_utf8(path: Path, error: UnicodeDecodeError) -> BadInput:
    """Say which line is not UTF-8: the decoder reads ahead, so lines are tried one by one."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as stream:
        for row, line in enumerate(stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as found:
                wrong = found.object[found.start : found.end]
                return BadInput(str(path), "is not UTF-8 text", row=row, value=wrong)
    return BadInput(str(path), f"is not UTF-8 text ({error.reason})")


def _parquet_blocks(path: Path) -> Iterator[Block]:
    """Yield a Parquet file in the same form; rows count from 1, as there is no header line."""
    import pyarrow as pa  # noqa: PLC0415  # slow to import, and most traces are CSV
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            yield Block((0,), [(name,) for name in file.schema_arrow.names])
            row = 1
            for batch in file.iter_batches(batch_size=BLOCK_ROWS):
                if batch.num_rows:
                    columns = [_texts(column) for column in batch.columns]
                    yield Block(range(row, row + batch.num_rows), columns)
                row += batch.num_rows
    except FileNotFoundError as error:
        raise BadInput(str(path), "no such file", expected="a trace") from error
    except (pa.ArrowException, OSError) as error:
        raise BadInput(
            str(path), f"is damaged or not Parquet ({error})", expected="a Parquet file"
        ) from error


def _texts(column: "pa.Array[pa.Scalar[pa.DataType]]") -> list[str]:
    """Write the values of a Parquet column as a CSV file would hold them."""
    return [_text(value) for value in column.to_pylist()]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "|".join(map(str, value))
    return str(value)
