"""How texts in requests have to look, as patterns for OpenAPI and in the words that a refusal uses."""

PHONE = r"^\+[1-9][0-9]{7,14}$"
QUOTED = r"^[0-9a-f]{64}$"
RECEIPT_CODE = r"^[0-9A-Z]{10}$"
AMOUNT = r"^[0-9.]{1,30}$"
CURRENCY = r"^[A-Za-z]{3,8}$"
OUR_OWNER = r"^(house:[!-~]{1,70})?$"
SIGNATURE = r"^0x[0-9a-fA-F]{130}$"

IN_WORDS = {
    PHONE: "a phone number with + and the country's code is needed, such as +254712345678",
    QUOTED: "the token of a quote is needed, as `initiate` gave it",
    RECEIPT_CODE: "a receipt's code is needed: ten capital letters and digits",
    AMOUNT: "an amount is needed in digits with a decimal point, such as 1000.00",
    CURRENCY: "a currency's code is needed, such as KES",
    OUR_OWNER: "an owner that begins with house: and has no spaces is needed, or none for the house",
    SIGNATURE: "a signature is needed: 0x and 130 hex digits",
}
