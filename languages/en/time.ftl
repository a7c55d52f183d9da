# Dates, durations and clocks.

time-month = { $month ->
    [1] Jan
    [2] Feb
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] Aug
    [9] Sept
    [10] Oct
    [11] Nov
   *[12] Dec
    }
time-day = { $day } { time-month }
time-day-and-year = { $day } { time-month } { $year }
time-today = today { $time } UTC
time-yesterday = yesterday { $time } UTC
time-tomorrow = tomorrow { $time } UTC
time-at = { $day } { $time } UTC
time-secs = { $secs } s
time-mins = { $shown } min
time-mins-secs = { $shown } min { $small } s
time-hours = { $shown } h
time-hours-mins = { $shown } h { $small } min
time-days = { $large ->
    [one] { $shown } day
   *[other] { $shown } days
    }
time-days-hours = { $large ->
    [one] { $shown } day { $small } h
   *[other] { $shown } days { $small } h
    }
time-clock-right = right
time-clock-slow = { $duration } slow
time-clock-fast = { $duration } fast
