"""Attacks on the sandbox: what each does, and how its run has to end. Standard library alone, any user can run it:

python -m tests.sandbox.attacks bubblewrap namespaces

An attack prints ESCAPED where it did what it must not. After each, in the same sandbox, an honest program has to find
its work folder as it was given and print the right answer; on the host nothing may have changed, and no process or file
be left. `check` raises AssertionError otherwise.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from datafactory.sandbox import Limits, Outcome, Sandbox

LIMITS = Limits(wall=60, cpu=60, memory=160 << 20, processes=24, file_size=32 << 20, output=100_000, open_files=40)
SECRET = "the-expected-output-8c1f"  # never sent: what a program would have to print to win
MARK = "datafactory-attack-marker"

HONEST = """
import json, os, sys, tempfile
a, b = map(int, sys.stdin.readline().split())
assert sys.stdin.read() == "" and sys.argv == ["honest.py", "x"], sys.argv
assert sorted(os.listdir(".")) == ["attack.py", "honest.py"], os.listdir(".")
assert open("attack.py").read().startswith("# the attack"), "the files are not as they were given"
assert os.listdir("/tmp") == os.listdir("/dev/shm") == [], "left behind"
assert sorted(os.listdir("/box")) == ["shm", "tmp", "work"], os.listdir("/box")
assert [name for name in os.listdir("/proc") if name.isdigit()] == ["1", str(os.getpid())], "someone else is here"
assert sorted(map(int, os.listdir("/proc/self/fd")))[:3] == [0, 1, 2] and len(os.listdir("/proc/self/fd")) == 4
room = os.statvfs("/box")
pages = sum(-(-os.path.getsize(name) // room.f_frsize) for name in os.listdir("."))
assert room.f_blocks - room.f_bfree == pages, "something is written that is in no folder"
tempfile.NamedTemporaryFile().write(b"x")
print(json.dumps(a + b))
"""

TOOLS = '''# the attack
import ctypes, errno, mmap, os, resource, signal, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
MARK, HOST_FILE, HOST_PORT, HOST_NAME = {mark!r}, {file!r}, {port!r}, {name!r}
def call(number, *words):
    """A system call by its number on x86-64; elsewhere it is not tried."""
    if os.uname().machine != "x86_64":
        return -1
    return libc.syscall(number, *words)
def escaped(what):
    print("ESCAPED", what, flush=True)
def refused(attempt, what):
    try:
        done = attempt()
    except (OSError, ValueError, ImportError):
        return
    if not (isinstance(done, int) and done < 0):
        escaped(what)
def forever():
    while True:
        pass
'''


# Sockets that are on their way in each other, and with them files that are in no folder any more: freed when the kernel
# next looks for circles. The end of the last process that has another Unix socket would make it look.
ADRIFT = """
for name in os.listdir('/box'):
    if name in ('one', 'two', 'three'): os.unlink('/box/' + name)
if os.fork(): os.wait(); os._exit(0)
pair = socket.socketpair()
files = struct.pack(f'{len(held) + 2}i', pair[0].fileno(), pair[1].fileno(), *held)
for end in pair: end.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
os._exit(0)
"""


class Attack(NamedTuple):
    text: str
    ends: str = "exited 0"  # status, and the exit code or signal; | between what may be
    argv: tuple[str, ...] = ("python3", "attack.py")

    def limits(self) -> Limits:
        """Short where a limit is what the attack runs into."""
        wall, cpu = (0.7 if "wall" in self.ends else 60.0), (0.4 if self.ends == "cpu" else 60.0)
        return replace(LIMITS, wall=wall, cpu=cpu)


ATTACKS = {
    # more than its share
    "fork bomb": Attack("while True:\n    try: os.fork()\n    except OSError: pass", "wall|cpu|processes"),
    "fork bomb that sleeps": Attack(
        "while True:\n    try:\n        if not os.fork(): time.sleep(60)\n    except OSError: time.sleep(60)", "wall"
    ),
    "thread bomb": Attack(
        "while True:\n    try: threading.Thread(target=time.sleep, args=(60,)).start()\n    except RuntimeError: os._exit(7)",
        "exited 7",
    ),
    "zombie flood": Attack(
        "for _ in range(500):\n    try:\n        if not os.fork(): os._exit(0)\n    except OSError: sys.exit(7)", "exited 7"
    ),
    "memory bomb": Attack("held = []\nwhile True: held.append(bytearray(b'x') * (1 << 20))", "memory"),
    "memory at once": Attack("bytearray(64 << 30)", "exited 1"),
    "memory by children": Attack(
        "for _ in range(8):\n    if not os.fork():\n        held = bytearray(b'x') * (40 << 20); time.sleep(60)\ntime.sleep(60)",
        "memory",
    ),
    "mmap bomb": Attack(
        "held = []\nwhile True:\n    held.append(mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE)); held[-1].write(b'x' * (8 << 20)); time.sleep(0.005)",
        "memory",
    ),
    "memory in /dev/shm": Attack(
        "for n in range(100):\n    with open(f'/dev/shm/{n}', 'wb') as file: file.write(b'x' * (8 << 20))", "memory|exited 1"
    ),
    "shared memory that nobody is charged for": Attack(
        "held = []\ndef take(file, flags):\n    for _ in range(20):\n"
        "        held.append(mmap.mmap(file, 30 << 20, flags=flags)); held[-1].write(bytes(30 << 20)); held[-1].madvise(4)\n"
        "refused(lambda: take(-1, mmap.MAP_SHARED) or escaped('shared'), 'shared')\n"
        "refused(lambda: take(os.open('/dev/zero', os.O_RDWR), mmap.MAP_SHARED) or escaped('/dev/zero'), '/dev/zero')"
    ),
    "page tables": Attack(
        "libc.mmap.restype = ctypes.c_void_p\nsize, at = 400 << 30, ctypes.c_char.from_address\n"
        "held = libc.mmap(None, ctypes.c_size_t(size), mmap.PROT_READ, 0x4022, -1, 0)\n"  # private, no file, no reserve
        "for offset in range(0, size, 2 << 20): at(held + offset).value",
        "memory",
    ),
    "small pages that hold huge ones": Attack(
        "libc.prctl(41, 0, 0, 0, 0) == 0 and escaped('huge pages'); size = 2 << 20\n"
        "held = mmap.mmap(-1, 32 << 20, flags=mmap.MAP_PRIVATE)\n"
        "try: held.madvise(mmap.MADV_HUGEPAGE)\nexcept OSError: pass\n"
        "for offset in range(0, 32 << 20, 4096): held[offset] = 1\n"
        "for line in open('/proc/self/smaps_rollup'):\n    line.startswith('AnonHuge') and int(line.split()[1]) and escaped(line)"
    ),
    "huge pages of the machine": Attack(
        "try: escaped(mmap.mmap(-1, 2 << 20, flags=mmap.MAP_PRIVATE | 0x40000))\n"
        "except OSError as error: error.errno == errno.EPERM or escaped(error)"
    ),
    "memfd": Attack("refused(lambda: os.memfd_create('x'), 'memfd')"),
    "cpu": Attack("forever()", "cpu"),
    "cpu by children": Attack(
        "for _ in range(4):\n    if not os.fork(): forever()\ntime.sleep(60)", "cpu"
    ),
    "sleep": Attack("time.sleep(600)", "wall"),
    "ignoring every signal": Attack(
        "for n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\ntime.sleep(600)",
        "wall",
    ),
    "stopping itself": Attack("os.kill(os.getpid(), signal.SIGSTOP)", "wall"),
    "raising its own limits": Attack(
        "for kind in (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):\n"
        "    refused(lambda: resource.setrlimit(kind, (resource.RLIM_INFINITY,) * 2), 'limit')"
    ),
    "output flood": Attack("while True: os.write(1, b'x' * 65536)", "output"),
    "flood of stderr": Attack("while True: os.write(2, b'x' * 65536)", "output"),
    "flood by a child that stays": Attack(
        "if not os.fork():\n    os.setsid()\n    while True: os.write(1, b'x' * 65536)\ntime.sleep(0.3)", "output"
    ),
    "filling the disk": Attack(
        "for n in range(1000):\n    with open(f'big{n}', 'wb') as file: file.write(b'x' * (16 << 20))", "memory|exited 1"
    ),
    "a file larger than allowed": Attack("open('big', 'wb').truncate(33 << 20)", "exited 1"),
    "a sparse file": Attack("open('big', 'wb').truncate(1 << 40)", "exited 1"),
    "many files": Attack("for n in range(20000): open(f'/tmp/{n}', 'w').close()", ),
    "open files": Attack(
        "held = []\ntry:\n    while True: held.append(open('/dev/null'))\nexcept OSError: sys.exit(7)", "exited 7"
    ),
    "stack overflow": Attack("def f(): return f()\nsys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr(self)\nrepr(A())", "killed 11|exited 1|cpu|memory"),
    "huge arguments": Attack("os.execv('/bin/true', ['x' * 100_000] * 1000)", "exited 1"),
    # staying
    "daemon": Attack(
        "if not os.fork():\n    os.setsid()\n    if not os.fork():\n"
        "        for n in range(3): os.close(n)\n        time.sleep(0.2); open('/tmp/' + MARK, 'w'); time.sleep(600)"
    ),
    "children that outlive it": Attack("subprocess.Popen(['sleep', '600'])\nsubprocess.Popen(['setsid', 'sleep', '600'])"),
    "closing its streams": Attack("for n in range(3): os.close(n)\ntime.sleep(600)", "wall"),
    "modules and builtins for the next": Attack(
        "import builtins, json\njson.dumps = lambda *a: '42'\nbuiltins.print = lambda *a: None\nsys.modules['json'].dumps = 1\n"
        "sys.stdin = sys.stdout = None"
    ),
    "modules in the way": Attack(
        "for name in ('json', 'tempfile', 'os', 'site', 'sitecustomize'): open(f'{name}.py', 'w').write('print(42)')"
    ),
    "other text in the files": Attack(
        "for name in ('honest.py', 'attack.py'):\n    open(name, 'w').write('print(42)'); os.chmod(name, 0)"
    ),
    "shared memory for the next": Attack(
        "refused(lambda: call(29, 77, 4096, 0o1666), 'shmget')\nrefused(lambda: call(68, 77, 0o1666), 'msgget')\n"
        "refused(lambda: call(64, 77, 1, 0o1666), 'semget')\nrefused(lambda: call(240, b'x', 0o102, 0o600, None), 'mq_open')\n"
        "open('/dev/shm/x', 'w').write('x')"
    ),
    "a file that nobody has open": Attack("held = [os.open('/box/one', os.O_CREAT | os.O_RDWR)]\nos.write(held[0], bytes(8 << 20))\n" + ADRIFT),
    "a full disk that nobody has open": Attack(
        "import shutil\nshutil.rmtree('/box/work'); os.chdir('/box/tmp')\nfor n in range(1900): open(f'{n}', 'w').close()\n"
        "held = []\nfor name in ('one', 'two', 'three'):\n    held.append(os.open('/box/' + name, os.O_CREAT | os.O_RDWR))\n"
        "    for size in (1 << 20, 4096):\n        try:\n            while os.write(held[-1], b'x' * size): pass\n"
        "        except OSError: pass\n" + ADRIFT
    ),
    "keyring": Attack(
        "refused(lambda: call(248, b'user', b'x', b'y', 1, -2), 'add_key')\nrefused(lambda: call(250, 0, -2, 1), 'keyctl')"
    ),
    "attributes of a folder": Attack("refused(lambda: os.setxattr('/box', 'user.x', b'y'), 'xattr')"),
    # what lies about
    "environment": Attack("print(dict(os.environ), open('/proc/self/environ').read())"),
    "environment of pid 1": Attack("refused(lambda: escaped(open('/proc/1/environ').read()), 'environ')"),
    "the user's files": Attack(
        "refused(lambda: escaped(open(HOST_FILE).read()), HOST_FILE)\n"
        "for path in ('/etc/passwd', '/etc/shadow', '/home', '/root/.ssh', '/root/.bashrc', '/var/log', '/srv', '/mnt', '/opt',"
        " '/run', '/sys', '/boot', '/dev/tty', '/dev/kmsg', '/dev/mem', '/dev/sda', '/dev/vda', '/old', '/oldroot', '/newroot',"
        " os.path.dirname(HOST_FILE)):\n    if os.path.exists(path): escaped(path)"
    ),
    "files by another root": Attack(
        "for root in ('/proc/1/root', '/proc/1/cwd', '/proc/self/root/..', '/proc/1/task/1/root', '/..'):\n"
        "    refused(lambda: escaped(open(root + HOST_FILE).read()), root)"
    ),
    "packages of the host": Attack("refused(lambda: __import__('pytest'), 'pytest')\nrefused(lambda: __import__('datafactory'), 'datafactory')"),
    "the host's processes": Attack(
        "others = [name for name in os.listdir('/proc') if name.isdigit() and int(name) not in (1, os.getpid())]\n"
        "others and escaped(others)"
    ),
    # writing outside
    "writing outside": Attack(
        "for path in ('/', '/usr', '/usr/bin', '/usr/local/lib', '/etc', '/dev', '/proc', '/var', '/root', '/home', '/bin', '/lib',"
        " sys.prefix, os.path.dirname(os.__file__), os.path.dirname(HOST_FILE), '/proc/1', '/proc/sys/kernel'):\n"
        "    refused(lambda: open(path + '/' + MARK, 'w'), path)\n    refused(lambda: os.mkdir(path + '/' + MARK), path)\n"
        "refused(lambda: open(sys.executable, 'r+b'), 'python')\nrefused(lambda: open(os.__file__, 'a'), 'os.py')\n"
        "refused(lambda: os.remove(os.__file__), 'os.py')\nrefused(lambda: os.chmod('/usr', 0o777), 'chmod')\n"
        "for path in ('/', '/usr', '/etc/ld.so.cache', os.__file__, sys.executable):\n"
        "    os.statvfs(path).f_flag & os.ST_RDONLY or escaped(path)"
    ),
    "settings of the kernel": Attack(
        "for name in ('kernel/core_pattern', 'kernel/hostname', 'vm/overcommit_memory', 'kernel/ns_last_pid', 'user/max_user_namespaces'"
        ", 'net/ipv4/ip_forward', 'kernel/shmmax'):\n    refused(lambda: os.write(os.open('/proc/sys/' + name, os.O_WRONLY), b'1'), name)\n"
        "refused(lambda: open('/proc/sysrq-trigger', 'w').write('h'), 'sysrq')"
    ),
    "links out": Attack(
        "import shutil\nfor name in ('tmp', 'shm'):\n    shutil.rmtree('/box/' + name); os.symlink('/usr', '/box/' + name)\n"
        "os.symlink('/', 'root'); os.symlink(os.path.dirname(HOST_FILE), 'host'); os.symlink('/proc/1/root', 'one')\n"
        "refused(lambda: os.link('/usr/bin/env', 'env'), 'hard link')"
    ),
    "its folder is a link": Attack(
        "os.chdir('/box'); os.rename('work', 'old'); os.symlink('/usr/lib', 'work'); os.chmod('/box/old', 0)"
    ),
    "folders nobody may enter": Attack(
        "os.makedirs('a/b/c'); open('a/b/c/d', 'w'); os.chmod('a/b', 0); os.chmod('a', 0); os.chmod('.', 0)\n"
        "try: os.chmod('/box', 0)\nexcept OSError: pass"
    ),
    "folders too deep for a path": Attack(
        "for n in range(1500): os.mkdir('deeper'); os.chdir('deeper')\nopen('x', 'w')"
    ),
    "no work folder any more": Attack("import shutil\nshutil.rmtree('/box/work')"),
    "pipes and sockets as files": Attack(
        "os.mkfifo('pipe'); os.mkfifo('/tmp/pipe'); s = socket.socket(socket.AF_UNIX); s.bind('sock'); s.listen()\n"
        "refused(lambda: os.mknod('disk', 0o60666, os.makedev(254, 0)), 'mknod')"
    ),
    "names of odd bytes": Attack("open(b'\\xff\\xfe\\n', 'w'); os.mkdir(b'-rf \\xff'); open('..\\n', 'w'); os.mkdir('/box/\\x01')"),
    # the network
    "loopback": Attack("refused(lambda: socket.create_connection(('127.0.0.1', HOST_PORT), 1), 'tcp')"),
    "sockets": Attack(
        "for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK, socket.AF_ALG, 31):\n"
        "    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):\n"
        "        refused(lambda: socket.socket(family, kind), family)"
    ),
    "a name server": Attack("refused(lambda: socket.getaddrinfo('example.com', 80), 'dns')"),
    "the host's abstract sockets": Attack(
        "s = socket.socket(socket.AF_UNIX)\nrefused(lambda: s.connect('\\0' + HOST_NAME), 'abstract')"
    ),
    # the supervisor
    "killing pid 1": Attack(
        "for n in range(1, 65):\n    try: os.kill(1, n)\n    except OSError: pass\n"
        "for n in range(50): os.kill(os.getppid(), signal.SIGINT)\ntime.sleep(0.1)"
    ),
    "killing everyone": Attack(
        "for number in (signal.SIGTERM, signal.SIGKILL):\n    try: os.kill(-1, number)\n    except ProcessLookupError: pass"
    ),
    "signals by a file's owner": Attack(
        "import fcntl\nr, w = os.pipe()\n"
        "try:\n    fcntl.fcntl(r, fcntl.F_SETOWN, 1); fcntl.fcntl(r, 10, 9); fcntl.fcntl(r, fcntl.F_SETFL, os.O_ASYNC)\n"
        "    os.write(w, b'x')\nexcept OSError: pass\ntime.sleep(0.1)"
    ),
    "limits of pid 1": Attack(
        "for kind in range(16): refused(lambda: resource.prlimit(1, kind, (0, 0)), kind)"
    ),
    "priorities": Attack(
        "refused(lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), 'nice'); refused(lambda: os.setpriority(os.PRIO_USER, 0, 19), 'nice')\n"
        "refused(lambda: os.sched_setaffinity(1, [0]), 'affinity')\n"
        "refused(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(9)), 'real time')\n"
        "refused(lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)), 'idle')"
    ),
    "tracing pid 1": Attack(
        "for request in (16, 0x4206): refused(lambda: libc.ptrace(request, 1, 0, 0), 'ptrace')\n"
        "text = ctypes.create_string_buffer(8)\nvector = (ctypes.c_uint64 * 2)(ctypes.addressof(text), 8)\n"
        "for number in (310, 311): refused(lambda: call(number, 1, vector, 1, vector, 1, 0), 'process_vm')\n"
        "refused(lambda: call(438, call(434, 1, 0), 0, 0), 'pidfd_getfd')"
    ),
    "memory and files of pid 1": Attack(
        "for name in ('mem', 'maps', 'fd', 'fdinfo/0', 'environ', 'exe', 'auxv', 'syscall', 'stack', 'map_files', 'task/1/mem', 'ns/pid'):\n"
        "    path = '/proc/1/' + name\n    refused(lambda: os.listdir(path) if name in ('fd', 'map_files') else os.open(path, 0), name)\n"
        "refused(lambda: open('/proc/1/oom_score_adj', 'w').write('1000'), 'oom')\n"
        "for n in range(64): refused(lambda: os.open(f'/proc/1/fd/{n}', 1), n)"
    ),
    "forging the answer on every file": Attack(
        "answer = struct.pack('>BiiddqIII?', 0, 0, 0, 0.1, 0.1, 1, 2, 0, 0, False) + b'42'\n"
        "for n in range(3, 1024):\n    refused(lambda: os.write(n, answer), n)\nsys.exit(3)",
        "exited 3",
    ),
    "forging the answer through frames": Attack(
        "import gc\nfor thing in gc.get_objects():\n    if 'socket' in type(thing).__name__:\n"
        "        refused(lambda: thing.send(b'x' * 100), 'socket')\n"
        "frame = sys._getframe()\nwhile frame:\n    for name, value in list(frame.f_locals.items()):\n"
        "        if hasattr(value, 'send') and hasattr(value, 'fileno'): refused(lambda: value.send(b'x'), name)\n    frame = frame.f_back\n"
        "sys.exit(3)",
        "exited 3",
    ),
    "looking for the expected output": Attack(
        "import gc, re\nfound = set()\nhead = '" + SECRET[:12] + "'; rest = '-8' + 'c1f'\n"
        "for line in open('/proc/self/maps'):\n    low, high = (int(n, 16) for n in line.split()[0].split('-'))\n"
        "    if ' r' in line and 'vvar' not in line and 'vsyscall' not in line:\n        try:\n            memory = open('/proc/self/mem', 'rb'); memory.seek(low)\n"
        "            found |= set(re.findall((head[:9] + '.{1,20}' + rest).encode(), memory.read(high - low)))\n        except (OSError, OverflowError): pass\n"
        "print(found)"
    ),
    "leaving before the tests": Attack("os._exit(0)"),
    "leaving well after an error": Attack("import atexit\natexit.register(os._exit, 0)\n1 / 0"),
    "forging through atexit": Attack("import atexit\natexit.register(lambda: os.write(3, b'x'))"),
    "reading its input twice": Attack("sys.stdin.read()\nrefused(lambda: os.lseek(0, 0, 0), 'seek')\nsys.stdin.read() and escaped('again')"),
    # more rights
    "becoming root": Attack(
        "for change in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.setresuid(0, 0, 0)): refused(change, 'id')\n"
        "status = open('/proc/self/status').read()\nfor line in ('CapEff:\\t0000000000000000', 'CapPrm:\\t0000000000000000', 'CapBnd:\\t0000000000000000',"
        " 'NoNewPrivs:\\t1'):\n    line in status or escaped(line)\nos.getuid() == 0 and escaped('uid 0')"
    ),
    "setuid programs": Attack(
        "for name in ('su', 'mount', 'passwd', 'sudo', 'newuidmap', 'chfn', 'gpasswd'):\n    path = '/usr/bin/' + name\n"
        "    if os.path.exists(path):\n        done = subprocess.run([path, '-c', 'id'], stdin=0, capture_output=True)\n"
        "        b'uid=0' in done.stdout and escaped(name)\n"
        "os.statvfs('/usr').f_flag & os.ST_NOSUID or escaped('suid')\nos.statvfs('/box').f_flag & os.ST_NOSUID or escaped('suid')"
    ),
    "namespaces inside": Attack(
        "for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000, 0x4000000, 0x2000000): refused(lambda: libc.unshare(flag), flag)\n"
        "refused(lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0), 'clone')\nrefused(lambda: call(435, bytes(88), 88), 'clone3')\n"
        "refused(lambda: libc.setns(os.open('/proc/self/ns/pid', 0), 0), 'setns')"
    ),
    "mounts": Attack(
        "refused(lambda: libc.mount(b'none', b'/box/tmp', b'tmpfs', 0, None), 'mount')\nrefused(lambda: libc.umount2(b'/proc', 2), 'umount')\n"
        "refused(lambda: libc.mount(None, b'/usr', None, 32 | 4096, None), 'remount')\nrefused(lambda: os.chroot('/box'), 'chroot')\n"
        "refused(lambda: call(155, b'/box', b'/box'), 'pivot_root')\nrefused(lambda: call(428, -100, b'/', 0), 'open_tree')\n"
        "refused(lambda: call(430, b'proc', 0), 'fsopen')"
    ),
    "doors into the kernel": Attack(
        "for number in (321, 298, 323, 425, 175, 313, 246, 169, 103, 304): refused(lambda: call(number, 0, 0, 0, 0, 0), number)\n"
        "refused(lambda: call(135, 0x0040000), 'personality')\nrefused(lambda: libc.sethostname(b'x', 1), 'hostname')\n"
        "refused(lambda: time.clock_settime(time.CLOCK_REALTIME, 0), 'clock')"
    ),
    "calls by other numbers": Attack(
        "if os.uname().machine != 'x86_64': os.kill(os.getpid(), signal.SIGSYS)\n"
        "code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE, prot=7)\ncode.write(bytes.fromhex('b814000000cd80c3'))\n"  # mov eax, 20; int 0x80; ret
        "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()\nescaped('int 0x80')",
        "killed 31",
    ),
    "calls of another architecture": Attack(
        "if os.uname().machine != 'x86_64': os.kill(os.getpid(), signal.SIGSYS)\ncall(0x40000000 + 39)\nescaped('x32')", "killed 31"
    ),
    "a library before all others": Attack(
        "os.environ['LD_PRELOAD'] = '/box/work/x.so'; open('x.so', 'w').write('x')\n"
        "os.environ['PYTHONSTARTUP'] = '/box/work/attack.py'\nsubprocess.run(['true'], stderr=2)"
    ),
    "core dump": Attack("os.abort()", "killed 6"),
    "the terminal": Attack(
        "import fcntl\nfor n in range(3): refused(lambda: fcntl.ioctl(n, 0x5412, b'x'), 'TIOCSTI')\nrefused(lambda: os.open('/dev/tty', 2), 'tty')\n"
        "refused(lambda: os.open('/dev/ptmx', 2), 'ptmx')"
    ),
    "spared by the machine": Attack("refused(lambda: os.write(os.open('/proc/self/oom_score_adj', 1), b'-1000'), 'oom')"),
    # other programs
    "a shell": Attack(
        "", "exited 7", ("/bin/sh", "-c", f"echo {MARK} > /usr/{MARK}; echo x > /tmp/{MARK}; cat /proc/1/environ; (sleep 600 &) ; exit 7")
    ),
    "an interpreter with options": Attack("", "exited 3", ("python3", "-I", "-c", "import os, sys; os.mkdir('x'); sys.exit(3)")),
    "a program that is not there": Attack("", "exited 127", ("nothing-of-that-name",)),
    "a file that is no program": Attack("", "exited 126", ("./attack.py",)),
    "a program in a folder of its own making": Attack("", "exited 2", ("python3", "missing.py")),
    "killing itself": Attack("os.kill(os.getpid(), signal.SIGKILL)", "killed 9"),
}  # fmt: skip


class Host(NamedTuple):
    """What the attacks must not reach: a file, a listener, a process."""

    file: Path
    port: int
    name: str
    victim: subprocess.Popen[bytes]
    calls: list[object]

    def unharmed(self) -> None:
        assert self.file.read_text() == SECRET and self.file.stat().st_mode & 0o777 == 0o644
        assert sorted(path.name for path in self.file.parent.iterdir()) == [self.file.name]
        assert self.victim.poll() is None, "a process of the host was ended"
        assert not self.calls, "someone connected"
        for folder in (
            "/",
            "/tmp",
            "/dev/shm",
            "/usr",
            "/etc",
            "/var/tmp",
            str(Path.home()),
            sys.prefix,
            sys.base_prefix,
        ):
            assert not (Path(folder) / MARK).exists(), f"written to {folder}"


@contextmanager
def host() -> Iterator[Host]:
    calls: list[object] = []

    def listen(server: socket.socket) -> None:
        try:
            calls.append(server.accept())
        except OSError:
            pass

    name = f"{MARK}-{os.getpid()}"
    os.environ["DATAFACTORY_SECRET"] = SECRET
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        unix.bind("\0" + name)
        unix.listen()
        for server in (tcp, unix):
            threading.Thread(target=listen, args=(server,), daemon=True).start()
        file = Path(folder) / "the-users-own"
        file.write_text(SECRET)
        file.chmod(0o644)
        Path(folder).chmod(0o777)
        victim = subprocess.Popen(["sleep", "600"])
        try:
            yield Host(file, tcp.getsockname()[1], name, victim, calls)
        finally:
            victim.kill()
            victim.wait()
            for server in (tcp, unix):
                server.shutdown(socket.SHUT_RDWR)


def check(name: str, mode: str, at: Host) -> Outcome:
    attack = ATTACKS[name]
    tools = TOOLS.format(mark=MARK, file=str(at.file), port=at.port, name=at.name)
    files = {"attack.py": (tools + attack.text).encode(), "honest.py": HONEST.encode()}
    with Sandbox(files, LIMITS, mode) as sandbox:  # type: ignore[arg-type]
        began = time.monotonic()
        outcome = sandbox.run(attack.argv, stdin=b"5 6\n", limits=attack.limits())
        assert time.monotonic() - began < 30, "it held the host up"
        said = outcome.stdout + outcome.stderr
        assert b"ESCAPED" not in outcome.stdout, said[-1000:]
        assert SECRET.encode() not in said, said[-1000:]
        ended = outcome.status
        if ended == "exited":
            ended += f" {outcome.exit_code}"
        elif ended == "killed":
            ended += f" {outcome.signal}"
        assert ended in attack.ends.split("|"), f"{ended}: {said[-1000:]!r}"
        assert max(len(outcome.stdout), len(outcome.stderr)) <= LIMITS.output
        namespaces = _pid_namespace(sandbox)
        honest = sandbox.run(["python3", "honest.py", "x"], stdin=b"17 25\n", limits=Limits(wall=60, cpu=60))
        assert (honest.status, honest.exit_code, honest.stdout) == ("exited", 0, b"42\n"), honest
        namespaces |= _pid_namespace(sandbox)
    at.unharmed()
    # the kernel ends a namespace's processes in its own time, and gives its number to another thread's next one
    until = time.monotonic() + 20
    while (left := [pid for pid in _processes() if _namespace_of(pid) in namespaces]) and time.monotonic() < until:
        time.sleep(0.1)
    assert not left, left
    return outcome


def _pid_namespace(sandbox: Sandbox) -> set[str]:
    """The namespace of the sandbox's pid 1, which none of the host's processes may be in afterwards."""
    started = sandbox._started
    if started is None:
        return set()
    children = Path(f"/proc/{started.process.pid}/task/{started.process.pid}/children").read_text().split()
    return {found for pid in children if (found := _namespace_of(pid))}


def _processes() -> list[str]:
    return [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]


def _namespace_of(pid: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""  # gone, or another user's


def main(modes: list[str]) -> int:
    def held(what: tuple[str, str]) -> bool:
        mode, name = what
        try:
            check(name, mode, at)
        except Exception as error:
            print(f"{mode}: {name}: {type(error).__name__}: {error}", flush=True)
            return False
        return True

    with host() as at, ThreadPoolExecutor(4) as threads:
        results = list(threads.map(held, [(mode, name) for mode in modes for name in ATTACKS]))
    print(f"{len(results)} attacks, {results.count(False)} not held")
    return results.count(False)


if __name__ == "__main__":
    signal.alarm(600)
    sys.exit(main(sys.argv[1:]) != 0)
