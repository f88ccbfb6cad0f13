"""The Model Context Protocol, on its official SDK: tools of other servers, and a server for tools and models of ours.

`client.py` and `server.py` need the extra `agents`.
"""
