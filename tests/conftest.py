"""What all tests rely on."""

import signal

# A runner that works in the background is started with SIGINT ignored; the processes that tests
# start would inherit that, and never see a Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
