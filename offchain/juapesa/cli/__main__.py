"""`python -m juapesa.cli`."""

from juapesa.cli import main

main()
