# The station: the big field, a token at the desk, what came of a step.

station-title = Station
station-mute = Mute
    .label = Mute the sounds
station-to-console = Console
station-last = The last { $count }
station-last-one = The last one
station-undo = Undo
station-undo-for = for { $serial }

station-find = Login, name or serial number
station-find-now = Find
station-start = Scan the token, or type a login or a name. Enter finds.
station-find-empty = Scan a token, or type a login or a name.
station-find-nothing = Nobody and no token here fits this. Check the spelling, or scan the back.
station-matches = Who is it?
station-token = Token
station-token-title = Token { $serial }
station-whose-link = A token without a legible number? Find it by its codes.
station-whose-title = Whose token is this?
    .text = Type the codes that it shows, one after the other. Two codes tell a token of one batch, three one of all. Nothing is used up.
station-whose-batch = Batch, if you know it
    .hint = Leave it empty to look through all tokens.
station-whose-look = Look for it
station-whose-no-batch = There is no batch of this name here.
station-whose-found = Found
    .text = { $distance }.
station-whose-several = More than one token fits
    .text = { $serials } show these codes. Type one code more.
station-whose-same = More than one token fits
    .text = { $serials } show these codes, and more codes are not looked at: theirs are the same. Exchange all but one of them.
station-whose-more = One code more
    .text = So many tokens could show these codes by chance: type the next code, too, or name the batch.
station-whose-nobody = No token here shows these codes
    .text = All tokens that you may see were tried, a day to either side. Check the codes; they must come one after the other. A token whose clock is further off is found by its number only.
station-no-token = No token yet.
    .text = Scan a token and hand it out to this person.
station-blocked-way = Blocked: { $method }
station-nobody-holds = Nobody holds this token

station-no-such = There is nothing of this name
station-refused = This was not done
station-too-many = Too many tries
station-fault = Something went wrong here
station-not-now = This does not work now
station-back = To the station

desk-first-code = Check the first code
desk-resync = Resync
desk-confirm = Confirm for { $login } on { $resource }
desk-wide = Reason for a wide search
desk-reason = Reason
    .hint = Goes to the audit log. Without a reason the search stays within a day.
desk-identified = Person at the desk, identified
desk-move = Hand out, take back, report lost
desk-hand-out-to = Hand out to
    .hint = The login of the person at the desk. Only this person can confirm the token then.
desk-hand-out = Hand out
desk-where = Where it is now
desk-note = Note it

desk-state = { $place }, { $standing }. Last code accepted: { $used }.
desk-with = With { $user }
desk-with-since = With { $user } since { $day }
desk-in-stock = Not handed out
desk-handed-out = Handed out since { $day }
desk-in-use = In use since { $day }
desk-returned = Returned since { $day }
desk-lost = Lost since { $day }
desk-retired = Retired since { $day }
desk-nowhere = on no resource
desk-open = not yet confirmed on { $open }
desk-confirmed = confirmed on { $confirmed }
desk-confirmed-and-open = confirmed on { $confirmed }, not yet on { $open }
desk-never-used = never

station-whose = Token { $serial }.
station-whose-user = Token { $serial } of { $user }.
station-clock-is = The clock is { $clock }
station-counter-is = The counter is { $presses } presses ahead

station-blocked = Too many tries
    .text = Another operator must unblock this token first.
station-blocked-for = Too many tries
    .text = The next try is possible in { $wait }.
station-used-now = Already used
    .text = These codes were used just now. Wait for the next one.
station-used-before = Already used
    .text = Wait for the next code.
station-used-at = Already used
    .text = Wait for the next code. The last code was accepted { $when }.

station-synchronised = Synchronised
    .text = { $distance }; corrected.
station-in-doubt = Not learned
    .text = { $distance }: the codes fit, but many clocks jumped together, or that of this machine was set, so nothing was learned. See that this machine's clock is right, then synchronise once more with new codes.
station-cause-zone = Somebody set it to local time: it shows { $zone }.
station-cause-days = Somebody set it to the wrong day: { $days ->
    [one] one day
   *[other] { $days } days
    } off.
station-cause-epoch = It counts from 2000, not from 1970: its seed file should say so.
station-was-right = Synchronised
    .text = It was right already.
station-not-in-year = No position fits
    .text = No position within a year on either side fits these codes. Look at the number on the back: is it this token?
station-not-in-million = No position fits
    .text = No position within a million presses fits these codes. Look at the number on the back: is it this token?
station-not-in-window = No position fits
    .text = No position within the portal's window fits these codes. A reason allows a wider search. Look at the number on the back: is it this token?
station-one-more = One more code
    .text = These codes alone cannot tell the place. Type new ones, one after the other, and one more than before.
station-stays-ambiguous = More than one position fits
    .text = Even so many codes do not tell its place, and more are not looked at. Exchange the token.
station-behind = Behind a code it already used
    .text = { $distance }. This token already used a later code: not before its counter passes it.
station-behind-until = Behind a code it already used
    .text = { $distance }. This token already used a later code: usable from { $from }.

station-accepted = Accepted
    .text = The code fits, and it is used up now.
station-accepted-off = Accepted
    .text = The code fits, and it is used up now. { $distance }.
station-too-far = Too far away
    .text = { $distance }, if this code is its own. A resync brings it back.
station-wrong = Did not fit
    .text = Look at the number on the back, and type the code that the token shows now.

station-confirmed = Confirmed
    .text = The token belongs to { $login } now.
station-more-codes = More codes
    .text = Type { $codes } codes, one after the other.
station-not-confirmed = Not confirmed
    .text = { $reason ->
    [other_resource] The token does not stand on this resource.
    [token_disabled] The token is disabled: an admin must enable it first.
    [held_by_other] Another person holds this token.
    [out_of_custody] The token is noted as lost, returned or retired.
    [already_confirmed] The token is confirmed here already.
    [replayed] These codes were used already. Wait for the next one.
    [behind_floor] These codes lie behind a code that was used already.
    [ambiguous] The codes fit in more than one place: type one more.
    [kind_not_supported] Codes of this kind of token cannot be checked yet.
    [token_not_yet_valid] The vendor's dates do not allow this token yet.
    [otp_length] Type all the digits that the token shows, and no more.
   *[other] Check the number on the back; the codes must come one after the other.
    }

station-not-done = Not done
station-nobody = There is nobody of this login. Check the spelling, or make the user first.
station-handed-out = Handed out
    .text = Token { $serial } is with { $login } now. Only { $login } can confirm it.
station-taken-back = Taken back
    .text = Token { $serial } is in stock again.
station-noted = Noted
    .text = Token { $serial } is noted as { $place }.

station-recent-handed-out-to = Handed out
    .text = handed out to { $user }.
station-recent-handed-out = Handed out
    .text = handed out.
station-recent-in-stock = In stock
    .text = taken back.
station-recent-noted = Noted
    .text = noted as { $place }.
station-recent-accepted = Accepted
    .text = its code was right.
station-recent-confirmed = Confirmed
    .text = confirmed for { $user }.
station-recent-synchronised = Synchronised
    .text = brought back.
station-recent-one-more = One more code
    .text = one more code was asked for.
station-recent-ambiguous = More than one position fits
    .text = its codes fit more than one position.
station-recent-used = Already used
    .text = its code was used before.
station-recent-too-far = Too far away
    .text = its code lies too far away.
station-recent-behind = Behind
    .text = its codes lie behind one that was used.
station-recent-blocked = Too many tries
    .text = tried too often.
station-recent-wrong = Did not fit
    .text = its codes did not fit.
