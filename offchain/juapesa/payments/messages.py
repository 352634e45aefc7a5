"""The text messages that a payment sends, in the person's language. Each fits one GSM-7 SMS."""

from juapesa.money import Money
from juapesa.payments.saga import Message
from juapesa.rails.ports import Reason

_TEXTS: dict[str, dict[Message, str]] = {
    "en": {
        Message.RECEIPT: "Jua Pesa {code}: {paid} paid, {receives} delivered. Proof: {url}",
        Message.RECEIVED: "Jua Pesa {code}: you have received {receives}. Proof: {url}",
        Message.FAILED: "Jua Pesa {code}: payment of {paid} failed. {reason} Nothing was taken.",
        Message.PENDING: "Jua Pesa {code}: waiting for the operator to confirm {paid}. Do not pay again.",
        Message.REFUNDING: "Jua Pesa {code}: not delivered. {reason} Your {paid} is on its way back.",
        Message.REFUNDED: "Jua Pesa {code}: {paid} refunded. Proof: {url}",
    },
    "sw": {
        Message.RECEIPT: "Jua Pesa {code}: umelipa {paid}, zimefika {receives}. Uthibitisho: {url}",
        Message.RECEIVED: "Jua Pesa {code}: umepokea {receives}. Uthibitisho: {url}",
        Message.FAILED: "Jua Pesa {code}: malipo ya {paid} hayakufaulu. {reason} Hakuna pesa iliyokatwa.",
        Message.PENDING: "Jua Pesa {code}: tunasubiri mtandao uthibitishe {paid}. Usilipe tena.",
        Message.REFUNDING: "Jua Pesa {code}: hazikufika. {reason} {paid} zako zinarudishwa.",
        Message.REFUNDED: "Jua Pesa {code}: {paid} zimerudishwa. Uthibitisho: {url}",
    },
}

_REASONS: dict[str, dict[Reason, str]] = {
    "en": {
        Reason.PAYER_FUNDS: "Not enough money.",
        Reason.PAYER_DECLINED: "You cancelled it.",
        Reason.PAYER_PIN: "Wrong mobile money PIN.",
        Reason.PAYER_LIMIT: "Over your limit.",
        Reason.PAYER_UNREACHABLE: "Your phone did not answer.",
        Reason.BUSY_SUBSCRIBER: "Another request is open; wait a minute.",
        Reason.EXPIRED: "It was not approved in time.",
        Reason.PAYEE_NOT_FOUND: "The receiver has no account there.",
        Reason.PAYEE_LIMIT: "The receiver's limit is reached.",
        Reason.PAYEE_NOT_ALLOWED: "The receiver cannot be paid.",
    },
    "sw": {
        Reason.PAYER_FUNDS: "Salio halitoshi.",
        Reason.PAYER_DECLINED: "Umeghairi.",
        Reason.PAYER_PIN: "PIN ya pesa kwa simu si sahihi.",
        Reason.PAYER_LIMIT: "Umepita kikomo chako.",
        Reason.PAYER_UNREACHABLE: "Simu yako haikupatikana.",
        Reason.BUSY_SUBSCRIBER: "Kuna ombi lingine; subiri dakika moja.",
        Reason.EXPIRED: "Muda umeisha.",
        Reason.PAYEE_NOT_FOUND: "Mpokeaji hana akaunti huko.",
        Reason.PAYEE_LIMIT: "Mpokeaji amefika kikomo.",
        Reason.PAYEE_NOT_ALLOWED: "Mpokeaji hawezi kulipwa.",
    },
}

_OTHER = {"en": "The operator refused.", "sw": "Mtandao umekataa."}


def text(
    message: Message, language: str, *, code: str, paid: Money, receives: Money, reason: Reason, url: str
) -> str:
    """The message in ``language`` (English where we lack it)."""
    language = language if language in _TEXTS else "en"
    why = _REASONS[language].get(reason, _OTHER[language]) if reason is not Reason.NONE else ""
    written = _TEXTS[language][message].format(code=code, paid=paid, receives=receives, reason=why, url=url)
    return written.replace("  ", " ")
