"""Random flows of more than one kind of rules, or with numbers up to their bounds."""

from tests.carry_strategies import CarryFlow
from tests.condition_strategies import ConditionFlow
from tests.core.huge_risk_flow import HugeRiskFlow
from tests.fund_strategies import FundFlow
from tests.link_strategies import LinkFlow


class EveryFlow(ConditionFlow, CarryFlow, FundFlow):
    """Conditional orders and funds besides sessions, interest and yield."""


class HugeConditionFlow(ConditionFlow, HugeRiskFlow):
    """Conditional orders with numbers up to their bounds."""


class HugeCarryFlow(CarryFlow, HugeRiskFlow):
    """Sessions, interest and yield with numbers up to their bounds."""


class HugeFundFlow(FundFlow, HugeRiskFlow):
    """Funds with numbers up to their bounds."""


class HugeEveryFlow(EveryFlow, HugeRiskFlow):
    """All of them together."""


class HugeLinkFlow(LinkFlow, HugeRiskFlow):
    """What L1 tells, and pledges, with numbers up to their bounds."""


class EveryLinkFlow(LinkFlow, EveryFlow):
    """What L1 tells, and pledges, besides all that a chain knows by itself."""
