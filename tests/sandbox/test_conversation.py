"""Programs that are talked to."""

from __future__ import annotations

import pytest

from datafactory.sandbox import Limits, Mode, Sandbox

from .modes import ALL, WALLED

CHANNEL = """
import os, socket, sys, time
channel = socket.socket(fileno=int(os.environ["SANDBOX_CHANNEL"]))
def exactly(size):
    text = b""
    while len(text) < size:
        part = channel.recv(size - len(text))
        if not part:
            sys.exit(4)
        text += part
    return text
def take():
    return exactly(int.from_bytes(exactly(4), "big"))
def give(text):
    channel.sendall(len(text).to_bytes(4, "big") + text)
"""


def talking(text: str, mode: Mode, limits: Limits | None = None) -> Sandbox:
    return Sandbox({"main.py": (CHANNEL + text).encode()}, limits or Limits(), mode)


@pytest.mark.parametrize("mode", ALL)
def test_messages_go_both_ways_and_hanging_up_ends_it(mode: Mode):
    with talking("while True: give(take()[::-1])", mode) as sandbox:
        for _ in range(2):
            with sandbox.talk(["python3", "main.py"]) as program:
                for n in (0, 1, 100, 100_000):
                    assert program.send(b"ab" * n) and program.receive(30, 200_000) == b"ba" * n
                outcome = program.close()
            assert (outcome.status, outcome.exit_code) == ("exited", 4)
        assert sandbox.run(["python3", "-c", "print(1)"]).stdout == b"1\n"


@pytest.mark.parametrize("mode", ALL)
def test_two_programs_talk_through_the_host(mode: Mode):
    text = "if sys.argv[1] == 'first': give(b'1')\nwhile True:\n    n = int(take())\n    print(n)\n    if n > 20: give(b'end'); break\n    give(b'%d' % (n * 2))"
    with (
        talking(text, mode) as one,
        talking(text, mode) as two,
        one.talk(["python3", "main.py", "first"]) as first,
        two.talk(["python3", "main.py", "second"]) as second,
    ):
        speaker, listener = first, second
        while (message := speaker.receive(30, 10)) != b"end":
            assert message is not None and listener.send(message)
            speaker, listener = listener, speaker
        assert [first.close().stdout, second.close().stdout] == [b"2\n8\n32\n", b"1\n4\n16\n"]


@pytest.mark.parametrize("mode", ALL)
def test_silence_is_none_and_who_does_not_hang_up_is_ended(mode: Mode):
    with talking("take()\ntime.sleep(60)", mode) as sandbox, sandbox.talk(["python3", "main.py"]) as program:
        assert program.send(b"x") and program.receive(0.2) is None
        outcome = program.close()
        assert (outcome.status, outcome.exit_code, outcome.signal) == ("killed", None, None)


@pytest.mark.parametrize("mode", ALL)
def test_an_end_in_the_middle_is_none(mode: Mode):
    text = "channel.sendall(bytes([0, 0, 0, 9, 1])); sys.exit(3)"
    with talking(text, mode) as sandbox, sandbox.talk(["python3", "main.py"]) as program:
        assert program.receive(30) is None
        assert program.close().exit_code == 3


@pytest.mark.parametrize("mode", ALL)
def test_a_message_longer_than_allowed_is_not_read(mode: Mode):
    with talking("give(bytes(11)); time.sleep(60)", mode) as sandbox, sandbox.talk(["python3", "main.py"]) as program:
        assert program.receive(30, at_most=10) is None


@pytest.mark.parametrize("mode", ALL)
def test_who_does_not_listen_holds_nobody_up(mode: Mode):
    with talking("time.sleep(60)", mode) as sandbox, sandbox.talk(["python3", "main.py"]) as program:
        assert not program.send(bytes(10 << 20), timeout=0.3)


@pytest.mark.parametrize("mode", ALL)
def test_limits_hold_in_a_conversation(mode: Mode):
    with (
        talking("while True: give(b'x')", mode, Limits(wall=0.7)) as sandbox,
        sandbox.talk(["python3", "main.py"]) as program,
    ):
        while program.receive(30) is not None:
            pass
        assert program.close().status in "wall"


@pytest.mark.parametrize("mode", WALLED)
def test_files_sent_along_are_nobodys(mode: Mode):
    text = "socket.send_fds(channel, [bytes([0, 0, 0, 1]) + b'x'], [0, 1, 2] * 20); print(sorted(os.listdir('/proc/self/fd'))); take()"
    with talking(text, mode) as sandbox, sandbox.talk(["python3", "main.py"]) as program:
        assert program.receive(30) == b"x"
        assert program.close().stdout == b"['0', '1', '2', '3', '4']\n"
