"""Field types: how a value of a document, and a value in a query, becomes typed."""

from __future__ import annotations

import ipaddress
import math
import re
import struct
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from alerter.query.dates import DEFAULT, DateFormat, NotADate, date_format
from alerter.query.errors import UnsupportedQuery

Cell = tuple[Any, ...]

INTEGERS = {"long": 63, "integer": 31, "short": 15, "byte": 7}
FLOATS = {"float", "double"}
NUMBERS = {*INTEGERS, *FLOATS}
STRINGS = {"text", "keyword", "match_only_text", "wildcard", "constant_keyword"}
SUPPORTED = {*NUMBERS, "text", "keyword", "boolean", "date", "ip"}
_DEFAULT_FORMAT = date_format(DEFAULT)
_JAVA_FLOAT = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?\s*", re.ASCII)
_LONG_GROUP = re.compile(r"(?<![^:])0+(?=[0-9a-fA-F]{4}(?![0-9a-fA-F]))")
"""The zeros of an address that make a group longer than four digits."""
_LONGEST = 32_766
"""The bytes in UTF-8 of the longest value that a keyword can hold."""
SURELY_HELD = _LONGEST // 4
"""The characters of a text that a keyword can hold, whatever they are."""
NO_NUMBERS = {"NaN", "Infinity", "+Infinity", "-Infinity"}
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class BadValue(ValueError):
    """A value that a field of this type cannot hold."""


@dataclass(frozen=True)
class FieldType:
    """A mapped field: its full name, its type, and what its mapping says."""

    name: str
    kind: str
    ignore_above: int | None = None
    format: DateFormat = _DEFAULT_FORMAT
    coerce: bool = True
    doc_values: bool = True

    @property
    def is_text(self) -> bool:
        """Tell whether values are analysed."""
        return self.kind == "text"

    @property
    def is_date(self) -> bool:
        """Tell whether values are instants."""
        return self.kind == "date"

    @property
    def is_number(self) -> bool:
        """Tell whether values are numbers."""
        return self.kind in NUMBERS

    @property
    def refuses_long(self) -> bool:
        """Tell whether a text of more than SURELY_HELD characters may be one that a server rejects."""
        return self.kind == "keyword" and (self.ignore_above is None or self.ignore_above > SURELY_HELD)

    def typed(self, values: Cell) -> Cell:
        """Turn the raw values of a document into typed ones; raises BadValue where a server rejects the document."""
        if len(values) == 1 and values[0].__class__ is str:
            # nearly all values of logs are single strings
            if self.kind == "text":
                return values
            if self.kind == "date":
                return (self._instant(values[0]),)
        if self.kind == "text":
            return tuple(map(written, values))
        if self.kind == "keyword":
            return self._keywords(tuple(map(written, values)))
        convert = {"boolean": _boolean, "date": self._date, "ip": _address}.get(self.kind, self._number)
        # an empty text in a number is no value
        return tuple(convert(value) for value in values if value != "" or not self.is_number)

    def _keywords(self, texts: tuple[str, ...]) -> Cell:
        limit = self.ignore_above
        kept = texts if limit is None else tuple(text for text in texts if fits(text, limit))
        for text in kept:
            if len(text) > SURELY_HELD and len(text.encode("utf-8", "surrogatepass")) > _LONGEST:
                raise BadValue(
                    f"failed to parse field [{self.name}] of type [keyword]: it is longer than {_LONGEST} bytes"
                )
        return kept

    def _date(self, value: Any) -> int:
        if isinstance(value, bool):
            raise BadValue(f"failed to parse field [{self.name}] of type [date]: [{as_text(value)}]")
        return self._instant(written(value))

    def _instant(self, text: str) -> int:
        try:
            return self.format.read(text)
        except NotADate as error:
            raise BadValue(f"failed to parse field [{self.name}] of type [date]: {error}") from None

    def _number(self, value: Any) -> float | int:
        if isinstance(value, bool):
            raise BadValue(f"failed to parse field [{self.name}] of type [{self.kind}]: [{as_text(value)}]")
        try:
            if self.kind in FLOATS:
                return as_float(value, self.kind)
            return as_integer(value, self.kind, self.coerce)
        except ValueError as error:
            raise BadValue(f"failed to parse field [{self.name}] of type [{self.kind}]: {error}") from None


class Spelt(float):
    """A number of a document that was not written as Python writes it (``1E5``), which a text field keeps."""

    def __new__(cls, value: float, text: str) -> Spelt:
        """Make a number that remembers its spelling."""
        made = super().__new__(cls, value)
        made.text = text
        return made

    text: str


def fits(text: str, limit: int) -> bool:
    """Tell whether a text is no longer than a limit in UTF-16 units, in which Java counts."""
    return len(text) <= limit and (text.isascii() or len(text.encode("utf-16-le", "surrogatepass")) <= 2 * limit)


def written(value: Any) -> str:
    """Write a JSON scalar as it stood in the document."""
    if isinstance(value, float):
        return value.text if isinstance(value, Spelt) else repr(value)
    return as_text(value)


def as_text(value: Any) -> str:
    """Write a JSON scalar of a query as Java does."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return java_text(value) if isinstance(value, float) else str(value)


def java_text(value: float) -> str:
    """Write a float as Java does; raises UnsupportedQuery where versions of Java differ."""
    text = java_number(value)
    if len(text.partition("E")[0].lstrip("-")) > 16 and "E" in text:
        raise UnsupportedQuery(f"the digits of [{value}]", "versions of Java differ")
    return text


def java_number(value: float) -> str:
    """Write a float as Java does: ``1.0E10``, ``12.5``."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = repr(value)
        return text if "e" not in text else f"{value:f}"
    mantissa, _, exponent = f"{Decimal(repr(value)).normalize():E}".partition("E")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def exact(value: Any) -> Decimal:
    """Read a number exactly; raises ValueError with Java's words."""
    if isinstance(value, bool):
        raise ValueError(f'For input string: "{as_text(value)}"')
    if isinstance(value, (int, float)):
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"Value [{value}] is not finite")
        return Decimal(repr(value))
    text = str(value)
    if not _DECIMAL.fullmatch(text):
        raise ValueError("empty String" if not text else f'For input string: "{text}"')
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f'For input string: "{text}"') from None


def decimal(value: Any, kind: str) -> Decimal:
    """Read a number for a whole type exactly; the smaller ones take all that is a fraction to Java."""
    if kind != "long" and java_only(value):
        number = as_float(value, "double", finite=False)
        return Decimal(0) if math.isnan(number) else Decimal(number)
    return exact(value)


def as_integer(value: Any, kind: str, coerce: bool = True) -> int:
    """Cut a number to a whole one within the type's bounds; raises ValueError."""
    if value.__class__ is int or (kind == "long" and isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value)):
        whole = int(value)
    else:
        number = decimal(value, kind)
        if not number.is_finite() or number.adjusted() > 40:
            raise ValueError(f"Value [{value}] is out of range for a {kind}")
        whole = int(number)
        if not coerce and whole != number:
            raise ValueError(f"{value} cannot be converted to {kind} without data loss")
        if kind != "long" and whole != number:
            # the smaller types look at the fraction before they cut it
            whole = math.floor(number) if number < 0 else math.ceil(number)
            whole = int(number) if -(1 << INTEGERS[kind]) <= whole < 1 << INTEGERS[kind] else whole
    if not -(1 << INTEGERS[kind]) <= whole < 1 << INTEGERS[kind]:
        raise ValueError(f"Value [{value}] is out of range for a {kind}")
    return whole


def java_only(value: Any) -> bool:
    """Tell whether a text is a number to Java alone: ``" 12"``, ``"5d"``, ``"NaN"``."""
    if not isinstance(value, str) or _DECIMAL.fullmatch(value):
        return False
    return value in NO_NUMBERS or _JAVA_FLOAT.fullmatch(value) is not None


def as_float(value: Any, kind: str, finite: bool = True) -> float:
    """Round a number to what the type can hold; raises ValueError, also for what it cannot when ``finite``."""
    if isinstance(value, bool):
        raise ValueError(f'For input string: "{as_text(value)}"')
    if isinstance(value, (int, float)):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf if value > 0 else -math.inf
    else:
        text = str(value)
        if not _JAVA_FLOAT.fullmatch(text) and text not in NO_NUMBERS:
            raise ValueError("empty String" if not text else f'For input string: "{text}"')
        number = float(text.strip().rstrip("dDfF")) if text not in NO_NUMBERS else float(text)
    if kind == "double":
        rounded = number
    else:
        try:
            rounded = float(struct.unpack("f", struct.pack("f", number))[0])
        except (OverflowError, struct.error):
            rounded = math.copysign(math.inf, number)
    if finite and not math.isfinite(rounded):
        raise ValueError(f"[{kind}] supports only finite values, but got [{value}]")
    return rounded


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false", ""):
        return bool(value == "true")
    raise BadValue(f"Failed to parse value [{as_text(value)}] as only [true] or [false] are allowed.")


def _address(value: Any) -> int:
    try:
        return address(str(value))
    except ValueError:
        raise BadValue(f"'{value}' is not an IP string literal.") from None


def address(text: str) -> int:
    """Read an address as a number of 128 bits, IPv4 mapped into IPv6; raises ValueError."""
    found = ipaddress.ip_address(_LONG_GROUP.sub("", text) if ":" in text else text)
    return int(found) if found.version == 6 else int(found) | 0xFFFF << 32


def network(text: str) -> tuple[int, int]:
    """Read an address or a network as its first and last address; raises ValueError."""
    if "/" not in text:
        one = address(text)
        return one, one
    base, _, length = text.partition("/")
    if ":" in base and address(base) >> 32 == 0xFFFF:
        raise ValueError(f"CIDR notation is not allowed with IPv6-mapped IPv4 address [{base}]")
    found = ipaddress.ip_network(f"{base}/{length.removeprefix('+')}", strict=False)
    return address(str(found[0])), address(str(found[-1]))


def write_address(value: int) -> str:
    """Write an address; mapped ones as IPv4."""
    if value >> 32 == 0xFFFF:
        return str(ipaddress.IPv4Address(value & 0xFFFFFFFF))
    return str(ipaddress.IPv6Address(value))
