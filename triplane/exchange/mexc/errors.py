"""The rejections of MEXC, and which of them the matching engine's own amount to."""

from typing import Any, Final

from triplane.exchange.errors import Rejected
from triplane.exchange.limits import RateLimited

TEXTS: Final = {
    401: "Not logged in or login has expired", 500: "Internal error", 501: "System busy, please try again later",
    510: "Requests are too frequent, please try again later", 513: "Invalid request, please check the request time",
    600: "Parameter error", 602: "Signature verification failed", 1001: "Contract does not exist",
    1002: "Contract not activated", 2001: "Order direction is wrong", 2002: "Opening type error",
    2003: "Overpriced to pay", 2004: "Price of sell is too low", 2005: "Balance insufficient",
    2006: "Leverage ratio error", 2007: "Order price error", 2009: "Position is not exists or closed.",
    2011: "Order quantity error", 2015: "Price or quantity precision error",
    2021: "The single leverage is not consistent with the existing position leverage",
    2023: "There are positions over the maximum leverage",
    2027: "There is only one cross or isolated in the same direction", 2029: "Order type error",
    2030: "External order id is too long", 2031: "The allowable holding position exceed the current risk limit",
    2036: "The orders more than the limit, please contact customer service", 2040: "order not exist",
    2041: "order state cannot be cancelled", 3001: "Trigger price type error", 3002: "Trigger type error",
    3003: "Executive cycle error", 3004: "Trigger price error", 7002: "Position mode error",
}  # fmt: skip
_OF_BINANCE: Final = {
    -1006: 500, -1007: 500, -1008: 501, -1021: 513, -1111: 2015, -1121: 1001, -2011: 2041, -2013: 2040, -2019: 2005,
    -2021: 3004, -2022: 2009, -2025: 2036, -2027: 2031, -2028: 2006, -4001: 2007, -4002: 2007, -4003: 2011, -4004: 2011,
    -4005: 2011, -4006: 3004, -4014: 2015, -4023: 2011, -4028: 2006, -4045: 2036, -4061: 7002, -4067: 7002, -4068: 7002,
}  # fmt: skip


class MexcRejected(Rejected):
    """A request that MEXC answers with ``{success, code, message}``, and with HTTP 200."""

    def __init__(self, code: int) -> None:
        super().__init__(code, status=200)
        self.text = TEXTS.get(code, TEXTS[500])

    def to_dict(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"success": False, "code": self.code, "message": self.text}


def rejection(error: Rejected) -> Rejected:
    """MEXC's rejection for one of the matching engine's, of the rate limits, or its own."""
    if isinstance(error, MexcRejected):
        return error
    return MexcRejected(510 if isinstance(error, RateLimited) else _OF_BINANCE.get(error.code, 600))


def reject_if(wrong: object, code: int) -> None:
    """Raise MexcRejected when something is wrong."""
    if wrong:
        raise MexcRejected(code)
