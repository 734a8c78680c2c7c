"""Answers as many node_exporters on loopback: the newest answer of one real node_exporter, which is asked once
a second, on each of the addresses 127.2.0.2, 127.2.0.3 and so on.

    answers.py NODE_EXPORTER HOSTS PORT CONTROL_PORT

The control port tells how many answers there were, and how many samples the newest one has.
"""

import asyncio
import gzip
import json
import sys
import urllib.request

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n{}Content-Length: {}\r\n\r\n"

plain = packed = b""
answers = samples = 0


def address(number):
    """Of the host with this number, from 1 on."""
    return f"127.2.{number // 250}.{number % 250 + 1}"


def take(url):
    """Makes a new answer of node_exporter's the one that is given."""
    global plain, packed, samples
    with urllib.request.urlopen(url, timeout=5) as answer:
        body = answer.read()
    zipped = gzip.compress(body, 6)
    samples = sum(1 for line in body.splitlines() if line and not line.startswith(b"#"))
    plain = HEAD.format("", len(body)).encode() + body
    packed = HEAD.format("Content-Encoding: gzip\r\n", len(zipped)).encode() + zipped


async def host(reader, writer):
    """One connection of whoever scrapes."""
    global answers
    try:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(packed if b"gzip" in request.lower() else plain)
            await writer.drain()
            answers += 1
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def control(reader, writer):
    """One question about the counts."""
    try:
        await reader.readuntil(b"\r\n\r\n")
        said = json.dumps({"polls": answers, "values": samples, "bytes": len(plain)}).encode()
        writer.write(HEAD.format("Connection: close\r\n", len(said)).encode() + said)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    url, hosts, port, control_port = sys.argv[1], *map(int, sys.argv[2:])
    take(url)
    await asyncio.start_server(host, [address(number) for number in range(1, hosts + 1)], port, backlog=64)
    await asyncio.start_server(control, "127.0.0.1", control_port)
    while True:
        await asyncio.sleep(1)
        await asyncio.to_thread(take, url)


if __name__ == "__main__":
    asyncio.run(main())
