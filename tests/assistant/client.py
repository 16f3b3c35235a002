# Plays steps of an assistant with the official library, and tells what came of each.
import asyncio, json, sys
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def play(asked):
    told = []
    async with httpx2.AsyncClient(headers=asked["headers"], timeout=30) as http:
        transport = streamable_http_client(asked["url"], http_client=http)
        async with Client(transport, mode=asked["mode"]) as client:
            told.append({"protocol": client.protocol_version, "server": client.server_info.name})
            for step in asked["steps"]:
                try:
                    if step == "list":
                        found = await client.list_tools()
                    else:
                        found = await client.call_tool(step["name"], step["arguments"])
                    told.append(found.model_dump(mode="json", by_alias=True, exclude_none=True))
                except Exception as fault:
                    told.append({"fault": str(fault), "code": getattr(getattr(fault, "error", None), "code", None)})
    return told


try:
    print(json.dumps(asyncio.run(play(json.load(sys.stdin)))))
except BaseException as fault:
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    print(json.dumps([{"fault": f"{type(fault).__name__}: {fault}"}]))
