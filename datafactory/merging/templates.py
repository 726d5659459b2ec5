"""Templates: a chat template and a tokenizer as a recipe names them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from datafactory.config import folder_of
from datafactory.errors import UserError
from datafactory.outside import Weighed
from datafactory.settings import Text, located

SHIPPED = {path.stem: path for path in sorted((Path(__file__).parents[1] / "chat_templates").glob("*.jinja"))}


def _template(value: Any, info: ValidationInfo) -> Text:
    if isinstance(value, Text):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"should be a chat template, the path of a .jinja file, or one of {', '.join(SHIPPED)}")
    if value in SHIPPED:
        return Text(SHIPPED[value].read_text(encoding="utf-8"), value)
    if "{" in value:
        return Text(value)
    path = located(value, info)
    try:
        return Text(path.read_text(encoding="utf-8"), value)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _tokenizer(value: Any, info: ValidationInfo) -> Any:
    return Weighed(value, folder_of(info)) if isinstance(value, str) else value


Template = Annotated[Text, BeforeValidator(_template)]
Tokenizer = Annotated[Weighed, BeforeValidator(_tokenizer)]
