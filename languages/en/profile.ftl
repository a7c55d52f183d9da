# What people change of themselves, what they sign in with, and from where.

login-lead = Your login is { $login }. After the change you sign in with the new one; nobody else gets the old one.
login-others = Others find you by your login.
    .text = Besides { $place }, other services may know you by it and would not find you any more. Ask first if you are not sure.
login-new = New login
login-button = Change login
login-spent = You have tried many logins that are taken. Try again tomorrow, or ask for help.
problem-login-taken = This login is taken: choose another.
problem-login-changes-spent = Your login was changed often already: ask for help to change it again.
problem-login-is-address = This login is a word of the addresses here, so no user can be called that: choose another login.

name-lead = It is how we address you in mails, and how the people at the desk find you.
name-first = First name
name-last = Last name
name-button = Save the name
name-chars = A name has at most 64 characters.

phone-lead = The people at the desk may call it to find out whether it is you. It is never called by itself.
phone-number = Phone number
    .hint = With the country code, like +49 30 123456. Leave it empty to remove the number.
phone-button = Save the number

password-create = You sign in with it from then on; codes are no longer mailed for that.
    .button = Create the password
password-change = Wherever else you are signed in, you will be signed out.
    .button = Change the password
password-hint = At least { $least } characters. A few words that only you put together are good.
password-old = Old password
    .empty = Type the password that you have now.
    .refused = That is not the password on record. Check the keyboard.
password-again = New password once more
    .differ = The two are not the same: type the new password in both fields.
problem-password-same = This is what was typed as the old password: choose another.

email-first = No address is on record yet. We mail a code to the new one; nothing changes until you type it here.
email-another = Your address is { $present }. We mail a code to the new one; until you type it here, the old one stays. Both are told.
email-code-life = Eight digits. It holds for ten minutes, on this page and nowhere else.
email-code-old = The code is too old.
    .text = It holds for ten minutes. Have another one mailed.
email-code-refused = Only the newest code works, for ten minutes.
email-nothing-came = Nothing came?
    .text = Look among the unwanted mails, or send a code again. A new code makes the old one useless.
email-enough = At most three codes are mailed in a quarter of an hour. Wait that long and try again.
problem-email-same = This is your address already.

pin-lead = A PIN is typed together with each code, so a token that somebody finds is of no use to them.
pin-new = PIN
pin-length = 4 to { $most } digits, not all alike and not in a row.
pin-length-four = Four digits, not all alike and not in a row.
pin-again = The same PIN once more
    .differ = The two differ. Type the same PIN twice.
pin-where = Where you type it
    .after = After the code
    .before = Before the code
pin-fixed =
    .after = You type it after the code.
    .before = You type it before the code.
pin-example = With the PIN 2580 and the code 123456: after the code is 1234562580, before it is 2580123456.
pin-button = Set the PIN
pin-done = Your token has a PIN now
    .text = The PIN is set.
    .after = When a code is asked for, type the code and right after it the PIN.
    .before = When a code is asked for, type the PIN and right after it the code.
problem-pin-digits = A PIN has digits only.
problem-pin-length = { $typed ->
    [one] A PIN has 4 to { $most } digits, { $typed } was typed.
   *[other] A PIN has 4 to { $most } digits, { $typed } were typed.
    }
problem-pin-length-four = { $typed ->
    [one] A PIN has four digits, { $typed } was typed.
   *[other] A PIN has four digits, { $typed } were typed.
    }
problem-pin-guessed = This PIN is among the first that anybody tries: take digits that are not all alike and do not run up or down.

pin-remove = Remove the PIN?
    .button = Remove the PIN
pin-remove-text = From then on the code of token { $serial } alone is enough, for whoever has the token.
pin-removed = Your token has no PIN any more
    .text = The PIN is gone.
    .next = When a code is asked for, type the code alone.

unassign-sure = Give back token { $serial }?
unassign-means = { $place } no longer asks for its codes. You stay the only one who can register it again.
unassign-button = Give it back
unassign-done = Your token was given back
    .text = It is done.
sure-keep = Keep it

environment-lead = From where you sign in. Of each sign-in we keep the names of browser and system, the first language, the time zone, the size of the screen and the network; no versions, no places, nothing of what you do.
environment-none = Nothing is known yet.
    .text = Your next sign-in will be listed here.
environment-device = { $browser } on { $system }
environment-untold = not told
environment-trait =
    .browser = Browser
    .language = Language
    .time-zone = Time zone
    .screen = Screen
    .network = Network
environment-first-seen = First seen
environment-last-seen = Last seen
environment-alike = Alike to this one
environment-score = { $score } of 100
environment-score-differs = { $score } of 100: { $differences }
environment-this = This one
environment-trusted = Trusted
environment-name = Your name for it
    .save = Save
environment-trust = Trust it
    .no-longer = Trust it no longer
environment-forget = Forget it
environment-done =
    .named = The name is saved.
    .trusted = It is trusted from now on.
    .untrusted = It is trusted no longer.
    .forgotten = It is forgotten.
environment-travels = A trusted one is known again also from another network.
environment-policy-off = Unusual sign-ins lead to nothing here.
environment-policy-report = When a sign-in is less than { $score } of 100 alike to each of these, you are told.
environment-policy-ask = When a sign-in is less than { $score } of 100 alike to each of these, a code is mailed to you and asked for, if you have no token; without a mail address you are not let in.
environment-policy-refuse = When a sign-in is less than { $score } of 100 alike to each of these, nobody is let in, and you are told.
environment-sign-ins = Your last sign-ins
    .done = Signed in
    .tried = Tried, not let in
environment-from = from { $address }
environment-leave = Sign out everywhere
    .hint = Something you do not know? Sign out everywhere, then change your password.
