# The token models that are known.

models-title = Token models
    .text = What each computes, how it is reached and what is written to it. Another model of a family that is spoken here is a file in the folder firmware-profiles of the data directory.
models-link = Token models
models-problems = Files that are not used
models-own = From { $file } of the data directory
models-programmed = Programmed here
models-read = Only read here
models-not-spoken = Known by name
models-no-chip = No chip
models-computes = Computes
models-secret = Secret
models-secret-exact = { $most } bytes
models-secret-range = { $least } to { $most } bytes
models-over = Reached over
models-over-contacts = USB or contacts
models-over-hid = USB (HID)
models-written = Written to
models-slots = Numbered places
models-room = Credentials at most
models-known-by = Recognised by
models-usb = USB { $id }
models-source = Source
models-quirks = What some versions do otherwise
