"""The sandbox."""

from datafactory.sandbox.box import Sandbox as Sandbox
from datafactory.sandbox.conversation import Conversation as Conversation
from datafactory.sandbox.outcome import Broken as Broken
from datafactory.sandbox.outcome import Limits as Limits
from datafactory.sandbox.outcome import Mode as Mode
from datafactory.sandbox.outcome import Outcome as Outcome
from datafactory.sandbox.outcome import Unavailable as Unavailable
from datafactory.sandbox.room import which as which
from datafactory.sandbox.walls import demand as demand
