# What all pages share: the frame, codes, what is wrong.

page-skip = Skip to the content
page-about-store = About this store
page-close-message = Close this message
page-demonstration = Demonstration: the tokens and people in this store are invented.
page-rehearsal = Rehearsal: readers and tokens of this store are simulated.
page-reference = Reference for the administrator:
page-sign-out = Sign out
page-language = Language
page-copy = Copy
page-copied = Copied
page-copy-by-key = Press Ctrl+C
page-previous = Previous
page-next = Next
page-pages = Pages of this list
page-to-start = To the start
page-to-sign-in = To the sign-in page
page-to-home = Back to your page
page-continue = Continue
page-self-service = Self-service
page-ask-whoever = Ask the people who gave you this address.

page-nothing-here = There is nothing here
page-not-allowed = This is not allowed
page-not-signed-in = You are not signed in
    .text = Sign in and try again.
page-not-now = Not now
page-did-not-work = This did not work
page-nothing-changed = Nothing was changed
page-no-self-service = There is no self-service at this address
    .text = Check the address that you were given, letter by letter, or ask whoever gave it to you.
page-not-possible = That is not possible here
    .text = It was switched off, or there is nothing left to do.
page-too-old = This page is too old
    .text = Load the page again and repeat what you did.
page-too-many = Too many tries at the same time
    .text = Wait a moment and try again.
page-changed-meanwhile = Something changed meanwhile
    .text = Go back to your page and look again.
page-form-broken = The form did not arrive whole
    .text = Load the page again and repeat what you did.
page-does-not-work = This does not work right now
    .text = It is not your fault. Try again in a few minutes.

code = Code
code-first = First code
code-next = Next code
code-third = The code after that
code-nth = Code { $nth }
code-challenge = Type this into the token first:
code-changed = The code has changed.
code-next-in = Next code in { $secs } s
code-empty = Type the code that the token shows.
code-digits = A code has digits only.
code-length = { $typed ->
    [one] { $typed } digit was typed. Type all the digits that the token shows.
   *[other] { $typed } digits were typed. Type all the digits that the token shows.
    }
code-all-digits = Type all the digits that the token shows, and no more.
code-hex = A code of this token has six characters: 0 to 9 and a to f.
code-key = Your key types the code by itself: put the cursor here and touch it.
    .layout = This is not what a key types: switch the keyboard to English and touch the key again.
code-same-twice = This is the same code again: wait until the display changes, or press once more.
code-next-too = Type the next code, too.

problem-too-long = This is too long: at most { $max } characters fit.
problem-character = The character at position { $position } is not allowed here.
problem-login-empty = Type your login.
problem-serial-number-empty = Type the serial number.
problem-serial-number-form = A serial number is more than blanks and dashes.
problem-e-mail-address-empty = Type the e-mail address.
problem-e-mail-address-form = An e-mail address is like name@example.org.
problem-phone-number-empty = Type the phone number.
problem-phone-number-form = A phone number has its country code, like +49 30 123456.

# What the frame says of requests that reach no page.
problem-not-found = There is nothing at this address.
problem-method-not-allowed = This address does not know this method.
problem-path-malformed = This address is not UTF-8 text.
problem-foreign-origin = This request did not come from a page of this service.
problem-host-not-allowed = This service does not answer for this host name; add it to allowed_hosts.
problem-too-many-requests = Too many requests at the same time.
problem-stale = The record changed meanwhile, try again.
problem-store-unavailable = The store is being reopened after a fault.
problem-store-full = The disk that holds the store is full.
problem-unexpected = Something went wrong here; the log says more.
