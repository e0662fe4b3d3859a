"""The Python package mcp as a client of the hub: lists, reads, calls and follows, and prints what it saw as one line of JSON.

  client.py '{"command": ..., "args": [...], "env": {...}} | {"url": ..., "bearer": ...}' auto|legacy|2026-07-28 PATIENT URI UPDATES
"""
import asyncio
import json
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client


async def main(place, mode, patient, uri, wanted):
    if "url" in place:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {place['bearer']}"}, timeout=60)
        async with http:
            return await visit(streamable_http_client(place["url"], http_client=http), mode, patient, uri, wanted)
    return await visit(StdioServerParameters(**place), mode, patient, uri, wanted)


async def visit(server, mode, patient, uri, wanted):
    told = asyncio.Queue()

    async def hear(message):
        if getattr(message, "method", None) == "notifications/resources/updated":
            await told.put(str(message.params.uri))

    async with Client(server, mode=mode, message_handler=hear) as client:
        seen = {
            "revision": client.protocol_version,
            "tools": [tool.name for tool in (await client.list_tools()).tools],
            "resources": [str(resource.uri) for resource in (await client.list_resources()).resources],
            "read": json.loads((await client.read_resource(uri)).contents[0].text),
            "called": (await client.call_tool("get_latest_vitals", {"patient": patient})).structured_content,
        }
        if client.protocol_version < "2026":
            await client.subscribe_resource(uri)
            seen["updates"] = [await told.get() for _ in range(wanted)]
        else:
            async with client.listen(resource_subscriptions=[uri]) as events:
                seen["updates"] = [str((await anext(events)).uri) for _ in range(wanted)]
        return seen


place, mode, patient, uri, wanted = sys.argv[1:]
print(json.dumps(asyncio.run(main(json.loads(place), mode, patient, uri, int(wanted)))))
