# What is known of clocks: their pictures, and the page of all of them.

drift-title = Clocks
drift-about = How far the clocks of tokens are off, and how fast they run away. As of { $when }.
drift-known = { $clocks } known, { $rated } with a rate
drift-none = No clock is known yet.
    .text = Each code that is accepted teaches something; a rate takes some months.
drift-doubt = Many tokens jumped together.
    .text = Within an hour many tokens were found off by about the same: { $clock }. The clock of this machine was probably set. Nothing is learned of the tokens until that ends. Correct the machine's clock.
drift-set-forward = The clock of this machine went forward by { $by }.
    .text = It was set, or the machine slept. Nothing is learned of the tokens for an hour after that.
drift-set-back = The clock of this machine went back by { $by }.
    .text = It was set. Nothing is learned of the tokens for an hour after that.
drift-leaving = Will fail within 90 days
drift-leaving-about = If they are not used before, codes of these tokens will no longer fit by then. A code that is accepted, or a resync, puts it off.
drift-leaving-none = No token will fail within 90 days.
    .text = As far as rates are known.
drift-leaving-more = and { $count } more
drift-by-now = by now
drift-when = Leaves about
drift-rate = Rate
drift-picture = Clock
drift-offsets = Offsets
drift-rates = Rates
drift-offsets-of = Tokens by the offset of their clocks
drift-rates-of = Tokens by the rate of their clocks, in parts in a million
drift-from-to = { $from } to { $to }
drift-below = { $to } and more
drift-above = { $from } and more
drift-tokens = Tokens

drift-month = { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
    } { $year }
drift-fine-until = { $clock }, fine until about { $month }
drift-fine-long = { $clock }, fine for ten years
drift-fails = { $clock }, fails about { $month } if it is not used before
drift-out = { $clock }, probably out of its window by now
drift-seen-rate = { $rate } ± { $error } ppm: { $year } a year
drift-seen-no-rate = The rate is not known yet: that takes some months of codes.
drift-between = If it is not used before, it leaves the window of checks between { $from } and { $to }
drift-after = It stays in the window of checks until { $from } at least

drift-key-line = fitted line
drift-key-forecast = forecast
drift-key-window = window of checks
drift-key-step = consecutive codes
drift-key-login = one code, typed perhaps late
drift-key-now = now
drift-table = Show as table
drift-seen = Seen
drift-offset = Offset
drift-by = By
drift-at-least = { $offset } or more
drift-chart = { $words }. Offset in seconds from { $from } to { $to }.
