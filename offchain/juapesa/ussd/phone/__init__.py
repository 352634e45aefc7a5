"""A drawn feature phone in the browser, which talks to the gateway as an operator's would."""
