"""Python code of others, run in a process that can do little: for Linux, without privileges, containers or services.

```
run.py (starts and watches the process) -> child.py (in it) -> landlock.py, seccomp.py, limits.py -> the code
```

Each fence holds what the others do not: Landlock keeps the process from files, the seccomp filter from sockets, other
processes and the metadata of files, and resource limits from memory and processor time. The output, the wall clock and
the folder that may be written are watched from outside.
"""
