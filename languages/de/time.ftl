# Dates, durations and clocks.

time-month = { $month ->
    [1] Januar
    [2] Februar
    [3] März
    [4] April
    [5] Mai
    [6] Juni
    [7] Juli
    [8] August
    [9] September
    [10] Oktober
    [11] November
   *[12] Dezember
    }
time-day = { $day }. { time-month }
time-day-and-year = { $day }. { time-month } { $year }
time-today = heute { $time } UTC
time-yesterday = gestern { $time } UTC
time-tomorrow = morgen { $time } UTC
time-at = { $day } { $time } UTC
time-secs = { $secs } s
time-mins = { $shown } min
time-mins-secs = { $shown } min { $small } s
time-hours = { $shown } h
time-hours-mins = { $shown } h { $small } min
time-days = { $large ->
    [one] { $shown } Tag
   *[other] { $shown } Tage
    }
time-days-hours = { $large ->
    [one] { $shown } Tag { $small } h
   *[other] { $shown } Tage { $small } h
    }
time-clock-right = geht richtig
time-clock-slow = geht { $duration } nach
time-clock-fast = geht { $duration } vor
