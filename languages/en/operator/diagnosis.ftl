# What codes mean that fit nowhere, and what to do next.

diagnosis-drift = Further away than was searched
    .text = The codes fit. { $place }
    .next = Resync it with a reason; then it can be confirmed.
diagnosis-order = Typed in another order
    .text = The codes fit in another order than they were typed. { $place }
    .next = Type two new codes in the order in which the token shows them.
diagnosis-left-out = Codes were left out
    .text = The codes fit with others between them. { $place }
    .next = Type new codes, each as soon as the one before is gone from the display.
diagnosis-pin = Something stands beside the codes
    .text = { $before ->
        [yes] The codes fit without the first { $digits } digits, and the token has no such PIN here. { $place }
       *[no] The codes fit without the last { $digits } digits, and the token has no such PIN here. { $place }
    }
    .next = Type the code alone. Who wants a PIN sets it up in the portal.
diagnosis-parameters = The token computes in another way
    .text = The codes fit with { $shown }; here it stands with { $stated }. { $place }
    .next = The file was probably wrong for its whole batch: import it again with { $set } and replace. A token that somebody set up in the portal is set up again.
diagnosis-secret = The secret was read in another way
    .text = The codes fit when { $reading }. { $place }
    .next = { $set ->
        [none] The file was probably wrong for its whole batch: ask the vendor for another one, and say what is written here.
       *[other] The file was probably read wrongly, the whole batch with it: import it again with { $set } and replace.
    }
diagnosis-behind = The counter began anew
    .text = The codes fit at counter { $counter }, and { $expected } is the next here. They were noted long ago, or the device was reset or programmed again.
    .next = Codes behind a used one are never accepted. Program it with a new secret, or hand out another token.
diagnosis-other = These codes are from another token
    .text = Token { $serial } shows them ({ $custody }). { $place }
    .next = Compare the number on the back: the person holds that one, or two were mixed up when they were handed out.
diagnosis-nothing = Other steps, hashes, digits and readings of the secret were tried, and the tokens beside it: nothing fits.
diagnosis-or = Or: { $text }

diagnosis-at-clock = Its clock is { $clock } then.
diagnosis-at-counter = Its counter is { $counter } then.

diagnosis-totp = a clock
diagnosis-hotp = a counter
diagnosis-hash = { $hash }
diagnosis-digits = { $digits } digits
diagnosis-step = steps of { $secs } s
diagnosis-epoch-1970 = steps counted from 1970
diagnosis-epoch-2000 = steps counted from 2000
diagnosis-and = { $first } and { $second }

diagnosis-text = the letters of its { $encoding } text are the secret itself
diagnosis-decoded = its letters are read as { $encoding }
diagnosis-instead = its text is read as { $encoding }, not as { $taken }
diagnosis-reversed = its bytes are turned round
