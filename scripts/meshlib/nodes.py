# SPDX-License-Identifier: BSD-3-Clause
"""YAML as a tree whose every part knows where it stands, and what is asked of its parts.

All faults are noted, so that they are told at once; what has one reads as None."""
import difflib
import json

import yaml

PLAIN = (None, "")    # styles of scalars without quotes
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Faults(Exception):
    """What is wrong with a file, a line each."""


class Tree:
    def __init__(self, path, text):
        self.path, self.faults = path, []
        try:
            self.root = yaml.compose(text, LOADER)
        except yaml.MarkedYAMLError as error:
            at = error.problem_mark or error.context_mark
            self.fault_at(at, error.problem or "no YAML")
        except yaml.YAMLError as error:
            self.faults.append((0, 0, f"{path}: no YAML: {str(error).splitlines()[0]}"))
        if self.faults:
            self.stop()

    def fault_at(self, mark, text):
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.faults.append((line, column, f"{self.path}:{line}:{column}: {text}"))

    def fault(self, node, text):
        self.fault_at(node.start_mark if node is not None else None, text)

    def stop(self):
        """Ends here if there was a fault."""
        if self.faults:
            raise Faults("\n".join(dict.fromkeys(text for _, _, text in sorted(self.faults))))

    # ---- what a part is ----

    def wrong(self, node, where, expected):
        self.fault(node, f"{where}: expected {expected}, got {describe(node)}")

    def map(self, node, where, keys=None, required=()):
        """[(name, its node, node of the value)]; keys: those that there may be (None: any name)."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, where, "a map")
            return []
        seen, found = {}, []
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None:
                self.wrong(key, where, "a name")
            elif name in seen:
                self.fault(key, f"{where}: {name} is there twice, first in line {seen[name]}")
            elif keys is not None and name not in keys:
                near = difflib.get_close_matches(name, keys, 1)
                self.fault(key, f"{where}: unknown key {json.dumps(name)}; " + (
                    f"did you mean {json.dumps(near[0])}?" if near else f"expected {words(keys)}"))
            else:
                found.append((name, key, value))
            seen.setdefault(name, key.start_mark.line + 1)
        for name in required:
            if name not in seen:
                self.fault(node, f"{where}: {name} is missing")
        return found

    def list(self, node, where, what):
        if isinstance(node, yaml.SequenceNode):
            return node.value
        self.wrong(node, where, f"a list of {what}")
        return []

    def text(self, node, where, expected="a text"):
        if isinstance(node, yaml.ScalarNode) and node.value and node.tag != "tag:yaml.org,2002:null":
            return node.value
        self.wrong(node, where, expected)
        return None

    def parse(self, node, where, expected, parse):
        """What `parse` makes of a text; it raises ValueError for what it does not take."""
        if isinstance(node, yaml.ScalarNode):
            try:
                return parse(node.value)
            except ValueError:
                pass
        self.wrong(node, where, expected)
        return None

    def integer(self, node, where, least, most):
        return self.number(node, where, least, most, int, "an integer")

    def number(self, node, where, least, most, kind=float, what="a number"):
        def parse(text):
            value = kind(text)
            if node.style not in PLAIN or not least <= value <= most:
                raise ValueError
            return value
        return self.parse(node, where, f"{what} from {least} to {most}", parse)

    def word(self, node, where, known):
        def parse(text):
            if text not in known:
                raise ValueError
            return text
        return self.parse(node, where, words(known), parse)

    def truth(self, node, where):
        value = self.word(node, where, ("true", "false"))
        return None if value is None else value == "true"


def words(names):
    *head, last = names
    return f"{', '.join(head)} or {last}" if head else last


def describe(node):
    if node is None:
        return "nothing"
    if isinstance(node, yaml.MappingNode):
        return "a map"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if not node.value:
        return "nothing"
    shown = node.value if len(node.value) <= 60 else node.value[:60] + "..."
    return f"{json.dumps(shown, ensure_ascii=False)}{' in quotes' if node.style not in PLAIN else ''}"


def flow(node):
    """A part as it was written, in one line: what is quoted stays quoted."""
    if isinstance(node, yaml.MappingNode):
        return "{" + ", ".join(f"{flow(key)}: {flow(value)}" for key, value in node.value) + "}"
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(flow(value) for value in node.value) + "]"
    # with a colon it could be read otherwise within a line: an address, a device
    is_plain = node.style in PLAIN and not set(node.value) & set(",[]{}:\n")
    return node.value if is_plain else json.dumps(node.value, ensure_ascii=False)
