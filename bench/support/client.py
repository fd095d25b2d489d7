"""A light HTTP client with a timetable, in a process of its own.

    python -m bench.support.client submit --port 8080 --rate 330 --seconds 60 --token aryl_…
    python -m bench.support.client list   --port 8080 --path '/api/v1/jobs?limit=100' --token aryl_…

`submit` is an open loop: requests leave on a fixed timetable, whether or not earlier ones have been
answered, over as many connections as that takes. A request's time counts from when it was due, so
that a server that falls behind can't slow the clock. `list` walks pages one after the other, each
as soon as the one before is there. Both print one JSON object.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOST = "127.0.0.1"
CONNECTIONS = 128  # a request that finds all of them taken waits, and its clock runs
SIZES = (1, 1, 1, 2, 2, 4, 8, 8)  # GPUs
LENGTH_S = (300.0, 3_000.0)  # cluster time


@dataclass(slots=True)
class Connection:
    """One keep-alive connection."""

    port: int
    token: str
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body of an answer."""
        if self.reader is None or self.writer is None or self.reader.at_eof():
            self.reader, self.writer = await asyncio.open_connection(HOST, self.port)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        lines = answer.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        return int(lines[0].split()[1]), await self.reader.readexactly(length)

    def close(self) -> None:
        """Hang up."""
        if self.writer is not None:
            self.writer.close()


@dataclass(slots=True)
class Load:
    """What has been submitted: seconds until each answer, its status, and the jobs' names."""

    args: argparse.Namespace
    latency_s: list[float] = field(default_factory=list)
    job_ids: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)

    async def run(self) -> Mapping[str, Any]:
        """Submit on the timetable; wait for every answer."""
        due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        users = [asyncio.create_task(self._submit(due)) for _ in range(CONNECTIONS)]
        since = time.perf_counter()
        rng = random.Random(7)
        for number in range(round(self.args.rate * self.args.seconds)):
            due_s = since + number / self.args.rate
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            due.put_nowait((due_s, _body(number, rng)))
        for _ in users:
            due.put_nowait(None)
        await asyncio.gather(*users)
        taken_s = time.perf_counter() - since
        return {
            "latency_s": self.latency_s,
            "job_ids": self.job_ids,
            "refused": self.refused,
            "acknowledged_per_s": len(self.job_ids) / taken_s,
            "client_cpu_share": time.process_time() / taken_s,
        }

    async def _submit(self, due: asyncio.Queue[tuple[float, bytes] | None]) -> None:
        """Take one due request after the other."""
        connection = Connection(self.args.port, self.args.token)
        while (asked := await due.get()) is not None:
            due_s, body = asked
            status, answer = await connection.ask("POST", "/api/v1/jobs", body)
            self.latency_s.append(time.perf_counter() - due_s)
            if status == 201:
                self.job_ids.append(json.loads(answer)["id"])
            else:
                said = f"{status} {answer[:200].decode()}"
                self.refused[said] = self.refused.get(said, 0) + 1
        connection.close()


async def list_pages(args: argparse.Namespace) -> Mapping[str, Any]:
    """Walk all pages; seconds of each, and how many different items they hold."""
    connection = Connection(args.port, args.token)
    latency_s, names, cursor = [], [], ""
    while True:
        since = time.perf_counter()
        status, body = await connection.ask("GET", args.path + cursor)
        latency_s.append(time.perf_counter() - since)
        assert status == 200, body
        page = json.loads(body)
        names += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    connection.close()
    return {"latency_s": latency_s, "items": len(names), "different": len(set(names))}


def _body(number: int, rng: random.Random) -> bytes:
    gpus = rng.choice(SIZES)
    job: dict[str, Any] = {
        "name": f"load-{number}",
        "num_gpus": gpus,
        "duration_s": round(rng.uniform(*LENGTH_S), 1),
        "user": f"user-{number % 50}",
        "queue": f"queue-{number % 5}",
        "fungible": rng.random() < 0.3,
    }
    if gpus > 1 and rng.random() < 0.3:
        job |= {"gpus_per_worker": 1, "min_workers": gpus // 2, "max_workers": gpus * 2}
    return json.dumps(job).encode()


def main() -> None:
    """Do what the words say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("submit", "list"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--rate", type=float, default=330.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--path", default="/api/v1/jobs?limit=100")
    args = parser.parse_args()
    work = Load(args).run() if args.what == "submit" else list_pages(args)
    json.dump(asyncio.run(work), sys.stdout)


if __name__ == "__main__":
    main()
