# Restore access, and the pages of the links in its mails.

restore-lead = You cannot sign in as { $login }?
restore-lead-say = Say what you cannot use, and the people who look after { $place } let you in again once they know that it is you.
restore-lost = What can you not use?
    .token = My token, or the phone with the app: lost, broken, or I have none
    .password = My password: forgotten, or I have none
    .email = My e-mail: I cannot read it, or have none on record
    .hint = Tick also what you never had. We ask for something of the rest.
problem-nothing-lost = Tick what you cannot use.

restore-have = What do you still have?
    .lead = One of these is enough. Leave empty what you do not have at hand.
    .nothing = If none of it is within reach, start again and tick it, too.
    .empty = Type one of these. If none is within reach, start again and tick it, too.
    .refused = Type it again, or leave empty what you are not sure of. Of mailed codes only the newest fits, of a token the code that it shows now.
restore-code = The code that we mailed you
    .hint = If an e-mail address is on record, a code is on its way to it. It holds for ten minutes, on this page and nowhere else.

restore-password = Your new password
    .lead = It takes the place of the old one when your request is approved. Nobody sees it, we neither.
    .new = New password
    .hint = At least { $least } characters: a few words that only you would put together.
    .again = The same once more
    .empty = Type the new password.
    .differ = The two are not the same: type the new password once more.
problem-password-short = { $typed ->
    [one] The password has { $typed } character, at least { $least } are needed.
   *[other] The password has { $typed } characters, at least { $least } are needed.
    }
problem-password-long = The password has { $typed } characters, at most { $most } fit.
problem-password-common = This password is among the first that are tried; take another.

restore-email = Your new e-mail address
    .lead = Nothing is sent to it before your request is approved. Then a link goes there; until you open it, the old address stays.
    .new = New e-mail address

restore-send = Send your request
    .lead = You ask for access as { $login }:
    .button = Send the request
restore-asks =
    .token = If a token is yours, it is switched off; you sign in without it and set up another.
    .password = The password that you typed takes the place of the old one.
    .email = A link is mailed to { $to }, which becomes your address when you open it.
restore-enough = There were enough requests for now.
    .text = Many requests came from your network. The next is possible in { $wait }.

restore-sent = Your request has a number
    .keep = Write it down
    .number = the number
    .next = What comes next
restore-next-call = Call or visit the people who look after { $place }, and read them the number.
restore-next-identity = They ask who you are, in their own way.
restore-next-two = You could prove nothing from here, so two of them must agree.
restore-next-two-wait = You could prove nothing from here, so two of them must agree, and it takes effect { $wait } later.
restore-next-link = Then open the link that comes to your new address: it works for one day.
restore-next-sign-in = Then sign in with what you have now.
restore-next-found = Found again what was lost? Sign in as usual: that deletes the request. If nobody decides, it ends after 30 days.
restore-start-again = Start again
restore-to-sign-in = Back to the sign-in

link-cancel = A request for access
    .text = Somebody asked for access in your name { $when }, from the network address { $address }. The request has the number { $reference }.
    .button = Cancel the request
    .otherwise = If it was you, close this page: the request stays.
link-cancelled = The request is cancelled
    .text = Nothing changes in your name. If it happens again, ask for help.
link-email = { restore-email }
    .text = { $to } becomes your e-mail address for { $place }. The old one is told.
    .button = Use this address
    .otherwise = If you did not ask for it, close this page: nothing changes.
link-email-changed = Your e-mail address is changed
    .text = Codes and notices go there from now on. Both addresses are told.
link-useless = This link does not work any more
    .text = It was used already, it is too old, or what it was for has ended.
