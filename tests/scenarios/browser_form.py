"""What a browser sends of a page's form, without a browser."""

from __future__ import annotations

from collections import defaultdict
from html.parser import HTMLParser


def sent_by(html: str) -> dict[str, list[str]]:
    """Names and values of all inputs, as they are shown; no button is pressed (HTML, 4.10.22.4)."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return dict(parser.values)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.values: defaultdict[str, list[str]] = defaultdict(list)
        self.area: tuple[str, list[str]] | None = None
        self.select = ""
        self.options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "input":
            is_box = given.get("type") in {"checkbox", "radio"}
            if not is_box or "checked" in given:
                value = given.get("value", "on")
                if not is_box and given.get("type") != "hidden":
                    value = value.replace("\n", "").replace("\r", "")  # value sanitization of text inputs
                self.values[given["name"]].append(value.replace("\n", "\r\n"))
        elif tag == "textarea":
            self.area = (given["name"], [])
        elif tag == "select":
            self.select, self.options = given["name"], []
        elif tag == "option" and self.select:
            self.options.append((given.get("value", ""), "selected" in given))

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.area is not None:
            name, pieces = self.area
            text = "".join(pieces).removeprefix("\n")
            self.values[name].append(text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n"))
            self.area = None
        elif tag == "select":
            chosen = [value for value, selected in self.options if selected] or [self.options[0][0]]
            self.values[self.select].append(chosen[-1])
            self.select = ""
