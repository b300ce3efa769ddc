"""What a scenario reports: checks of its requirement, a table, and lines for a plot."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One sentence that must be true, with the figure that shows it."""

    text: str
    passed: bool
    figure: str


@dataclass(slots=True)
class ScenarioResult:
    """Outcome of a scenario.

    Attributes
    ----------
    name, requirement
        Which scenario, and the incident's lesson that it tests.
    checks
        The scenario passes if all of them do.
    table
        Rows of equal keys, for people.
    series
        Name of a line and its points (seconds since the start, value).
    figures
        Other numbers worth keeping, by name.
    """

    name: str
    requirement: str
    checks: list[Check] = field(default_factory=list)
    table: list[dict[str, Any]] = field(default_factory=list)
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Return whether every check passed; a scenario without checks has not."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def check(self, text: str, *, passed: bool, figure: object) -> None:
        """Add a check."""
        self.checks.append(Check(text, bool(passed), str(figure)))

    def to_dict(self) -> dict[str, Any]:
        """Return the result without its lines, for JSON."""
        return {
            "name": self.name,
            "requirement": self.requirement,
            "passed": self.passed,
            "checks": [
                {"text": check.text, "passed": check.passed, "figure": check.figure}
                for check in self.checks
            ],
            "table": self.table,
            "figures": self.figures,
        }
