"""The sandbox: runs programs that nobody has read, and tells how they ended.

In   a program's files, limits, a mode: `auto` (bubblewrap where it works, else user namespaces made by ourselves), or
     `none`, which a recipe has to say in so many words
Out  an Outcome for each run; a Conversation with a program that is talked to; Unavailable where there is no way to a
     sandbox on this machine; Broken where the machinery failed, which says nothing about the program
Use  with Sandbox({"main.py": text}, Limits(wall=5)) as sandbox: sandbox.run(["python3", "main.py"], stdin=b"1 2")

Covered, in both walled modes, whoever starts it (root becomes nobody first):
- Every program has a sandbox of its own, every run a process of its own. After a run all its processes are killed, and
  what it wrote is gone; its files are laid out afresh from memory that it cannot reach. Where something cannot be
  cleared away (a file that the kernel still holds for nobody), the next run gets a new sandbox.
- It sees /usr and what the linker needs, the standard library of the Python that runs here, /dev/null and its like (not
  /dev/zero), its own processes, and one bounded folder. No home, no other file of the user's or of /etc, no /sys, no
  terminal, no variable of the environment, no site-packages.
- No network: an empty network namespace, and no sockets but Unix ones.
- No privileges: no capabilities, no_new_privs, nosuid, no namespaces or mounts of its own, and a filter of system
  calls that refuses tracing, keyrings, bpf, io_uring, shared memory but that of files, and others' priorities.
- How a run ended is what the kernel told pid 1, which no program may signal, trace, limit or read, on a socket that no
  program has. What a test expects never enters the sandbox.
- Limits on wall time, on CPU time and memory (pages, page tables, files) of all its processes together, on processes,
  file size, all files together, output, open files. An answer that does not come is not waited for.
- Killed from outside, at any time: the run is tried again in a new sandbox; with the process that started it, all dies.
  A program that ends itself so is tried again too, three times, and then believed for the rest of its tests.

Not covered:
- A hole in the kernel: this is no virtual machine. On architectures but x86-64 and aarch64 there is no call filter.
- What takes as long as the processor lets it: programs share its cores and caches, and can measure each other.
- Memory between two looks (20 ms apart), up to the kernel's own limit of 1 GiB above; what the kernel keeps for a run:
  buffers of pipes and sockets (bounded by open files times processes), records of maps (64 Ki a process), locks and
  watches, all of them gone with the run; CPU time of children whose parent ignores SIGCHLD.
- What the machine is: a program may read /proc/cpuinfo, the kernel's version, the time, and /usr.
- A program that tells tests apart by its input, or by the process id, which grows from run to run.
- `sandbox: none`: see plain.py.
"""

from datafactory.sandbox.box import Sandbox as Sandbox
from datafactory.sandbox.conversation import Conversation as Conversation
from datafactory.sandbox.outcome import Broken as Broken
from datafactory.sandbox.outcome import Limits as Limits
from datafactory.sandbox.outcome import Mode as Mode
from datafactory.sandbox.outcome import Outcome as Outcome
from datafactory.sandbox.outcome import Unavailable as Unavailable
from datafactory.sandbox.room import which as which
from datafactory.sandbox.walls import demand as demand
