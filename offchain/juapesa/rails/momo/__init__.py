"""MTN MoMo through the Open API. See README.md beside this file."""
