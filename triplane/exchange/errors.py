"""The rejections of Binance, with its codes and texts."""

from typing import Final, TypeVar

T = TypeVar("T")
_TEXTS: Final = {
    -1000: "An unknown error occurred while processing the request.",
    -1003: "Too many requests; current limit of IP(127.0.0.1) is {} requests per minute.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Request throttled by system-level protection. Reduce-only/close-position orders are exempt.",
    -1015: "Too many new orders; current limit is {}.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1100: "Illegal characters found in parameter '{}'; legal range is '^([0-9]{{1,20}})(\\.[0-9]{{1,20}})?$'.",
    -1102: "Mandatory parameter '{}' was not sent, was empty/null, or malformed.",
    -1106: "Parameter '{}' sent when not required.", -1013: "{}",
    -1111: "Precision is over the maximum defined for this asset.", -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.", -1117: "Invalid side.", -1120: "Invalid interval.", -1121: "Invalid symbol.",
    -1130: "Data sent for parameter '{}' is not valid.", -1125: "This listenKey does not exist.",
    -1127: "More than 24 hours between startTime and endTime.", -1128: "Combination of optional parameters invalid.",
    -2010: "{}", -2011: "Unknown order sent.", -2013: "Order does not exist.", -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.", -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.", -2022: "ReduceOnly Order is rejected.",
    -2025: "Reach max open order limit.", -2027: "Exceeded the maximum allowable position at current leverage.",
    -2028: "Leverage is smaller than permitted: insufficient margin balance.",
    -2035: "User Data Stream subscription already active.", -2036: "User Data Stream subscription not active.",
    -4001: "Price less than 0.", -4002: "Price greater than max price.", -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.", -4005: "Quantity greater than max quantity.",
    -4006: "Stop price less than zero.", -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.", -4016: "Limit price can't be higher than {}.",
    -4023: "Qty not increased by step size.", -4024: "Limit price can't be lower than {}.",
    -4028: "Leverage {} is not valid", -4045: "Reach max stop order limit.", -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.", -4059: "No need to change position side.",
    -4061: "Order's position side does not match user's setting.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.", -4116: "ClientOrderId is duplicated.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -4130: "An open stop or take profit order with GTE and closePosition in the direction is existing.",
    -4136: "The target strategy invalid for orderType {}, closePosition true.",
    -4137: "Quantity must be zero with closePosition equals true.",
    -4164: "Order's notional must be no smaller than {} (unless you choose reduce only).",
    -5000: "This endpoint is gone.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    -5027: "No need to modify the order.", -5037: "Invalid price match.",
    -5040: "The goodTillDate timestamp must be greater than the current time plus 600 seconds.",
}  # fmt: skip


class Rejected(Exception):  # noqa: N818 - what the exchange does
    """A request that the exchange answers with ``{code, msg}``.

    Parameters
    ----------
    code
        Negative number of the exchange.
    values
        What goes into the text of that code.
    status
        HTTP status.
    """

    def __init__(self, code: int, *values: object, status: int = 400) -> None:
        self.code = code
        self.text = _TEXTS.get(code, _TEXTS[-1000]).format(*values)
        self.status = status
        super().__init__(f"{code}: {self.text}")

    def to_dict(self) -> dict[str, int | str]:
        """The body of the answer."""
        return {"code": self.code, "msg": self.text}


def found(value: T | None, code: int, *values: object) -> T:
    """The value; raises Rejected when there is none."""
    if value is None:
        raise Rejected(code, *values)
    return value


def reject_if(wrong: object, code: int, *values: object) -> None:
    """Raise Rejected when something is wrong."""
    if wrong:
        raise Rejected(code, *values)
