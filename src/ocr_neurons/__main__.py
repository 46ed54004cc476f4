"""``python -m ocr_neurons``: the command line."""

import sys

from ocr_neurons.cli import main

sys.exit(main())
