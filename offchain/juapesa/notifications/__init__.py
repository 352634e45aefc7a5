"""Messages to people: an outbox, and the SMS gateway that empties it."""

from juapesa.notifications.outbox import Claimed, Outbox
from juapesa.notifications.sms import AfricasTalking, Delivery, SmsGateway, SmsResult

__all__ = ["AfricasTalking", "Claimed", "Delivery", "Outbox", "SmsGateway", "SmsResult"]
