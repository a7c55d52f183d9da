# Signing in, and proving that it is still the same person.

sign-in-title = Your token for { $place }
sign-in-heading = Your token
    .lead = Confirm a token that you received, bring it back in time, or change what is on record about you.
sign-in-login = Your login
    .hint = The name you use for this service.
sign-in-left = You are signed out.
sign-in-ended = You were signed out.
    .text = Your visit was closed after a while. Nothing is lost: sign in again.
sign-in-button = Sign in
sign-in-other-login = Start again with another login

verify-title = Password or mailed code
verify-heading = One more step, { $login }
verify-lead = If a password is on record, type it. If not, a code is on its way to your e-mail address: type that code. It holds for 10 minutes.
verify-secret = Password or the code we mailed you
verify-empty = Type your password, or the code that we mailed you.
verify-no-way = You cannot be let in from here.
    .text = This browser or this place is unlike those from which you sign in otherwise. We would mail you a code now, but there is no way to mail you one. { $whom } They can let you in once.

# A link; what follows it brings its own colon.
restore-access = Restore access
    .after-login = : you lost your token, your password or your e-mail.
    .after-password = : you lost your token, or it does not work any more.

otp-heading = The code on your token
    .lead = Press the button if your token has one, and type the digits that you see.
    .lead-letters = Type your PIN into the app, and the six digits and letters that it shows.
otp-heading-key = The code of your key
    .lead = Put the cursor into the field and touch your key: it types the code by itself.
otp-no-mail = Your codes are mailed, and there is no way to mail you one now. { $whom }
otp-on-its-way = A code is on its way to { $hint }: type it, together with your PIN if you have one. It works once, for 10 minutes.
otp-none-on-its-way = No code is on its way now: have one mailed.
otp-mail-sent = A code is on its way.
    .text = An earlier one is useless now.
otp-emergency = Did the desk give you an emergency code? Type it instead.
otp-past = This code does not hold any more.
    .text = Only the newest one works, and once.
otp-refused = That code did not fit.
    .synchronize = Wait for the next one and type it; if it fails again, choose Synchronize.
    .ask = Wait for the next one and type it. If it fails again, ask for help.
    .touch = Touch the key once more. If it fails again, ask for help.
otp-synchronize = Synchronize
    .lead = The clock in a token can run ahead or behind. Type codes that follow one another and we set it right; you are signed in at once.
    .button = Synchronize and sign in
otp-synchronized = Your token is back in time.
    .text = Now type the next code; if your token has a PIN, together with it.

unusual-heading = A code, too
    .lead = This browser or this place is unlike those from which you sign in otherwise.
unusual-on-its-way = A code is on its way to your e-mail address: type that code. It holds for 10 minutes.
unusual-none-on-its-way = A code that we mail you is asked for, too, and none is on its way now: have one mailed.
unusual-sent = Another code is on its way.
    .text = The old one is useless now.

mailed-code = The code we mailed you
    .digits = Eight digits.
    .digits-and-life = Eight digits. It holds for ten minutes.
    .empty = Type the code that we mailed you.
    .send = Mail me a code
    .send-another = Mail me another code
    .none-came = No mail after a few minutes? Look among the unwanted ones. A new code makes the old one useless.
mails-enough = There were enough mails for now.
    .text = At most three codes are mailed in a quarter of an hour. Look among the unwanted mails, or wait.

# The title of what was refused, and what to do, by what was typed.
did-not-fit = That did not fit.
    .secret = Check the keyboard and type it again. If you were mailed a code, only the newest one works.
    .password = Check the keyboard and type it again.
    .next-code = Wait for the next one and type it.
    .touch = Touch the key once more.
    .mailed-code = Only the newest code works, once and for ten minutes.
code-used = This code was already used.
challenge-past = That challenge is no longer open.
    .text = Each works once, for five minutes. Answer the one that stands here now.
keypad-silent = Your token cannot be asked now.
    .pin = Its PIN goes into each code, and is not known here yet: it has to be set first. { $whom }
    .session = Data go into its answers that only the program knows which asks it: it is used there, not on these pages. { $whom }
    .used-up = It was asked nearly all numbers that it knows, and none is asked twice: you need another token. { $whom }
tries-too-many = There were too many tries that did not fit.
tries-next = The next try is possible in { $wait }.
tries-ask = Ask the people who look after this service to open it again.

prove-heading = Is it still you?
prove-why =
    .login = We ask once more before your login is changed: { prove-because }
    .email = We ask once more before your e-mail address is changed: { prove-because }
    .first-password = We ask once more before you get a password: { prove-because }
    .password = We ask once more before your password is changed: { prove-because }
    .trust = We ask once more before an environment is trusted: { prove-because }
    .forget = We ask once more before an environment is forgotten: { prove-because }
    .another-token = We ask once more before another token becomes yours: { prove-because }
    .reassign = We ask once more before another token takes the place of yours: { prove-because }
    .unassign = We ask once more before you give your token back: { prove-because }
    .remove-pin = We ask once more before the PIN of your token goes: { prove-because }
prove-because = an open page could be used by somebody who passes by. The answer holds for five minutes.
prove-code = Type the code that your token shows now.
    .one-of-several = Type the code that one of your tokens shows now.
prove-code-elsewhere = Type the code that your token for { $place } shows now.
prove-which-token = Which token
    .keypad = { $token }: type { $challenge } into it first
prove-mail-to = We mail a code to { $hint }.
prove-mail-sent = A code is on its way to { $hint }.
prove-mails-enough = There were three mails already.
    .text = The last one still holds for ten minutes from when it was sent. Look among the unwanted mails, or try again in a quarter of an hour.
prove-nothing = There is nothing that you could prove it with.
    .text = Neither a token nor a password is on record, and no code can be mailed. { $whom }
your-password = Your password
    .empty = Type your password.

type-again-codes = Type the codes once more.
type-again-secret = Type the secret once more.
type-again-rest = The rest is here still.
